"""Many feature maps as one picture: a tidy, labelled grid.

The grid is planned from integers first (`plan_sheet`), so that a sheet beyond its limit is refused before a pixel of it
exists.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.drawing.errors import SheetTooLarge
from service.drawing.maps import Admit, Depth, Pixels, Range, require_finite, to_pixels, unbounded
from service.drawing.palette import LIGHT, diverging_table, rgb

# A map of the sheet is enlarged towards this many pixels a side, so that a 3 x 3 map can be seen, ...
TILE = 128
# ... but less where many maps would make the sheet wider than a screen.
COMFORTABLE_SIDE = 1600
# 16 megapixels: a quarter of what a decoder of pictures usually allows.
MAX_SHEET_PIXELS = 16_000_000
# What a pixel takes while a sheet is drawn: Pillow's four bytes, a colour, and its copy as the encoder wants it.
SHEET_PIXEL_BYTES = 10

GUTTER = 12
FONT_SIZE = 13
LABEL_HEIGHT = 18
TITLE_SIZE = 16
TITLE_HEIGHT = 30
SCALE_HEIGHT = 44
SCALE_WIDTH = 256

# Grey levels of what is not a map: lighter than most of a map, darker than its white.
PAPER, _FRAME, _INK = 240, 150, 40


@dataclass(frozen=True)
class SheetPlan:
    """Where everything of a sheet lies, in pixels.

    Attributes
    ----------
    columns, rows : int
    factor : int
        Pixels a side that one value of a map becomes.
    cell_width, cell_height : int
        One grid cell: the enlarged map, its frame, its label and the gutter after it.
    tile_width, tile_height : int
        The enlarged map alone.
    width, height : int
        The whole sheet.
    """

    columns: int
    rows: int
    factor: int
    cell_width: int
    cell_height: int
    tile_width: int
    tile_height: int
    width: int
    height: int

    def corner(self, index: int) -> tuple[int, int]:
        """Return (top, left) of the `index`-th map's first pixel."""
        row, column = divmod(index, self.columns)
        return GUTTER + row * self.cell_height + LABEL_HEIGHT + 1, GUTTER + column * self.cell_width + 1


@dataclass(frozen=True)
class LabelledSheet:
    """A contact sheet that is planned, and not drawn yet.

    Attributes
    ----------
    maps : ndarray of shape (M, H, W)
    texts : sequence of M str
    signed : bool
        Whether it is drawn in colours centred on zero.
    plan : SheetPlan
    """

    maps: NDArray[Any]
    texts: Sequence[str]
    signed: bool
    plan: SheetPlan

    @classmethod
    def of(
        cls, maps: NDArray[Any], labels: Iterable[str] | None, range: Range, max_pixels: int = MAX_SHEET_PIXELS
    ) -> LabelledSheet:
        """Plan a sheet; parameters and errors are those of `contact_sheet`."""
        # Refused, if it must be, before any of the work a large sheet would take.
        plan_sheet(*maps.shape, label_width=0, scale=False, max_pixels=max_pixels)
        require_finite(maps)
        texts = [str(index) for index in np.arange(len(maps))] if labels is None else list(labels)
        signed = range == "offset" or (range == "normalize" and bool((maps < 0).any()))
        if signed and range == "normalize":
            bounds = np.abs(maps.astype(np.float64)).max(axis=(1, 2))
            texts = [f"{text}  ±{bound:.4g}" for text, bound in zip(texts, bounds, strict=True)]
        font = ImageFont.load_default(FONT_SIZE)
        widest = max(math.ceil(font.getlength(text)) for text in texts)
        plan = plan_sheet(*maps.shape, label_width=widest, scale=signed, max_pixels=max_pixels)
        return cls(maps, texts, signed, plan)

    def drawn(self, range: Range, depth: Depth) -> Pixels:
        """Draw it; the range is the one that it was planned for."""
        if self.signed:
            return _colour_sheet(self.maps, self.texts, self.plan, range, depth)
        return _grey_sheet(to_pixels(self.maps, range, depth), self.texts, self.plan)


