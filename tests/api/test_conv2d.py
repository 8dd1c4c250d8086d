"""`POST /v1/conv2d`: every field and form that the contract lists, and the answer's exact shape.

Small numbers are worked out by hand beside them; larger ones come from SciPy, whose `correlate` shares nothing with
the engine.
"""

from __future__ import annotations

import base64
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from tests.exchange import answered, maps

PATH = "/v1/conv2d"
RNG = np.random.default_rng(7)
ROWS, COLUMNS = 5, 6
X1 = RNG.integers(-9, 10, (ROWS, COLUMNS)).astype(float)
X2 = RNG.integers(-9, 10, (2, ROWS, COLUMNS)).astype(float)
X32 = RNG.integers(-9, 10, (3, 2, ROWS, COLUMNS)).astype(float)
K = RNG.integers(-3, 4, (3, 2)).astype(float)
BANK = RNG.integers(-3, 4, (4, 3, 2)).astype(float)
LAYER = RNG.integers(-3, 4, (4, 2, 3, 2)).astype(float)


def correlated(data: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    """Slide (C, kh, kw) over (C, H, W) or (kh, kw) over (H, W)."""
    found = signal.correlate(data, kernel, mode="valid", method="direct")
    return np.asarray(found[0] if data.ndim == 3 else found)


class TestForms:
    """An answer has its input's form; what the kernel's axes mean depends on how many there are."""

    def test_a_matrix_through_one_filter(self, service: httpx.Client) -> None:
        np.testing.assert_array_equal(maps(service, PATH, input=X1, kernel=K), correlated(X1, K))

    def test_a_matrix_through_a_bank(self, service: httpx.Client) -> None:
        found = maps(service, PATH, input=X1, kernel=BANK)
        np.testing.assert_array_equal(found, [correlated(X1, kernel) for kernel in BANK])

    @pytest.mark.parametrize("lead", [(1,), (1, 1), (3, 1)])
    def test_one_channel_through_a_bank(self, service: httpx.Client, lead: tuple[int, ...]) -> None:
        data = RNG.integers(-9, 10, (*lead, ROWS, COLUMNS)).astype(float)
        found = maps(service, PATH, input=data, kernel=BANK)
        assert found.shape == (*lead[:-1], 4, 3, 5)
        expected = [[correlated(plane, kernel) for kernel in BANK] for plane in data.reshape(-1, ROWS, COLUMNS)]
        np.testing.assert_array_equal(found.reshape(-1, 4, 3, 5), expected)

    def test_one_filter_is_applied_to_every_channel_on_its_own(self, service: httpx.Client) -> None:
        answer = answered(service, PATH, input=X2, kernel=K)
        assert answer["plan"]["groups"] == 2
        assert answer["plan"]["kernel_shape"] == [3, 2]
        np.testing.assert_array_equal(answer["feature_maps"], [correlated(plane, K) for plane in X2])

    def test_one_filter_over_a_batch(self, service: httpx.Client) -> None:
        found = maps(service, PATH, input=X32, kernel=K)
        assert found.shape == (3, 2, 3, 5)
        np.testing.assert_array_equal(found, [[correlated(plane, K) for plane in sample] for sample in X32])

    def test_a_layer_over_one_sample_and_over_a_batch(self, service: httpx.Client) -> None:
        found = maps(service, PATH, input=X2, kernel=LAYER)
        np.testing.assert_array_equal(found, [correlated(X2, kernel) for kernel in LAYER])
        batch = maps(service, PATH, input=X32, kernel=LAYER)
        np.testing.assert_array_equal(batch, [[correlated(sample, kernel) for kernel in LAYER] for sample in X32])

    def test_a_matrix_through_a_layer_of_one_channel(self, service: httpx.Client) -> None:
        assert maps(service, PATH, input=X1, kernel=BANK[:, None]).shape == (4, 3, 5)

    def test_the_plan_shows_the_shapes_as_they_were_sent(self, service: httpx.Client) -> None:
        plan = answered(service, PATH, input=X32, kernel=LAYER)["plan"]
        assert (plan["input_shape"], plan["kernel_shape"], plan["output_shape"]) == (
            [3, 2, 5, 6],
            [4, 2, 3, 2],
            [3, 4, 3, 5],
        )
        assert plan["macs"] == 3 * 4 * 3 * 5 * 2 * 3 * 2


class TestKernel:
    def test_by_name(self, service: httpx.Client) -> None:
        sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float)
        np.testing.assert_array_equal(maps(service, PATH, input=X1, kernel="sobel_x"), correlated(X1, sobel))

    def test_by_name_with_parameters(self, service: httpx.Client) -> None:
        # A normalised Gaussian of 5 taps, sigma 1.2, as its definition has it.
        taps = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 1.2**2))
        taps /= taps.sum()
        found = maps(service, PATH, input=X1, kernel={"name": "gaussian", "size": 5, "sigma": 1.2})
        np.testing.assert_allclose(found, correlated(X1, np.outer(taps, taps)), rtol=1e-12, atol=1e-12)

    def test_by_name_on_every_channel(self, service: httpx.Client) -> None:
        assert maps(service, PATH, input=X2, kernel="laplacian", padding="same").shape == X2.shape


