"""Colours: readable text, honest signs."""

from __future__ import annotations

import pytest

from service.drawing.palette import DARK, DIVERGING, LIGHT, Theme, diverging_table, level, rgb


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    linear = [part / 255 for part in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in linear]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


# WCAG 2.2: 4.5 for text (1.4.3), 3 for what must be seen to understand a drawing (1.4.11).
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_can_be_read(theme: Theme) -> None:
    for fill in (*theme.values, theme.background, theme.surface):
        assert contrast(theme.ink, fill) >= 4.5
    for text in (theme.muted, theme.window, theme.output):
        assert contrast(text, theme.background) >= 3
    assert contrast(theme.muted, theme.background) >= 4.5


def test_the_table_runs_from_end_to_end_with_zero_at_128() -> None:
    table = diverging_table()
    assert table.shape == (256, 3)
    assert (tuple(table[0]), tuple(table[128]), tuple(table[255])) == (
        rgb(DIVERGING[0]),
        rgb(DIVERGING[5]),
        rgb(DIVERGING[10]),
    )
    assert (table[1:128, 2] > table[1:128, 0]).all()  # blue below zero
    assert (table[130:, 0] > table[130:, 2]).all()  # red above


# By hand: five steps a side, the middle for zero alone.
@pytest.mark.parametrize(
    ("value", "bound", "expected"),
    [(0, 10, 5), (10, 10, 10), (-10, 10, 0), (1e-9, 10, 6), (-1e-9, 10, 4), (5, 10, 7), (99, 10, 10), (0, 0, 5)],
)
def test_a_value_takes_the_fill_of_its_sign_and_size(value: float, bound: float, expected: int) -> None:
    assert level(value, bound) == expected
