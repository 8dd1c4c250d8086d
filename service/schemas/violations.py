"""What a model refuses, said for a client: the field, what came, what would do.

Pydantic reports every branch of a union that failed; a client wants one sentence a field. The sentence's end is the
field's own :class:`~service.schemas.fields.Expects`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from pydantic import BaseModel, ValidationError

from .fields import expectation

_MOST_VIOLATIONS = 64
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that cannot be used: where (a JSON pointer) and why."""

    pointer: str
    detail: str


def violations(error: ValidationError, model: type[BaseModel], document: Any) -> list[Violation]:
    """Return one violation a field, in the order in which pydantic found them; of very many the first."""
    found: dict[str, Violation] = {}
    for entry in error.errors(include_url=False, include_input=False):
        if len(found) >= _MOST_VIOLATIONS:
            break
        for violation in _of_entry(entry, model, document):
            found.setdefault(violation.pointer, violation)
    return list(found.values())


def _of_entry(entry: Any, model: type[BaseModel], document: Any) -> Iterator[Violation]:
    place = _place(entry["loc"], model, document)
    context = entry.get("ctx", {})
    if entry["type"] == "exactly_one":
        yield Violation(f"{place.pointer}/{context['field']}", entry["msg"])
    elif entry["type"] == "extra_forbidden":
        yield Violation(place.pointer, _unknown_field(place))
    elif entry["type"] in ("union_tag_invalid", "union_tag_not_found"):
        yield _unknown_member(entry, place)
    elif entry["type"] == "missing":
        wanted = expectation(place.model, place.field) or "given"
        yield Violation(place.pointer, f"{place.field} is missing; it must be {wanted}")
    else:
        takes = expectation(place.model, place.field) if place.field else None
        came = f"{place.field or 'the value'} is {shown(place.value)}"
        yield Violation(place.pointer, f"{came}; it must be {takes}" if takes else f"{came}; {_lowered(entry['msg'])}")


@dataclass(frozen=True, slots=True)
class _Place:
    model: type[BaseModel]
    field: str
    pointer: str
    value: Any


def _place(loc: tuple[int | str, ...], model: type[BaseModel], document: Any) -> _Place:
    """Follow an error's location to the deepest field of a model on its way; branch labels are not in the document."""
    place = _Place(model, "", "", document)
    current, pointer, value = model, "", document
    for step in loc:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            pointer, value = f"{pointer}/{step}", value[step]
        elif isinstance(step, str) and isinstance(value, dict) and (step in value or step in current.model_fields):
            pointer, value = f"{pointer}/{_escaped(step)}", value.get(step)
            place = _Place(current, step, pointer, value)
        else:
            current = _member(current, place.field, step) or current
            if current is not place.model and isinstance(value, dict):
                place = _Place(current, "", pointer, value)
    return place


def _member(model: type[BaseModel], field: str, tag: int | str) -> type[BaseModel] | None:
    """Return the model of a tagged union that a location's label names, or None."""
    if field not in model.model_fields:
        return None
    pending = [model.model_fields[field].annotation]
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            kind = annotation.model_fields.get("type")
            if annotation.__name__ == tag or (kind is not None and tag in get_args(kind.annotation)):
                return annotation
        pending.extend(get_args(annotation))
    return None


def _unknown_field(place: _Place) -> str:
    known = [field.alias or name for name, field in place.model.model_fields.items()]
    near = difflib.get_close_matches(place.field, known, n=1)
    guess = f". Did you mean {near[0]}?" if near else ""
    there = f"there are {', '.join(known)}" if len(known) > 1 else f"there is only {known[0]}"
    return f"there is no field {json.dumps(place.field[:60])} here; {there}{guess}"


def _unknown_member(entry: Any, place: _Place) -> Violation:
    """Say of an entry of a tagged union, such as a layer, which tags there are."""
    context = entry.get("ctx", {})
    tag = str(context["discriminator"]).strip("'")
    pointer = place.pointer + "".join(f"/{step}" for step in entry["loc"] if isinstance(step, int))
    value = place.value[entry["loc"][-1]] if isinstance(place.value, list) else place.value
    if entry["type"] == "union_tag_not_found":
        return Violation(f"{pointer}/{tag}", f"{tag} is missing in {shown(value)}")
    known = [name.strip(" '") for name in context["expected_tags"].split(",")]
    near = difflib.get_close_matches(context["tag"], known, n=1)
    guess = f". Did you mean {near[0]}?" if near else ""
    return Violation(
        f"{pointer}/{tag}", f"{tag} is {json.dumps(context['tag'][:60])}; it must be one of {', '.join(known)}{guess}"
    )


def shown(value: Any) -> str:
    """Return a value as a sentence shows it: short, and as JSON writes it."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {list(value.shape)}"
    if value is not None and not isinstance(value, (bool, int, float, str, list, dict)):
        return f"a {type(value).__name__.lower()}"
    try:
        text = json.dumps(_beginning(value, [_SHOWN_CHARACTERS]), ensure_ascii=False)
    except (TypeError, ValueError):
        text = "a list with arrays in it" if isinstance(value, list) else "an object with arrays in it"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def _beginning(value: Any, room: list[int]) -> Any:
    """Return as much of a value as has room in a sentence and a little more: each character or item takes one of it."""
    if isinstance(value, str):
        kept = value[: max(1, room[0])]
        room[0] -= len(kept)
        return kept
    if not isinstance(value, (list, dict)):
        room[0] -= 1
        return value
    items: list[Any] = []
    for item in value.items() if isinstance(value, dict) else value:
        if room[0] <= 0:
            break
        room[0] -= 1
        items.append((item[0], _beginning(item[1], room)) if isinstance(value, dict) else _beginning(item, room))
    return dict(items) if isinstance(value, dict) else items


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
