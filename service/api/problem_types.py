"""Every type of problem: its slug, status and title, and what its page says.

The rooms below raise errors that carry a slug; here, and only here, a slug gets its status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.drawing.errors import DrawingError
from service.engine import EngineError
from service.engine.borders import PADDING_MODES
from service.kernels import KernelError
from service.operations.errors import OperationError
from service.wire import WireError


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem.

    Attributes
    ----------
    meaning, mend
        What its page says: what it means, and how to get past it.
    """

    slug: str
    status: int
    title: str
    meaning: str
    mend: str


_HTTP_TITLES = {
    "unauthorized": "A valid API key is needed",
    "cors-refused": "A page of this origin may not make this request",
    "not-found": "There is nothing at this path",
    "method-not-allowed": "The resource does not take this method",
    "not-acceptable": "The answer has none of the accepted media types",
    "slow-body": "The body came too slowly",
    "unsupported-media-type": "The body's media type is not supported",
    "invalid-field": "A field cannot be used",
    "quota-exceeded": "The quota of this key is used up",
    "internal-error": "The service failed",
    "saturated": "The service is busy",
    "stopping": "The service is stopping",
}
_ROWS: list[tuple[str, int, str, str]] = [
    # The request's bytes, and HTTP itself.
    (
        "malformed-json",
        400,
        "A JSON body, or a form field that opens with [ or {, is not strict JSON; or a body is JSON but no object.",
        (
            "The detail gives the offset. NaN, Infinity, comments, trailing commas and single quotes are not "
            "JSON; to send NaN or infinity use .npy or a base64 array."
        ),
    ),
    (
        "duplicate-key",
        400,
        "Parsers disagree on which of the two counts, so neither is taken.",
        "Send the key once.",
    ),
    (
        "json-too-deep",
        400,
        "Lists or objects are nested further than any request needs.",
        "Arrays need one level of lists an axis; GET /v1/limits has the depth allowed.",
    ),
    (
        "malformed-form",
        400,
        "The multipart/form-data body is not formed as RFC 7578 says.",
        (
            "Let a library write it (curl -F, httpx files=, fetch with FormData) and do not set the boundary of "
            "the Content-Type by hand."
        ),
    ),
    (
        "duplicate-part",
        400,
        "Two parts of the form have the same name.",
        "Send each field once; lists go into one part as JSON, such as stride=[2,2].",
    ),
    (
        "too-many-parts",
        400,
        "The form has more parts than any operation has fields.",
        "Send each field once; GET /v1/limits has the number allowed.",
    ),
    (
        "unexpected-file",
        422,
        "Only input, kernel, bias and output_gradient can be files.",
        "Send the field as text.",
    ),
    (
        "malformed-content-encoding",
        400,
        "The body does not match its Content-Encoding, or ends too early.",
        "Compress the whole body with gzip or zstd, or send it plain without the header.",
    ),
    (
        "unauthorized",
        401,
        "This service is set up to answer only requests with an API key.",
        "Send the header Authorization: Bearer KEY.",
    ),
    (
        "cors-refused",
        403,
        "A browser asked whether a page of another origin may make a request, and it may not.",
        "The operator names origins in CONVOLUTION_CORS_ORIGINS; a page's own server may call for it.",
    ),
    (
        "not-found",
        404,
        "No resource has this path.",
        "GET /docs lists every path.",
    ),
    (
        "method-not-allowed",
        405,
        "The path exists, but not for this HTTP method.",
        "The Allow header says which methods do; operations are POST.",
    ),
    (
        "not-acceptable",
        406,
        "The Accept header names no form that this answer has.",
        "The detail lists the forms there are; leave the header out for JSON.",
    ),
    (
        "slow-body",
        408,
        "The whole request body must arrive within a limit of time.",
        "Send less, compress it (Content-Encoding: gzip or zstd), or use .npy instead of JSON.",
    ),
    (
        "body-too-large",
        413,
        "The body has more bytes than this service takes, on the wire or after its Content-Encoding.",
        "Send less at once, or the same as .npy, which is the smallest form.",
    ),
    (
        "unsupported-media-type",
        415,
        "Bodies are application/json or multipart/form-data.",
        "Set the Content-Type to what the body is; a file goes into a multipart form.",
    ),
    (
        "unsupported-content-encoding",
        415,
        "Bodies may be plain, gzip or zstd.",
        "Send it plain, or with one of these.",
    ),
    # Values.
    (
        "invalid-body",
        422,
        "The body was read but cannot be made sense of.",
        "The detail says what to change.",
    ),
    (
        "invalid-field",
        422,
        "A field is missing, unknown, or has a value of the wrong type or out of bounds.",
        "The errors list names each field by its pointer, what came and what it takes.",
    ),
    (
        "invalid-value",
        422,
        "A value has the right type but does not fit the operation.",
        "The detail says what would do.",
    ),
    (
        "unrecognised-file",
        422,
        "A file's first bytes are looked at, not its name: .npy, JSON, or for input a picture.",
        "Send .npy (numpy.save), a JSON array, or PNG, JPEG, WebP, TIFF, BMP or GIF.",
    ),
    (
        "invalid-array",
        422,
        "A value that should be an array is not one.",
        "Send nested lists, a flat or a packed array.",
    ),
    (
        "not-an-array",
        422,
        "Arrays hold numbers alone: no booleans, null, or numbers in quotes.",
        "The pointer leads to the first value that is not a number.",
    ),
    (
        "ragged-array",
        422,
        "Every list of one level must have the same length.",
        "The pointer leads to the first row that differs.",
    ),
    (
        "empty-array",
        422,
        "There is nothing to compute on.",
        "Send at least one element.",
    ),
    (
        "too-many-axes",
        422,
        "No operation takes an array of so many axes.",
        "GET /v1/limits has the number allowed.",
    ),
    (
        "array-size-mismatch",
        422,
        "A flat or packed array must hold exactly as many elements as its shape says.",
        "Correct the shape, or the data.",
    ),
    (
        "unsupported-dtype",
        422,
        "Arrays are of integers or floats; complex numbers, dates, strings and objects are not taken.",
        "Convert it first, for example array.astype('float32').",
    ),
    (
        "value-out-of-range",
        422,
        "A flat array holds a number that its dtype cannot.",
        "Choose a wider dtype.",
    ),
    (
        "invalid-base64",
        422,
        "A packed array's bytes must be standard base64 with padding.",
        "Encode the row-major little-endian bytes with the standard alphabet.",
    ),
    (
        "invalid-npy",
        422,
        "The file opens as .npy but its header or length is wrong.",
        "Write it with numpy.save; pickled objects are not taken.",
    ),
    (
        "too-many-elements",
        422,
        "The request's arrays are larger together than this service takes.",
        "Send less at once; GET /v1/limits has the number.",
    ),
    (
        "undecodable-picture",
        422,
        "The file opens as a picture but is truncated or corrupt.",
        "Save it again, and check that the upload is complete.",
    ),
    (
        "unsupported-picture",
        422,
        "This kind of picture cannot be read without losing something.",
        "The detail says which kinds can; convert it, or send its numbers as .npy.",
    ),
    (
        "picture-too-large",
        422,
        "Its header declares more pixels than this service decodes.",
        "Make it smaller, or cut it into tiles.",
    ),
    (
        "no-picture",
        422,
        "Only maps of two axes with finite values can be drawn.",
        "Ask for application/json or application/x-npy.",
    ),
    (
        "sheet-too-large",
        422,
        "There are too many maps, or too large ones, for one picture.",
        "Ask for application/x-npy, or for fewer maps.",
    ),
    (
        "trace-too-large",
        422,
        "A trace has more cells, channels or frames than a drawing has room for.",
        "Ask for fewer positions (count, or positions), for a smaller input, or for application/json.",
    ),
    (
        "drawing-failed",
        422,
        "The answer cannot be drawn as asked.",
        "Ask for application/json or application/x-npy.",
    ),
    (
        "no-such-position",
        422,
        "A trace was asked for a position, sample, filter or channel that there is not.",
        "The detail says how many there are; they count from 0.",
    ),
    (
        "unwritable-picture",
        422,
        "The format asked for cannot hold these maps.",
        "Ask for image/png.",
    ),
    (
        "non-finite-answer",
        422,
        "JSON has no NaN and no infinity, so the answer cannot be written without changing it.",
        (
            "Ask for application/x-npy or application/zip, which carry them, or for encoding base64; of a trace, for "
            "text/markdown or image/svg+xml."
        ),
    ),
    # Named kernels.
    (
        "kernel-invalid",
        422,
        "A named kernel cannot be made as asked.",
        "GET /v1/kernels lists the kernels and their parameters.",
    ),
    (
        "unknown-kernel",
        422,
        "No named kernel has this name.",
        "GET /v1/kernels lists them; or send the kernel's numbers.",
    ),
    (
        "unknown-kernel-parameter",
        422,
        "The named kernel takes other parameters.",
        "GET /v1/kernels lists them.",
    ),
    (
        "kernel-parameter-invalid",
        422,
        "The parameter's value is of the wrong type or out of bounds.",
        "The detail says what it may be.",
    ),
    (
        "no-named-kernel",
        422,
        "Kernels by name are for operations on two axes.",
        "Send the kernel's numbers.",
    ),
    # Shapes, options and work.
    (
        "shape-mismatch",
        422,
        "Two arrays, or an array and the operation, do not fit.",
        "The detail says which shape would.",
    ),
    (
        "channel-mismatch",
        422,
        "A layer's kernel is (F, C/groups, *K) and the input (C, *S) or (N, C, *S), channels first.",
        "The detail names the likely cause: channels last, a bank for one channel on a colour picture, or groups.",
    ),
    (
        "groups-mismatch",
        422,
        "groups must divide the channels and the filters.",
        "The detail lists the numbers that do.",
    ),
    (
        "kernel-too-large",
        422,
        "The kernel spans more cells than the padded input has, so there is no window.",
        "Pad by as much as the detail says, use padding same or full, or a smaller kernel.",
    ),
    (
        "empty-output",
        422,
        "In a transposed convolution padding takes cells off the output, here all of them.",
        "Use less padding.",
    ),
    (
        "padding-too-large",
        422,
        "A pool's padding is at most dilation·(kernel_size − 1) a side.",
        "Pad by less, or use a larger window.",
    ),
    (
        "empty-window",
        422,
        "Dilated taps step over the whole input.",
        "Use a smaller dilation or less padding.",
    ),
    (
        "output-padding-too-large",
        422,
        "output_padding must be below max(stride, dilation) on every axis.",
        "The detail says the largest that is.",
    ),
    (
        "unknown-padding-mode",
        422,
        "padding_mode has no such value.",
        f"Use one of {', '.join(PADDING_MODES)}.",
    ),
    (
        "ambiguous-padding-mode",
        422,
        "Libraries give this name to different borders.",
        "Use the name of the one you mean; the detail shows both.",
    ),
    (
        "unknown-method",
        422,
        "method has no such value.",
        "Use auto, or a name from GET /v1/limits.",
    ),
    (
        "method-not-applicable",
        422,
        "The method asked for by name does not cover this case.",
        "Use auto, or the method that the detail names.",
    ),
    (
        "limit-exceeded",
        422,
        "The plan of this request is larger than the service takes.",
        (
            "The answer has the limit and the actual number; POST to the operation's /plan to see a request's "
            "cost without data."
        ),
    ),
    # The service.
    (
        "quota-exceeded",
        429,
        "A key may make a limited number of requests in a time.",
        "Wait as long as Retry-After says.",
    ),
    (
        "internal-error",
        500,
        "Something went wrong inside; the request may be fine.",
        "Try again; if it stays, report it with the instance.",
    ),
    (
        "saturated",
        503,
        "All slots are taken and the queue is full.",
        "Try again after Retry-After.",
    ),
    (
        "cancelled",
        503,
        "It ran past its time, or the service is stopping.",
        "Try again, or ask for less at once.",
    ),
    (
        "stopping",
        503,
        "It finishes what it has begun and takes no more.",
        "Try again after Retry-After; another instance may answer.",
    ),
]


def _titles() -> dict[str, str]:
    """Return the titles of all problems: an error class names its own, HTTP's stand here."""
    titles = dict(_HTTP_TITLES)
    pending: list[type[Any]] = [EngineError, WireError, KernelError, DrawingError, *OperationError.__subclasses__()]
    while pending:
        kind = pending.pop()
        titles.setdefault(kind.slug, kind.title)
        pending.extend(kind.__subclasses__())
    return titles


_TITLES = _titles()

PROBLEM_TYPES = {slug: ProblemType(slug, status, _TITLES[slug], meaning, mend) for slug, status, meaning, mend in _ROWS}
"""Every type by its slug."""
