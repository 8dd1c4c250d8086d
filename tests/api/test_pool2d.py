"""`POST /v1/pool2d`: every field that the contract lists.

Numbers are worked out by hand from the small inputs beside them; the traps are those of the semantics, by number.
"""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from tests.exchange import answered, maps, refused

PATH = "/v1/pool2d"
GRID = [[1, 3, 2, 0], [4, 2, 1, 5], [0, 1, 9, 7], [2, 6, 3, 8]]
ROW = [[1.0, 2.0, 3.0, 4.0, 5.0]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("max", [[4, 5], [6, 9]]),
        ("min", [[1, 0], [0, 3]]),
        ("average", [[2.5, 2], [2.25, 6.75]]),
        ("lp", [[np.sqrt(30), np.sqrt(30)], [np.sqrt(41), np.sqrt(203)]]),
    ],
)
def test_kind(service: httpx.Client, kind: str, expected: Any) -> None:
    answer = answered(service, PATH, input=GRID, kind=kind, kernel_size=2)
    np.testing.assert_allclose(answer["feature_maps"], expected, rtol=1e-15)
    assert answer["plan"]["kind"] == kind


def test_the_answer_is_whole(service: httpx.Client) -> None:
    assert answered(service, PATH, input=GRID, kernel_size=[2, 3], stride=1, padding=[[0, 1], [1, 0]]) == {
        "feature_maps": [[4, 4, 5], [4, 9, 9], [6, 9, 9], [6, 6, 8]],
        "output_shape": [4, 3],
        "dtype": "float64",
        "plan": {
            "operation": "pool",
            "kind": "max",
            "input_shape": [4, 4],
            "output_shape": [4, 3],
            "kernel_size": [2, 3],
            "stride": [1, 1],
            "padding": [[0, 1], [1, 0]],
            "dilation": [1, 1],
            "ceil_mode": False,
            "dtype": "float64",
            "operations": 72,
        },
    }


@pytest.mark.parametrize("lead", [(), (3,), (1,), (2, 3), (2, 1)])
def test_the_answer_has_the_inputs_form(service: httpx.Client, lead: tuple[int, ...]) -> None:
    data = np.random.default_rng(1).integers(-9, 10, (*lead, 4, 6)).astype(float)
    found = maps(service, PATH, input=data, kernel_size=2)
    np.testing.assert_array_equal(found, data.reshape(*lead, 2, 2, 3, 2).max(axis=(-3, -1)))


def test_stride_is_the_kernel_size_where_it_is_left_out(service: httpx.Client) -> None:
    plan = answered(service, PATH, input=np.ones((7, 7)), kernel_size=[2, 3])["plan"]
    assert plan["stride"] == [2, 3]
    assert plan["dropped"] == [1, 1]


@pytest.mark.parametrize(
    ("stride", "expected"), [(1, [[4, 3, 5], [4, 9, 9], [6, 9, 9]]), ([2, 1], [[4, 3, 5], [6, 9, 9]])]
)
def test_stride(service: httpx.Client, stride: Any, expected: Any) -> None:
    assert maps(service, PATH, input=GRID, kernel_size=2, stride=stride).tolist() == expected


@pytest.mark.parametrize(
    ("padding", "resolved"),
    [
        (1, [[1, 1], [1, 1]]),
        ([0, 1], [[0, 0], [1, 1]]),
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
        ("valid", [[0, 0], [0, 0]]),
        ("same", [[0, 1], [0, 1]]),
        ("same_lower", [[1, 0], [1, 0]]),
        ("full", [[1, 1], [1, 1]]),
    ],
)
def test_padding(service: httpx.Client, padding: Any, resolved: Any) -> None:
    answer = answered(service, PATH, input=GRID, kind="average", kernel_size=2, stride=1, padding=padding)
    assert answer["plan"]["padding"] == resolved
    padded = np.pad(np.array(GRID, float), resolved)
    expected = np.lib.stride_tricks.sliding_window_view(padded, (2, 2)).mean(axis=(-2, -1))
    np.testing.assert_array_equal(answer["feature_maps"], expected)


def test_max_and_min_never_choose_padding(service: httpx.Client) -> None:
    # Rule 8: padding is minus infinity, never 0.
    found = maps(service, PATH, input=[[-5, -6, -7]], kernel_size=[1, 3], stride=1, padding=[0, 1])
    assert found.tolist() == [[-5, -5, -6]]
    found = maps(service, PATH, input=[[5, 6, 7]], kind="min", kernel_size=[1, 3], stride=1, padding=[0, 1])
    assert found.tolist() == [[5, 5, 6]]


@pytest.mark.parametrize(("dilation", "expected"), [(2, [[9, 7], [4, 8]]), ([1, 3], [[5], [7], [8]])])
def test_dilation(service: httpx.Client, dilation: Any, expected: Any) -> None:
    assert maps(service, PATH, input=GRID, kernel_size=2, stride=1, dilation=dilation).tolist() == expected


def test_ceil_mode(service: httpx.Client) -> None:
    # Rule 6: the last window may overhang, but starts inside; n=4, k=2, s=3, p=1 gives 2, not 3.
    answer = answered(
        service, PATH, input=[[1, 2, 3, 4]], kernel_size=[1, 2], stride=[1, 3], padding=[0, 1], ceil_mode=True
    )
    assert answer["plan"]["ceil_mode"] is True
    assert answer["output_shape"] == [1, 2]
    assert maps(service, PATH, input=ROW, kernel_size=[1, 2], ceil_mode=True).tolist() == [[2, 4, 5]]
    assert maps(service, PATH, input=ROW, kernel_size=[1, 2]).tolist() == [[2, 4]]
    assert answered(service, PATH, input=ROW, kernel_size=[1, 2], ceil_mode=True)["plan"]["overhang"] == [0, 1]


