"""Numbers as drawings show them: short enough for a cell."""

from __future__ import annotations

from typing import Any

MINUS = "\u2212"


def short(value: Any, digits: int = 3) -> str:
    """Return a number in some seven characters: whole ones whole, others with `digits` significant digits."""
    plain = float(value) + 0.0  # a negative zero is a zero
    if (plain.is_integer() or abs(plain) >= 10**digits) and abs(plain) < 1e7:
        text = f"{plain:.0f}"
    else:
        text = f"{plain:.{digits}g}"
        if "e" in text:
            mantissa, exponent = f"{plain:.1e}".split("e")
            text = f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return text.replace("-", MINUS)


def signed(text: str) -> str:
    """Return an expression with the proper minus sign."""
    return text.replace("-", MINUS)