def contact_sheet(
    maps: NDArray[Any],
    labels: Iterable[str] | None = None,
    *,
    range: Range = "clip",
    depth: Depth = 8,
    max_pixels: int = MAX_SHEET_PIXELS,
    admit: Admit = unbounded,
) -> Pixels:
    """Draw feature maps side by side.

    `range` means what it means for one map. Where it keeps the sign, the sheet shows it: "offset", and "normalize" of
    maps of which any value is negative, are drawn in colours centred on zero, blue below and red above, with a scale.
    There "normalize" scales each map by its own largest magnitude, which stands beside its label, so that zero has one
    colour on the whole sheet.

    Parameters
    ----------
    maps : ndarray of shape (M, H, W)
        Finite.
    labels : iterable of M str, optional
        "0", "1", … where left out.
    range : {"clip", "absolute", "normalize", "offset"}
    depth : {8, 16}
        Of a grey sheet; a coloured sheet is for the eye and has 8 bits.
    max_pixels : int
    admit : callable
        Told how many bytes of memory the sheet takes, before any is taken; may refuse.

    Returns
    -------
    ndarray of shape (height, width) or (3, height, width), uint8 or uint16

    Raises
    ------
    NoPicture
        A value is not finite.
    SheetTooLarge
        Names the limit, the size wanted and a way out.
    """
    sheet = LabelledSheet.of(maps, labels, range, max_pixels)
    admit(SHEET_PIXEL_BYTES * sheet.plan.width * sheet.plan.height)
    return sheet.drawn(range, depth)


def plan_sheet(
    count: int, height: int, width: int, *, label_width: int, scale: bool, max_pixels: int = MAX_SHEET_PIXELS
) -> SheetPlan:
    """Lay out `count` maps of `height` x `width` as near to a square as whole cells allow.

    Raises
    ------
    SheetTooLarge
    """
    enough = max(1, TILE // max(height, width))
    plan = _nearest_to_square(count, height, width, enough, label_width, scale)
    while plan.factor > 1 and max(plan.width, plan.height) > COMFORTABLE_SIDE:
        plan = _nearest_to_square(count, height, width, plan.factor - 1, label_width, scale)
    if plan.width * plan.height > max_pixels:
        raise SheetTooLarge(
            f"{count} maps of {height} x {width} make a sheet of {plan.height} x {plan.width} = "
            f"{plan.height * plan.width} pixels and the limit is {max_pixels}; ask for fewer or smaller maps, "
            "or for application/x-npy",
            limit=max_pixels,
            actual=plan.height * plan.width,
        )
    return plan


def _nearest_to_square(count: int, height: int, width: int, factor: int, label_width: int, scale: bool) -> SheetPlan:
    tile_height, tile_width = height * factor, width * factor
    cell_height = tile_height + 2 + LABEL_HEIGHT + GUTTER
    cell_width = max(tile_width + 2, label_width) + GUTTER
    # columns * cell_width = rows * cell_height with rows * columns = count, to the nearest whole column.
    columns = min(count, max(1, round(math.sqrt(count * cell_height / cell_width))))
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)  # no empty column
    sheet_width = GUTTER + columns * cell_width
    sheet_height = GUTTER + rows * cell_height
    if scale:
        sheet_width = max(sheet_width, SCALE_WIDTH + 2 * GUTTER + 60)
        sheet_height += SCALE_HEIGHT
    return SheetPlan(columns, rows, factor, cell_width, cell_height, tile_width, tile_height, sheet_width, sheet_height)


def _grey_sheet(pixels: Pixels, labels: Sequence[str], plan: SheetPlan) -> Pixels:
    sheet: Pixels = np.array(_paper(labels, plan, "L"), dtype=np.uint8)
    if pixels.dtype == np.uint16:
        sheet = sheet.astype(np.uint16) * np.uint16(257)
    for index, tile in enumerate(pixels):
        top, left = plan.corner(index)
        sheet[top : top + plan.tile_height, left : left + plan.tile_width] = _enlarged(tile, plan.factor)
    return sheet


