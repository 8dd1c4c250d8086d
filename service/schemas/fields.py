"""The fields that requests share: each with its bounds, its default and one sentence on what would do.

`Expects` is that sentence. It completes "stride is "two"; it must be …" in the detail of a problem, so that a client
who sent something else reads what to send instead of a validator's internals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from service.engine.arguments import LARGEST, quoted
from service.engine.borders import PADDING_MODES
from service.engine.pool_kinds import POOL_KINDS
from service.wire import MAX_AXES


@dataclass(frozen=True, slots=True)
class Expects:
    """What a field takes, as the end of a sentence."""

    text: str


BEYOND_LIMIT = "beyond_limit"
"""The type of a validation error whose context has a limit's name, the limit and the actual number."""


def at_most(limit: int, name: str) -> BeforeValidator:
    """Return a validator of a list's length that tells programs by which limit, and by how much, it is too long."""

    def check(value: Any) -> Any:
        if isinstance(value, list) and len(value) > limit:
            context = {"name": name, "limit": limit, "actual": len(value)}
            raise PydanticCustomError(BEYOND_LIMIT, "{name} is {limit} and there are {actual}", context)
        return value

    return BeforeValidator(check)


class Request(BaseModel):
    """Base of all requests: unknown fields are refused and nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


_AT_LEAST = f"an integer of at least {{}} and at most {LARGEST}"
POSITIVE, NATURAL = _AT_LEAST.format(1), _AT_LEAST.format(0)
"""What an integer field takes, in words."""
PositiveInt = Annotated[int, Field(ge=1, le=LARGEST)]
NaturalInt = Annotated[int, Field(ge=0, le=LARGEST)]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]

_PER_AXIS = "{}, or a list of such integers, one a spatial axis"

# A longer list is refused unread, where each of its items would be judged.
_AXES = Field(max_length=MAX_AXES)
PositiveInts = Annotated[list[PositiveInt], _AXES]
NaturalInts = Annotated[list[NaturalInt], _AXES]

PerAxis = Annotated[PositiveInt | PositiveInts, Expects(_PER_AXIS.format(POSITIVE))]
NaturalPerAxis = Annotated[NaturalInt | NaturalInts, Expects(_PER_AXIS.format(NATURAL))]
Pairs = Annotated[list[Annotated[list[NaturalInt], Field(min_length=2, max_length=2)]], _AXES]
PaddingName = Literal["valid", "same", "same_lower", "full"]
Padding = Annotated[
    NaturalInt | PaddingName | NaturalInts | Pairs,
    Expects(
        f"{NATURAL}, a list of such integers, one a spatial axis, a list of [before, after] pairs, one a "
        'spatial axis, or one of "valid", "same", "same_lower" and "full"'
    ),
]
PaddingAmounts = Annotated[
    NaturalInt | NaturalInts | Pairs,
    Expects(
        f"{NATURAL}, a list of such integers, one a spatial axis, or a list of [before, after] pairs, "
        "one a spatial axis; a transposed convolution takes no names"
    ),
]
Groups = Annotated[PositiveInt, Expects(f"{POSITIVE} that divides the channels and the filters")]
Number = Annotated[FiniteFloat, Expects("a finite number")]
PositiveNumber = Annotated[FiniteFloat, Field(gt=0), Expects("a finite number above 0")]
Flag = Annotated[bool, Expects("true or false")]
Shape = Annotated[
    list[PositiveInt],
    Field(min_length=1, max_length=MAX_AXES),
    Expects(
        f"a list of 1 to {MAX_AXES} integers of at least 1 and at most {LARGEST}, one an axis, such as [3, 224, 224]"
    ),
]

Encoding = Annotated[Literal["nested", "flat", "base64"], Expects('"nested", "flat" or "base64"')]
Color = Annotated[Literal["auto", "gray", "rgb"], Expects('"auto", "gray" or "rgb"')]
Range = Annotated[
    Literal["clip", "absolute", "normalize", "offset"], Expects('"clip", "absolute", "normalize" or "offset"')
]
DType = Annotated[Literal["auto", "float64", "float32"], Expects('"auto", "float64" or "float32"')]
Operation = Annotated[
    Literal["cross_correlation", "convolution"],
    Expects('"cross_correlation" (the kernel as it is) or "convolution" (the kernel flipped)'),
]
PaddingModeName = Annotated[
    str,
    Expects(f"one of {quoted(tuple(PADDING_MODES))}"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(PADDING_MODES)},
                {"type": "string", "description": "A name that NumPy, SciPy or OpenCV gives to just one of these."},
            ]
        }
    ),
]
if TYPE_CHECKING:
    PoolKindName = str
else:
    PoolKindName = Literal[tuple(POOL_KINDS)]
PoolKind = Annotated[PoolKindName, Expects(quoted(tuple(POOL_KINDS)))]
MethodName = Annotated[str, Expects('"auto" or the name of a method; GET /v1/limits lists them')]
ArrayExpects = Expects("nested lists of numbers, a flat or a packed array")


def expectation(model: type[BaseModel], name: str) -> str | None:
    """Return what a model's field, by its name or alias, takes, or None where the field does not say."""
    aliased = (entry for entry in model.model_fields.values() if entry.alias == name)
    field = model.model_fields.get(name) or next(aliased, None)
    for entry in field.metadata if field is not None else ():
        if isinstance(entry, Expects):
            return entry.text
    return _nested_expectation(field.annotation) if field is not None else None


def _nested_expectation(annotation: Any) -> str | None:
    """Find the sentence of an optional field, whose own annotation stands inside a union."""
    for entry in getattr(annotation, "__metadata__", ()):
        if isinstance(entry, Expects):
            return entry.text
    for inner in getattr(annotation, "__args__", ()):
        found = _nested_expectation(inner)
        if found is not None:
            return found
    return None
