"""Numbers as drawings show them: short enough for a cell."""

from __future__ import annotations

from typing import Any

MINUS = "\u2212"

_SHORT = 6


def short(value: Any, digits: int = 3) -> str:
    """Return a number in some seven characters: whole and short ones as they are, others with `digits` digits."""
    plain = float(value) + 0.0  # a negative zero is a zero
    six = f"{plain:.6g}"
    if len(six) <= _SHORT and "e" not in six:
        text = six
    elif (plain.is_integer() or abs(plain) >= 10**digits) and abs(plain) < 1e7:
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
