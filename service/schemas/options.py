"""The options of each operation, without its data: what `/conv2d`, its plan, its gradients and its trace all take."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .fields import (
    POSITIVE,
    Color,
    DType,
    Encoding,
    Expects,
    Flag,
    Groups,
    MethodName,
    NaturalPerAxis,
    Number,
    Operation,
    Padding,
    PaddingAmounts,
    PaddingModeName,
    PerAxis,
    PoolKind,
    PositiveInt,
    PositiveNumber,
    Range,
    Request,
)


class AnswerOptions(Request):
    """How numbers are computed and how they come back."""

    dtype: DType = Field(
        "auto",
        description="The floating point type of the computation and the answer. `auto` looks at `input` alone: float32 "
        "for float16 and float32 arrays and for pictures, else float64. `kernel` and `bias` follow.",
    )
    encoding: Encoding = Field("nested", description="How arrays are written in a JSON answer.")
    color: Color = Field(
        "auto",
        description="What becomes of a picture sent as `input`: `gray` makes one channel of it (Rec. 601 luma), `rgb` "
        "three, `auto` leaves it as it is. Says nothing about arrays.",
    )
    range: Range = Field(
        "clip",
        description="How values become pixels where a picture is asked for: `clip` to 0..255, rounded half to even; "
        "`absolute` does so with the magnitudes; `normalize` stretches each map from black to white; `offset` adds "
        "128. "
        "For a 16-bit picture 65535 and 32768.",
    )


class ConvSettings(Request):
    """What a convolution does, in a request of its own or as a layer of a network."""

    stride: PerAxis = Field(1, description="Cells from one window to the next: one for all axes, or one an axis.")
    padding: Padding = Field(
        0,
        description="Cells added around the input: one number, one an axis, a [before, after] pair an axis; or `valid` "
        "(none), `same` (as many windows as the input has cells, divided by the stride; an odd cell goes after), "
        "`same_lower` (an odd cell goes before), `full` (every window that touches the input).",
    )
    padding_mode: PaddingModeName = Field(
        "zeros",
        description="What fills the padding: `zeros`, `constant` (`padding_value`), `reflect` 3 2|1 2 3 4|3 2, "
        "`symmetric` 2 1|1 2 3 4|4 3, `replicate` 1 1|1 2 3 4|4 4, `circular` 3 4|1 2 3 4|1 2. The unambiguous names "
        "of NumPy, SciPy and OpenCV are understood.",
    )
    padding_value: Number = Field(0.0, description='The value that fills the padding with `padding_mode: "constant"`.')
    dilation: PerAxis = Field(1, description="Cells from one tap of the kernel to the next.")
    groups: Groups = Field(
        1,
        description="Groups of channels that do not see each other; as many as channels make a depthwise convolution. "
        "Leave it out with a kernel of one filter, which is applied to every channel on its own.",
    )
    operation: Operation = Field(
        "cross_correlation",
        description="`cross_correlation` takes the kernel as it is, as PyTorch, TensorFlow, ONNX and OpenCV do; "
        "`convolution` flips it on every spatial axis, as NumPy and SciPy do.",
    )
    method: MethodName = Field(
        "auto",
        description="How it is computed. `auto` picks the fastest that keeps the promises on exactness; "
        "`GET /v1/limits` lists the names.",
    )


class ConvOptions(ConvSettings, AnswerOptions):
    """The options of a convolution."""


class ConvTransposeSettings(Request):
    """What a transposed convolution does, in a request of its own or as a layer of a network."""

    stride: PerAxis = Field(1, description="Cells of the output from one input cell's window to the next.")
    padding: PaddingAmounts = Field(
        0, description="Cells taken off the output: the padding of the convolution that this is the transpose of."
    )
    output_padding: NaturalPerAxis = Field(
        0,
        description="Cells added to the end of the output, below max(stride, dilation): chooses among the sizes that a "
        "strided convolution maps to one.",
    )
    dilation: PerAxis = Field(1, description="Cells from one tap of the kernel to the next.")
    groups: Groups = Field(1, description="Groups of channels that do not see each other.")
    method: MethodName = Field("auto", description="How it is computed; `GET /v1/limits` lists the names.")


class ConvTransposeOptions(ConvTransposeSettings, AnswerOptions):
    """The options of a transposed convolution."""


class PoolSettings(Request):
    """What a pool does, in a request of its own or as a layer of a network."""

    kind: PoolKind = Field(
        "max", description="What becomes of a window: its largest, mean or smallest value, or its p-norm."
    )
    kernel_size: PerAxis | None = Field(None, description="Cells of a window: one for all axes, or one an axis.")
    output_size: PerAxis | None = Field(
        None,
        description="In place of `kernel_size`: adaptive windows, as many an axis as given here; 1 is a global pool.",
    )
    stride: PerAxis | None = Field(
        None, description="Cells from one window to the next; left out, windows stand side by side (`kernel_size`)."
    )
    padding: Padding = Field(
        0,
        description="Cells added around the input, at most dilation·(kernel_size − 1) a side: never chosen by `max` or "
        "`min`, counted as zeros by `average` where `count_include_pad` says so. Numbers, pairs "
        "or names as for a convolution.",
    )
    dilation: PerAxis = Field(1, description="Cells from one tap of a window to the next.")
    ceil_mode: Flag = Field(
        False, description="Whether a last window may overhang the end; it never starts in the padding after the input."
    )
    count_include_pad: Flag = Field(
        True, description="Whether `average` counts padding in its divisor (never the overhang of `ceil_mode`)."
    )
    divisor_override: Annotated[PositiveInt, Expects(POSITIVE)] | None = Field(
        None, description="The divisor of `average`, whatever the window holds."
    )
    p: PositiveNumber = Field(2.0, description="The exponent of `lp`: (Σ|x|^p)^(1/p).")


class PoolOptions(PoolSettings, AnswerOptions):
    """The options of a pool."""


class ReturnsIndices(Request):
    """The pool's option that a layer of a network has no use for: what flows on there is one array."""

    return_indices: Flag = Field(
        False,
        description="Whether `max` and `min` also answer where each value stood: its flat position in its plane, the "
        "first one where several tie.",
    )