class TestBias:
    def test_one_number_a_filter(self, service: httpx.Client) -> None:
        found = maps(service, PATH, input=X1, kernel=BANK, bias=[1, -2, 0.5, 0])
        np.testing.assert_array_equal(
            found - maps(service, PATH, input=X1, kernel=BANK),
            np.broadcast_to(np.array([1, -2, 0.5, 0])[:, None, None], (4, 3, 5)),
        )

    def test_one_number_a_position(self, service: httpx.Client) -> None:
        bias = RNG.integers(-5, 6, (4, 3, 5)).astype(float)
        found = maps(service, PATH, input=X32, kernel=LAYER, bias=bias)
        np.testing.assert_array_equal(found, maps(service, PATH, input=X32, kernel=LAYER) + bias)

    def test_one_number_a_position_of_a_matrix(self, service: httpx.Client) -> None:
        bias = RNG.integers(-5, 6, (3, 5)).astype(float)
        np.testing.assert_array_equal(
            maps(service, PATH, input=X1, kernel=K, bias=bias), maps(service, PATH, input=X1, kernel=K) + bias
        )

    @pytest.mark.parametrize("bias", [2.5, 3, [2.5]])
    def test_a_number_where_there_is_one_map(self, service: httpx.Client, bias: Any) -> None:
        found = maps(service, PATH, input=X1, kernel=K, bias=bias)
        np.testing.assert_array_equal(found, correlated(X1, K) + np.array(bias))

    def test_one_number_a_channel_where_a_filter_is_shared(self, service: httpx.Client) -> None:
        found = maps(service, PATH, input=X2, kernel=K, bias=[10, 20])
        np.testing.assert_array_equal(found, [correlated(X2[0], K) + 10, correlated(X2[1], K) + 20])


class TestStrideAndDilation:
    @pytest.mark.parametrize(("stride", "step"), [(2, (2, 2)), ([2, 3], (2, 3)), ([1, 4], (1, 4))])
    def test_stride(self, service: httpx.Client, stride: Any, step: tuple[int, int]) -> None:
        answer = answered(service, PATH, input=X1, kernel=K, stride=stride)
        assert answer["plan"]["stride"] == list(step)
        np.testing.assert_array_equal(answer["feature_maps"], correlated(X1, K)[:: step[0], :: step[1]])

    @pytest.mark.parametrize(("dilation", "gap"), [(2, (2, 2)), ([1, 3], (1, 3)), ([2, 1], (2, 1))])
    def test_dilation(self, service: httpx.Client, dilation: Any, gap: tuple[int, int]) -> None:
        spread = np.zeros(((K.shape[0] - 1) * gap[0] + 1, (K.shape[1] - 1) * gap[1] + 1))
        spread[:: gap[0], :: gap[1]] = K
        answer = answered(service, PATH, input=X1, kernel=K, dilation=dilation)
        assert answer["plan"]["dilation"] == list(gap)
        np.testing.assert_array_equal(answer["feature_maps"], correlated(X1, spread))

    def test_rows_left_over_by_the_stride_are_counted(self, service: httpx.Client) -> None:
        plan = answered(service, PATH, input=X1, kernel=[[1, 1]], stride=[2, 3])["plan"]
        assert plan["output_shape"] == [3, 2]
        assert plan["dropped"] == [0, 1]


