"""The request bodies: an operation's options with its data, with shapes in place of data, or with a gradient."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .arrays import Array, Input
from .fields import ArrayExpects, Expects, FiniteFloat, Flag, PositiveNumber, Request, Shape
from .kernels import Kernel
from .options import ConvOptions, ConvTransposeOptions, PoolOptions, ReturnsIndices

InputData = Annotated[
    Input, Expects("nested lists of numbers, a flat or a packed array, or a file with an array or a picture")
]
Numbers = Annotated[Array, ArrayExpects]
Bias = Annotated[Array | FiniteFloat, Expects("an array, or a number where there is one map")]
PlannedBias = Annotated[Array | FiniteFloat | bool, Expects("true, or an array")]

_INPUT = (
    "The data: spatial axes alone, with channels in front, or with batch and channels in front. Or a picture, as a "
    "file."
)
_CONV_KERNEL = (
    "One filter, applied to every channel on its own, of the spatial axes alone; filters for one-channel data, "
    "(F, *K); or a layer, (F, C/groups, *K). Or the name of a kernel, alone or in an object with its parameters."
)
_TRANSPOSE_KERNEL = (
    "One filter, applied to every channel on its own, of the spatial axes alone; or a layer, (C, F/groups, *K)."
)
_BIAS = "Added to the answer: one number a filter, or one a position (the output's shape without the batch)."
_GRADIENT = "The gradient of a loss with respect to the operation's output, in the output's shape."
_RATE = (
    "The step of gradient descent: the answer then holds the kernel and bias after it, kernel − learning_rate · "
    "gradient."
)
_SHAPE = "The shape of what `{}` would be; in place of it."

LearningRate = Annotated[FiniteFloat, Field(ge=0), Expects("a finite number of at least 0")]


class SampleSpacing(Request):
    """What a one-dimensional convolution takes beside its other fields."""

    sample_spacing: PositiveNumber | None = Field(
        None,
        description="The time between two samples, dt: the answer is then the Riemann sum of the convolution integral, "
        "dt · Σ x(τ) h(t − τ).",
    )


class ConvRequest(ConvOptions):
    """A convolution of data."""

    input: InputData = Field(description=_INPUT)
    kernel: Kernel = Field(description=_CONV_KERNEL)
    bias: Bias | None = Field(None, description=_BIAS)


class Conv1dRequest(ConvRequest, SampleSpacing):
    """A one-dimensional convolution: signals and sequences."""


class Conv2dRequest(ConvRequest):
    """A two-dimensional convolution: matrices and pictures."""


class Conv3dRequest(ConvRequest):
    """A three-dimensional convolution: volumes and video."""


class ConvTransposeRequest(ConvTransposeOptions):
    """A transposed convolution of data."""

    input: InputData = Field(description=_INPUT)
    kernel: Numbers = Field(description=_TRANSPOSE_KERNEL)
    bias: Bias | None = Field(None, description=_BIAS)


class PoolRequest(PoolOptions, ReturnsIndices):
    """A pool of data."""

    input: InputData = Field(description=_INPUT)


class Gradients(Request):
    """What a backward pass takes beside the operation's own fields."""

    output_gradient: Numbers = Field(description=_GRADIENT)


class ConvGradientsRequest(ConvRequest, Gradients):
    """The backward pass of a convolution."""

    learning_rate: LearningRate | None = Field(None, description=_RATE)


class Conv1dGradientsRequest(ConvGradientsRequest, SampleSpacing):
    """The backward pass of a one-dimensional convolution."""


class ConvTransposeGradientsRequest(ConvTransposeRequest, Gradients):
    """The backward pass of a transposed convolution."""

    learning_rate: LearningRate | None = Field(None, description=_RATE)


class PoolGradientsRequest(PoolOptions, ReturnsIndices, Gradients):
    """The backward pass of a pool."""

    input: InputData = Field(description=_INPUT)


class InputPlan(Request):
    """An input by its shape, or itself."""

    input_shape: Shape | None = Field(None, description=_SHAPE.format("input"))
    input: InputData | None = Field(None, description=_INPUT)

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        _exactly_one(self, "input_shape", "input")
        return self


class KernelPlan(InputPlan):
    """A kernel by its shape, or itself."""

    kernel_shape: Shape | None = Field(None, description=_SHAPE.format("kernel"))
    bias: PlannedBias | None = Field(None, description="true, or the bias itself, to count its parameters.")
    estimates: Flag = Field(
        False, description="Whether the answer also has what every method that can compute this would cost."
    )


class ConvPlanRequest(ConvOptions, KernelPlan):
    """A convolution to plan."""

    kernel: Kernel | None = Field(None, description=_CONV_KERNEL)

    @model_validator(mode="after")
    def _one_kernel(self) -> Self:
        _exactly_one(self, "kernel_shape", "kernel")
        return self


class Conv1dPlanRequest(ConvPlanRequest, SampleSpacing):
    """A one-dimensional convolution to plan."""


class ConvTransposePlanRequest(ConvTransposeOptions, KernelPlan):
    """A transposed convolution to plan."""

    kernel: Numbers | None = Field(None, description=_TRANSPOSE_KERNEL)

    @model_validator(mode="after")
    def _one_kernel(self) -> Self:
        _exactly_one(self, "kernel_shape", "kernel")
        return self


class PoolPlanRequest(PoolOptions, ReturnsIndices, InputPlan):
    """A pool to plan."""


def _exactly_one(request: Request, shape: str, array: str) -> None:
    given = [name for name in (shape, array) if getattr(request, name) is not None]
    if len(given) != 1:
        came = "both came" if given else "neither came"
        raise PydanticCustomError(
            "exactly_one",
            "{came}; give {shape} or {array}, one of the two",
            {"came": came, "shape": shape, "array": array, "field": shape},
        )