@pytest.mark.parametrize("count", [True, False])
def test_the_overhang_is_in_no_average(service: httpx.Client, count: bool) -> None:
    # Rule 7.
    found = maps(service, PATH, input=ROW, kind="average", kernel_size=[1, 2], ceil_mode=True, count_include_pad=count)
    assert found.tolist() == [[1.5, 3.5, 5]]


def test_count_include_pad(service: httpx.Client) -> None:
    fields = {"input": [[2, 4]], "kind": "average", "kernel_size": [1, 2], "stride": 1, "padding": [0, 1]}
    assert maps(service, PATH, **fields).tolist() == [[1, 3, 2]]
    assert maps(service, PATH, **fields, count_include_pad=False).tolist() == [[2, 3, 4]]
    assert answered(service, PATH, **fields, count_include_pad=False)["plan"]["count_include_pad"] is False


def test_divisor_override_beats_both(service: httpx.Client) -> None:
    for count in (True, False):
        answer = answered(
            service,
            PATH,
            input=[[2, 4]],
            kind="average",
            kernel_size=[1, 2],
            stride=1,
            padding=[0, 1],
            count_include_pad=count,
            divisor_override=4,
        )
        assert answer["feature_maps"] == [[0.5, 1.5, 1]]
        assert answer["plan"]["divisor_override"] == 4


@pytest.mark.parametrize(("p", "expected"), [(1, 7.0), (2, 5.0), (3, 91 ** (1 / 3)), (0.5, 7 + 2 * np.sqrt(12))])
def test_p(service: httpx.Client, p: float, expected: float) -> None:
    # Rule 9: sums of |x|^p, so the sign is lost also for odd p.
    answer = answered(service, PATH, input=[[3, -4]], kind="lp", kernel_size=[1, 2], p=p)
    np.testing.assert_allclose(answer["feature_maps"], [[expected]], rtol=1e-14)
    assert answer["plan"]["p"] == p


def test_an_lp_overhang_is_not_rescaled(service: httpx.Client) -> None:
    found = maps(service, PATH, input=ROW, kind="lp", kernel_size=[1, 2], ceil_mode=True)
    np.testing.assert_allclose(found, [[np.sqrt(5), 5, 5]], rtol=1e-15)


@pytest.mark.parametrize(("kind", "expected"), [("max", [[4, 7], [13, 10]]), ("min", [[0, 3], [8, 14]])])
def test_indices_are_flat_positions_in_the_plane(service: httpx.Client, kind: str, expected: Any) -> None:
    answer = answered(service, PATH, input=[GRID, GRID], kind=kind, kernel_size=2, return_indices=True)
    assert answer["indices"] == [expected, expected]
    assert list(answer)[:2] == ["feature_maps", "indices"]


def test_ties_keep_the_first_position(service: httpx.Client) -> None:
    answer = answered(service, PATH, input=[[7, 7], [7, 7]], kernel_size=2, return_indices=True)
    assert answer["indices"] == [[0]]


def test_no_indices_where_none_were_asked_for(service: httpx.Client) -> None:
    assert "indices" not in answered(service, PATH, input=GRID, kernel_size=2)


@pytest.mark.parametrize("encoding", ["flat", "base64"])
def test_indices_follow_the_encoding(service: httpx.Client, encoding: str) -> None:
    answer = answered(service, PATH, input=GRID, kernel_size=2, return_indices=True, encoding=encoding)
    assert answer["indices"]["dtype"] == "int64"
    assert answer["indices"]["shape"] == [2, 2]


class TestAdaptive:
    def test_windows_may_overlap(self, service: httpx.Client) -> None:
        # Rule 10: 7 to 3 takes [0,3) [2,5) [4,7).
        answer = answered(service, PATH, input=[[0, 1, 2, 3, 4, 5, 6]], kind="average", output_size=[1, 3])
        assert answer["feature_maps"] == [[1, 3, 5]]
        assert answer["plan"]["output_size"] == [1, 3]
        assert "count_include_pad" not in answer["plan"]
        assert "stride" not in answer["plan"]

    def test_no_padding_to_count(self, service: httpx.Client) -> None:
        fields = {"input": [[1, 2, 3]], "kind": "average", "output_size": 1, "count_include_pad": False}
        for path in (PATH, f"{PATH}/plan"):
            refused(service.post(path, json=fields), 422, "invalid-value", "adaptive", "/count_include_pad")

    def test_one_is_global(self, service: httpx.Client) -> None:
        assert maps(service, PATH, input=[GRID], kind="average", output_size=1).tolist() == [[[3.375]]]

    def test_more_windows_than_cells(self, service: httpx.Client) -> None:
        assert maps(service, PATH, input=[[1, 2]], output_size=[1, 4]).tolist() == [[1, 1, 2, 2]]

    @pytest.mark.parametrize("kind", ["max", "min"])
    def test_indices(self, service: httpx.Client, kind: str) -> None:
        answer = answered(service, PATH, input=GRID, kind=kind, output_size=1, return_indices=True)
        assert answer["indices"] == [[10 if kind == "max" else 3]]


@pytest.mark.parametrize(("sent", "computed"), [("uint8", "float64"), ("float16", "float32"), ("float32", "float32")])
def test_dtype(service: httpx.Client, sent: str, computed: str) -> None:
    data = {"shape": [2, 2], "dtype": sent, "data": [1, 2, 3, 4]}
    assert answered(service, PATH, input=data, kernel_size=2)["dtype"] == computed
    assert answered(service, PATH, input=data, kernel_size=2, dtype="float64")["dtype"] == "float64"