def _colour_sheet(
    maps: NDArray[Any], labels: Sequence[str], plan: SheetPlan, range: Range, depth: Depth
) -> NDArray[np.uint8]:
    paper = _paper(labels, plan, "RGB")
    half = 1 << (depth - 1)
    ends = ("-max", "0", "+max") if range == "normalize" else (f"-{half}", "0", f"+{half - 1}")
    _draw_scale(paper, plan, ends)
    sheet = np.array(paper, dtype=np.uint8)
    table = diverging_table()
    for index, values in enumerate(maps):
        levels = _centred_levels(values) if range == "normalize" else to_pixels(values, range, depth) >> (depth - 8)
        top, left = plan.corner(index)
        tile = _enlarged(table[levels], plan.factor)
        sheet[top : top + plan.tile_height, left : left + plan.tile_width] = tile
    return np.ascontiguousarray(sheet.transpose(2, 0, 1))


def _centred_levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale a map by its largest magnitude to the levels 1..255, zero at 128."""
    bound = float(np.abs(values.astype(np.float64)).max()) or 1.0
    levels: NDArray[np.float64] = np.rint(values.astype(np.float64) / bound * 127) + 128
    return levels.astype(np.uint8)


def _enlarged(tile: NDArray[Any], factor: int) -> NDArray[Any]:
    return tile.repeat(factor, axis=0).repeat(factor, axis=1)


def _paper(labels: Sequence[str], plan: SheetPlan, mode: str) -> Image.Image:
    """Return the sheet without its maps: paper, frames and labels."""
    grey = mode == "L"
    paper = Image.new(mode, (plan.width, plan.height), PAPER if grey else (PAPER, PAPER, PAPER))
    draw = ImageDraw.Draw(paper)
    font = ImageFont.load_default(FONT_SIZE)
    for index, label in enumerate(labels):
        top, left = plan.corner(index)
        draw.text((left - 1, top - 4), label, fill=_INK if grey else rgb(LIGHT.ink), font=font, anchor="ls")
        frame = (left - 1, top - 1, left + plan.tile_width, top + plan.tile_height)
        draw.rectangle(frame, outline=_FRAME if grey else rgb(LIGHT.line))
    return paper


def _draw_scale(paper: Image.Image, plan: SheetPlan, ends: tuple[str, str, str]) -> None:
    """Draw the colour scale along the foot of the sheet, with its ends and zero named."""
    draw = ImageDraw.Draw(paper)
    font = ImageFont.load_default(FONT_SIZE)
    left, top = GUTTER + 30, plan.height - SCALE_HEIGHT
    table = diverging_table()
    for level in np.arange(SCALE_WIDTH):
        red, green, blue = (int(part) for part in table[level])
        draw.line((left + int(level), top, left + int(level), top + 12), fill=(red, green, blue))
    draw.rectangle((left - 1, top - 1, left + SCALE_WIDTH, top + 13), outline=rgb(LIGHT.line))
    for text, x in zip(ends, (left, left + 128, left + 255), strict=True):
        draw.text((x, top + 18), text, fill=rgb(LIGHT.ink), font=font, anchor="ma")


def title_width(text: str) -> int:
    """Return the pixels that a title takes, with its margins."""
    return math.ceil(ImageFont.load_default(TITLE_SIZE).getlength(text)) + 2 * GUTTER


def title(text: str) -> NDArray[np.uint8]:
    """Return a strip of paper with a title: (3, TITLE_HEIGHT, title_width)."""
    paper = Image.new("RGB", (title_width(text), TITLE_HEIGHT), (PAPER, PAPER, PAPER))
    draw = ImageDraw.Draw(paper)
    font = ImageFont.load_default(TITLE_SIZE)
    draw.text((GUTTER, TITLE_HEIGHT - 4), text, fill=rgb(LIGHT.ink), font=font, anchor="ls")
    return np.array(paper, dtype=np.uint8).transpose(2, 0, 1)
