"""Convolution and pooling of N-dimensional arrays, forward and backward, on NumPy alone.

Canonical layouts: inputs are (N, C, *S), batch, channels and any number of spatial axes; kernels (F, C/groups, *K).
"""

from __future__ import annotations

from .choice import Estimate, choose, estimate
from .control import Control
from .convolution import conv
from .errors import (
    AmbiguousPaddingMode,
    Cancelled,
    ChannelMismatch,
    EmptyOutput,
    EmptyWindow,
    EngineError,
    GroupsMismatch,
    InvalidArgument,
    KernelTooLarge,
    MethodNotApplicable,
    OutputPaddingTooLarge,
    PaddingTooLarge,
    ShapeMismatch,
    UnknownMethod,
    UnknownPaddingMode,
)
from .geometry import plan_conv, plan_conv_transpose, plan_pool
from .gradients import ConvGradients, conv_gradients, conv_transpose_gradients
from .methods import METHODS
from .methods.work import cells_read
from .plans import ConvPlan, ConvTransposePlan, PoolPlan
from .pool_gradients import pool_gradients
from .pooling import pool, pool_working_bytes
from .transposed import conv_transpose

__all__ = [
    "METHODS",
    "AmbiguousPaddingMode",
    "Cancelled",
    "ChannelMismatch",
    "Control",
    "ConvGradients",
    "ConvPlan",
    "ConvTransposePlan",
    "EmptyOutput",
    "EmptyWindow",
    "EngineError",
    "Estimate",
    "GroupsMismatch",
    "InvalidArgument",
    "KernelTooLarge",
    "MethodNotApplicable",
    "OutputPaddingTooLarge",
    "PaddingTooLarge",
    "PoolPlan",
    "ShapeMismatch",
    "UnknownMethod",
    "UnknownPaddingMode",
    "cells_read",
    "choose",
    "conv",
    "conv_gradients",
    "conv_transpose",
    "conv_transpose_gradients",
    "estimate",
    "plan_conv",
    "plan_conv_transpose",
    "plan_pool",
    "pool",
    "pool_gradients",
    "pool_working_bytes",
]
