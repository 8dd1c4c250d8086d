"""The backward passes: the gradients of a loss from the gradient of an operation's output, and one descent step."""

from __future__ import annotations

from typing import Any

import numpy as np

from service import engine
from service.schemas.requests import ConvGradientsRequest, ConvTransposeGradientsRequest, PoolGradientsRequest

from .answer import Answer
from .convolve import conv_keywords, prepare_conv
from .data import read_input
from .layout import Layout
from .limits import WorkLimits, check_work
from .pool import plan_pool, pool_keywords
from .transpose import prepare_transpose, transpose_keywords


def conv_gradients(request: ConvGradientsRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a convolution's backward pass; parameters and errors are those of `convolve`.

    With `learning_rate` the answer also holds the kernel and the bias after one step of gradient descent.
    """
    problem = prepare_conv(request, rank, limits)
    upstream = problem.layout.output_gradient(request.output_gradient, problem.plan.output_shape)
    scaled = upstream if problem.sample_spacing is None else upstream * problem.dtype.type(problem.sample_spacing)
    gradients = engine.conv_gradients(
        problem.input,
        problem.kernel,
        scaled,
        **conv_keywords(request, problem),
        dtype=problem.dtype,
        control=control,
    )
    return _answer(
        request,
        problem.layout,
        problem.source.array.shape,
        problem.sent_kernel,
        gradients,
        _bias_gradient(problem.bias, upstream, problem.dtype),
    )


def conv_transpose_gradients(
    request: ConvTransposeGradientsRequest, rank: int, limits: WorkLimits, control: engine.Control
) -> Answer:
    """Run a transposed convolution's backward pass; as `conv_gradients`."""
    problem = prepare_transpose(request, rank, limits)
    upstream = problem.layout.output_gradient(request.output_gradient, problem.plan.output_shape)
    gradients = engine.conv_transpose_gradients(
        problem.input,
        problem.kernel,
        upstream,
        **transpose_keywords(request, problem),
        dtype=problem.dtype,
        control=control,
    )
    return _answer(
        request,
        problem.layout,
        problem.source.array.shape,
        request.kernel,
        gradients,
        _bias_gradient(problem.bias, upstream, problem.dtype),
    )


def pool_gradients(request: PoolGradientsRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a pool's backward pass; parameters and errors are those of `convolve`."""
    source = read_input(request.input, request.color)
    layout, plan = plan_pool(request, rank, source.array.shape)
    check_work(plan, limits, source.dtype(request.dtype).itemsize)
    gradient = engine.pool_gradients(
        layout.input(source.array),
        layout.output_gradient(request.output_gradient, plan.output_shape),
        request.kind,
        **pool_keywords(request),
        dtype=source.dtype(request.dtype),
        control=control,
    )
    gradient = gradient.reshape(source.array.shape)
    return Answer(arrays={"input_gradient": gradient}, fields={}, encoding=request.encoding)


def _bias_gradient(bias: np.ndarray | None, upstream: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | None:
    """Return the bias's gradient, (F) or (F, *S') as the bias: the upstream gradient summed over what shares it."""
    if bias is None:
        return None
    shared = (0,) if bias.ndim > 1 else (0, *range(2, upstream.ndim))
    return np.asarray(upstream.astype(dtype, copy=False).sum(axis=shared))


def _answer(
    request: Any,
    layout: Layout,
    input_shape: tuple[int, ...],
    kernel: np.ndarray,
    gradients: engine.ConvGradients,
    bias_gradient: np.ndarray | None,
) -> Answer:
    kernel_gradient = layout.kernel_gradient(gradients.kernel, kernel.shape)
    arrays = {"input_gradient": gradients.input.reshape(input_shape), "kernel_gradient": kernel_gradient}
    if bias_gradient is not None:
        arrays["bias_gradient"] = bias_gradient.reshape(np.shape(request.bias))
    if request.learning_rate is not None:
        arrays["updated_kernel"] = _descended(kernel, kernel_gradient, request.learning_rate)
        if bias_gradient is not None:
            arrays["updated_bias"] = _descended(
                np.asarray(request.bias), arrays["bias_gradient"], request.learning_rate
            )
    return Answer(arrays=arrays, fields={}, encoding=request.encoding)


def _descended(parameter: np.ndarray, gradient: np.ndarray, learning_rate: float) -> np.ndarray:
    """Return parameter − learning_rate · gradient in the gradient's dtype."""
    return np.asarray(parameter.astype(gradient.dtype) - gradient.dtype.type(learning_rate) * gradient)
