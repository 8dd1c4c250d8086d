"""What can be wrong with a call of the engine.

Every error is an :class:`EngineError`. It carries ``detail`` (what came and what would do, in one sentence) and
``argument`` (the name of the argument at fault), so that whoever called can point at it; ``slug`` and ``title``
are fixed for a class and identify the kind of error.

    EngineError
    ├── InvalidArgument          a value of the wrong type, sign or length
    │   ├── UnknownPaddingMode
    │   └── AmbiguousPaddingMode
    ├── ShapeMismatch            two arrays, or an array and the operation, do not fit each other
    │   ├── ChannelMismatch
    │   └── GroupsMismatch
    ├── KernelTooLarge           not one window fits
    ├── EmptyOutput              a transposed convolution whose padding removes everything
    ├── PaddingTooLarge          a pool's padding reaches past its window
    ├── EmptyWindow              a pool's window that holds no cell of the input
    ├── OutputPaddingTooLarge
    ├── UnknownMethod
    ├── MethodNotApplicable      a method asked for by name that cannot do this
    └── Cancelled                the caller's cancel check said so
"""

from __future__ import annotations

from typing import ClassVar


class EngineError(ValueError):
    """Base of all engine errors; ``str(error)`` is its detail."""

    slug: ClassVar[str] = "invalid-value"
    title: ClassVar[str] = "A value cannot be used"

    def __init__(self, detail: str, argument: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.argument = argument

    @property
    def pointer(self) -> str:
        """The argument at fault as a JSON pointer, such as ``/kernel``."""
        return f"/{self.argument}" if self.argument else ""


class InvalidArgument(EngineError):
    """A value of the wrong type, sign or length."""


class UnknownPaddingMode(InvalidArgument):
    """No padding mode has this name."""

    slug = "unknown-padding-mode"
    title = "There is no padding mode of this name"


class AmbiguousPaddingMode(InvalidArgument):
    """Libraries give this name to different borders."""

    slug = "ambiguous-padding-mode"
    title = "The padding mode's name has more than one meaning"


class ShapeMismatch(EngineError):
    """Two arrays, or an array and the operation, do not fit each other."""

    slug = "shape-mismatch"
    title = "The shapes do not fit each other"


class ChannelMismatch(ShapeMismatch):
    """The kernel's channels are not the input's."""

    slug = "channel-mismatch"
    title = "The kernel's channels do not match the input's"


class GroupsMismatch(ShapeMismatch):
    """Channels or filters do not divide into the groups."""

    slug = "groups-mismatch"
    title = "The channels do not divide into the groups"


class KernelTooLarge(EngineError):
    """Not one window fits the padded input."""

    slug = "kernel-too-large"
    title = "The kernel does not fit the padded input"


class EmptyOutput(EngineError):
    """A transposed convolution whose padding removes the whole output."""

    slug = "empty-output"
    title = "The padding removes the whole output"


class PaddingTooLarge(EngineError):
    """A pool's padding reaches past its window."""

    slug = "padding-too-large"
    title = "The padding is larger than the window can use"


class EmptyWindow(EngineError):
    """A pool's window that holds no cell of the input."""

    slug = "empty-window"
    title = "A window holds no cell of the input"


class OutputPaddingTooLarge(EngineError):
    """An output padding that no stride or dilation accounts for."""

    slug = "output-padding-too-large"
    title = "The output padding is too large"


class UnknownMethod(EngineError):
    """No method has this name."""

    slug = "unknown-method"
    title = "There is no method of this name"


class MethodNotApplicable(EngineError):
    """A method asked for by name that cannot do this computation."""

    slug = "method-not-applicable"
    title = "The method cannot do this computation"


class Cancelled(EngineError):
    """The caller's cancel check asked to stop."""

    slug = "cancelled"
    title = "The computation was cancelled"

    def __init__(self) -> None:
        super().__init__("the computation was cancelled between two blocks", "")
