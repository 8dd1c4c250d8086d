"""A trace as a handout in Markdown: tables for matrices, LaTeX for formulas, a section a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.drawing.numbers import short, signed
from service.drawing.trace_figure import MAX_CHANNELS, figure_title
from service.drawing.trace_panels import displaced, planes
from service.schemas.traced import MAX_SIDE, Step, Trace, View


def trace_markdown(trace: Trace) -> str:
    """Write a trace as Markdown (CommonMark with tables and `$$` formulas, as GitHub, Jupyter and pandoc read it)."""
    sections = [
        [f"# Trace of {signed(figure_title(trace))}"],
        _settings(trace),
        _size(trace),
        _data(trace),
        _overview(trace),
        *(_step(trace, index) for index in range(len(trace.steps))),
        _output(trace),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _settings(trace: Trace) -> list[str]:
    """List what was computed, with every default put in."""
    shown = [
        (name.replace("_", " "), value)
        for name, value in trace.plan.items()
        if name not in ("input_shape", "kernel_shape", "output_shape")
    ]
    lines = ["| setting | value |", "| --- | --- |"]
    lines += [f"| {name} | {_plain(value)} |" for name, value in [*shown, *trace.chosen.items()]]
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " × ".join(_plain(entry) for entry in value) if not _nested(value) else ", ".join(map(_pair, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short(value) if isinstance(value, int | float) else str(value).replace("_", " ")


def _nested(value: list[Any]) -> bool:
    return any(isinstance(entry, list) for entry in value)


def _pair(value: list[Any]) -> str:
    return f"{value[0]} before and {value[1]} after"


def _size(trace: Trace) -> list[str]:
    lines = ["## The size of the output", ""]
    for entry in trace.formula:
        lines += [f"{entry['name'].capitalize()}:", ""]
        if "window" in entry["expression"]:  # adaptive windows are told, not computed
            lines += [f"{entry['expression']}.", ""]
        else:
            general, _, reason = entry["general"].partition(", ")
            formula = f"{latex(general)} = {latex(entry['expression'])} = {entry['result']}"
            lines += [f"$$ {formula} $$", "", *([f"One less, {reason}.", ""] if reason else [])]
        symbols = ", ".join(f"${latex(name)} = {value}$" for name, value in entry["symbols"].items())
        lines += [f"with {symbols}.", ""]
    return lines[:-1]


def latex(formula: str) -> str:
    """Return a size formula in LaTeX: floors and ceilings as fractions, names upright."""
    text = formula.replace("−", "-").replace("·", r" \cdot ")
    for opened, closed, name in (("⌊", "⌋", "floor"), ("⌈", "⌉", "ceil")):
        left, right = rf"\left\l{name} ", rf" \right\r{name}"
        while opened in text:
            before, rest = text.split(opened, 1)
            inner, after = rest.split(closed, 1)
            top, slash, bottom = inner.rpartition(" / ")
            top = top[1:-1] if top.startswith("(") and top.endswith(")") else top
            inner = rf"\frac{{{top}}}{{{bottom}}}" if slash else inner
            text = f"{before}{left}{inner}{right}{after}"
    return "".join(_upright(word) for word in _words(text))


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        if character.isalpha() or character in "\\_":
            word += character
            continue
        yield word
        yield character
        word = ""
    yield word


def _upright(word: str) -> str:
    if len(word) < 2 or word.startswith("\\"):
        return word
    escaped = word.replace("_", r"\_")
    return rf"\text{{{escaped}}}"


def _data(trace: Trace) -> list[str]:
    """Print the input that the steps read, and the kernel."""
    lines = ["## The data"]
    view = trace.input
    for channel, values in enumerate(planes(view.values, trace.rank)):
        if max(values.shape) > MAX_SIDE or channel >= MAX_CHANNELS:
            continue
        suffix = f", channel {channel}" if view.values.ndim > trace.rank else ""
        padded = view.values.shape[-trace.rank :] != view.size
        lines += ["", f"Input{suffix}{'; what lies in the padding in italics' if padded else ''}:", ""]
        outside = _outside(view, trace.rank)
        # What a pool's padding holds is never read, or counts as nothing: no number stands there.
        lines += _table(values, _origin(view.origin), outside, blank=outside if trace.kernel is None else None)
    if trace.kernel is None or max(trace.kernel.shape[-trace.rank :]) > MAX_SIDE:
        return lines
    flipped = " as it was sent; the steps show it flipped" if trace.plan.get("operation") == "convolution" else ""
    for channel, values in enumerate(planes(trace.kernel, trace.rank)[:MAX_CHANNELS]):
        suffix = f", channel {channel}" if trace.kernel.ndim > trace.rank else ""
        lines += ["", f"Kernel{suffix}{flipped}:", "", *_table(values, (0, 0))]
    return lines if len(lines) > 1 else []


def _outside(view: View, rank: int) -> Callable[[tuple[int, int]], bool]:
    return lambda at: not view.inside(at[-rank:])


def _origin(origin: tuple[int, ...]) -> tuple[int, int]:
    return (origin[0], origin[1]) if len(origin) == 2 else (0, origin[0])


def _table(
    values: NDArray[Any],
    origin: tuple[int, int],
    padding: Callable[[tuple[int, int]], bool] | None = None,
    blank: Callable[[tuple[int, int]], bool] | None = None,
) -> list[str]:
    """Print a matrix with its coordinates."""
    columns = [short(origin[1] + column) for column in range(values.shape[1])]
    lines = [f"|  | {' | '.join(columns)} |", f"| ---: |{' ---: |' * len(columns)}"]
    for row, entries in enumerate(values):
        cells = []
        for column, value in enumerate(entries):
            at = (origin[0] + row, origin[1] + column)
            text = "" if blank is not None and blank(at) else short(value)
            cells.append(f"*{text}*" if text and padding is not None and padding(at) else text)
        lines.append(f"| **{short(origin[0] + row)}** | {' | '.join(cells)} |")
    return lines


def _overview(trace: Trace) -> list[str]:
    """Print one line a step."""
    lines = ["## All steps", "", "| output | window | value |", "| --- | --- | ---: |"]
    for step in trace.steps:
        lines.append(f"| {_at(step.position)} | {_window(step)} | {short(step.value, 6)} |")
    if trace.following is not None:
        rest = trace.total_positions - trace.following
        lines += ["", f"{rest} more of {trace.total_positions} positions follow: ask for `start` {trace.following}."]
    return lines


def _at(position: Sequence[int]) -> str:
    return f"({', '.join(short(at) for at in position)})"


def _window(step: Step) -> str:
    names = ("samples",) if len(step.window) == 1 else ("rows", "columns")
    parts = []
    for name, (start, stop) in zip(names, step.window, strict=True):
        parts.append(f"{name} {short(start)} to {short(stop - 1)}" if start < stop else f"no {name}")
    return ", ".join(parts)


def _step(trace: Trace, index: int) -> list[str]:
    step = trace.steps[index]
    lines = [f"## Output {_at(step.position)}", "", f"The window covers {_window(step)}.", ""]
    if step.kernel is not None and step.products is not None:
        lines += _products(trace, step)
    if "selected" in step.extra:
        lines += [f"The {trace.plan['kind']} stands at {_at(step.extra['selected'])}.", ""]
    return [*lines, f"{signed(step.expression)} = **{short(step.value, 6)}**"]


def _products(trace: Trace, step: Step) -> list[str]:
    """Print patch, kernel and products of each channel as one formula."""
    lines = []
    several = step.patch.ndim > trace.rank
    parts = zip(
        *(planes(array, trace.rank) for array in (step.patch, _array(step.kernel), _array(step.products))), strict=True
    )
    for channel, (patch, kernel, products) in enumerate(parts):
        if channel >= MAX_CHANNELS or patch.size == 0:
            break
        name = f"\\text{{channel {channel}: }} " if several else ""
        lines += [f"$$ {name}{_matrix(patch)} \\odot {_matrix(kernel)} = {_matrix(products)} $$", ""]
    if step.channel_sums is not None and len(step.channel_sums) > 1:
        sums = " + ".join(short(part, 6) if part >= 0 else f"({short(part, 6)})" for part in step.channel_sums)
        lines += [f"The channels' sums: {sums} = {short(step.sum, 6)}.", ""]
    if "stages" in step.extra:
        spacing = step.extra.get("sample_spacing")
        done = "and summed" if spacing is None else f"summed, and taken times the sample spacing {short(spacing, 6)}"
        lines += [f"Folded, displaced to t = {displaced(step)}, multiplied, {done}:", ""]
    return lines


def _array(values: NDArray[Any] | None) -> NDArray[Any]:
    return np.empty(0) if values is None else values


def _matrix(values: NDArray[Any]) -> str:
    rows = r" \\ ".join(" & ".join(short(value, 6).replace("−", "-") for value in row) for row in values)
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def _output(trace: Trace) -> list[str]:
    """Print the output as far as the steps have filled it."""
    view = trace.output
    if max(view.values.shape) > MAX_SIDE:
        return []
    shown = {step.position for step in trace.steps}
    first = trace.start or 0

    def blank(at: tuple[int, int]) -> bool:
        position = at[-trace.rank :]
        before = trace.start is not None and int(np.ravel_multi_index(position, view.size)) < first
        return position not in shown and not before

    values = planes(view.values, trace.rank)[0]
    return ["## The output so far", "", *_table(values, _origin(view.origin), blank=blank)]
