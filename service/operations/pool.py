"""Pooling of data: a request of `pool1d`, `pool2d` or `pool3d` to smaller maps."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from service import engine
from service.engine.pool_kinds import check_indices
from service.schemas.options import PoolOptions
from service.schemas.requests import PoolRequest

from .answer import Answer
from .data import dtype_name, read_input
from .echo import pool_echo
from .layout import Layout, Shape, input_layout
from .limits import WorkLimits, check_work


def pool_keywords(request: PoolOptions) -> dict[str, Any]:
    """Return the keyword arguments that the engine's pool, its plan and its gradients share."""
    return {
        "kernel_size": request.kernel_size,
        "stride": request.stride,
        "padding": request.padding,
        "dilation": request.dilation,
        "ceil_mode": request.ceil_mode,
        "count_include_pad": request.count_include_pad,
        "divisor_override": request.divisor_override,
        "p": request.p,
        "output_size": request.output_size,
    }


def plan_pool(request: PoolOptions, rank: int, input_shape: Shape) -> tuple[Layout, engine.PoolPlan]:
    """Return the layout and the plan of a pool from its options and the input's shape alone."""
    layout = input_layout(rank, input_shape)
    check_indices(request.kind, getattr(request, "return_indices", False))
    return layout, engine.plan_pool(layout.input_shape, request.kind, **pool_keywords(request))


def index_elements(request: PoolOptions, plan: engine.PoolPlan, dtype: np.dtype[Any]) -> int:
    """Return how many values of a pool's dtype take as much memory as its indices, where they are asked for."""
    wanted = getattr(request, "return_indices", False)
    return np.dtype(np.int64).itemsize * prod(plan.output_shape) // dtype.itemsize if wanted else 0


def pool(request: PoolRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a pool; parameters and errors are those of `convolve`."""
    source = read_input(request.input, request.color)
    layout, plan = plan_pool(request, rank, source.array.shape)
    dtype = source.dtype(request.dtype)
    check_work(plan, limits, dtype.itemsize, also_answered=index_elements(request, plan, dtype))
    pooled = engine.pool(
        layout.input(source.array),
        request.kind,
        **pool_keywords(request),
        return_indices=request.return_indices,
        dtype=dtype,
        control=control,
    )
    maps, indices = pooled if request.return_indices else (pooled, None)
    maps = layout.answer(maps)
    arrays = {"feature_maps": maps} | ({} if indices is None else {"indices": layout.answer(indices)})
    echo = pool_echo(plan, layout, source.array.shape, dtype=dtype_name(dtype))
    return Answer(
        arrays=arrays,
        fields={"output_shape": list(maps.shape), "dtype": dtype_name(maps.dtype), "plan": echo},
        encoding=request.encoding,
        maps=maps,
        style=source.style(request.range),
    )
