"""The backward passes: the gradients of a loss from the gradient of an operation's output, and one descent step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from service import engine
from service.schemas.requests import ConvGradientsRequest, ConvTransposeGradientsRequest, PoolGradientsRequest

from .answer import Answer
from .convolve import ConvProblem, prepare_conv
from .data import read_input
from .limits import WorkLimits, check_work
from .pool import plan_pool, pool_keywords
from .transpose import TransposeProblem, prepare_transpose, transpose_keywords


def conv_gradients(request: ConvGradientsRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a convolution's backward pass; parameters and errors are those of `convolve`.

    With `learning_rate` the answer also holds the kernel and the bias after one step of gradient descent.
    """
    problem = prepare_conv(request, rank, limits, backward=True)
    gradients = engine.conv_gradients(
        problem.input,
        problem.kernel,
        problem.layout.output_gradient(request.output_gradient, problem.plan.output_shape),
        stride=request.stride,
        padding=request.padding,
        padding_mode=request.padding_mode,
        padding_value=request.padding_value,
        dilation=request.dilation,
        groups=problem.layout.groups,
        operation=request.operation,
        **_run_keywords(request, problem, control),
    )
    if problem.sample_spacing is not None:
        # The spacing multiplies the sum of products and not the bias.
        spacing = problem.dtype.type(problem.sample_spacing)
        with np.errstate(all="ignore"):  # what overflows is the data's
            gradients = replace(gradients, input=gradients.input * spacing, kernel=gradients.kernel * spacing)
    return _answer(request, problem, problem.sent_kernel, gradients)


def conv_transpose_gradients(
    request: ConvTransposeGradientsRequest, rank: int, limits: WorkLimits, control: engine.Control
) -> Answer:
    """Run a transposed convolution's backward pass; as `conv_gradients`."""
    problem = prepare_transpose(request, rank, limits, backward=True)
    gradients = engine.conv_transpose_gradients(
        problem.input,
        problem.kernel,
        problem.layout.output_gradient(request.output_gradient, problem.plan.output_shape),
        **transpose_keywords(request, problem),
        **_run_keywords(request, problem, control),
    )
    return _answer(request, problem, request.kernel, gradients)


def pool_gradients(request: PoolGradientsRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a pool's backward pass; parameters and errors are those of `convolve`."""
    source = read_input(request.input, request.color)
    layout, plan = plan_pool(request, rank, source.array.shape)
    check_work(plan, limits, source.dtype(request.dtype).itemsize, backward=True)
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


Parametrised = ConvGradientsRequest | ConvTransposeGradientsRequest
Problem = ConvProblem | TransposeProblem


def _run_keywords(request: Parametrised, problem: Problem, control: engine.Control) -> dict[str, Any]:
    """Return the keyword arguments that both backward passes share."""
    per_position = problem.bias is not None and problem.bias.ndim > 1
    return {
        "bias_per_position": per_position,
        "method": request.method,
        "dtype": problem.dtype,
        "control": control,
    }


def _answer(request: Parametrised, problem: Problem, kernel: np.ndarray, gradients: engine.ConvGradients) -> Answer:
    """Return the gradients, each in the form in which what it belongs to was sent."""
    arrays = {
        "input_gradient": gradients.input.reshape(problem.source.array.shape),
        "kernel_gradient": problem.layout.kernel_gradient(gradients.kernel, kernel.shape),
    }
    if request.bias is not None:
        arrays["bias_gradient"] = gradients.bias.reshape(np.shape(request.bias))
    if request.learning_rate is not None:
        arrays["updated_kernel"] = _descended(kernel, arrays["kernel_gradient"], request.learning_rate)
        if request.bias is not None:
            bias = np.asarray(request.bias)
            arrays["updated_bias"] = _descended(bias, arrays["bias_gradient"], request.learning_rate)
    return Answer(arrays=arrays, fields={}, encoding=request.encoding)


def _descended(parameter: np.ndarray, gradient: np.ndarray, learning_rate: float) -> np.ndarray:
    """Return parameter − learning_rate · gradient in the gradient's dtype."""
    with np.errstate(all="ignore"):  # what overflows is infinite, as it is inside the engine
        return np.asarray(parameter.astype(gradient.dtype) - gradient.dtype.type(learning_rate) * gradient)
