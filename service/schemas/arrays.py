"""How arrays stand in a request's model and in OpenAPI.

The wire has turned them into ndarrays before a model sees them, so that pydantic checks one object instead of a million
numbers; here a field only says that it wants one, and OpenAPI describes the three ways in which a client may write it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Annotated, Any

import numpy as np
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from service.wire import Picture

ARRAY_DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64")

ARRAY_COMPONENTS: dict[str, dict[str, Any]] = {
    "NestedArray": {
        "type": "array",
        "title": "Nested lists",
        "description": "Rows within rows, as many levels as axes; every row of a level has the same length.",
        "items": {"anyOf": [{"type": "number"}, {"$ref": "#/components/schemas/NestedArray"}]},
        "examples": [[[1, 2], [3, 4]]],
    },
    "FlatArray": {
        "type": "object",
        "title": "Flat array",
        "description": "The values in row-major order, with their shape and dtype.",
        "properties": {
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "dtype": {"type": "string", "enum": list(ARRAY_DTYPES)},
            "data": {"type": "array", "items": {"type": "number"}},
        },
        "required": ["shape", "dtype", "data"],
        "additionalProperties": False,
        "examples": [{"shape": [2, 2], "dtype": "float32", "data": [1, 2, 3, 4]}],
    },
    "PackedArray": {
        "type": "object",
        "title": "Packed array",
        "description": "The values' bytes in base64: row-major, little-endian. May carry NaN and infinity.",
        "properties": {
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "dtype": {"type": "string", "enum": list(ARRAY_DTYPES)},
            "base64": {"type": "string", "contentEncoding": "base64"},
        },
        "required": ["shape", "dtype", "base64"],
        "additionalProperties": False,
        "examples": [{"shape": [2, 2], "dtype": "uint8", "base64": "AQIDBA=="}],
    },
    "Array": {
        "title": "Array",
        "description": "Numbers, written in one of three ways.",
        "anyOf": [
            {"$ref": "#/components/schemas/NestedArray"},
            {"$ref": "#/components/schemas/FlatArray"},
            {"$ref": "#/components/schemas/PackedArray"},
        ],
    },
}
"""The components that a request's `Array` fields refer to."""


def _of_answers(name: str) -> dict[str, Any]:
    """Return a component as answers have it: an axis may have no entries, as where no input reaches a position."""
    schema = deepcopy(ARRAY_COMPONENTS[name])
    schema["properties"]["shape"]["items"]["minimum"] = 0
    return schema | {"title": f"{schema['title']} of an answer"}


ARRAY_COMPONENTS |= {
    "FlatAnswerArray": _of_answers("FlatArray"),
    "PackedAnswerArray": _of_answers("PackedArray"),
    "AnswerArray": {
        "title": "Array of an answer",
        "description": "Numbers, in the way that `encoding` chose.",
        "anyOf": [
            {"$ref": "#/components/schemas/NestedArray"},
            {"$ref": "#/components/schemas/FlatAnswerArray"},
            {"$ref": "#/components/schemas/PackedAnswerArray"},
        ],
    },
}
"""And those of an answer's."""


def component(name: str) -> dict[str, str]:
    """Return a reference to a component that pydantic does not know; :func:`resolve_components` makes it a `$ref`."""
    return {"x-component": name}


def resolve_components(schema: Any) -> Any:
    """Return a JSON schema with every reference made by :func:`component` turned into a `$ref`."""
    if isinstance(schema, list):
        return [resolve_components(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    resolved = {key: resolve_components(value) for key, value in schema.items() if key != "x-component"}
    if "x-component" in schema:
        resolved["$ref"] = f"#/components/schemas/{schema['x-component']}"
    return resolved


class ArrayField:
    """Marks a field whose value the wire reads into an ndarray."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_array)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return component("AnswerArray" if handler.mode == "serialization" else "Array")


def _array(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        raise PydanticCustomError("array_type", "an array is wanted")
    return value


class InputField(ArrayField):
    """Marks an array field that may also be a picture, sent as a file."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_input)


def _input(value: Any) -> Any:
    return value if isinstance(value, Picture) else _array(value)


Array = Annotated[np.ndarray, ArrayField]
"""A field that holds an ndarray; in JSON nested lists, a flat or a packed array."""

Input = Annotated[np.ndarray | Picture, InputField]
"""A field that holds an ndarray or, where it came as a file, a picture."""
