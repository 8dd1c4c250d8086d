"""What tests of operations share: limits that nothing reaches, and the networks whose numbers are published."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from service import engine
from service.operations.limits import WorkLimits

_EVERY: dict[str, Any] = {field.name: 10**12 for field in fields(WorkLimits) if field.name.startswith("max_")}
WIDE = WorkLimits(**_EVERY)
CONTROL = engine.Control()

RELU, TANH, FLATTEN = {"type": "relu"}, {"type": "tanh"}, {"type": "flatten"}


def limits(**given: int) -> WorkLimits:
    """Return limits that nothing reaches, but for those given."""
    return replace(WIDE, **given)  # type: ignore[arg-type]  # every given limit is an int


def conv(filters: int, size: int, **options: Any) -> dict[str, Any]:
    return {"type": "conv2d", "filters": filters, "kernel_size": size, **options}


def pool(size: int, stride: int, **options: Any) -> dict[str, Any]:
    return {"type": "pool2d", "kernel_size": size, "stride": stride, **options}


def linear(features: int) -> dict[str, Any]:
    return {"type": "linear", "features": features}


def vgg16() -> list[dict[str, Any]]:
    """Simonyan & Zisserman (2014), configuration D."""
    layers: list[dict[str, Any]] = []
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        layers += [conv(filters, 3, padding=1), RELU] * count + [pool(2, 2)]
    return [*layers, FLATTEN, linear(4096), RELU, linear(4096), RELU, linear(1000)]


def alexnet() -> list[dict[str, Any]]:
    """Krizhevsky (2014), "One weird trick", as torchvision has it."""
    return [
        *(conv(64, 11, stride=4, padding=2), RELU, pool(3, 2)),
        *(conv(192, 5, padding=2), RELU, pool(3, 2)),
        *(conv(384, 3, padding=1), RELU, conv(256, 3, padding=1), RELU, conv(256, 3, padding=1), RELU, pool(3, 2)),
        *({"type": "pool2d", "kind": "average", "output_size": 6}, FLATTEN),
        *(linear(4096), RELU, linear(4096), RELU, linear(1000)),
    ]


def lenet5() -> list[dict[str, Any]]:
    """LeCun et al. (1998), with every map of C3 connected to every map of S2."""
    mean = {"kind": "average"}
    return [
        *(conv(6, 5, padding=2), TANH, pool(2, 2, **mean), conv(16, 5), TANH, pool(2, 2, **mean), conv(120, 5), TANH),
        *(FLATTEN, linear(84), TANH, linear(10)),
    ]


def resnet50_trunk() -> list[dict[str, Any]]:
    """He et al. (2015), up to the first block's sum."""
    norm = {"type": "batch_norm"}
    return [
        *(conv(64, 7, stride=2, padding=3, bias=False), norm, RELU, pool(3, 2, padding=1)),
        *(
            conv(64, 1, bias=False),
            norm,
            RELU,
            conv(64, 3, padding=1, bias=False),
            norm,
            RELU,
            conv(256, 1, bias=False),
            norm,
        ),
    ]
