"""What the repository promises of itself: its scripts, its locks, its version, its data."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import service

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.suffix != ".md")
LOCKS = ("build", "service", "test", "bench")
# Written so that they do not match themselves.
REGISTRY = re.compile(r"py[p]i\.org|python[h]osted|/[s]imple/|(?:index|registry|find-links)[-_a-z]*[ =:]+\S*:[/]/")
MACHINE_PATH = re.compile(r"(?:^|[\s\"'=(:`])/(?:[w]ork|[h]ome|[r]oot|[U]sers|[t]mp/scratch)/")


def tracked_files() -> list[Path]:
    """Return the files that Git knows and that are there; without Git or its folder, all that are not made here."""
    command = ("git", "-c", "safe.directory=*", "ls-files", "-z")
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    made = re.compile(r"/(\.git|\.venv[^/]*|__pycache__|\.[a-z]+_cache|\.hypothesis)(/|$)")
    return [path for path in ROOT.rglob("*") if path.is_file() and not made.search(f"/{path.relative_to(ROOT)}")]


def requirements(name: str) -> dict[str, list[str]]:
    """Return the lines of requirements/`name` that ask for something, by the normalised name of what they ask for."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        stated = re.match(r"([A-Za-z0-9._-]+)", line)
        if stated and not line.startswith("-"):
            found.setdefault(normalised(stated[1]), []).append(line)
    return found


def normalised(name: str) -> str:
    """Return a distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def version_pins(name: str) -> dict[str, set[str]]:
    """Return the versions, with the conditions they stand under, of everything in requirements/`name`."""
    return {name: {line.split(" --hash")[0].strip() for line in lines} for name, lines in requirements(name).items()}


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci/run"], ids=lambda path: path.name)
def test_a_script_is_bash_that_parses_and_can_be_started(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n# ")
    parsed = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (parsed.returncode, parsed.stderr) == (0, "")


def test_the_scripts_readme_lists_every_script_and_no_other() -> None:
    readme = (ROOT / "scripts/README.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| `(?:\./)?(?:scripts/)?([a-z]+)[ `]", readme, re.MULTILINE)

    assert sorted(listed) == [script.name for script in SCRIPTS]


def test_ci_calls_the_scripts_and_nothing_else() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")

    commands = re.findall(r"^\s*(?:- )?run: (.*)$", workflow, re.MULTILINE)

    assert commands
    assert {command for command in commands if not re.fullmatch(r"\./scripts/[a-z]+", command)} == set()


def test_the_changelog_opens_with_the_version_that_the_service_has() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?", changelog, re.MULTILINE)

    assert versions[0] == service.__version__


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_has_a_hash_and_a_version(name: str) -> None:
    locked = requirements(f"{name}.txt")

    assert locked
    assert [line for lines in locked.values() for line in lines if "--hash=sha256:" not in line] == []
    assert [line for lines in locked.values() for line in lines if "==" not in line] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_covers_what_was_asked_for(name: str) -> None:
    asked = requirements(f"{name}.in").keys() | (
        requirements("service.in").keys() if name in ("test", "bench") else set()
    )

    assert asked - requirements(f"{name}.txt").keys() == set()


@pytest.mark.parametrize(("larger", "smaller"), [("test", "service"), ("bench", "service")])
def test_tests_and_benchmarks_run_with_what_is_deployed(larger: str, smaller: str) -> None:
    """scripts/install relies on it: who has the larger set has the smaller one."""
    ours, theirs = version_pins(f"{smaller}.txt"), version_pins(f"{larger}.txt")

    assert {name: theirs.get(name) for name in ours} == ours


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (REGISTRY, "https://py" + "pi.org/project/numpy"),
        (REGISTRY, "--extra-index-url https" + "://example.org"),
        (REGISTRY, "registry = http" + "://localhost:4873"),
        (MACHINE_PATH, "cd /wo" + "rk/main"),
        (MACHINE_PATH, '"/ho' + 'me/someone/project"'),
    ],
)
def test_the_patterns_for_machine_specifics_recognise_them(pattern: re.Pattern[str], example: str) -> None:
    assert pattern.search(example)


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if REGISTRY.search(line) or MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line[:160]}")
    assert found == []


def test_the_photograph_is_the_one_whose_provenance_is_told() -> None:
    digest = hashlib.sha256((ROOT / "tests/data/grace_hopper.jpg").read_bytes()).hexdigest()

    assert digest in (ROOT / "tests/data/README.md").read_text(encoding="utf-8")


def test_the_oldest_python_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    oldest = project["project"]["requires-python"].removeprefix(">=")

    assert project["tool"]["mypy"]["python_version"] == oldest
    assert project["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert f"--python-version {oldest} " in (ROOT / "scripts/lock").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(ROOT)) for path in tracked_files() if path.suffix == ".md")
)
def test_what_a_document_points_at_is_tracked(name: str) -> None:
    document = ROOT / name
    text = document.read_text(encoding="utf-8")
    there = {place for path in tracked_files() for place in (path, *path.parents)}

    links = {(document.parent / link).resolve() for link in re.findall(r"\]\((?![a-z]+:|/)([^)#]+)", text)}
    quoted = re.findall(
        r"`(?:\./)?((?:service|tests|scripts|benchmarks|openapi|requirements)/[A-Za-z0-9_./-]*)[` ]", text
    )

    assert [str(path) for path in {*links, *(ROOT / path for path in quoted)} - there] == []


def test_the_example_of_an_addition_still_applies() -> None:
    """What CONTRIBUTING adds to the engine stands beside lines that are there, each once."""
    example = re.search(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert example
    places = re.split(r"^ # (\S+)\n", example[1], flags=re.MULTILINE)[1:]
    assert places[::2] == ["service/engine/pool_kinds.py", "service/engine/borders.py"]
    for path, lines in zip(places[::2], places[1::2], strict=True):
        source = (ROOT / path).read_text()
        for line in lines.splitlines():
            assert source.count(f"{line[1:]}\n") == (0 if line.startswith("+") else 1), line


def test_what_the_example_adds_is_pooled_padded_and_traced(tmp_path: Path) -> None:
    """CONTRIBUTING's two lines are all that it takes."""
    example = re.search(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert example
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=shutil.ignore_patterns("__pycache__"))
    places = re.split(r"^ # (\S+)\n", example[1], flags=re.MULTILINE)[1:]
    for path, lines in zip(places[::2], places[1::2], strict=True):
        (beside,) = (line[1:] for line in lines.splitlines() if line[0] == " ")
        added = "\n".join(line[1:] for line in lines.splitlines())
        changed = tmp_path / path
        changed.write_text(changed.read_text().replace(beside, added))
    script = """
from fastapi.testclient import TestClient
from service.app import create_app
with TestClient(create_app()) as client:
    asked = {"input": [[1, 2], [3, 4]], "kind": "sum", "kernel_size": 2}
    print(client.post("/v1/pool2d", json=asked).json()["feature_maps"])
    step = client.post("/v1/pool2d/trace", json=asked).json()["steps"][0]
    print(step["value"], step["sum"], step["expression"])
    asked = {"input": [1, 2, 3, 4], "kernel": [1], "padding": 2, "padding_mode": "first"}
    print(client.post("/v1/conv1d", json=asked).json()["feature_maps"])
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "[[10.0]]",
        "10.0 10.0 1 + 2 + 3 + 4",
        "[1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 1.0, 1.0]",
    ]
