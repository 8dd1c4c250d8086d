"""What the machine, or the container on it, lets this process have: cores, memory, processes and threads.

A container's limits stand in its control group, and `os.cpu_count` knows nothing of them: version 2 of the interface is
one tree under /sys/fs/cgroup, version 1 a tree for each kind (man 7 cgroups).
"""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_UNLIMITED = 2**60  # version 1 writes "no limit" as a number near 2⁶³
_FALLBACK_BYTES = 2 * 2**30


@cache
def cores() -> int:
    """Return the cores that may be used, a part of one counted as one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = [*_read("cpu", "cpu.max").split(), "", ""][:2]
    if not quota:
        quota, period = _read("cpu", "cpu.cfs_quota_us"), _read("cpu", "cpu.cfs_period_us")
    if quota.isdecimal() and period.isdecimal():
        usable = min(usable, math.ceil(int(quota) / int(period)))
    return max(1, usable)


@cache
def memory_bytes() -> int:
    """Return the memory that may be used."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        there = _FALLBACK_BYTES
    limits = [_number("memory", name) for name in ("memory.max", "memory.limit_in_bytes")]
    return min(there, *limits)


@cache
def tasks() -> int:
    """Return how many processes and threads there may be."""
    return _number("pids", "pids.max")


def _number(kind: str, name: str) -> int:
    text = _read(kind, name)
    return int(text) if text.isdecimal() else _UNLIMITED


def _read(kind: str, name: str) -> str:
    """Return a limit of this process's control group as it is written, or an empty string where there is none."""
    for folder in (_own_group(kind), _GROUPS, _GROUPS / kind):
        try:
            return (folder / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
    return ""


def _own_group(kind: str) -> Path:
    """Return the folder of this process's control group, as the host sees it."""
    try:
        lines = _MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return _GROUPS
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            return _GROUPS / path.lstrip("/")
        if kind in kinds.split(","):
            return _GROUPS / kind / path.lstrip("/")
    return _GROUPS
