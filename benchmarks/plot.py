"""The ratios as a picture: one bar a case and peer, to the right of the line where the engine is faster."""

from __future__ import annotations

from html import escape
from math import log10

from benchmarks.contestants import PEERS
from benchmarks.measure import Row

# Paul Tol's bright scheme, told apart by the colour-blind too.
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377")
LEFT, WIDTH, BAR = 340, 480, 11
DECADES = (-1, 2)  # a tenth to a hundred times as fast


def plot(rows: list[Row]) -> str:
    """Return an SVG picture of the engine's speed over each peer's, on a logarithmic axis."""
    parts, y = [], 30
    for row in rows:
        parts.append(f'<text x="{LEFT - 8}" y="{y + BAR}" text-anchor="end">{escape(row.case.name)}</text>')
        for peer, colour in zip(PEERS, COLOURS, strict=False):
            ratio = row.ratio(peer)
            if ratio is not None:
                start, end = sorted((_place(1.0), _place(ratio)))
                title = f"<title>{escape(peer)}: {ratio:.2f}×</title>"
                parts.append(
                    f'<rect x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="{BAR - 2}" fill="{colour}">'
                    f"{title}</rect>"
                )
                y += BAR
        y += 8
    grid = [
        f'<line x1="{_place(v):.1f}" x2="{_place(v):.1f}" y1="20" y2="{y}" stroke="{"black" if v == 1 else "#ddd"}"/>'
        f'<text x="{_place(v):.1f}" y="14" text-anchor="middle">{v:g}×</text>'
        for v in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
    ]
    keys = [
        f'<rect x="{LEFT + 120 * i}" y="{y + 10}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{LEFT + 120 * i + 15}" y="{y + 19}">{escape(peer)}</text>'
        for i, (peer, colour) in enumerate(zip(PEERS, COLOURS, strict=False))
    ]
    size = f'width="{LEFT + WIDTH + 20}" height="{y + 30}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *grid, *parts, *keys, "</svg>", ""])


def _place(ratio: float) -> float:
    low, high = DECADES
    return LEFT + WIDTH * (min(max(log10(ratio), low), high) - low) / (high - low)
