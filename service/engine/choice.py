"""Which method computes a plan: the cheapest that keeps the contract."""

from __future__ import annotations

from .arguments import quoted
from .errors import UnknownMethod
from .methods import METHODS


def choose(method: str = "auto") -> str:
    """Return the name of the method that computes a convolution.

    Raises
    ------
    UnknownMethod
        If nothing has that name.
    """
    if method == "auto":
        return "direct"
    if method not in METHODS:
        raise UnknownMethod(f'method is "{str(method)[:40]}"; it must be {quoted(("auto", *METHODS))}', "method")
    return method
