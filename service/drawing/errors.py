"""What cannot be drawn.

    DrawingError
    ├── NoPicture        the maps have no picture: 1-D or 3-D, empty, or not finite
    ├── SheetTooLarge    the contact sheet would be larger than its limit
    └── TraceTooLarge    a trace has more cells, channels or frames than a drawing may

They are events of this room; which status they become is decided at the border.
"""

from __future__ import annotations

from typing import ClassVar


class DrawingError(ValueError):
    """A result cannot be drawn as asked.

    Attributes
    ----------
    detail : str
        What came, and what would do.
    pointer : str
        JSON pointer to the part of the request that is at fault; "" is the request as a whole.
    extra : dict
        `limit` and `actual` where a limit refused.
    """

    slug: ClassVar[str] = "drawing-failed"
    title: ClassVar[str] = "The answer cannot be drawn"

    def __init__(self, detail: str, pointer: str = "", **extra: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.extra = extra


class NoPicture(DrawingError):
    slug = "no-picture"
    title = "These maps have no picture"


class SheetTooLarge(DrawingError):
    slug = "sheet-too-large"
    title = "The contact sheet would be too large"


class TraceTooLarge(DrawingError):
    slug = "trace-too-large"
    title = "The trace is too large to draw"
