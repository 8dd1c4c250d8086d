"""The golden vectors: other frameworks' answers, read once, and the one way to compare with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "data" / "vectors"
TOLERANCES = {"exact": (0.0, 0.0), "float64": (1e-10, 1e-13), "float32": (1e-4, 1e-5)}


@dataclass(frozen=True)
class Golden:
    """One case. `arrays` and `expected` are read when they are asked for."""

    id: str
    family: str
    op: str
    parameters: dict[str, Any]
    tolerance: str
    scale: dict[str, float]
    array_names: tuple[str, ...]
    expected_names: tuple[str, ...]

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the operation is given."""
        return {name: _file(self.family)[f"{self.id}.{name}"] for name in self.array_names}

    def check(self, **found: NDArray[Any]) -> None:
        """Assert that every array the case expects was found: shape and value, indices to the last bit."""
        assert set(found) >= set(self.expected_names), f"{self.id} expects {self.expected_names}"
        for name in self.expected_names:
            expected, got = _file(self.family)[f"{self.id}.{name}"], found[name]
            assert got.shape == expected.shape, f"{self.id}.{name}"
            relative, absolute = TOLERANCES["exact" if name == "indices" else self.tolerance]
            bound = absolute * self.scale.get(name, 0.0)
            np.testing.assert_allclose(got, expected, rtol=relative, atol=bound, err_msg=f"{self.id}.{name}")


@cache
def _file(family: str) -> dict[str, NDArray[Any]]:
    with np.load(FOLDER / f"{family}.npz") as arrays:
        return dict(arrays)


def golden(op: str) -> list[Any]:
    """Return the cases of an operation of the engine, as parameters of a test."""
    index = json.loads((FOLDER / "index.json").read_text())
    return [
        pytest.param(
            Golden(
                id=case["id"],
                family=case["family"],
                op=case["op"],
                parameters=case["parameters"],
                tolerance=case["tolerance"],
                scale=case["scale"],
                array_names=tuple(case["arrays"]),
                expected_names=tuple(case["expected"]),
            ),
            id=case["id"],
        )
        for case in index["cases"]
        if case["op"] == op
    ]
