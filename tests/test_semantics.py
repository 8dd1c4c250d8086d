"""The rules on which frameworks disagree, each under its number and over HTTP, by the rule's own numbers.

Each test fails when its rule is broken. More of each rule stands where the rooms that keep it are tested.
"""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.exchange import answered, maps, refused


def sent_as_file(service: httpx.Client, path: str, data: NDArray[Any], **fields: str) -> httpx.Response:
    file = io.BytesIO()
    np.save(file, data)
    parts: dict[str, Any] = {"input": ("x.npy", file.getvalue())} | {
        name: (None, text) for name, text in fields.items()
    }
    return service.post(path, files=parts, headers={"Accept": "application/zip"})


def arrays_of(response: httpx.Response) -> dict[str, NDArray[Any]]:
    assert response.status_code == 200, response.text
    with np.load(io.BytesIO(response.content)) as arrays:
        return dict(arrays)


def test_rule_1_the_kernel_is_flipped_by_convolution_alone(service: httpx.Client) -> None:
    fields = {"input": [0, 0, 1, 0, 0], "kernel": [1, 2, 3]}
    assert maps(service, "/v1/conv1d", **fields).tolist() == [3, 2, 1]
    assert maps(service, "/v1/conv1d", **fields, operation="convolution").tolist() == [1, 2, 3]
    # The gradient is of the kernel as it was sent: at the impulse's own tap, seen from the first output.
    upstream = {"output_gradient": [1, 0, 0]}
    plain = answered(service, "/v1/conv1d/gradients", **fields, **upstream)
    flipped = answered(service, "/v1/conv1d/gradients", **fields, **upstream, operation="convolution")
    assert (plain["kernel_gradient"], flipped["kernel_gradient"]) == ([0, 0, 1], [1, 0, 0])


def test_rule_2_a_remainder_is_dropped_and_counted_and_no_window_is_an_error(service: httpx.Client) -> None:
    answer = answered(service, "/v1/conv1d", input=[1, 2, 3, 4, 5, 6], kernel=[1, 1], stride=3)
    assert answer["feature_maps"] == [3, 9]
    assert answer["plan"]["dropped"] == [1]
    response = service.post("/v1/conv1d", json={"input": [1, 2], "kernel": [1, 1, 1, 1, 1]})
    refused(response, 422, "kernel-too-large", "spans 5 .* has 2; pad by at least 2", "/kernel")


@pytest.mark.parametrize(
    ("fields", "same", "same_lower"),
    [
        ({"input": [1, 2, 3, 4], "kernel": [1, 1]}, [3, 5, 7, 4], [1, 3, 5, 7]),
        # A kernel shorter than the stride: nothing is padded, nothing is cut off.
        ({"input": list(range(8)), "kernel": [1], "stride": 3}, [0, 3, 6], [0, 3, 6]),
        # Dilation counts: 1 _ 1 spans 3, so one cell a side.
        ({"input": [1, 2, 3, 4], "kernel": [1, 1], "dilation": 2}, [2, 4, 6, 3], [2, 4, 6, 3]),
        # With a stride it depends on the length: 5 needs one cell for ceil(5/2) windows of 2, 4 needs none.
        ({"input": [1, 2, 3, 4, 5], "kernel": [1, 1], "stride": 2}, [3, 7, 5], [1, 5, 9]),
        ({"input": [1, 2, 3, 4], "kernel": [1, 1], "stride": 2}, [3, 7], [3, 7]),
    ],
)
def test_rule_3_same(service: httpx.Client, fields: dict[str, Any], same: list[int], same_lower: list[int]) -> None:
    assert maps(service, "/v1/conv1d", **fields, padding="same").tolist() == same
    assert maps(service, "/v1/conv1d", **fields, padding="same_lower").tolist() == same_lower


def test_rule_4_full_is_every_window_that_touches_and_valid_pads_nothing(service: httpx.Client) -> None:
    fields = {"input": [1, 2, 3], "kernel": [1, 1], "dilation": 2}
    assert answered(service, "/v1/conv1d", **fields, padding="full")["plan"]["padding"] == [[2, 2]]
    assert answered(service, "/v1/conv1d", **fields, padding="valid")["plan"]["padding"] == [[0, 0]]


