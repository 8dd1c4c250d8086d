"""The size formulas of one axis, each from integers to an integer.

Letters, as in Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (arXiv:1603.07285): an axis of
n cells, a kernel of k taps, stride s, dilation d, b and a cells of padding before and after.
"""

from __future__ import annotations

Ints = tuple[int, ...]


def span(kernel: int, dilation: int) -> int:
    """Return the cells that a dilated kernel reaches over: d(k-1)+1."""
    return dilation * (kernel - 1) + 1


def window_count(size: int, before: int, after: int, kernel: int, stride: int, dilation: int) -> int:
    """Return how many windows fit an axis: floor((n + b + a - d(k-1) - 1)/s) + 1, at most 0 if none does."""
    return (size + before + after - span(kernel, dilation)) // stride + 1


def ceil_window_count(size: int, before: int, after: int, kernel: int, stride: int, dilation: int) -> int:
    """Return the number of windows with ``ceil_mode``: the last may overhang, but never starts in the after padding."""
    count = -(-(size + before + after - span(kernel, dilation)) // stride) + 1
    return count - 1 if (count - 1) * stride >= size + before else count


def same_padding(size: int, kernel: int, stride: int, dilation: int, *, lower: bool) -> tuple[int, int]:
    """Return the padding that makes ceil(n/s) windows; an odd cell goes after (`lower`: before) the axis.

    TensorFlow's SAME and ONNX's SAME_UPPER (`lower`: SAME_LOWER). Where k < s nothing is cropped: it stays 0.
    """
    windows = -(-size // stride)
    total = max(0, (windows - 1) * stride + span(kernel, dilation) - size)
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)
