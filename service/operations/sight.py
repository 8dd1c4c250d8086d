"""What one position of a layer sees of the network's input.

Jump and start follow Araujo, Norris & Sim (2019), "Computing Receptive Fields of Convolutional Neural Networks",
Distill: a layer of span e, stride s and b cells of padding before it moves the first field's centre by
((e - 1)/2 - b)·j, and multiplies the jump j, the input cells between neighbouring outputs, by s. A transposed
convolution divides it. The field is counted (`reach.py`): what such formulas give behind layers of fractional jump is
no number of cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from service import engine

from .reach import Bounds, Reach

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one output position sees of the input, an entry a spatial axis.

    Attributes
    ----------
    field
        Input cells from the first to the last that it depends on, padding counted; of the position where they are most.
    jump
        Input cells from one position's field to the next's, on average; None where there are no positions any more.
    start
        The centre of the first position's field, where the centre of the first input cell is 0. Behind a transposed
        convolution, whose outputs do not all see alike, that of the line along which the fields' centres lie.
    reach
        What each position depends on; empty where there are no positions any more.
    whole
        The cells of the input, beyond which no field can reach; None behind padding and transposed convolutions.
    together
        What all positions see, where they have been flattened: a linear layer's field.
    """

    field: tuple[int, ...]
    jump: tuple[Fraction, ...] | None
    start: tuple[Fraction, ...] | None
    reach: tuple[Reach | Bounds, ...]
    whole: tuple[int | None, ...]
    together: tuple[int, ...] = ()

    def flattened(self, size: Shape) -> Sight:
        """Return what a feature sees that was one of `size` positions: as much; but features have no order."""
        if self.jump is None:
            return self
        spread = tuple(reach.windowed(count, 1, 1, 0) for reach, count in zip(self.reach, size, strict=True))
        together = _fields(spread, (1,) * len(size), self.whole)
        return Sight(self.field, None, None, (), self.whole, together)

    def weighed(self) -> Sight:
        """Return what an output of a linear layer sees: all that its inputs do."""
        return replace(self, field=self.together or self.field)


def input_sight(size: Shape) -> Sight:
    """Return what the input's own cells see: themselves."""
    rank = len(size)
    return Sight((1,) * rank, (Fraction(1),) * rank, (Fraction(0),) * rank, (Reach(),) * rank, size)


def through_windows(sight: Sight, plan: engine.ConvPlan | engine.PoolPlan) -> Sight:
    """Return what an output of a convolution or pool sees."""
    if isinstance(plan, engine.PoolPlan) and plan.adaptive:
        return _through_adaptive(sight, plan)
    before = [pair[0] for pair in plan.padding]
    jump, start = sight.jump or (), sight.start or ()
    windows = zip(sight.reach, plan.kernel_size, plan.dilation, plan.stride, before, strict=True)
    reach = tuple(reach.windowed(k, d, s, b) for reach, k, d, s, b in windows)
    within = zip(sight.whole, plan.padding, getattr(plan, "overhang", (0,) * plan.rank), strict=True)
    whole = tuple(None if any(pair) or over else n for n, pair, over in within)
    return Sight(
        _fields(reach, plan.output_size, whole),
        tuple(j * s for j, s in zip(jump, plan.stride, strict=True)),
        tuple(c + (Fraction(e - 1, 2) - b) * j for c, e, b, j in zip(start, plan.span, before, jump, strict=True)),
        reach,
        whole,
    )


def _through_adaptive(sight: Sight, plan: engine.PoolPlan) -> Sight:
    jump, start = sight.jump or (), sight.start or ()
    sizes = list(zip(plan.input_size, plan.output_size, strict=True))
    axes = zip(sight.reach, sizes, plan.kernel_size, strict=True)
    reach = tuple(reach.adaptive(n, o, longest) for reach, (n, o), longest in axes)
    return Sight(
        _fields(reach, plan.output_size, sight.whole),
        tuple(j * n / o for j, (n, o) in zip(jump, sizes, strict=True)),
        # The first window has ⌈n/o⌉ cells; the largest may have more.
        tuple(c + Fraction(-(-n // o) - 1, 2) * j for c, j, (n, o) in zip(start, jump, sizes, strict=True)),
        reach,
        sight.whole,
    )


def through_transposed(sight: Sight, plan: engine.ConvTransposePlan) -> Sight:
    """Return what an output of a transposed convolution sees."""
    before = [pair[0] for pair in plan.padding]
    jump, start = sight.jump or (), sight.start or ()
    kernels = zip(sight.reach, plan.kernel_size, plan.dilation, plan.stride, before, strict=True)
    reach = tuple(reach.transposed(k, d, s, b) for reach, k, d, s, b in kernels)
    whole = (None,) * plan.rank
    return Sight(
        _fields(reach, plan.output_size, whole),
        tuple(j / s for j, s in zip(jump, plan.stride, strict=True)),
        tuple(
            c + (b - Fraction(e - 1, 2)) / s * j
            for c, e, b, s, j in zip(start, plan.span, before, plan.stride, jump, strict=True)
        ),
        reach,
        whole,
    )


def _fields(reach: tuple[Reach | Bounds, ...], size: Shape, whole: tuple[int | None, ...]) -> tuple[int, ...]:
    fields = (reach.field(positions) for reach, positions in zip(reach, size, strict=True))
    return tuple(field if n is None else min(field, n) for field, n in zip(fields, whole, strict=True))
