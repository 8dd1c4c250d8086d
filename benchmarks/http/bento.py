"""What ``bentoml serve`` loads: the service that :mod:`benchmarks.http.servers` starts."""

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType

from benchmarks.http.servers import convolved

Array = Annotated[np.ndarray, DType("float32")]  # bare, as BentoML reads its parameters otherwise


@bentoml.service(workers=1)
class Convolution:
    """One convolution."""

    @bentoml.api(route="/json")  # type: ignore[untyped-decorator]  # mypy runs where BentoML is not
    def json(self, input: Array, kernel: Array, padding: int = 0) -> Array:
        """Convolve."""
        return convolved(input, kernel, padding)
