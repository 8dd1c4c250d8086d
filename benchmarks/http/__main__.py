"""``python -m benchmarks.http``: the table of the service and its peers, in Markdown."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from contextlib import ExitStack
from statistics import median

from .contestants import Contestant, contestants, resident, started
from .load import Figures, load
from .requests import Case, cases

_CLIENTS = 8
Memory = dict[str, list[float]]
Seen = dict[tuple[str, str], list[tuple[Figures, Figures]]]


def main() -> None:
    """Measure whoever can run here, in turns, and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench http", description="Measures the service beside its peers.")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, by turns (default: 3)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the cases whose name holds TEXT")
    parser.add_argument(
        "--peers", default="", metavar="TEXT", help="beside the service only those whose name holds TEXT"
    )
    parser.add_argument(
        "--servers", default=sys.executable, metavar="PYTHON", help="the Python that has BentoML and MLServer"
    )
    chosen = parser.parse_args()
    if not shutil.which("wrk"):
        parser.error("the load generator is wrk; apt-get install wrk, or brew install wrk")

    asked = [case for case in cases() if chosen.only in case.name]
    able: list[Contestant] = []
    absent: list[Contestant] = []
    for contestant in contestants(chosen.servers):
        if not contestant.workers and chosen.peers not in contestant.name:
            continue
        (absent if contestant.missing() else able).append(contestant)
    before = os.getloadavg()[0]
    seen, memory = _measured(able, asked, chosen.rounds, chosen.seconds)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores shared with the load generator, {platform.python_version()}; "
        f"load average {before:.2f} before, {os.getloadavg()[0]:.2f} after."
    )
    print(
        f"Median latency at one client · requests a second at {_CLIENTS}; medians of {chosen.rounds} rounds by turns. "
        "Memory: all processes of one, started · the most seen between measurements.\n"
    )
    print(_table(able, asked, seen, memory))
    for contestant in absent:
        print(f"\nNot measured: {contestant.name}; {contestant.missing()} is missing here.")


def _measured(able: list[Contestant], asked: list[Case], rounds: int, seconds: int) -> tuple[Seen, Memory]:
    """Return the figures at one client and at several, of each contestant and case, and the memory of each."""
    seen: Seen = {}
    memory: Memory = {}
    with ExitStack() as running:
        there = {contestant.name: running.enter_context(started(contestant)) for contestant in able}
        memory = {name: [resident(one.process)] for name, one in there.items()}
        for case in asked:
            for number in range(rounds + 1):  # the first warms up
                for contestant in (c for c in able if case.form in c.forms):
                    (port, process), question = there[contestant.name], contestant.question(case)
                    one, many = (load(port, question, clients, seconds if number else 1) for clients in (1, _CLIENTS))
                    memory[contestant.name].append(resident(process))
                    if number:
                        seen.setdefault((contestant.name, case.name), []).append((one, many))
    return seen, memory


def _table(able: list[Contestant], asked: list[Case], seen: Seen, memory: Memory) -> str:
    heads = [*(case.name for case in asked), "memory, MiB"]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for contestant in able:
        cells = [_cell(seen.get((contestant.name, case.name))) for case in asked]
        begin, *later = memory[contestant.name]
        cells.append(f"{begin:.0f} · {max([begin, *later]):.0f}")
        lines.append(f"| {contestant.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: list[tuple[Figures, Figures]] | None) -> str:
    if not found:
        return ""
    failed = sum(figures.failed for pair in found for figures in pair)
    latency = median(one.milliseconds for one, _ in found)
    rate = median(many.rate for _, many in found)
    return f"{latency:.3g} ms · {rate:.{0 if rate >= 100 else 1}f}" + (f" ({failed} failed)" if failed else "")


if __name__ == "__main__":
    main()
