"""Every bound that reading and writing have of their own, by the name that clients are told."""

from __future__ import annotations

from . import (
    encodings,
    form_parts,
    jpeg_segments,
    json_arrays,
    json_parser,
    json_reader,
    npy,
    picture_writer,
    png_chunks,
)
from .document import MAX_AXES

FIXED_LIMITS: dict[str, int] = {
    "max_axes": MAX_AXES,
    "max_json_keys": json_reader.MAX_KEYS,
    "max_json_key_characters": json_reader.MAX_KEY_CHARACTERS,
    "max_json_values": json_reader.MAX_PLAIN,
    "max_json_quotes": json_parser.MAX_QUOTES,
    "max_json_list_elements": json_arrays.MAX_LIST_ELEMENTS,
    "max_part_headers": form_parts.MAX_PART_HEADERS,
    "max_part_name_characters": form_parts.MAX_NAME_CHARACTERS,
    "max_encoded_members": encodings.MAX_MEMBERS,
    "max_npy_header_bytes": npy.MAX_HEADER_BYTES,
    "max_png_chunks": png_chunks.MAX_CHUNKS,
    "max_jpeg_segments": jpeg_segments.MAX_SEGMENTS,
    **{f"max_{picture_format}_side": side for picture_format, side in picture_writer.MAX_SIDE.items()},
}
