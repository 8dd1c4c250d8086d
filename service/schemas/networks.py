"""The request bodies of `/networks`: an input, and the layers that it goes through."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .arrays import Array
from .fields import POSITIVE, ArrayExpects, Expects, FiniteFloat, PerAxis, PositiveInt, Request, Shape, at_most
from .kernels import Kernel
from .options import AnswerOptions, ConvSettings, ConvTransposeSettings, PoolSettings
from .requests import Bias, InputData, Numbers, SampleSpacing

MAX_LAYERS = 256

_Epsilon = Annotated[FiniteFloat, Field(ge=0), Expects("a finite number of at least 0")]
_Features = Annotated[PositiveInt, Expects(POSITIVE)]
_HasBias = Annotated[Array | FiniteFloat | bool, Expects("true, false, or the bias itself")]


# -- layers alike in both requests


class PoolLayer(PoolSettings):
    """A pool; as `/pool1d`, `/pool2d` and `/pool3d`."""

    type: Literal["pool1d", "pool2d", "pool3d"]


class ReluLayer(Request):
    """max(x, 0)."""

    type: Literal["relu"]


class LeakyReluLayer(Request):
    """x, or `negative_slope`·x where x is negative."""

    type: Literal["leaky_relu"]
    negative_slope: Annotated[FiniteFloat, Expects("a finite number")] = Field(
        0.01, description="The slope of what lies below zero."
    )


class SigmoidLayer(Request):
    """1 / (1 + exp(-x))."""

    type: Literal["sigmoid"]


class TanhLayer(Request):
    """tanh x."""

    type: Literal["tanh"]


class SoftmaxLayer(Request):
    """exp x over its sum over the channels: of each position, or of the features once flattened."""

    type: Literal["softmax"]


class FlattenLayer(Request):
    """Every value of a sample, channel by channel and row by row, as one axis of features."""

    type: Literal["flatten"]


# -- layers of a network that runs


class Conv1dLayer(ConvSettings, SampleSpacing):
    """A one-dimensional convolution; as `/conv1d`."""

    type: Literal["conv1d"]
    kernel: Kernel
    bias: Bias | None = None


class ConvLayer(ConvSettings):
    """A convolution; as `/conv2d` and `/conv3d`."""

    type: Literal["conv2d", "conv3d"]
    kernel: Kernel
    bias: Bias | None = None


class ConvTransposeLayer(ConvTransposeSettings):
    """A transposed convolution; as `/conv_transpose1d`, `/conv_transpose2d` and `/conv_transpose3d`."""

    type: Literal["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
    kernel: Numbers
    bias: Bias | None = None


class LinearLayer(Request):
    """Every output feature a weighted sum of all input features; stands behind `flatten`."""

    type: Literal["linear"]
    weight: Numbers = Field(description="(O, I): a row an output feature.")
    bias: Annotated[Array, ArrayExpects] | None = Field(None, description="(O).")


class BatchNormLayer(Request):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias, each a number a channel: batch normalisation, trained."""

    type: Literal["batch_norm"]
    mean: Numbers = Field(description="(C).")
    variance: Numbers = Field(description="(C).")
    weight: Annotated[Array, ArrayExpects] | None = Field(None, description="(C); 1 where left out.")
    bias: Annotated[Array, ArrayExpects] | None = Field(None, description="(C); 0 where left out.")
    epsilon: _Epsilon = Field(1e-5, description="Added to the variance.")


Layer: TypeAlias = Annotated[
    Conv1dLayer
    | ConvLayer
    | ConvTransposeLayer
    | PoolLayer
    | ReluLayer
    | LeakyReluLayer
    | SigmoidLayer
    | TanhLayer
    | SoftmaxLayer
    | FlattenLayer
    | LinearLayer
    | BatchNormLayer,
    Field(discriminator="type"),
]
Layers = Annotated[
    list[Layer],
    Field(min_length=1, max_length=MAX_LAYERS),
    at_most(MAX_LAYERS, "max_layers"),
    Expects(f"a list of 1 to {MAX_LAYERS} layers, each an object"),
]


class NetworkRequest(AnswerOptions):
    """A stack of layers, run on data."""

    input: InputData = Field(
        description="The data, in the forms that the first layer takes. Where no layer has spatial axes: features (C), "
        "a batch of features (N, C), planes (C, H, W) or a batch of planes (N, C, H, W)."
    )
    layers: Layers = Field(description="What the input goes through, in this order; each layer names its `type`.")
    returned: Annotated[Literal["last", "all"], Expects('"last" or "all"')] = Field(
        "last", alias="return", description="`last` answers the last layer's output, `all` every layer's as well."
    )


