"""What is measured: a few convolutions of kinds that behave differently, with seeded data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Case:
    """One 2-D cross-correlation without padding.

    Attributes
    ----------
    input_shape : (N, C, H, W)
    kernel_shape : (F, C/groups, kh, kw)
    """

    name: str
    input_shape: tuple[int, int, int, int]
    kernel_shape: tuple[int, int, int, int]
    stride: int = 1
    groups: int = 1
    dtype: str = "float32"

    @property
    def is_picture_filter(self) -> bool:
        """Whether it is one filter at stride 1 on one channel: all that an image library computes."""
        return self.input_shape[:2] == (1, 1) and self.kernel_shape[:2] == (1, 1) and self.stride == 1

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return input and kernel, the same at each call."""
        random = np.random.default_rng(1)
        values, weights = random.standard_normal(self.input_shape), random.standard_normal(self.kernel_shape)
        return values.astype(self.dtype), weights.astype(self.dtype)


CASES = (
    Case("matrix 5×5, 3×3", (1, 1, 5, 5), (1, 1, 3, 3)),
    Case("picture 512×512, 3×3", (1, 1, 512, 512), (1, 1, 3, 3)),
    Case("picture 512×512, 3×3, float64", (1, 1, 512, 512), (1, 1, 3, 3), dtype="float64"),
    Case("picture 1080×1920, 5×5", (1, 1, 1080, 1920), (1, 1, 5, 5)),
    Case("picture 512×512, 31×31", (1, 1, 512, 512), (1, 1, 31, 31)),
    Case("first layer 3→64, 224×224, 7×7 stride 2", (1, 3, 224, 224), (64, 3, 7, 7), stride=2),
    Case("layer 64→64, 56×56, 3×3", (1, 64, 56, 56), (64, 64, 3, 3)),
    Case("layer 256→64, 56×56, 1×1", (1, 256, 56, 56), (64, 256, 1, 1)),
    Case("depthwise 96, 112×112, 3×3", (1, 96, 112, 112), (96, 1, 3, 3), groups=96),
)