@pytest.mark.parametrize(
    ("mode", "borders"),
    [
        ("reflect", [3, 2, 1, 2, 3, 4, 3, 2]),
        ("mirror", [3, 2, 1, 2, 3, 4, 3, 2]),
        ("symmetric", [2, 1, 1, 2, 3, 4, 4, 3]),
        ("replicate", [1, 1, 1, 2, 3, 4, 4, 4]),
        ("circular", [3, 4, 1, 2, 3, 4, 1, 2]),
        ("zeros", [0, 0, 1, 2, 3, 4, 0, 0]),
    ],
)
def test_rule_5_borders(service: httpx.Client, mode: str, borders: list[int]) -> None:
    fields = {"kernel": [1], "padding": 2, "padding_mode": mode}
    assert maps(service, "/v1/conv1d", input=[1, 2, 3, 4], **fields).tolist() == borders


def test_rule_5_wider_than_the_input_it_keeps_bouncing(service: httpx.Client) -> None:
    fields = {"kernel": [1], "padding": 5, "padding_mode": "reflect"}
    expected = np.pad([1, 2, 3], 5, "reflect")
    np.testing.assert_array_equal(maps(service, "/v1/conv1d", input=[1, 2, 3], **fields), expected)
    assert maps(service, "/v1/conv1d", input=[7], **fields).tolist() == [7] * 11


def test_rule_6_no_window_starts_in_the_padding_after(service: httpx.Client) -> None:
    fields = {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}
    assert answered(service, "/v1/pool1d", input=[1, 2, 3, 4], **fields)["feature_maps"] == [1, 4]
    # A second window would start in the first cell after the input, not only behind all padding.
    fields = {"kernel_size": 3, "stride": 5, "padding": 2, "ceil_mode": True}
    assert answered(service, "/v1/pool1d", input=[1, 2, 3], **fields)["feature_maps"] == [1]


def test_rule_7_the_overhang_is_in_no_divisor(service: httpx.Client) -> None:
    fields = {"input": [1, 2, 3, 4, 5], "kind": "average", "kernel_size": 2, "ceil_mode": True}
    for count in (True, False):
        assert maps(service, "/v1/pool1d", **fields, count_include_pad=count).tolist() == [1.5, 3.5, 5]


@pytest.mark.parametrize("kind", ["max", "min"])
def test_rule_8_a_nan_is_the_answer_and_stays_in_its_windows(service: httpx.Client, kind: str) -> None:
    data = np.array([1.0, 2.0, np.nan, np.nan, 5.0, 6.0])
    response = sent_as_file(service, "/v1/pool1d", data, kind=kind, kernel_size="2", return_indices="true", stride="1")
    found = arrays_of(response)
    best = [2, np.nan, np.nan, np.nan, 6] if kind == "max" else [1, np.nan, np.nan, np.nan, 5]
    np.testing.assert_array_equal(found["feature_maps"], best)
    assert found["indices"].tolist() == ([1, 2, 2, 3, 5] if kind == "max" else [0, 2, 2, 3, 4])


def test_rule_8_padding_never_wins_and_has_its_bound(service: httpx.Client) -> None:
    fields = {"input": [-5, -6, -7], "kernel_size": 3, "stride": 1}
    assert maps(service, "/v1/pool1d", **fields, padding=1).tolist() == [-5, -5, -6]
    assert maps(service, "/v1/pool1d", **fields, padding=2).tolist() == [-5, -5, -5, -6, -7]
    response = service.post("/v1/pool1d", json=fields | {"padding": 3})
    refused(response, 422, "padding-too-large", "at most 2", "/padding")


def test_rule_8_ties_keep_the_first_in_the_gradient_too(service: httpx.Client) -> None:
    fields = {"input": [[1, 7, 7], [7, 7, 0]], "kernel_size": 2, "stride": 1}
    assert answered(service, "/v1/pool2d", **fields, return_indices=True)["indices"] == [[1, 1]]
    answer = answered(service, "/v1/pool2d/gradients", **fields, output_gradient=[[10, 1]])
    assert answer["input_gradient"] == [[0, 11, 0], [0, 0, 0]]


