"""What callers may write and what is refused: one fault a case, each named with what came and what would do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.engine import (
    AmbiguousPaddingMode,
    ChannelMismatch,
    EmptyOutput,
    EngineError,
    GroupsMismatch,
    InvalidArgument,
    KernelTooLarge,
    MethodNotApplicable,
    OutputPaddingTooLarge,
    ShapeMismatch,
    UnknownMethod,
    UnknownPaddingMode,
    conv,
    plan_conv,
    plan_conv_transpose,
    plan_pool,
)

X, W = np.ones((1, 2, 8, 8)), np.ones((3, 2, 3, 3))


@pytest.mark.parametrize(
    ("options", "error", "argument", "says"),
    [
        ({"stride": 0}, InvalidArgument, "stride", "stride is 0; it must be at least 1"),
        ({"stride": 1.5}, InvalidArgument, "stride", "stride is 1.5; it must be an integer"),
        ({"stride": True}, InvalidArgument, "stride", "stride is true"),
        ({"stride": [1, 2, 3]}, InvalidArgument, "stride", "3 entries but there are 2 spatial axes"),
        ({"stride": 2**31}, InvalidArgument, "stride", "stride is 2147483648; it must be at most 2147483647"),
        ({"padding": 10**400}, InvalidArgument, "padding", r"padding is 10{56}\.\.\.; it must be at most 2147483647"),
        ({"stride": 10**5000}, InvalidArgument, "stride", "thousands of digits; it must be at most 2147483647"),
        ({"padding": [[10**5000], [1]]}, InvalidArgument, "padding", "a list with a number of thousands of digits"),
        ({"stride": {1, 2}}, InvalidArgument, "stride", "a list of 2 integers"),  # a set has no order
        ({"dilation": -1}, InvalidArgument, "dilation", "dilation is -1"),
        ({"groups": 0}, InvalidArgument, "groups", "groups is 0"),
        ({"padding": -1}, InvalidArgument, "padding", "padding is -1"),
        ({"padding": "sane"}, InvalidArgument, "padding", 'padding is "sane"; as a name it must be one of "valid"'),
        ({"padding": [[1, 1]]}, InvalidArgument, "padding", "padding has 1 pair but there are 2 spatial axes"),
        ({"padding": [[1, 1], [1]]}, InvalidArgument, "padding", "pair of integers a spatial axis"),
        ({"padding_mode": "moebius"}, UnknownPaddingMode, "padding_mode", '"moebius"; it must be one of "zeros"'),
        ({"padding_mode": "grid-reflect"}, AmbiguousPaddingMode, "padding_mode", "two meanings.*3 2.*2 1"),
        ({"padding_mode": 3}, InvalidArgument, "padding_mode", "padding_mode is 3"),
        ({"padding_value": 1.0}, InvalidArgument, "padding_value", '"zeros" would ignore; set padding_mode'),
        ({"padding_value": np.nan, "padding_mode": "constant"}, InvalidArgument, "padding_value", "finite number"),
        ({"padding_value": 10**400, "padding_mode": "constant"}, InvalidArgument, "padding_value", "finite number"),
        (
            {"padding_value": 10**5000, "padding_mode": "constant"},
            InvalidArgument,
            "padding_value",
            "thousands of digits",
        ),
        ({"padding_value": "0", "padding_mode": "constant"}, InvalidArgument, "padding_value", "finite number"),
        ({"operation": "correlate"}, InvalidArgument, "operation", '"correlate"; it must be one of "cross_corr'),
        ({"dtype": "int8"}, InvalidArgument, "dtype", '"int8"; it must be "float32" or "float64"'),
        ({"dtype": "quaternion"}, InvalidArgument, "dtype", '"quaternion"; it must be'),
        ({"method": "magic"}, UnknownMethod, "method", '"magic"; it must be "auto", "direct", .* or "fft"'),
        ({"method": np.array(["auto"])}, UnknownMethod, "method", "it must be"),
        ({"method": "separable"}, MethodNotApplicable, "method", "filters that read one channel each"),
        ({"method": "winograd", "stride": 2}, MethodNotApplicable, "method", r"stride 1 on every axis, not \[2, 2\]"),
        (
            {"dilation": 4},
            KernelTooLarge,
            "kernel",
            r"spans 9 rows \(3 taps at dilation 4\) .* has 8; pad by at least 1",
        ),
        (
            {"bias": [1.0, 2.0]},
            ShapeMismatch,
            "bias",
            r"shape \[2\]; it must be one a filter, \[3\], or one a position",
        ),
        ({"bias": [1j, 2, 3]}, InvalidArgument, "bias", "dtype complex128"),
    ],
)
def test_an_argument_that_does_not_fit(
    options: dict[str, Any], error: type[EngineError], argument: str, says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        conv(X, W, **options)
    assert type(caught.value) is error
    assert caught.value.pointer == f"/{argument}"


@pytest.mark.parametrize(
    ("x", "w", "groups", "error", "argument", "says"),
    [
        ((1, 8, 8, 2), (3, 2, 3, 3), 1, ChannelMismatch, "input", "looks channels-last; send channels first"),
        ((1, 8, 8, 3), (3, 1, 3, 3), 3, ChannelMismatch, "input", "1 channel a group .* looks channels-last"),
        ((1, 8, 8, 3), (2, 8, 5, 5), 1, KernelTooLarge, "kernel", "8 channels of 3 columns the input looks channels-l"),
        ((1, 8, 8, 3), (2, 8, 9, 3), 1, KernelTooLarge, "kernel", "or use a smaller kernel$"),
        ((1, 3, 8, 8), (3, 1, 3, 3), 1, ChannelMismatch, "groups", r"\(depthwise\) set groups to 3"),
        (
            (1, 3, 8, 8),
            (4, 1, 5, 5),
            1,
            ChannelMismatch,
            "kernel",
            r"give every filter 3 channels, shape \[4, 3, 5, 5\]",
        ),
        ((1, 3, 8, 8), (4, 5, 5, 3), 1, ChannelMismatch, "kernel", r"channels-last; send it as \(F, C/groups, \*K\)"),
        ((1, 4, 8, 8), (4, 3, 3, 3), 1, ChannelMismatch, "kernel", "or an input of 3 channels"),
        (
            (1, 4, 8, 8),
            (4, 1, 3, 3),
            3,
            GroupsMismatch,
            "groups",
            "3, which does not divide the 4 channels; .* 1, 2 or 4",
        ),
        ((1, 4, 8, 8), (3, 2, 3, 3), 2, GroupsMismatch, "groups", "2, which does not divide the 3 filters; .* 1 or 3"),
        ((1, 1, 8, 8), (2, 1, 3, 3), 2, GroupsMismatch, "groups", "2, which does not divide the one channel"),
        # Rows or columns as many as groups times the kernel's second axis do not make an input channels-last.
        (
            (1, 32, 64, 64),
            (64, 32, 3, 3),
            2,
            ChannelMismatch,
            "groups",
            r"has all 32: leave groups out, or send it as \(F, C/groups, \*K\), shape \[64, 16, 3, 3\]$",
        ),
        ((1, 6, 8, 8), (4, 6, 3, 3), 2, ChannelMismatch, "groups", r"leave groups out, .* shape \[4, 3, 3, 3\]$"),
        ((1, 6, 8, 18), (4, 6, 3, 3), 3, ChannelMismatch, "groups", "has all 6: leave groups out$"),
        ((1, 6, 8, 24), (4, 6, 3, 3), 4, GroupsMismatch, "groups", "does not divide the 6 channels; .* 1, 2, 3 or 6"),
        ((1, 4, 8, 8), (6, 2, 3, 3), 4, GroupsMismatch, "groups", "does not divide the 6 filters; .* 1, 2, 3 or 6"),
        ((1, 6, 9, 12), (12, 3, 3, 3), 4, GroupsMismatch, "groups", "does not divide the 6 channels; .* 1, 2, 3 or 6"),
        ((1, 64, 64, 32), (64, 16, 3, 3), 2, ChannelMismatch, "input", "looks channels-last"),
        ((1, 224, 224, 6), (6, 2, 3, 3), 3, ChannelMismatch, "input", "looks channels-last"),
        ((8, 8), (3, 3), 1, ShapeMismatch, "input", r"it must be \(N, C, \*S\)"),
        ((1, 2, 8, 8), (3, 2, 3), 1, ShapeMismatch, "kernel", "3 axes; .* it must have 4"),
        ((1, 2, 0, 8), (3, 2, 3, 3), 1, ShapeMismatch, "input", "at least one entry"),
        (
            (1, 2, 4, 4),
            (3, 2, 7, 3),
            1,
            KernelTooLarge,
            "kernel",
            "spans 7 rows .* has 4; pad by at least 2 rows on each",
        ),
    ],
)
def test_shapes_that_do_not_fit(
    x: Any, w: Any, groups: int, error: type[EngineError], argument: str, says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        plan_conv(x, w, groups=groups)
    assert type(caught.value) is error
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"padding": "same"}, InvalidArgument, "takes no names"),
        ({"output_padding": 1}, OutputPaddingTooLarge, r"must be below max\(stride, dilation\) = 1"),
        ({"padding": 5}, EmptyOutput, r"\[5, 5\] on the row axis, which removes all 6 rows .* at most 5 in all"),
        ({"groups": 3}, GroupsMismatch, "does not divide the 2 channels"),
    ],
)
def test_a_transposed_plan_that_cannot_be(options: dict[str, Any], error: type[EngineError], says: str) -> None:
    with pytest.raises(error, match=says):
        plan_conv_transpose((1, 2, 4, 4), (2, 3, 3, 3), **options)


@pytest.mark.parametrize(
    ("x", "argument", "says"),
    [
        ((1, 3, 4), "kernel", "takes 2 channels .* has 3; a transposed kernel is .* input channels first$"),
        ((1, 5, 4), "kernel", "input channels first: its first two axes look swapped"),
        ((1, 3, 2), "input", "looks channels-last; send channels first"),
    ],
)
def test_a_transposed_kernel_whose_channels_differ(x: Any, argument: str, says: str) -> None:
    with pytest.raises(ChannelMismatch, match=says) as caught:
        plan_conv_transpose(x, (2, 5, 3))
    assert caught.value.argument == argument


@pytest.mark.parametrize("value", [[[[1 + 2j]]], [[["a"]]], [[[None]]]])
def test_what_holds_no_real_numbers_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="must hold booleans, integers or real"):
        conv(value, [[[1.0]]])


@pytest.mark.parametrize("p", [2, np.int64(2), np.float32(2), np.float16(2)])
def test_an_exponent_may_be_any_type_of_number(p: Any) -> None:
    assert plan_pool((1, 1, 4), "lp", 2, p=p).p == 2


@pytest.mark.parametrize("p", [0, -1.0, True, "2", np.nan, np.float16(np.inf), 10**400])
def test_an_exponent_that_is_not_above_0_is_refused(p: Any) -> None:
    with pytest.raises(InvalidArgument, match="it must be a finite number above 0"):
        plan_pool((1, 1, 4), "lp", 2, p=p)


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="rows differ in length"):
        conv([[[1.0, 2.0], [3.0]]], [[[1.0]]])


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("edge", "replicate"),
        ("nearest", "replicate"),
        ("mirror", "reflect"),
        ("BORDER_REFLECT_101", "reflect"),
        ("cv2.BORDER_REFLECT", "symmetric"),
        ("symm", "symmetric"),
        ("wrap", "circular"),
        ("grid-wrap", "circular"),
        ("periodic", "circular"),
        ("reflect", "reflect"),
    ],
)
def test_other_libraries_names_of_borders(name: str, canonical: str) -> None:
    assert plan_conv((1, 1, 8), (1, 1, 3), padding_mode=name).padding_mode == canonical


@pytest.mark.parametrize("padding", [2, [2, 2], [[2, 2], [2, 2]], np.array([2, 2]), (np.int64(2), 2)])
def test_forms_of_the_same_padding(padding: Any) -> None:
    assert plan_conv((1, 1, 8, 8), (1, 1, 3, 3), padding=padding).padding == ((2, 2), (2, 2))


def test_two_numbers_for_one_axis_are_not_guessed_at() -> None:
    with pytest.raises(InvalidArgument, match=r"for 1 before and 2 after it write \[\[1, 2\]\]"):
        plan_conv((1, 1, 8), (1, 1, 3), padding=[1, 2])
