"""NumPy's own file format, read from hostile bytes.

``numpy.load`` is not for them: it believes the header, so that 128 bytes can ask for terabytes, and loads strings,
dates and records nobody wants. Here the header is matched against the few forms it may have, and the array is a view
of the very bytes that came.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import DTYPES, ElementBudget, checked_shape
from .document import Buffer, ReadLimits
from .errors import ArraySizeMismatch, InvalidNpy, UnsupportedDtype

MAGIC = b"\x93NUMPY"
NPY_DTYPES = ("bool", *DTYPES, "uint32", "uint64")
"""The dtypes that are read from .npy."""

MAX_HEADER_BYTES = 4096  # a shape of 64 axes needs less; NumPy pads to a multiple of 64

_MEMBER = re.compile(
    r"\s*(?:'(?P<key>\w{1,20})'|\"(?P<key2>\w{1,20})\")\s*:\s*"
    r"(?:'(?P<text>[^']{0,40})'|\"(?P<text2>[^\"]{0,40})\"|(?P<flag>True|False)|\((?P<sizes>[\dL,\s]*)\))"
    r"\s*(?P<end>,\s*}|,|})"
)
_RECORDS = re.compile(r"""['"]descr['"]\s*:\s*\[""")
_SIZES = re.compile(r"\s*(?:\d{1,18}L?\s*(?:,\s*\d{1,18}L?\s*)*,?\s*)?")
_DESCR = re.compile(r"[<>|](?:b1|[iu][1248]|f[248])")


def read_npy(data: Buffer, pointer: str, limits: ReadLimits) -> NDArray[Any]:
    """Return the array of a .npy file.

    Parameters
    ----------
    data : bytes-like
        The whole file: version 1, 2 or 3, C or Fortran order, either byte order; bool, the dtypes of flat and packed
        arrays, uint32 and uint64.
    pointer : str
        Where the array stands in the document, for errors.

    Returns
    -------
    ndarray
        A view of `data`, read-only if `data` is, in this machine's byte order (the other one costs a copy).
        C-contiguous unless the file is in Fortran order.

    Raises
    ------
    InvalidNpy, UnsupportedDtype, ArraySizeMismatch, EmptyArray, TooManyAxes, TooManyElements
    """
    view = memoryview(data).cast("B") if not isinstance(data, bytes) else memoryview(data)
    header, start = _header(view, pointer)
    dtype, fortran, shape = _members(header, pointer, limits)
    ElementBudget(limits).take(prod(shape), pointer)
    expected, actual = prod(shape) * dtype.itemsize, len(view) - start
    if actual != expected:
        raise ArraySizeMismatch(
            f"the file holds {actual} bytes of data but shape {list(shape)} of {dtype.name} needs {expected}",
            pointer,
            expected=expected,
            actual=actual,
        )
    array = np.frombuffer(view, dtype=dtype, offset=start)
    if dtype.kind == "b" and array.view(np.uint8).max() > 1:
        raise InvalidNpy("the file says bool but holds bytes other than 0 and 1", pointer)
    return array.astype(dtype.newbyteorder("="), copy=False).reshape(shape, order="F" if fortran else "C")


def _header(view: memoryview, pointer: str) -> tuple[str, int]:
    """Return the header's text and where the data starts."""
    if bytes(view[:6]) != MAGIC:
        raise InvalidNpy("the file does not begin with \\x93NUMPY", pointer)
    if len(view) < 12:
        raise InvalidNpy(f"the file ends after {len(view)} bytes, inside its header", pointer)
    major, minor = view[6], view[7]
    if major not in (1, 2, 3) or minor != 0:
        raise InvalidNpy(f"the file has format version {major}.{minor}; 1.0, 2.0 and 3.0 are read", pointer)
    width = 2 if major == 1 else 4
    length, start = int.from_bytes(view[8 : 8 + width], "little"), 8 + width
    if length > MAX_HEADER_BYTES:
        raise InvalidNpy(f"the header claims {length} bytes; at most {MAX_HEADER_BYTES} are read", pointer)
    if start + length > len(view):
        raise InvalidNpy(f"the header claims {length} bytes but {len(view) - start} are there", pointer)
    return bytes(view[start : start + length]).decode("latin-1"), start + length


def _members(header: str, pointer: str, limits: ReadLimits) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Return dtype, order and shape from the header, a Python dict literal of exactly those three."""
    if _RECORDS.search(header):
        raise UnsupportedDtype("the file holds records; an array of plain numbers is needed", pointer)
    members: dict[str, re.Match[str]] = {}
    position = 1 if header.startswith("{") else len(header)
    ended = False
    while not ended:
        match = _MEMBER.match(header, position)
        key = match and (match["key"] or match["key2"])
        if match is None or key not in ("descr", "fortran_order", "shape") or key in members:
            raise InvalidNpy("the header is not {'descr': …, 'fortran_order': …, 'shape': …}, each once", pointer)
        members[key] = match
        position, ended = match.end(), match["end"] != ","
    if len(members) != 3 or header[position:].strip(" \n"):
        raise InvalidNpy("the header is not exactly {'descr': …, 'fortran_order': …, 'shape': …}", pointer)
    flag, sizes = members["fortran_order"]["flag"], members["shape"]["sizes"]
    if flag is None:
        raise InvalidNpy("fortran_order in the header is not True or False", pointer)
    if sizes is None or not _SIZES.fullmatch(sizes):
        raise InvalidNpy("shape in the header is not a tuple of integers", pointer)
    shape = [int(size.strip().rstrip("L")) for size in sizes.split(",") if size.strip()]
    return _dtype(members["descr"], pointer), flag == "True", checked_shape(shape, pointer, limits)


def _dtype(member: re.Match[str], pointer: str) -> np.dtype[Any]:
    descr = member["text"] if member["text2"] is None else member["text2"]
    if descr is None:
        raise InvalidNpy("descr in the header is not a string", pointer)
    if not _DESCR.fullmatch(descr) or (descr[0] == "|" and descr[2] != "1"):
        raise UnsupportedDtype(f"the file holds {descr!r}; it must be one of {', '.join(NPY_DTYPES)}", pointer)
    return np.dtype(descr)


def write_npy(array: NDArray[Any]) -> bytes:
    """Return `array` as a .npy file, version 1.0, little-endian, C order; the data is copied once."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    header = f"{{'descr': '{little.dtype.str}', 'fortran_order': False, 'shape': {array.shape}, }}"
    padded = header.ljust(-(-(len(header) + 11) // 64) * 64 - 11) + "\n"
    prefix = MAGIC + b"\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode("ascii")
    return b"".join((prefix, little.reshape(-1).view(np.uint8).data))


def write_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return `arrays` as an uncompressed .npz, an entry ``name.npy`` each; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), write_npy(array))
    return buffer.getvalue()
