"""What a refusal beyond a limit says would help does help."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from service import engine
from service.operations.errors import LimitExceeded
from service.operations.limits import WorkLimits, check_work, exceeded, work_of
from tests.operations.examples import limits

LIMITS = [field.name for field in fields(WorkLimits) if field.name.startswith("max_")]


def conv(**options: Any) -> Any:
    size, kernel = options.pop("size", 40), options.pop("kernel", 5)
    return engine.plan_conv((1, 4, size), (options.pop("filters", 6), 4, kernel), **options)


def transposed(**options: Any) -> Any:
    size, kernel = options.pop("size", 40), options.pop("kernel", 5)
    return engine.plan_conv_transpose((1, 4, size), (4, options.pop("filters", 6), kernel), **options)


def pool(**options: Any) -> Any:
    return engine.plan_pool((1, 4, options.pop("size", 40)), "max", **({"kernel_size": 5, "stride": 2} | options))


def adaptive(**options: Any) -> Any:
    shape = (1, options.pop("channels", 4), options.pop("size", 40))
    return engine.plan_pool(shape, "max", output_size=options.pop("output_size", 30))


# The words of a refusal, and what they change in the plan that was refused.
CHANGES: dict[Any, dict[str, dict[str, Any]]] = {
    conv: {
        "larger stride": {"stride": 3},
        "fewer filters": {"filters": 3},
        "less padding": {"padding": 1},
        "less data": {"size": 20},
        "smaller input": {"size": 20},
        "pad by less": {"padding": 1},
        "smaller kernel": {"kernel": 3},
    },
    transposed: {
        "smaller stride": {"stride": 1},
        "fewer filters": {"filters": 3},
        "more padding": {"padding": 3},
        "less data": {"size": 20},
        "smaller input": {"size": 20},
        "smaller kernel": {"kernel": 3},
        "dilation": {"dilation": 1},
        "or kernel": {"kernel": 3},
    },
    pool: {
        "larger stride": {"stride": 3},
        "less padding": {"padding": 0},
        "less data": {"size": 20},
        "smaller kernel_size": {"kernel_size": 4},
    },
    adaptive: {
        "less data": {"size": 20},
        "fewer samples or channels": {"channels": 2},
        "smaller output_size": {"output_size": 10},
    },
}
AS_IT_COMES: dict[Any, dict[str, Any]] = {
    conv: {"padding": 2, "stride": 2},
    transposed: {"padding": 2, "stride": 2, "dilation": 2},
    pool: {"padding": 1},
    adaptive: {},
}
# Where a plan has nothing of it: a pool has no kernel and reads no padded plane.
NOTHING = {(make, limit) for make in (pool, adaptive) for limit in ("max_kernel_elements", "max_padded_elements")}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)
def test_what_a_refusal_advises_makes_the_work_smaller(make: Any, limit: str) -> None:
    plan = make(**AS_IT_COMES[make])
    found = exceeded(work_of(plan), limits(**{limit: 0}))
    if (make, limit) in NOTHING:
        assert found is None
        return
    assert found is not None
    with pytest.raises(LimitExceeded, match=f"{limit} is 0; ") as caught:
        check_work(plan, limits(**{limit: 0}))
    advice = caught.value.detail.rpartition("; ")[2]
    advised = [change for words, change in CHANGES[make].items() if words in advice]
    assert advised
    for change in advised:
        smaller = exceeded(work_of(make(**AS_IT_COMES[make] | change)), limits(**{limit: 0}))
        assert smaller is not None
        assert smaller[2] < found[2], change
    assert ("larger stride" in advice) <= (make in (conv, pool))
