"""The request bodies of `/trace`: an operation's fields, and which of its output positions to show."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .fields import NATURAL, POSITIVE, Expects, NaturalInt, NaturalInts, PositiveInt, Request
from .requests import ConvRequest, ConvTransposeRequest, PoolRequest, SampleSpacing

DEFAULT_COUNT = 64

Index = Annotated[NaturalInt, Expects(NATURAL)]
Position = NaturalInts
Positions = Annotated[
    list[Position],
    Field(min_length=1, fail_fast=True),
    Expects(f"a list of output positions, each a list with {NATURAL} a spatial axis, such as [[0, 0], [2, 1]]"),
]


class TracePage(Request):
    """Which steps of a computation to show."""

    positions: Positions | None = Field(
        None, description="Output positions to show, in this order; in place of `start` and `count`."
    )
    start: Index = Field(0, description="The first output position to show, counted row by row.")
    count: Annotated[PositiveInt, Expects(POSITIVE)] = Field(
        DEFAULT_COUNT, description="How many output positions to show, at most."
    )
    sample: Index = Field(0, description="Which sample of a batch.")

    @model_validator(mode="after")
    def _picks_or_page(self) -> Self:
        paged = sorted({"start", "count"} & self.model_fields_set)
        if self.positions is not None and paged:
            raise PydanticCustomError(
                "exactly_one",
                "both positions and {paged} came; give positions, or start and count",
                {"paged": " and ".join(paged), "field": "positions"},
            )
        return self


class FilterPage(TracePage):
    """Which output map of a kernel with filters to show."""

    filter: Index = Field(0, description="Which filter, and so which output map, of a kernel that has filters.")
    channel: Index = Field(
        0, description="Which channel, where one filter of the spatial axes alone is applied to every channel."
    )


class ConvTraceRequest(ConvRequest, FilterPage):
    """The steps of a convolution."""


class Conv1dTraceRequest(ConvTraceRequest, SampleSpacing):
    """The steps of a one-dimensional convolution."""


class ConvTransposeTraceRequest(ConvTransposeRequest, FilterPage):
    """The steps of a transposed convolution."""


class PoolTraceRequest(PoolRequest, TracePage):
    """The steps of a pool."""

    channel: Index = Field(0, description="Which channel.")