class TestPadding:
    @pytest.mark.parametrize(
        ("padding", "resolved"),
        [
            (0, ((0, 0), (0, 0))),
            (2, ((2, 2), (2, 2))),
            ([1, 2], ((1, 1), (2, 2))),
            ([[1, 0], [0, 3]], ((1, 0), (0, 3))),
            ("valid", ((0, 0), (0, 0))),
            ("same", ((1, 1), (0, 1))),
            ("same_lower", ((1, 1), (1, 0))),
            ("full", ((2, 2), (1, 1))),
        ],
    )
    def test_every_form(self, service: httpx.Client, padding: Any, resolved: Any) -> None:
        answer = answered(service, PATH, input=X1, kernel=K, padding=padding)
        assert answer["plan"]["padding"] == [list(pair) for pair in resolved]
        np.testing.assert_array_equal(answer["feature_maps"], correlated(np.pad(X1, resolved), K))

    @pytest.mark.parametrize(
        ("mode", "numpy_mode"),
        [
            ("zeros", "constant"),
            ("reflect", "reflect"),
            ("symmetric", "symmetric"),
            ("replicate", "edge"),
            ("circular", "wrap"),
        ],
    )
    @pytest.mark.parametrize("pads", [((1, 2), (2, 0)), ((11, 4), (3, 13))])
    def test_every_mode_also_wider_than_the_input(
        self, service: httpx.Client, mode: str, numpy_mode: Any, pads: Any
    ) -> None:
        answer = answered(service, PATH, input=X1, kernel=K, padding=[list(pair) for pair in pads], padding_mode=mode)
        assert answer["plan"]["padding_mode"] == mode
        np.testing.assert_array_equal(answer["feature_maps"], correlated(np.pad(X1, pads, numpy_mode), K))

    def test_constant(self, service: httpx.Client) -> None:
        answer = answered(service, PATH, input=X1, kernel=K, padding=1, padding_mode="constant", padding_value=-2.5)
        assert answer["plan"]["padding_mode"] == "constant"
        assert answer["plan"]["padding_value"] == -2.5
        expected = correlated(np.pad(X1, 1, constant_values=-2.5), K)
        np.testing.assert_array_equal(answer["feature_maps"], expected)

    @pytest.mark.parametrize(
        ("alias", "mode"),
        [
            ("mirror", "reflect"),
            ("REFLECT_101", "reflect"),
            ("edge", "replicate"),
            ("nearest", "replicate"),
            ("wrap", "circular"),
        ],
    )
    def test_foreign_names_that_mean_one_thing(self, service: httpx.Client, alias: str, mode: str) -> None:
        plan = answered(service, PATH, input=X1, kernel=K, padding="same", padding_mode=alias)["plan"]
        assert plan["padding_mode"] == mode