# -- layers of a network that is planned


class PlannedKernel(Request):
    """A kernel by its size, or itself."""

    kernel: Kernel | None = Field(None, description="The kernel itself, in place of `filters` and `kernel_size`.")
    filters: _Features | None = Field(None, description="How many filters, and so output maps.")
    kernel_size: PerAxis | None = Field(None, description="Taps: one number for all axes, or one an axis.")
    bias: _HasBias = Field(True, description="Whether each filter has a bias, or the bias itself.")

    @model_validator(mode="after")
    def _one_kernel(self) -> PlannedKernel:
        named = [name for name in ("filters", "kernel_size") if getattr(self, name) is not None]
        if len(named) != (2 if self.kernel is None else 0):
            came = " and ".join((["kernel"] if self.kernel is not None else []) + named) or "neither"
            raise PydanticCustomError(
                "exactly_one",
                "{came} came; give kernel, or filters and kernel_size",
                {"came": came, "field": "kernel"},
            )
        return self


class PlannedConv1dLayer(PlannedKernel, ConvSettings, SampleSpacing):
    """A one-dimensional convolution."""

    type: Literal["conv1d"]


class PlannedConvLayer(PlannedKernel, ConvSettings):
    """A convolution."""

    type: Literal["conv2d", "conv3d"]


class PlannedConvTransposeLayer(PlannedKernel, ConvTransposeSettings):
    """A transposed convolution."""

    type: Literal["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
    # Narrower than a convolution's: a transposed convolution takes no names.
    kernel: Annotated[Array, ArrayExpects] | None = Field(
        None, description="The kernel itself, in place of `filters` and `kernel_size`."
    )


class PlannedLinearLayer(Request):
    """Every output feature a weighted sum of all input features."""

    type: Literal["linear"]
    weight: Numbers | None = Field(None, description="The weights themselves, (O, I), in place of `features`.")
    features: _Features | None = Field(None, description="How many output features.")
    bias: _HasBias = Field(True, description="Whether each output feature has a bias, or the bias itself.")

    @model_validator(mode="after")
    def _one_weight(self) -> PlannedLinearLayer:
        if (self.weight is None) == (self.features is None):
            came = "both came" if self.weight is not None else "neither came"
            raise PydanticCustomError(
                "exactly_one", "{came}; give weight or features, one of the two", {"came": came, "field": "features"}
            )
        return self


class PlannedBatchNormLayer(Request):
    """Batch normalisation: a weight and a bias a channel are its parameters, mean and variance are not."""

    type: Literal["batch_norm"]
    mean: Annotated[Array, ArrayExpects] | None = Field(None, description="May be given, as where the network is run.")
    variance: Annotated[Array, ArrayExpects] | None = Field(None, description="Likewise.")
    weight: Annotated[Array, ArrayExpects] | None = Field(None, description="Likewise.")
    bias: _HasBias = Field(True, description="Whether each channel has a bias, or the bias itself.")
    epsilon: _Epsilon = Field(1e-5, description="Added to the variance.")


PlannedLayer: TypeAlias = Annotated[
    PlannedConv1dLayer
    | PlannedConvLayer
    | PlannedConvTransposeLayer
    | PoolLayer
    | ReluLayer
    | LeakyReluLayer
    | SigmoidLayer
    | TanhLayer
    | SoftmaxLayer
    | FlattenLayer
    | PlannedLinearLayer
    | PlannedBatchNormLayer,
    Field(discriminator="type"),
]
PlannedLayers = Annotated[
    list[PlannedLayer],
    Field(min_length=1, max_length=MAX_LAYERS),
    at_most(MAX_LAYERS, "max_layers"),
    Expects(f"a list of 1 to {MAX_LAYERS} layers, each an object"),
]


class NetworkPlanRequest(Request):
    """A stack of layers, planned from shapes."""

    input_shape: Shape = Field(
        description="The shape of one sample, without the batch, such as [3, 224, 224]. Where no layer has spatial "
        "axes: (C, *S), channels or features first."
    )
    layers: PlannedLayers = Field(
        description="The layers in their order; `filters` and `kernel_size` may stand in place of a kernel, `features` "
        "in place of a weight."
    )
