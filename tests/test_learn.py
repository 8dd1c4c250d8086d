"""The lesson, as pasted: every command of docs/learn.md is sent, and answers what the page says it does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/learn.md"
SERVER = "http://127.0.0.1:8000"
SIGNATURES = {"svg": b"<svg ", "gif": b"GIF89a", "md": b"# Trace of ", "png": b"\x89PNG"}


def lessons() -> list[tuple[str, str | None]]:
    """Return every command of the page with the answer that stands behind it, if any does."""
    blocks = re.findall(r"```(sh|json)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found: list[tuple[str, str | None]] = []
    for kind, text in blocks:
        if kind == "sh":
            found.append((text, None))
        else:
            assert found, "an answer stands in front of every command"
            assert found[-1][1] is None, f"a command has two answers: {found[-1][0]}"
            found[-1] = (found[-1][0], text)
    return found


def sent(service: httpx.Client, command: str) -> tuple[httpx.Response, str | None]:
    """Do what a curl command would; return its answer and the file it would write."""
    words = shlex.split(command)
    assert words[:2] == ["curl", "-s"]
    path, headers, body, form, file = words[2].removeprefix(SERVER), {}, None, {}, None
    assert path != words[2], f"the command does not speak to {SERVER}"
    options = words[3:]
    for option, value in zip(options[::2], options[1::2], strict=True):
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        elif option == "-d":
            body = value
        elif option == "-F":
            name, _, text = value.partition("=")
            form[name] = (Path(text[1:]).name, (ROOT / text[1:]).read_bytes()) if text[0] == "@" else (None, text)
        elif option == "-o":
            file = value
        else:
            pytest.fail(f"the test does not know curl's {option}")
    if body is not None:
        return service.post(path, content=body.encode(), headers=headers), file
    return service.post(path, files=form, headers=headers), file


def differences(shown: Any, answered: Any, place: str = "") -> list[str]:
    """Return where the answer is not what is shown of it; what is not shown may be anything."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        return [
            difference
            for name, value in shown.items()
            for difference in (
                differences(value, answered[name], f"{place}/{name}")
                if name in answered
                else [f"{place}/{name} is missing"]
            )
        ]
    if isinstance(shown, list) and isinstance(answered, list) and len(shown) == len(answered):
        return [
            difference
            for index, pair in enumerate(zip(shown, answered, strict=True))
            for difference in differences(*pair, f"{place}/{index}")
        ]
    same = shown == answered or (isinstance(shown, float) and answered == pytest.approx(shown, rel=1e-12))
    return [] if same else [f"{place} is {answered}, not {shown}"]


@pytest.mark.parametrize(("command", "answer"), lessons(), ids=[str(number) for number in range(1, len(lessons()) + 1)])
def test_a_command_answers_what_the_page_says(service: httpx.Client, command: str, answer: str | None) -> None:
    response, file = sent(service, command)
    assert response.status_code == 200, response.text
    if file is not None:
        assert response.content.startswith(SIGNATURES[file.rpartition(".")[2]])
        return
    assert answer is not None, "a command whose answer is JSON has it shown"
    assert differences(httpx.Response(200, text=answer).json(), response.json()) == []


def test_the_comparison_can_fail() -> None:
    assert differences({"a": [1, 2]}, {"a": [1, 3], "b": 4}) == ["/a/1 is 3, not 2"]
    assert differences({"a": 1}, {}) == ["/a is missing"]
    assert differences([1], [1, 2]) == [" is [1, 2], not [1]"]


def test_the_page_has_its_lessons() -> None:
    assert len(lessons()) >= 25
