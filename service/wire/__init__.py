"""Foreign bytes read into documents with arrays in them, and answers written as bytes.

The only room that reads or writes what comes from outside. It knows no operation, no route and no status code:

- in: :func:`read_json`, :func:`gather_form` and :func:`read_form`, :func:`read_npy`, :func:`read_picture`,
  :func:`decode_content`;
- out: :func:`write_json` with :func:`encode_array`, :func:`write_npy`, :func:`write_npz`, :func:`write_picture`,
  :func:`encode_content`.
"""

from __future__ import annotations

from .document import MAX_AXES, Document, Fields, ReadLimits
from .encodings import ENCODINGS, ContentEncoding, decode_content, encode_content
from .errors import WireError
from .fixed import FIXED_LIMITS
from .form_parts import Form, gather_form
from .form_reader import read_form
from .json_reader import read_json
from .json_writer import ArrayEncoding, encode_array, write_json
from .npy import read_npy, write_npy, write_npz
from .picture_writer import PictureFormat, write_picture
from .pictures import Color, Picture, read_picture

__all__ = [
    "ENCODINGS",
    "FIXED_LIMITS",
    "MAX_AXES",
    "ArrayEncoding",
    "Color",
    "ContentEncoding",
    "Document",
    "Fields",
    "Form",
    "Picture",
    "PictureFormat",
    "ReadLimits",
    "WireError",
    "decode_content",
    "encode_array",
    "encode_content",
    "gather_form",
    "read_form",
    "read_json",
    "read_npy",
    "read_picture",
    "write_json",
    "write_npy",
    "write_npz",
    "write_picture",
]
