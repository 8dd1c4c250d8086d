"""What an operator may set: environment variables ``CONVOLUTION_…``, each bounded, its unit in its name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from service import container, wire
from service.drawing.contact_sheet import MAX_SHEET_PIXELS
from service.drawing.trace_figure import MAX_CHANNELS
from service.drawing.trace_gif import MAX_ANIMATION_PIXELS, MAX_FRAMES
from service.operations.limits import WorkLimits
from service.operations.trace_page import MAX_TRACE_TAPS
from service.schemas.networks import MAX_LAYERS
from service.schemas.traced import MAX_SIDE
from service.wire import MAX_AXES, ReadLimits

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]

MEBI = 2**20

MAX_HEADER_BYTES = 64 * 1024
"""Of a request's address and headers together, and of its trailers."""
FIXED_LIMITS: dict[str, int | float] = {
    "max_layers": MAX_LAYERS,
    "max_trace_taps": MAX_TRACE_TAPS,
    "max_drawn_side": MAX_SIDE,
    "max_drawn_channels": MAX_CHANNELS,
    "max_animation_frames": MAX_FRAMES,
    "max_animation_pixels": MAX_ANIMATION_PIXELS,
    "max_sheet_pixels": MAX_SHEET_PIXELS,
    "max_header_bytes": MAX_HEADER_BYTES,
    **wire.FIXED_LIMITS,
}
"""Limits that follow from what a page, a screen or a request holds, not from what a machine has: nobody sets them."""


_WORKER_BYTES = 192 * MEBI  # what a worker and its share of requests should have at least
_TASKS_BESIDE_CORES = 8  # threads of a worker that there are whatever the cores: the loop, the parent's share, spares
_TASKS_A_CORE = 3  # a slot, a thread of the engine, one of libvips