def test_rule_9_lp_is_of_magnitudes_and_not_rescaled(service: httpx.Client) -> None:
    fields = {"kind": "lp", "kernel_size": 2, "ceil_mode": True}
    assert maps(service, "/v1/pool1d", input=[1, 2, 3, 4, 5], **fields)[-1] == 5
    odd = maps(service, "/v1/pool1d", input=[-2, 1], kind="lp", kernel_size=2, p=3)
    np.testing.assert_allclose(odd, [9 ** (1 / 3)], rtol=1e-15)


def test_rule_10_adaptive_windows(service: httpx.Client) -> None:
    data = [1, 2, 4, 8, 16, 32, 64]
    sums = [1 + 2 + 4, 4 + 8 + 16, 16 + 32 + 64]  # [0,3) [2,5) [4,7)
    found = maps(service, "/v1/pool1d", input=data, kind="average", output_size=3)
    np.testing.assert_allclose(found, np.array(sums) / 3, rtol=1e-15)


def test_rule_11_the_transpose_has_the_size_and_the_bound_of_its_formula(service: httpx.Client) -> None:
    fields = {"input": [1, 2, 3], "kernel": [1, 1, 1], "stride": 3, "padding": [[1, 0]], "dilation": 2}
    # (3 - 1)*3 - 1 - 0 + 2*(3 - 1) + 2 + 1
    assert answered(service, "/v1/conv_transpose1d", **fields, output_padding=2)["output_shape"] == [12]
    response = service.post("/v1/conv_transpose1d", json=fields | {"output_padding": 3})
    refused(response, 422, "output-padding-too-large", "2", "/output_padding")
    # The dilation counts too, where it is above the stride: (3 - 1)*1 - 1 - 0 + 4*(3 - 1) + 3 + 1
    fields |= {"stride": 1, "dilation": 4}
    assert answered(service, "/v1/conv_transpose1d", **fields, output_padding=3)["output_shape"] == [13]
    response = service.post("/v1/conv_transpose1d", json=fields | {"output_padding": 4})
    refused(response, 422, "output-padding-too-large", "at most 3", "/output_padding")


def test_rule_11_the_transpose_is_the_adjoint_of_conv(service: httpx.Client) -> None:
    fields = {"kernel": [1, 2, 4], "stride": 2, "padding": [[1, 0]], "dilation": 2}
    a, b = np.array([3, -1, 4, 1, -5, 9, 2]), np.array([2, 7])
    forward = maps(service, "/v1/conv1d", input=a, **fields)
    back = maps(service, "/v1/conv_transpose1d", input=b, **fields, output_padding=1)
    assert forward.shape == b.shape
    assert (forward * b).sum() == (a * back).sum()


# Large enough for `auto` to take a method that spreads what is in one cell over the whole answer.
LARGE, TAPS = (200, 200), (41, 41)
# Not a product of a row and a column, which are summed one after the other.
WEIGHTS = np.random.default_rng(41).uniform(0.1, 1, TAPS)


def large_answer(service: httpx.Client, data: NDArray[Any], kernel: NDArray[Any], **fields: str) -> httpx.Response:
    assert (data.shape, kernel.shape) == (LARGE, TAPS)
    files = {name: io.BytesIO() for name in ("input", "kernel")}
    np.save(files["input"], data)
    np.save(files["kernel"], kernel)
    parts: dict[str, Any] = {name: (f"{name}.npy", file.getvalue()) for name, file in files.items()}
    parts |= {name: (None, text) for name, text in fields.items()}
    return service.post("/v1/conv2d", files=parts, headers={"Accept": "application/zip"})


def test_rules_12_and_13_are_put_to_the_test_below(service: httpx.Client) -> None:
    planned = answered(service, "/v1/conv2d/plan", input_shape=LARGE, kernel_shape=TAPS)
    assert planned["plan"]["method"] == "fft"


