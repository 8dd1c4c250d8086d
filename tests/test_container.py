"""What a container lets the service have, and what it makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import container
from service.settings import Settings

GIBI = 2**30


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tree of control groups, and a machine of 64 cores on which this process may use all.

    The files stand in for the kernel's, and the cores for a machine's, as no test can have all these: the code that
    reads them is the real one.
    """
    forget()
    monkeypatch.setattr(container, "_GROUPS", tmp_path)
    monkeypatch.setattr(container, "_MEMBERSHIP", tmp_path / "membership")
    write(tmp_path / "membership", "5:cpu,cpuacct:/own\n4:memory:/own\n3:pids:/own\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    yield tmp_path
    forget()


def forget() -> None:
    """Let the limits be read again."""
    for known in (container.cores, container.memory_bytes, container.tasks):
        known.cache_clear()


def write(file: Path, text: str) -> None:
    """Write one limit."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("quota", "cores"), [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 64)]
)
def test_a_share_of_the_cores_in_version_2(group: Path, quota: str, cores: int) -> None:
    write(group / "cpu.max", f"{quota}\n")
    assert container.cores() == cores


@pytest.mark.parametrize(("quota", "cores"), [("300000", 3), ("250000", 3), ("-1", 64)])
def test_a_share_of_the_cores_in_version_1(group: Path, quota: str, cores: int) -> None:
    write(group / "cpu" / "cpu.cfs_quota_us", quota)
    write(group / "cpu" / "cpu.cfs_period_us", "100000")
    assert container.cores() == cores


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes", "memory/own/memory.max"])
def test_memory(group: Path, file: str) -> None:
    write(group / file, "536870912\n")
    assert container.memory_bytes() == GIBI // 2


def test_in_version_2_its_own_group_has_one_place_for_all(group: Path) -> None:
    write(group / "membership", "0::/service/one\n")
    write(group / "service" / "one" / "pids.max", "64")
    write(group / "service" / "one" / "cpu.max", "300000 100000")
    assert (container.tasks(), container.cores()) == (64, 3)


def test_its_own_group_comes_before_the_whole_trees(group: Path) -> None:
    write(group / "pids.max", "1000")
    write(group / "pids" / "own" / "pids.max", "64")
    assert container.tasks() == 64


def test_without_any_limit_it_has_the_machine(group: Path) -> None:
    for name in ("memory.max", "pids.max"):
        write(group / name, "max")
    assert container.cores() == 64
    assert container.memory_bytes() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert container.tasks() > 10**6


@pytest.mark.parametrize(
    ("cpu", "memory", "pids", "workers", "slots"),
    [
        ("200000 100000", 8 * GIBI, "max", 2, 2),  # a worker a core
        ("1600000 100000", GIBI, "max", 5, 16),  # 192 MiB a worker
        ("200000 100000", GIBI, "64", 2, 2),  # as docs/operating.md has it
        ("800000 100000", 8 * GIBI, "64", 2, 8),  # 8 threads a worker beside 3 a core
        ("800000 100000", 8 * GIBI, "20", 1, 3),
        ("max 100000", 64 * GIBI, "max", 32, 64),
    ],
)
def test_workers_slots_and_memory_follow(
    group: Path, cpu: str, memory: int, pids: str, workers: int, slots: int
) -> None:
    write(group / "cpu.max", cpu)
    write(group / "memory.max", str(memory))
    write(group / "pids.max", pids)
    there = container.memory_bytes()  # of a machine that may have less
    settings = Settings()
    assert (settings.workers, settings.slots) == (min(workers, there // (192 * 2**20)), slots)
    assert settings.max_memory_bytes == there // 2
