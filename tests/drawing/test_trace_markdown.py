"""The handout: its tables, its formulas, its sums."""

from __future__ import annotations

import re

import numpy as np
import pytest

from service.drawing.trace_markdown import latex, trace_markdown
from tests.drawing.examples import EDGE, KINDS, RAMP, anchor, conv, of_size, pooled


def test_the_anchor_as_a_handout() -> None:
    text = trace_markdown(anchor())
    assert text.startswith("# Trace of conv2d: input 5 × 5, kernel 3 × 3 → output 3 × 3\n")
    assert "| **0** | 10 | 20 | 30 | 40 | 50 |" in text
    assert "| (1, 2) | rows 1 to 3, columns 2 to 4 | −60 |" in text
    assert (
        r"$$ \begin{bmatrix} 10 & 20 & 30 \\ 60 & 70 & 80 \\ 110 & 120 & 130 \end{bmatrix} \odot "
        r"\begin{bmatrix} 1 & 0 & -1 \\ 1 & 0 & -1 \\ 1 & 0 & -1 \end{bmatrix} = "
        r"\begin{bmatrix} 10 & 0 & -30 \\ 60 & 0 & -80 \\ 110 & 0 & -130 \end{bmatrix} $$"
    ) in text
    assert "10×1 + 20×0 + 30×(−1) + 60×1 + 70×0 + 80×(−1) + 110×1 + 120×0 + 130×(−1) = **−60**" in text
    assert text.endswith("| **2** | −60 | −60 | −60 |\n")


# By hand, from the size formula of a convolution with the anchor's numbers.
def test_a_size_formula_in_latex() -> None:
    assert latex("⌊(5 + 0 + 0 − 1·(3 − 1) − 1) / 1⌋ + 1") == (
        r"\left\lfloor \frac{5 + 0 + 0 - 1 \cdot (3 - 1) - 1}{1} \right\rfloor + 1"
    )
    assert latex("⌈(n + after) / stride⌉ + 1") == r"\left\lceil \frac{n + \text{after}}{\text{stride}} \right\rceil + 1"
    assert latex("output_padding") == r"\text{output\_padding}"


@pytest.mark.parametrize("kind", KINDS)
def test_tables_are_rectangular_and_formulas_closed(kind: str) -> None:
    text = trace_markdown(of_size(kind, 5))
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1, table
    assert text.count("$$") % 2 == 0
    for formula in re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL):
        assert formula.count("{") == formula.count("}")
        assert formula.count(r"\begin") == formula.count(r"\end")
        assert formula.count(r"\left") == formula.count(r"\right")


def test_padding_stands_in_italics_and_the_page_says_what_follows() -> None:
    text = trace_markdown(conv(input=RAMP, kernel=EDGE, padding=1, padding_mode="reflect", count=2))
    assert "| **−1** | *70* | *60* | *70* | *80* | *90* | *100* | *90* |" in text
    assert "| (0, 0) | rows −1 to 1, columns −1 to 1 |" in text
    assert "23 more of 25 positions follow: ask for `start` 2." in text


def test_a_maximum_says_where_it_stands() -> None:
    text = trace_markdown(pooled(input=RAMP, kernel_size=2))
    assert "max(10, 20, 60, 70) = **70**" in text
    assert "The max stands at (1, 1)." in text


def test_a_matrix_has_the_digits_of_the_sum_beside_it() -> None:
    text = trace_markdown(conv(input=np.full((1, 1), 1.23456), kernel=np.full((1, 1), 2.5)))
    assert r"\begin{bmatrix} 1.23456 \end{bmatrix} \odot \begin{bmatrix} 2.5 \end{bmatrix}" in text
    assert "1.23456×2.5 = **3.0864**" in text


def test_a_signal_is_displaced_in_the_units_of_its_spacing() -> None:
    fields = {"input": np.ones(4), "kernel": np.ones(2), "operation": "convolution", "padding": "full"}
    text = trace_markdown(conv(1, **fields))
    assert "Folded, displaced to t = 2, multiplied, and summed:\n\n1×1 + 1×1 = **2**" in text
    text = trace_markdown(conv(1, **fields, sample_spacing=0.5))
    told = "Folded, displaced to t = 1, multiplied, summed, and taken times the sample spacing 0.5:"
    assert f"{told}\n\n0.5×(1×1 + 1×1) = **1**" in text


def test_channels_come_apart_and_together() -> None:
    planes, taps = np.stack([RAMP, RAMP * 2]), np.stack([EDGE, EDGE])[None]
    text = trace_markdown(conv(input=planes, kernel=taps, count=1))
    assert r"$$ \text{channel 1: } \begin{bmatrix} 20 & 40 & 60" in text
    assert "The channels' sums: (−60) + (−120) = −180." in text


def test_a_ceil_that_is_cut_back_says_why() -> None:
    # n 4, k 2, s 3, p 1: 2, not 3 (semantics 6).
    text = trace_markdown(pooled(1, input=np.arange(4), kernel_size=2, stride=3, padding=1, ceil_mode=True))
    assert "One less, as the last window would start in the padding after the input." in text


def test_a_large_input_is_not_printed() -> None:
    text = trace_markdown(conv(input=np.ones((1000, 1000)), kernel=EDGE))
    assert len(text) < 40_000
    assert "995940 more of 996004 positions follow" in text
