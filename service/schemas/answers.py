"""The answers' models, for OpenAPI: the answers themselves are written from arrays and never pass through pydantic."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .arrays import Array
from .fields import PoolKindName

_ACCEPTED = (
    "Whether this service would run it within its limits (`GET /v1/limits`). The plan is arithmetic "
    "on shapes, and whole either way."
)
_MAPS = "The answer's values, in the form that `encoding` chose."


class AnswerModel(BaseModel):
    """Base of the answers."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


class ConvPlanEcho(AnswerModel):
    """What was understood of a convolution: every default put in, every name resolved."""

    operation: Literal["cross_correlation", "convolution"]
    input_shape: list[int]
    kernel_shape: list[int]
    output_shape: list[int]
    stride: list[int]
    padding: list[list[int]] = Field(description="Cells [before, after] each spatial axis.")
    padding_mode: str
    dilation: list[int]
    groups: int
    dtype: str
    method: str | None = Field(description="The method that computes the answer; in a refused plan null, unless named.")
    macs: int = Field(description="Multiply-accumulates.")
    padding_value: float | None = Field(None, description='With `padding_mode: "constant"`.')
    sample_spacing: float | None = Field(
        None, description="dt, which the sums are multiplied by; there if it was given."
    )
    dropped: list[int] | None = Field(
        None, description="Cells of the padded input behind the last window of each axis; there only if any are."
    )


class ConvTransposePlanEcho(AnswerModel):
    """What was understood of a transposed convolution."""

    operation: Literal["conv_transpose"]
    input_shape: list[int]
    kernel_shape: list[int]
    output_shape: list[int]
    stride: list[int]
    padding: list[list[int]]
    output_padding: list[int]
    dilation: list[int]
    groups: int
    dtype: str
    method: str | None = Field(description="As a convolution's.")
    macs: int


class PoolPlanEcho(AnswerModel):
    """What was understood of a pool; `output_size` stands in place of the window's options where it is adaptive."""

    operation: Literal["pool"]
    kind: PoolKindName
    input_shape: list[int]
    output_shape: list[int]
    output_size: list[int] | None = None
    kernel_size: list[int] | None = None
    stride: list[int] | None = None
    padding: list[list[int]] | None = None
    dilation: list[int] | None = None
    ceil_mode: bool | None = None
    count_include_pad: bool | None = None
    divisor_override: int | None = None
    p: float | None = None
    dtype: str
    operations: int = Field(description="Cells read by all windows.")
    dropped: list[int] | None = None
    overhang: list[int] | None = Field(
        None, description="Cells by which the last window of each axis overhangs (ceil_mode)."
    )


class ConvAnswer(AnswerModel):
    """The feature maps of a convolution."""

    feature_maps: Array = Field(description=_MAPS)
    output_shape: list[int]
    dtype: str
    plan: ConvPlanEcho


class ConvTransposeAnswer(AnswerModel):
    """The feature maps of a transposed convolution."""

    feature_maps: Array = Field(description=_MAPS)
    output_shape: list[int]
    dtype: str
    plan: ConvTransposePlanEcho


class PoolAnswer(AnswerModel):
    """The maps of a pool."""

    feature_maps: Array = Field(description=_MAPS)
    indices: Array | None = Field(None, description="With `return_indices`: each value's flat position in its plane.")
    output_shape: list[int]
    dtype: str
    plan: PoolPlanEcho


class AxisFormula(AnswerModel):
    """The size formula of one spatial axis."""

    axis: int
    name: str = Field(description="What people call the axis: rows, columns.")
    expression: str = Field(description="The formula with the numbers put in.")
    result: int
    general: str = Field(description="The formula with its symbols.")
    symbols: dict[str, int] = Field(description="What each symbol stands for here.")


class PlanBytes(AnswerModel):
    """Memory that a computation takes."""

    input: int
    output: int
    working: int | None = Field(description="The peak beyond input and output; null where a limit refuses the work.")


class MethodEstimate(AnswerModel):
    """What a method would cost."""

    seconds: float = Field(description="Roughly, on the threads that there are.")
    working_bytes: int = Field(description="The peak beyond input and output.")


class PlanAnswer(AnswerModel):
    """The whole plan of an operation."""

    plan: ConvPlanEcho | ConvTransposePlanEcho | PoolPlanEcho
    formula: list[AxisFormula]
    receptive_field: list[int] = Field(
        description="Input cells from the first to the last that one output value depends on, an axis, padding "
        "counted; of the value that depends on most."
    )
    parameters: int = Field(description="Numbers in the kernel, and in the bias where one is given.")
    macs: int = Field(description="Multiply-accumulates; of a pool, cells read.")
    bytes: PlanBytes
    estimates: dict[str, MethodEstimate] | None = Field(
        None,
        description="With `estimates`: what each method that can compute this would cost, in the order that "
        "`auto` considers them: the cheapest on one thread first, but `direct` before all where the work is tiny.",
    )
    accepted: bool = Field(description=_ACCEPTED)
    refused_by: str | None = Field(description="The limit that would refuse to run it, null where none would.")


class GradientsAnswer(AnswerModel):
    """The gradients of a loss, each shaped as what it belongs to was sent."""

    input_gradient: Array
    kernel_gradient: Array | None = None
    bias_gradient: Array | float | None = None
    updated_kernel: Array | None = Field(
        None, description="With `learning_rate`: kernel − learning_rate · kernel_gradient."
    )
    updated_bias: Array | float | None = None


