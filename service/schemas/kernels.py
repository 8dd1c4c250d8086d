"""A kernel as a request gives it: numbers, a name, or a name with parameters."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from .arrays import component
from .fields import Expects


class NamedKernel(BaseModel):
    """A kernel by name, with the parameters that `GET /v1/kernels` lists for it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": {"type": "number"},
            "examples": [{"name": "gaussian", "size": 5, "sigma": 1.2}],
        },
    )

    name: str = Field(description="A name from GET /v1/kernels.")


class KernelField:
    """Marks a field that takes an array, a kernel's name, or an object with a name and parameters."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_kernel)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [
                component("Array"),
                {"type": "string", "title": "Name", "description": "A name from GET /v1/kernels."},
                component("NamedKernel"),
            ]
        }


def _kernel(value: Any) -> Any:
    if isinstance(value, (np.ndarray, str)) or (isinstance(value, dict) and isinstance(value.get("name"), str)):
        return value
    raise PydanticCustomError("kernel_type", "a kernel is wanted")


Kernel = Annotated[
    np.ndarray | str | dict[str, Any],
    KernelField,
    Expects('an array, a name such as "sobel_x", or an object such as {"name": "gaussian", "size": 5}'),
]
