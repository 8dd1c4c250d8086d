"""The table of named kernels: what each is called, what builds it, what it does, takes and rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.kernels import edges, gabor, second_derivatives, sharpening, smoothing
from service.kernels.parameters import MAX_SIGMA, MAX_SIZE, MIN_SIGMA, Parameter


class Row(NamedTuple):
    """One kernel: `build` takes the parameters by name and returns the matrix."""

    name: str
    build: Callable[..., NDArray[np.float64]]
    description: str
    parameters: tuple[Parameter, ...]
    source: str


# -- the parameters that several kernels share

_GAUSSIAN_SIZE = Parameter(
    "size",
    "integer",
    5,
    1,
    MAX_SIZE,
    "Rows and columns.",
    "pixels",
    odd=True,
    derived="2*ceil(3*sigma) + 1 where only sigma is given",
)
_GAUSSIAN_SIGMA = Parameter(
    "sigma",
    "number",
    1.1,
    MIN_SIGMA,
    MAX_SIGMA,
    "Standard deviation of the Gaussian: larger blurs more.",
    "pixels",
    derived="0.3*((size - 1)/2 - 1) + 0.8 where only size is given",
)
_LOG_SIZE = Parameter(
    "size",
    "integer",
    7,
    3,
    MAX_SIZE,
    "Rows and columns.",
    "pixels",
    odd=True,
    derived="2*ceil(3*sigma) + 1 where only sigma is given",
)
_LOG_SIGMA = Parameter(
    "sigma",
    "number",
    1.0,
    MIN_SIGMA,
    MAX_SIGMA,
    "Standard deviation: it answers most to spots of radius 1.4*sigma.",
    "pixels",
    derived="(size - 1)/6 where only size is given",
)
_BOX_SIZE = Parameter("size", "integer", 3, 1, MAX_SIZE, "Rows and columns; even sizes are allowed.", "pixels")
_AMOUNT = Parameter(
    "amount", "number", 1.0, 0.0, 100.0, "How much of the lost detail is added back; 0 changes nothing."
)
_LINE_SIZE = Parameter(
    "size", "integer", 9, 1, MAX_SIZE, "Length of the movement, and rows and columns.", "pixels", odd=True
)
_ANGLE = Parameter(
    "angle",
    "number",
    0.0,
    -360.0,
    360.0,
    "Direction of the movement: 0 along the rows, turning clockwise as the picture is seen, 90 along the columns.",
    "degrees",
)
_GABOR = (
    Parameter("size", "integer", 21, 3, MAX_SIZE, "Rows and columns.", "pixels", odd=True),
    Parameter(
        "sigma", "number", 4.0, MIN_SIGMA, MAX_SIGMA, "Standard deviation of the envelope across the stripes.", "pixels"
    ),
    Parameter(
        "theta",
        "number",
        0.0,
        -360.0,
        360.0,
        "Direction across the stripes: 0 for upright stripes, turning clockwise as the picture is seen.",
        "degrees",
    ),
    Parameter("wavelength", "number", 8.0, 2.0, float(MAX_SIZE), "From one stripe to the next.", "pixels"),
    Parameter(
        "gamma", "number", 0.5, 0.1, 10.0, "Aspect: below 1 the envelope is longer along the stripes than across."
    ),
    Parameter(
        "phase",
        "number",
        0.0,
        -360.0,
        360.0,
        "0 a bright stripe in the middle, 180 a dark one, 90 and 270 an edge.",
        "degrees",
    ),
)

# -- the table

_GONZALEZ = "Gonzalez & Woods, Digital Image Processing, 4th ed. (2018)"
_SOBEL = (
    "Sobel & Feldman (1968), A 3x3 isotropic gradient operator; "
    "Duda & Hart (1973), Pattern Classification and Scene Analysis, pp. 271-272"
)
_PREWITT = "Prewitt (1970), Object enhancement and extraction"
_SCHARR = "Scharr (2000), Optimale Operatoren in der Digitalen Bildverarbeitung; integers as in OpenCV's FILTER_SCHARR"
_ROBERTS = "Roberts (1963), Machine perception of three-dimensional solids"
_X = "Detects vertical edges: positive where values grow from left to right, negative where they fall, zero on flats."
_Y = "Detects horizontal edges: positive where values grow from top to bottom, negative where they fall, zero on flats."

TABLE: tuple[Row, ...] = (
    Row(
        "identity",
        smoothing.identity,
        "Changes nothing: each value passes through. The place to start from.",
        (),
        _GONZALEZ + ", section 3.4",
    ),
    Row(
        "box",
        smoothing.box,
        "Blurs: the mean of a square window, every tap alike. Sums to 1.",
        (_BOX_SIZE,),
        _GONZALEZ + ", section 3.5",
    ),
    Row(
        "gaussian",
        smoothing.gaussian,
        "Blurs softly and alike in every direction: near taps weigh more than far ones. Sums to 1; separable.",
        (_GAUSSIAN_SIZE, _GAUSSIAN_SIGMA),
        _GONZALEZ + ", section 3.5; default sigma: OpenCV, getGaussianKernel",
    ),
    Row(
        "sharpen",
        sharpening.sharpen,
        "Sharpens: the picture less its 4-neighbour Laplacian. Flat areas keep their value. Sums to 1.",
        (),
        _GONZALEZ + ", section 3.6",
    ),
    Row(
        "unsharp",
        sharpening.unsharp,
        "Sharpens (unsharp mask): adds back what a Gaussian blur takes away, `amount` times. Flat areas keep their "
        "value. Sums to 1.",
        (_GAUSSIAN_SIZE, _GAUSSIAN_SIGMA, _AMOUNT),
        _GONZALEZ + ", section 3.6",
    ),
    Row(
        "laplacian",
        second_derivatives.laplacian,
        "Detects edges, lines and points in every direction with the 4 neighbours: negative on a bright point, "
        "positive beside it, zero on flat areas and even slopes. Negative centre.",
        (),
        _GONZALEZ + ", section 3.6",
    ),
    Row(
        "laplacian_8",
        second_derivatives.laplacian_8,
        "The Laplacian with all 8 neighbours: detects edges, lines and points, diagonals included. Negative centre.",
        (),
        _GONZALEZ + ", section 3.6",
    ),
    Row(
        "log",
        second_derivatives.log,
        "Laplacian of Gaussian: detects spots and, where its answer changes sign, edges, at the scale of sigma and "
        "less moved by noise than a Laplacian. Negative on bright spots; negative centre, sums to 0.",
        (_LOG_SIZE, _LOG_SIGMA),
        "Marr & Hildreth (1980), Theory of edge detection",
    ),
    Row("sobel_x", edges.sobel_x, _X + " Smooths 1 2 1 along the edge.", (), _SOBEL),
    Row("sobel_y", edges.sobel_y, _Y + " Smooths 1 2 1 along the edge.", (), _SOBEL),
    Row(
        "scharr_x",
        edges.scharr_x,
        _X + " Smooths 3 10 3, which measures an edge's direction best of the 3 x 3 kernels.",
        (),
        _SCHARR,
    ),
    Row(
        "scharr_y",
        edges.scharr_y,
        _Y + " Smooths 3 10 3, which measures an edge's direction best of the 3 x 3 kernels.",
        (),
        _SCHARR,
    ),
    Row("prewitt_x", edges.prewitt_x, _X + " Smooths 1 1 1 along the edge.", (), _PREWITT),
    Row("prewitt_y", edges.prewitt_y, _Y + " Smooths 1 1 1 along the edge.", (), _PREWITT),
    Row(
        "roberts_x",
        edges.roberts_x,
        "Detects diagonal edges with 2 x 2 taps: positive where values fall from upper left to lower right.",
        (),
        _ROBERTS,
    ),
    Row(
        "roberts_y",
        edges.roberts_y,
        "Detects diagonal edges with 2 x 2 taps: positive where values fall from upper right to lower left.",
        (),
        _ROBERTS,
    ),
    Row(
        "emboss",
        sharpening.emboss,
        "Turns the picture into a relief: brighter where values grow from upper left to lower right, darker where they "
        "fall; flat areas keep their value. Sums to 1.",
        (),
        "GIMP manual, Convolution Matrix, Emboss",
    ),
    Row(
        "motion_blur",
        smoothing.motion_blur,
        "Blurs along one direction, as a steady movement of the camera does. Sums to 1.",
        (_LINE_SIZE, _ANGLE),
        _GONZALEZ + ", section 5.6: blur by uniform linear motion, drawn here as an anti-aliased line",
    ),
    Row(
        "gabor",
        gabor.gabor,
        "Detects stripes of one width and direction: a wave under a Gaussian, as cells of the visual cortex answer. "
        "Upright stripes at theta 0. Unnormalised.",
        _GABOR,
        "Petkov & Kruizinga (1997), Biological Cybernetics 76, 83-96",
    ),
)
