"""What can be wrong with bytes that came in, or with an answer that is to go out.

Every error is a :class:`WireError`. It carries ``detail`` (what came and what would do, in one sentence), ``pointer``
(the place as a JSON pointer, ``""`` for the body as a whole) and ``extra`` (numbers a program may want: ``offset``,
``limit``, ``actual`` …). ``slug`` and ``title`` are fixed for a class and identify the kind of error. There are no
status codes here: which error is a 400 and which a 422 is for the HTTP side to say.

    WireError
    ├── MalformedJSON              the text is not JSON
    │   ├── DuplicateKey           … an object names a key twice
    │   └── JSONTooDeep            … lists and objects nested past the limit
    ├── MalformedForm              the body is not multipart/form-data as it should be
    │   ├── DuplicatePart          … a field came in two parts
    │   └── TooManyParts
    ├── UnexpectedFile             a file for a field that takes none
    ├── UnrecognisedFile           a file that is neither .npy nor JSON nor a picture we read
    ├── UnsupportedEncoding        a Content-Encoding that we do not speak
    ├── MalformedEncoding          compressed bytes that do not decompress
    ├── BodyTooLarge               too many bytes, before or after decompression
    ├── InvalidArray               anything that should be an array and cannot be
    │   ├── NotAnArray             … an element that is not a number
    │   ├── RaggedArray            … rows of different lengths
    │   ├── EmptyArray
    │   ├── TooManyAxes
    │   ├── ArraySizeMismatch      … more or fewer elements than the shape says
    │   ├── UnsupportedDtype
    │   ├── ValueOutOfRange        … a number that the dtype cannot hold
    │   ├── InvalidBase64
    │   └── InvalidNpy
    ├── TooManyElements
    ├── UndecodablePicture         truncated or corrupt
    ├── UnsupportedPicture         a picture of a kind we do not read
    ├── PictureTooLarge
    ├── UnwritablePicture          maps that the picture format cannot hold
    └── NonFiniteAnswer            NaN or infinity in an answer that JSON cannot carry
"""

from __future__ import annotations

from typing import ClassVar

Extra = dict[str, int | float | str | list[str]]


class WireError(ValueError):
    """Base of all wire errors; ``str(error)`` is its detail."""

    slug: ClassVar[str] = "invalid-body"
    title: ClassVar[str] = "The body cannot be used"

    def __init__(self, detail: str, pointer: str = "", **extra: int | float | str | list[str]) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.extra: Extra = extra


class MalformedJSON(WireError):
    """The text is not JSON."""

    slug = "malformed-json"
    title = "The text is not the JSON of a request"


class DuplicateKey(MalformedJSON):
    """An object names a key twice."""

    slug = "duplicate-key"
    title = "A JSON object has the same key twice"


class JSONTooDeep(MalformedJSON):
    """Lists and objects are nested past the limit."""

    slug = "json-too-deep"
    title = "The JSON is nested too deeply"


class MalformedForm(WireError):
    """The body is not multipart/form-data as it should be."""

    slug = "malformed-form"
    title = "The form cannot be read"


class DuplicatePart(MalformedForm):
    """A field came in two parts."""

    slug = "duplicate-part"
    title = "A form field was given twice"


class TooManyParts(MalformedForm):
    """The form has more parts than are read."""

    slug = "too-many-parts"
    title = "The form has too many parts"


class UnexpectedFile(WireError):
    """A file came for a field that takes none."""

    slug = "unexpected-file"
    title = "The field does not take a file"


class UnrecognisedFile(WireError):
    """A file is neither .npy nor JSON nor a picture that is read here."""

    slug = "unrecognised-file"
    title = "The file is of no kind that is read here"


class UnsupportedEncoding(WireError):
    """The Content-Encoding is not one that is spoken here."""

    slug = "unsupported-content-encoding"
    title = "The content encoding is not supported"


class MalformedEncoding(WireError):
    """Compressed bytes do not decompress."""

    slug = "malformed-content-encoding"
    title = "The compressed body cannot be decompressed"


class BodyTooLarge(WireError):
    """Too many bytes, before or after decompression."""

    slug = "body-too-large"
    title = "The body is too large"


class InvalidArray(WireError):
    """Something that should be an array and cannot be."""

    slug = "invalid-array"
    title = "The array cannot be read"


class NotAnArray(InvalidArray):
    """An element is not a number."""

    slug = "not-an-array"
    title = "An array holds something that is not a number"


class RaggedArray(InvalidArray):
    """Rows have different lengths."""

    slug = "ragged-array"
    title = "The rows of an array have different lengths"


class EmptyArray(InvalidArray):
    """An array has no elements."""

    slug = "empty-array"
    title = "An array has no elements"


class TooManyAxes(InvalidArray):
    """An array has more axes than any operation takes."""

    slug = "too-many-axes"
    title = "An array has too many axes"


class ArraySizeMismatch(InvalidArray):
    """There are more or fewer elements than the shape says."""

    slug = "array-size-mismatch"
    title = "The number of elements does not match the shape"


class UnsupportedDtype(InvalidArray):
    """No array of this dtype is read here."""

    slug = "unsupported-dtype"
    title = "The dtype is not supported"


class ValueOutOfRange(InvalidArray):
    """The dtype cannot hold a number."""

    slug = "value-out-of-range"
    title = "A number does not fit the array's dtype"


class InvalidBase64(InvalidArray):
    """The packed data is not base64."""

    slug = "invalid-base64"
    title = "The data is not valid base64"


class InvalidNpy(InvalidArray):
    """The bytes begin as a .npy file and do not go on as one."""

    slug = "invalid-npy"
    title = "The .npy file cannot be read"


class TooManyElements(WireError):
    """The arrays of a request hold more elements than are taken."""

    slug = "too-many-elements"
    title = "The arrays have too many elements"


class UndecodablePicture(WireError):
    """The picture is truncated or corrupt."""

    slug = "undecodable-picture"
    title = "The picture cannot be decoded"


class UnsupportedPicture(WireError):
    """The picture is of a kind that is not read here."""

    slug = "unsupported-picture"
    title = "The kind of picture is not supported"


class PictureTooLarge(WireError):
    """The picture has more pixels than are taken."""

    slug = "picture-too-large"
    title = "The picture is too large"


class UnwritablePicture(WireError):
    """The picture format cannot hold these maps."""

    slug = "unwritable-picture"
    title = "The picture format cannot hold the answer"


class NonFiniteAnswer(WireError):
    """The answer holds NaN or infinity, which JSON cannot carry."""

    slug = "non-finite-answer"
    title = "The answer holds NaN or infinity"
