"""What MLServer loads: the runtime that :mod:`benchmarks.http.servers` names to it."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.http.servers import convolved


class Convolution(MLModel):  # type: ignore[misc]  # mypy runs where MLServer is not
    """One convolution."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Convolve."""
        arrays = {entry.name: NumpyCodec.decode_input(entry) for entry in payload.inputs}
        padding = int(arrays["padding"].item()) if "padding" in arrays else 0
        maps = convolved(arrays["input"], arrays["kernel"], padding)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output", maps)])