def test_rule_12_integers_are_exact_whatever_auto_takes(service: httpx.Client) -> None:
    rng = np.random.default_rng(12)
    data, kernel = rng.integers(-(2**20), 2**20, LARGE), rng.integers(-(2**20), 2**20, TAPS)
    found = arrays_of(large_answer(service, data, kernel))["feature_maps"]
    # Sums stay below 41² · 2^40 < 2^51: 64-bit integers hold them, and so does every partial sum in float64.
    windows = np.lib.stride_tricks.sliding_window_view(data, TAPS)
    np.testing.assert_array_equal(found, np.einsum("ijkl,kl->ij", windows, kernel))


def test_rule_13_one_large_value_spoils_no_cell_far_from_it(service: httpx.Client) -> None:
    # Not whole numbers, which are computed exactly for a reason of their own.
    data = np.full(LARGE, 1.1)
    far = arrays_of(large_answer(service, data, WEIGHTS))["feature_maps"][60:, 60:]
    data[5, 5] = 1e16
    found = arrays_of(large_answer(service, data, WEIGHTS))["feature_maps"][60:, 60:]
    np.testing.assert_allclose(found, far, rtol=1e-12)


def test_rule_13_one_nan_stays_where_it_is(service: httpx.Client) -> None:
    data = np.full(LARGE, 1.1)
    data[100, 100] = np.nan
    found = arrays_of(large_answer(service, data, WEIGHTS))["feature_maps"]
    assert np.isnan(found).sum() == 41 * 41
    assert np.isnan(found[60:101, 60:101]).all()
    # A method that would spread it is refused by name, with one that does not.
    refused(large_answer(service, data, WEIGHTS, method="fft"), 422, "method-not-applicable", '"direct"', "/method")


def test_rule_13_the_plan_names_the_method_and_every_method_runs_by_name(service: httpx.Client) -> None:
    data, kernel = np.random.default_rng(13).normal(size=(40, 40)), [[0.5, 1, 0.5], [1, 2, 1], [0.5, 1, 0.5]]
    plain = answered(service, "/v1/conv2d", input=data, kernel=kernel, method="direct")["feature_maps"]
    for method in service.get("/v1/limits").json()["methods"]:
        answer = answered(service, "/v1/conv2d", input=data, kernel=kernel, method=method)
        assert answer["plan"]["method"] == method
        np.testing.assert_allclose(answer["feature_maps"], plain, rtol=0, atol=4 * 3 * 2.3e-16 * 5 * 8)


def test_rule_14_cmyk_becomes_rgb(service: httpx.Client) -> None:
    file = io.BytesIO()
    # No ink, and all of black's: white and black, however ink is turned into light.
    inks = np.zeros((8, 16, 4), np.uint8)
    inks[:, 8:, 3] = 255
    Image.fromarray(inks, "CMYK").save(file, "TIFF")
    parts: dict[str, Any] = {"input": ("x.tif", file.getvalue()), "kernel": (None, "[[1]]")}
    response = service.post("/v1/conv2d", files=parts, headers={"Accept": "application/zip"})
    found = arrays_of(response)["feature_maps"]
    assert found.shape == (3, 8, 16)
    assert found[:, :, :8].min() >= 250
    assert found[:, :, 8:].max() <= 60


@pytest.mark.parametrize(
    ("fields", "detail", "pointer"),
    [
        ({"input": np.ones((3, 6, 6)), "kernel": np.ones((2, 3, 3))}, 'set color to "gray"', "/kernel"),
        ({"input": np.ones((6, 6, 3)), "kernel": np.ones((2, 3, 3))}, "channels-last; send channels first", "/input"),
        (
            {"input": np.ones((6, 6, 3)), "kernel": np.ones((2, 3, 3, 3))},
            r"the input \[6, 6, 3\] has 6; .* channels-last",
            "/input",
        ),
        ({"input": np.ones((4, 6, 6)), "kernel": np.ones((4, 4, 3, 3)), "groups": 3}, "1, 2( and|,| or) 4", "/groups"),
    ],
)
def test_rule_15_channel_errors_name_cause_and_mend(
    service: httpx.Client, fields: dict[str, Any], detail: str, pointer: str
) -> None:
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items()}
    response = service.post("/v1/conv2d", json=plain)
    slug = "groups-mismatch" if pointer == "/groups" else "channel-mismatch"
    refused(response, 422, slug, detail, pointer)