def _default_workers() -> int:
    """Return a worker a core, fewer where memory or the number of threads is scarce; one where `fork` is not safe."""
    if sys.platform != "linux":
        return 1
    by_tasks = container.tasks() // (_TASKS_BESIDE_CORES + _TASKS_A_CORE * container.cores())
    return max(1, min(container.cores(), container.memory_bytes() // _WORKER_BYTES, by_tasks, 32))


def _default_slots() -> int:
    """Return a slot a core, fewer where the number of threads is scarce."""
    return max(1, min(container.cores(), container.tasks() // (2 * _TASKS_A_CORE)))


def _default_memory() -> int:
    """Return half of the memory: the rest is for the processes themselves, and for what an estimate misses."""
    return max(64 * MEBI, container.memory_bytes() // 2)


PREFIX = "CONVOLUTION_"


class Misconfigured(Exception):
    """A setting that cannot be; the text names it as the environment does, and says what would do."""


class Settings(BaseSettings):
    """The service's settings; every limit on a request is answered by ``GET /v1/limits``.

    A variable that is empty counts as not set.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    root_path: Annotated[str, BeforeValidator(lambda path: str(path).rstrip("/"))] = Field(
        "",
        pattern=r"^(/[^/?#\s]+)*$",
        description="The path prefix under which a proxy serves this service, such as /conv.",
    )
    drain_seconds: float = Field(0, ge=0, le=3600, description="Serving goes on for this long after SIGTERM.")
    stop_seconds: int = Field(20, ge=1, le=3600, description="Requests in flight get this long to finish after that.")

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(lambda level: str(level).lower())
    ] = Field("info", description="Requests are told at info.")

    api_keys: SecretStr = Field(SecretStr(""), description="Keys, with commas between them; none: no key is needed.")
    api_keys_file: Path | None = Field(None, description="A file with a key a line, beside those of api_keys.")
    quota_requests: Count | None = Field(None, description="Requests that a key may make in quota_seconds.")
    quota_seconds: int = Field(60, ge=1, le=86_400)
    cors_origins: str = Field("", description="Origins whose pages may call, with commas between them, or *.")

    workers: int = Field(default_factory=_default_workers, ge=1, le=256, description="Processes that serve.")
    slots: Count = Field(default_factory=_default_slots, description="Requests that are worked on at once.")
    queue_length: int = Field(64, ge=0, le=100_000, description="Requests that may wait for a slot; more are a 503.")
    header_seconds: Seconds = Field(30, description="A request's headers must be here within this time.")
    body_seconds: Seconds = Field(30, description="A request's body must be here within this time.")
    send_seconds: Seconds = Field(120, description="A client must have taken its answer within this.")
    deadline_seconds: Seconds = Field(60, description="A request's work, waiting included, must be done within this.")
    max_memory_bytes: Count = Field(
        default_factory=_default_memory,
        description="Memory that is reserved for all requests together: bodies, arrays and answers.",
    )
    inline_bytes: int = Field(
        64 * 1024,
        ge=0,
        le=16 * MEBI,
        description="Bodies up to this size may be worked on at once, by the event loop and without a slot; "
        "up to eight times this by the event loop in a slot.",
    )
    inline_seconds: float = Field(
        0.002,
        ge=0,
        le=1,
        description="And only where their work takes no longer than this; in a slot, no longer than twice this.",
    )
    small_share: float = Field(
        0.15, gt=0, le=1, description="Share of the cores that small requests get while larger work is in progress."
    )

    max_body_bytes: Count = 64 * MEBI
    max_decoded_bytes: Count = 128 * MEBI
    max_input_elements: Count = 32 * MEBI
    max_json_depth: int = Field(64, ge=8, le=200)
    max_form_parts: int = Field(64, ge=1, le=10_000)
    max_part_header_bytes: int = Field(8192, ge=256, le=MEBI)
    max_picture_pixels: Count = 40_000_000
    max_output_elements: Count = 32 * MEBI
    max_kernel_elements: Count = 16 * MEBI
    max_padded_elements: Count = 64 * MEBI
    max_macs: Count = 200_000_000_000
    working_bytes: int = Field(
        64 * MEBI, ge=MEBI, description="Working memory of one computation, beyond input and output."
    )

    def keys(self) -> list[str]:
        """Return every API key, each once; empty if none is needed.

        Raises
        ------
        Misconfigured
            If the file cannot be read, if keys were to be given and there are none, which would leave the service open,
            if one could not be sent in a header, or if there is a quota a key and no key.
        """
        in_line = self.api_keys.get_secret_value()
        given = [key.strip() for key in [*in_line.split(","), *self._lines_of_file()]]
        keys = list(dict.fromkeys(key for key in given if key))
        if not keys and (in_line or self.api_keys_file):
            name = "API_KEYS_FILE" if self.api_keys_file else "API_KEYS"
            raise Misconfigured(f"{PREFIX}{name} holds no key; leave it out if none is to be needed")
        if not all(key.isascii() and key.isprintable() and " " not in key for key in keys):
            raise Misconfigured(f"an API key of {PREFIX}API_KEYS or its file has other than visible ASCII characters")
        if self.quota_requests is not None and not keys:
            raise Misconfigured(f"{PREFIX}QUOTA_REQUESTS counts requests by API key, and there are no keys")
        return keys

    def _lines_of_file(self) -> list[str]:
        if self.api_keys_file is None:
            return []
        try:
            return self.api_keys_file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise Misconfigured(f"{PREFIX}API_KEYS_FILE, {self.api_keys_file}, cannot be read: {why}") from error

    def origins(self) -> list[str]:
        """Return the origins whose pages may call."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]

    def read_limits(self) -> ReadLimits:
        """Return how much is read from one request."""
        return ReadLimits(
            max_decoded_bytes=self.max_decoded_bytes,
            max_elements=self.max_input_elements,
            max_axes=MAX_AXES,
            max_json_depth=self.max_json_depth,
            max_parts=self.max_form_parts,
            max_part_header_bytes=self.max_part_header_bytes,
            max_picture_pixels=self.max_picture_pixels,
        )

    def work_limits(self) -> WorkLimits:
        """Return what one request may ask for."""
        return WorkLimits(
            max_output_elements=self.max_output_elements,
            max_kernel_elements=self.max_kernel_elements,
            max_macs=self.max_macs,
            max_input_elements=self.max_input_elements,
            max_padded_elements=self.max_padded_elements,
            max_memory_bytes=self.max_memory_bytes,
            deadline_seconds=self.deadline_seconds,
            cores=container.cores(),
            working_bytes=self.working_bytes,
        )

    def limits(self) -> dict[str, int | float]:
        """Return every limit in force by its name."""
        names = [name for name in type(self).model_fields if name.startswith("max_")]
        also = [
            "slots",
            "queue_length",
            "header_seconds",
            "body_seconds",
            "send_seconds",
            "deadline_seconds",
            "working_bytes",
        ]
        return {name: getattr(self, name) for name in [*names, *also]} | FIXED_LIMITS


def read_settings() -> Settings:
    """Return the settings that the environment has.

    Raises
    ------
    Misconfigured
        With a line for each that cannot be.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured("\n".join(_said(fault) for fault in error.errors(include_url=False))) from None


def _said(fault: ErrorDetails) -> str:
    name = ".".join(map(str, fault["loc"]))
    shown = "" if "key" in name else f" is {str(fault['input'])[:100]!r}:"
    return f"{PREFIX}{name.upper()}{shown} {fault['msg']}"
