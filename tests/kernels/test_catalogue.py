"""The catalogue as a whole: every promised name, its description true to what it makes, and refusals that help."""

from __future__ import annotations

import numpy as np
import pytest

from service import kernels
from service.kernels.parameters import MAX_SIZE

PROMISED = [
    "identity",
    "box",
    "gaussian",
    "sharpen",
    "unsharp",
    "laplacian",
    "laplacian_8",
    "log",
    "sobel_x",
    "sobel_y",
    "scharr_x",
    "scharr_y",
    "prewitt_x",
    "prewitt_y",
    "roberts_x",
    "roberts_y",
    "emboss",
    "motion_blur",
    "gabor",
]
ZERO_SUM = [
    "laplacian",
    "laplacian_8",
    "log",
    "sobel_x",
    "sobel_y",
    "scharr_x",
    "scharr_y",
    "prewitt_x",
    "prewitt_y",
    "roberts_x",
    "roberts_y",
]
UNIT_SUM = ["identity", "box", "gaussian", "sharpen", "unsharp", "emboss", "motion_blur"]


def test_the_promised_names_are_there_in_order() -> None:
    assert list(kernels.names()) == PROMISED


@pytest.mark.parametrize("name", PROMISED)
def test_a_description_is_true_to_what_is_made(name: str) -> None:
    described = kernels.describe(name)
    made = kernels.make(name)
    assert (described.name, described.size) == (name, made.shape)
    assert made.dtype == np.float64
    assert described.description.endswith(".")
    assert described.source


@pytest.mark.parametrize("name", PROMISED)
def test_the_defaults_described_are_the_defaults_used(name: str) -> None:
    defaults = {parameter.name: parameter.default for parameter in kernels.describe(name).parameters}
    np.testing.assert_allclose(kernels.make(name, **defaults), kernels.make(name), rtol=1e-14)


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_made_is_the_callers_own(name: str) -> None:
    before = kernels.make(name)
    kernels.make(name)[:] = 99
    np.testing.assert_array_equal(kernels.make(name), before)


@pytest.mark.parametrize("name", ZERO_SUM)
def test_derivatives_sum_to_zero(name: str) -> None:
    assert kernels.make(name).sum() == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("name", UNIT_SUM)
def test_blurs_and_sharpeners_sum_to_one(name: str) -> None:
    assert kernels.make(name).sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "parameter", "edge"),
    [
        (name, parameter, edge)
        for name in PROMISED
        for parameter in kernels.describe(name).parameters
        for edge in (parameter.minimum, parameter.maximum)
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_both_bounds_are_allowed_and_make_finite_kernels(name: str, parameter: kernels.Parameter, edge: float) -> None:
    assert np.isfinite(kernels.make(name, **{parameter.name: edge})).all()


def test_numpy_numbers_are_numbers() -> None:
    np.testing.assert_array_equal(
        kernels.make("gaussian", size=np.int64(5), sigma=np.float32(1.5)), kernels.make("gaussian", size=5, sigma=1.5)
    )


def test_an_unknown_name_is_told_the_nearest_and_all() -> None:
    with pytest.raises(
        kernels.UnknownKernel, match=r'no kernel "sobelx"; did you mean "sobel_x"\?.*identity, box'
    ) as caught:
        kernels.make("sobelx")
    assert caught.value.pointer == "/kernel/name"


def test_a_name_like_none_of_them_gets_no_guess() -> None:
    with pytest.raises(kernels.UnknownKernel, match=r'no kernel "zzzzzz"\. There are: identity'):
        kernels.describe("zzzzzz")


def test_a_very_long_name_is_quoted_short() -> None:
    with pytest.raises(kernels.UnknownKernel) as caught:
        kernels.make("x" * 10_000)
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize(
    ("name", "parameters", "message", "pointer"),
    [
        ("gaussian", {"sise": 5}, r'no parameter "sise"; it takes size, sigma\. Did you mean size\?$', "/kernel/sise"),
        ("sobel_x", {"size": 5}, r'"sobel_x" has no parameter "size"; it takes none$', "/kernel/size"),
        ("box", {"a/b~c": 5}, r'no parameter "a/b~c"; it takes size$', "/kernel/a~1b~0c"),
    ],
)
def test_an_unknown_parameter_is_told_what_there_is(
    name: str, parameters: dict[str, object], message: str, pointer: str
) -> None:
    with pytest.raises(kernels.UnknownKernelParameter, match=message) as caught:
        kernels.make(name, **parameters)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"size": True}, "^size is the boolean true; it must be an odd integer from 1 to 255"),
        ({"size": "5"}, 'size is the string "5"; it must be an odd integer from 1 to 255'),
        ({"size": None}, "^size is null; it must be"),
        ({"size": [5]}, "^size is an array; it must be"),
        ({"size": {"a": 1}}, "^size is an object; it must be"),
        ({"size": 5.0}, "^size is 5.0; it must be an odd integer"),
        ({"size": 4}, "^size is 4, which has no centre; it must be odd: try 3 or 5"),
        ({"size": -1}, "^size is -1; it must be an odd integer from 1 to 255"),
        ({"size": MAX_SIZE + 2}, "^size is 257; it must be an odd integer from 1 to 255"),
        ({"sigma": float("nan")}, "^sigma is nan; it must be a number from 0.1 to 42"),
        ({"sigma": float("inf")}, "^sigma is inf; it must be a number from 0.1 to 42"),
        ({"sigma": 0}, "^sigma is 0; it must be a number from 0.1 to 42"),
        ({"sigma": 10**5000}, "^sigma is a number of thousands of digits; it must be"),
        ({"sigma": "x" * 999}, r'sigma is the string "x{37}\.\.\."; it must be'),
    ],
)
def test_a_wrong_value_is_told_what_would_do(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(kernels.KernelParameterInvalid, match=message) as caught:
        kernels.make("gaussian", **parameters)
    assert caught.value.pointer == f"/kernel/{next(iter(parameters))}"


def test_an_even_size_at_the_lower_bound_is_offered_only_what_is_allowed() -> None:
    with pytest.raises(kernels.KernelParameterInvalid, match=r"^size is 2; it must be an odd integer from 3"):
        kernels.make("log", size=2)
    with pytest.raises(kernels.KernelParameterInvalid, match="it must be odd: try 3 or 5"):
        kernels.make("log", size=4)


def test_all_is_sorted_and_complete() -> None:
    assert list(kernels.__all__) == sorted(kernels.__all__)
    assert all(hasattr(kernels, name) for name in kernels.__all__)


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("Sobel_X", 'did you mean "sobel_x"\\?'),
        ("sobel", 'did you mean "sobel_[xy]" or "sobel_[xy]"\\?'),
        ("laplacian-8", 'did you mean "laplacian_8"\\?'),
        ("zzz", 'no kernel "zzz"\\. There are'),
    ],
)
def test_the_likeliest_names_are_offered(name: str, guess: str) -> None:
    with pytest.raises(kernels.UnknownKernel, match=guess):
        kernels.make(name)
