""".npy in and out: NumPy is the oracle for what is right, and hostile headers are refused before they cost anything."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.wire import WireError, errors, read_npy, write_npy, write_npz
from service.wire.npy import NPY_DTYPES
from tests.wire.asked import LIMITS

GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"


def npy(header: str = GOOD, data: bytes = bytes(16), version: tuple[int, int] = (1, 0)) -> bytes:
    length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + header.encode("latin-1") + data


def saved(array: np.ndarray[Any, Any], version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version)
    return buffer.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("name", NPY_DTYPES)
def test_what_numpy_writes_is_read(name: str, byte_order: Any, order: Any, version: tuple[int, int]) -> None:
    dtype = np.dtype(name).newbyteorder(byte_order)
    array = np.asarray(np.arange(24).reshape(2, 3, 4) % 2, dtype=dtype, order=order)
    read = read_npy(saved(array, version), "/input", LIMITS)
    assert read.dtype == np.dtype(name)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(st.data())
def test_what_is_written_is_what_numpy_reads(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(NPY_DTYPES)))
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_side=4)))
    written = write_npy(array)
    loaded = np.load(io.BytesIO(written), allow_pickle=False)
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)
    np.testing.assert_array_equal(read_npy(written, "", LIMITS), array)
    assert len(written) - array.nbytes == written.index(b"\n") + 1
    assert (written.index(b"\n") + 1) % 64 == 0  # the data is aligned, as the format asks


def test_views_are_written_in_row_order() -> None:
    array = np.arange(12.0).reshape(3, 4)[::-1, ::2].T
    np.testing.assert_array_equal(read_npy(write_npy(array), "", LIMITS), array)


def test_the_array_is_a_view_of_the_bytes() -> None:
    data = bytearray(saved(np.zeros(4)))
    array = read_npy(data, "", LIMITS)
    data[-8:] = np.float64(7).tobytes()
    assert array.tolist() == [0, 0, 0, 7]


@pytest.mark.parametrize(
    "header",
    [
        "{'shape': (2,), 'fortran_order': False, 'descr': '<f8'}",
        '{"descr": "<f8", "fortran_order": False, "shape": (2,)}',
        "{'descr':'<f8','fortran_order':False,'shape':(2,)}   \n",
        "{ 'descr' : '<f8' , 'fortran_order' : False , 'shape' : ( 2 , ) , }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }",  # Python 2
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), }",
    ],
)
def test_headers_that_other_writers_make_are_read(header: str) -> None:
    assert read_npy(npy(header), "", LIMITS).tolist() in ([0, 0], [[0], [0]], [[0, 0]])


NO_HEADER = "is not"
FAULTS = [
    (b"", errors.InvalidNpy, "does not begin"),
    (b"\x93NUMPY", errors.InvalidNpy, "ends after 6 bytes"),
    (b"\x93NUMPY\x01\x00\x76\x00", errors.InvalidNpy, "ends after 10 bytes"),
    (npy()[:40], errors.InvalidNpy, "claims 57 bytes but 30 are there"),
    (npy(version=(0, 0)), errors.InvalidNpy, "version 0.0"),
    (npy(version=(4, 0)), errors.InvalidNpy, "version 4.0"),
    (npy(version=(1, 1)), errors.InvalidNpy, "version 1.1"),
    (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(90), errors.InvalidNpy, "claims 4294967295 bytes; at most"),
    (npy(" " * 5000), errors.InvalidNpy, "claims 5000 bytes"),
    (npy(""), errors.InvalidNpy, NO_HEADER),
    (npy("{}"), errors.InvalidNpy, NO_HEADER),
    (npy("[]"), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD[:-1]), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD + "x"), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD + "\x00"), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD + GOOD), errors.InvalidNpy, NO_HEADER),
    (npy("{'descr': '<f8', 'fortran_order': False}"), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("}", "'x': 1}")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("}", "'shape': (2,)}")), errors.InvalidNpy, "each once"),
    (npy(GOOD.replace("'<f8'", "__import__('os')")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("'<f8'", "'<f8' + ''")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("'<f8'", "True")), errors.InvalidNpy, "descr in the header is not a string"),
    (npy(GOOD.replace("False", "0")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("False", "'False'")), errors.InvalidNpy, "fortran_order in the header"),
    (npy(GOOD.replace("(2,)", "[2]")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("(2,)", "(-2,)")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("(2,)", "(2.0,)")), errors.InvalidNpy, NO_HEADER),
    (npy(GOOD.replace("(2,)", "(2 2)")), errors.InvalidNpy, "not a tuple of integers"),
    (npy(GOOD.replace("(2,)", "(,)")), errors.InvalidNpy, "not a tuple of integers"),
    (npy(GOOD.replace("(2,)", "(2,,)")), errors.InvalidNpy, "not a tuple of integers"),
    (npy(GOOD.replace("(2,)", "(" + "9" * 400 + ",)")), errors.InvalidNpy, "not a tuple of integers"),
    (npy(GOOD.replace("(2,)", "(0,)"), b""), errors.EmptyArray, r"the array's shape is \[0\]; every axis needs"),
    (npy(GOOD.replace("(2,)", "(1,1,1,1,1,2)")), errors.TooManyAxes, "6 axes"),
    (npy(GOOD.replace("(2,)", "(1000000000000,)")), errors.TooManyElements, "1,000,000,000,000 elements"),
    (npy(GOOD.replace("(2,)", "(999999999999999999, 999999999999999999)")), errors.TooManyElements, "elements"),
    (npy(data=bytes(15)), errors.ArraySizeMismatch, r"15 bytes of data but shape \[2\] of float64 needs 16"),
    (npy(data=bytes(17)), errors.ArraySizeMismatch, "17 bytes"),
    (npy(data=b""), errors.ArraySizeMismatch, "0 bytes"),
    (npy(GOOD.replace("<f8", "|b1"), b"\x01\x02"), errors.InvalidNpy, "bool but holds bytes other"),
]
DESCRIPTIONS = [
    "|O", "O", "<U10", "|S4", "<M8[ns]", "<m8", "<c16", "<f16", "|V8", "f8", "float64", "=f8", "|f8", "|i2", "<b2",
    "<i16", "<f1", "<u3", "", "<f8 ", "x" * 40,
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "words"), FAULTS)
def test_a_faulty_file_is_refused(data: bytes, kind: type[WireError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        read_npy(data, "/input", LIMITS)
    assert type(caught.value) is kind
    assert caught.value.pointer.startswith("/input")


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_other_dtypes_are_refused(description: str) -> None:
    with pytest.raises(errors.UnsupportedDtype, match="must be one of bool, uint8"):
        read_npy(npy(GOOD.replace("<f8", description)), "/input", LIMITS)


def test_records_are_refused() -> None:
    with pytest.raises(errors.UnsupportedDtype, match="holds records"):
        read_npy(saved(np.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")])), "/input", LIMITS)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_gives_an_array_or_a_wire_error(data: st.DataObject) -> None:
    good = saved(np.arange(6, dtype=np.int16).reshape(2, 3))
    position = data.draw(st.integers(0, len(good) - 1))
    bad = good[:position] + data.draw(st.binary(max_size=2)) + good[position + 1 :]
    with suppress(WireError):
        assert read_npy(bad, "", LIMITS).size > 0


def test_npz_is_what_numpy_reads_and_the_same_every_time() -> None:
    arrays = {"feature_maps": np.arange(6.0).reshape(2, 3), "layers.0.output": np.arange(3, dtype=np.float32)}
    data = write_npz(arrays)
    assert data == write_npz(arrays)
    with np.load(io.BytesIO(data), allow_pickle=False) as loaded:
        assert set(loaded) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded[name], array)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