class TraceStep(AnswerModel):
    """How one output value came to be."""

    position: list[int] = Field(description="In the output.")
    window: list[list[int]] = Field(
        description="Start and stop an axis in the input's own coordinates: negative or past the end in the padding."
    )
    padded: list[Any] = Field(description="Booleans, shaped as `patch`: whether a tap lies in the padding.")
    sources: list[Any] = Field(description="The input cell that each tap reads; null where the padding is filled in.")
    patch: Array | list[Any] = Field(
        description="What the taps read; null where a cell takes no part. Of a transposed convolution, the input cells "
        "that reach the position."
    )
    kernel: Array | None = Field(None, description="The taps that the patch meets, flipped where the operation flips.")
    products: Array | None = None
    channel_sums: Array | None = Field(None, description="The sum's part of each channel.")
    sum: float | None = Field(None, description="Of the products, or of an average's cells.")
    bias: float | None = None
    value: float = Field(
        description="The operation's own answer there, bit for bit: a `method` asked for by name may round. "
        "With `auto` the products add up to it: where they do not, as FFT spreads rounding, `plan` names the method "
        "that summed them instead."
    )
    expression: str = Field(description="The arithmetic as a person writes it.")
    selected: list[int] | None = Field(None, description="The input cell that won a maximum or minimum.")
    index: int | None = Field(None, description="With `return_indices`: its flat position in its plane.")
    divisor: int | None = Field(None, description="Of an average.")
    taps: list[Any] | None = Field(None, description="Of a transposed convolution: the taps' places in the kernel.")
    sample_spacing: float | None = Field(
        None, description="dt of `conv1d`, where it was given: `value` is `sum` times dt, plus `bias`."
    )
    stages: dict[str, Any] | None = Field(
        None, description="Of a one-dimensional true convolution: fold, displace, multiply, integrate."
    )


class TraceAnswer(AnswerModel):
    """The steps of a computation, a page at a time."""

    output_shape: list[int]
    plan: ConvPlanEcho | ConvTransposePlanEcho | PoolPlanEcho
    formula: list[AxisFormula]
    total_positions: int = Field(description="Of one output map.")
    sample: int
    filter: int | None = None
    channel: int | None = None
    steps: list[TraceStep]
    start: int | None = Field(None, description="Not there where `positions` were picked.")
    next_start: int | None = Field(None, description="`start` of the next page; null on the last.")


class LayerOutput(AnswerModel):
    """What one layer made."""

    type: str
    output_shape: list[int]
    output: Array


class NetworkAnswer(AnswerModel):
    """What a network made of its input."""

    output: Array = Field(description="The last layer's.")
    output_shape: list[int]
    dtype: str
    layers: list[LayerOutput] | None = Field(None, description="With `return: all`.")


class LayerBytes(AnswerModel):
    """Memory of a layer, as float32."""

    output: int
    parameters: int


class LayerPlan(AnswerModel):
    """What one layer makes, costs and sees."""

    type: str
    output_shape: list[int]
    parameters: int
    macs: int
    bytes: LayerBytes
    receptive_field: list[int] = Field(
        description="Input cells from the first to the last that one position depends on, a spatial axis, padding "
        "counted; of the position that depends on most. Where transposed or adaptive layers have positions see "
        "alike only every so many, and these are more than 64, a number that none exceeds."
    )
    jump: list[float] | None = Field(
        description="Input cells between neighbouring positions, on average; null once flattened."
    )
    start: list[float] | None = Field(
        description="The centre of the first position's field; 0 is the first cell's. Behind a transposed "
        "convolution, where the line along which the fields' centres lie begins."
    )


class NetworkBytes(AnswerModel):
    """Memory of a network, as float32."""

    parameters: int
    largest_output: int
    all_outputs: int


class NetworkPlanAnswer(AnswerModel):
    """The whole plan of a network."""

    output_shape: list[int]
    layers: list[LayerPlan]
    total_parameters: int
    total_macs: int
    bytes: NetworkBytes
    accepted: bool = Field(description=_ACCEPTED)
    refused_by: str | None = Field(
        description="The limit that would refuse to run it, null where none would. `max_kernel_elements` holds for the "
        "weights of any one layer, linear ones too, `max_output_elements` and `max_padded_elements` for what any one "
        "layer makes and pads, `max_input_elements` for the input and all weights together."
    )


class KernelParameter(AnswerModel):
    """A parameter of a named kernel."""

    name: str
    type: Literal["integer", "number"]
    default: float
    minimum: float
    maximum: float
    description: str
    unit: str | None
    odd: bool
    derived: str | None


class KernelEntry(AnswerModel):
    """A named kernel."""

    name: str
    description: str
    parameters: list[KernelParameter]
    size: list[int]
    source: str


class KernelList(AnswerModel):
    """The named kernels."""

    kernels: list[KernelEntry]


class KernelAnswer(KernelEntry):
    """A named kernel with its numbers."""

    kernel: list[list[float]]


class Limits(AnswerModel):
    """The limits in force."""

    limits: dict[str, float]
    methods: list[str]


ANSWERS: tuple[type[BaseModel], ...] = (
    ConvAnswer,
    ConvTransposeAnswer,
    PoolAnswer,
    PlanAnswer,
    GradientsAnswer,
    TraceAnswer,
    NetworkAnswer,
    NetworkPlanAnswer,
    KernelList,
    KernelAnswer,
    Limits,
)
"""Every model that a route's declared answer refers to by name."""