class TestGroups:
    def test_two_groups(self, service: httpx.Client) -> None:
        kernel = LAYER[:, :1]
        answer = answered(service, PATH, input=X2, kernel=kernel, groups=2)
        assert answer["plan"]["groups"] == 2
        expected = [correlated(X2[f // 2], kernel[f, 0]) for f in range(4)]
        np.testing.assert_array_equal(answer["feature_maps"], expected)


class TestOperation:
    def test_convolution_flips_the_kernel(self, service: httpx.Client) -> None:
        answer = answered(service, PATH, input=X1, kernel=K, operation="convolution")
        assert answer["plan"]["operation"] == "convolution"
        np.testing.assert_array_equal(answer["feature_maps"], signal.convolve2d(X1, K, mode="valid"))

    def test_cross_correlation_is_what_goes_without_saying(self, service: httpx.Client) -> None:
        said = answered(service, PATH, input=X1, kernel=K, operation="cross_correlation")
        assert said == answered(service, PATH, input=X1, kernel=K)


class TestDtype:
    @pytest.mark.parametrize(
        ("sent", "computed"),
        [
            ("uint8", "float64"),
            ("int8", "float64"),
            ("uint16", "float64"),
            ("int16", "float64"),
            ("int32", "float64"),
            ("int64", "float64"),
            ("float16", "float32"),
            ("float32", "float32"),
            ("float64", "float64"),
        ],
    )
    def test_auto_looks_at_the_input_alone(self, service: httpx.Client, sent: str, computed: str) -> None:
        data = {"shape": [2, 2], "dtype": sent, "data": [1, 2, 3, 4]}
        for kernel in ([[1.5]], {"shape": [1, 1], "dtype": "float32", "data": [1.5]}):
            answer = answered(service, PATH, input=data, kernel=kernel)
            assert answer["dtype"] == answer["plan"]["dtype"] == computed
            assert answer["feature_maps"] == [[1.5, 3], [4.5, 6]]

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_by_name(self, service: httpx.Client, dtype: str) -> None:
        answer = answered(service, PATH, input=[[1, 2]], kernel=[[0.1]], dtype=dtype)
        assert answer["dtype"] == dtype
        expected = np.array([1, 2], dtype) * np.array(0.1, dtype)
        np.testing.assert_array_equal(np.array(answer["feature_maps"], dtype)[0], expected)

    def test_integers_never_wrap(self, service: httpx.Client) -> None:
        data = {"shape": [1, 3], "dtype": "uint8", "data": [200, 250, 255]}
        assert answered(service, PATH, input=data, kernel=[[1, 1, 1]])["feature_maps"] == [[705]]
        wide = {"shape": [1, 2], "dtype": "int64", "data": [2**52, 2**52 - 1]}
        assert answered(service, PATH, input=wide, kernel=[[1, 1]])["feature_maps"] == [[2.0**53 - 1]]


class TestMethod:
    def test_every_method_by_name_gives_the_same_answer(self, service: httpx.Client) -> None:
        methods = service.get("/v1/limits").json()["methods"]
        assert methods
        data, kernel = np.tile(X2, (1, 4, 4)), LAYER[:, :, :, [0, 1, 0]]
        expected = [correlated(data, taps) for taps in kernel]
        computed = set()
        for method in methods:
            response = service.post(PATH, json={"input": data.tolist(), "kernel": kernel.tolist(), "method": method})
            if response.status_code == 422:
                assert response.json()["type"] == "/problems/method-not-applicable"
                continue
            answer = response.json()
            assert answer["plan"]["method"] == method
            np.testing.assert_allclose(answer["feature_maps"], expected, rtol=0, atol=1e-9, err_msg=method)
            computed.add(method)
        assert "direct" in computed

    def test_auto_names_what_it_took(self, service: httpx.Client) -> None:
        methods = service.get("/v1/limits").json()["methods"]
        assert answered(service, PATH, input=X1, kernel=K, method="auto")["plan"]["method"] in methods


class TestEncoding:
    def test_nested_is_the_default(self, service: httpx.Client) -> None:
        named = answered(service, PATH, input=X1, kernel=K, encoding="nested")
        assert named == answered(service, PATH, input=X1, kernel=K)

    def test_flat(self, service: httpx.Client) -> None:
        answer = answered(service, PATH, input=X2, kernel=K, encoding="flat")
        expected = [correlated(plane, K) for plane in X2]
        assert answer["feature_maps"] == {
            "shape": [2, 3, 5],
            "dtype": "float64",
            "data": np.ravel(expected).tolist(),
        }
        assert answer["output_shape"] == [2, 3, 5]

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_base64(self, service: httpx.Client, dtype: str) -> None:
        answer = answered(service, PATH, input=X1, kernel=K, encoding="base64", dtype=dtype)
        found = answer["feature_maps"]
        assert set(found) == {"shape", "dtype", "base64"}
        assert (found["shape"], found["dtype"]) == ([3, 5], dtype)
        values = np.frombuffer(base64.b64decode(found["base64"], validate=True), np.dtype(dtype).newbyteorder("<"))
        np.testing.assert_array_equal(values.reshape(3, 5), correlated(X1, K))

    def test_an_answer_can_be_sent_back_as_it_came(self, service: httpx.Client) -> None:
        for encoding in ("nested", "flat", "base64"):
            first = answered(service, PATH, input=X1, kernel=K, encoding=encoding)["feature_maps"]
            second = maps(service, PATH, input=first, kernel=[[1]])
            np.testing.assert_array_equal(second, correlated(X1, K))
