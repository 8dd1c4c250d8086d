"""``python -m benchmarks.http``: the table of the service and its peers, in Markdown."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from contextlib import ExitStack
from statistics import median

from .contestants import Contestant, contestants, started
from .load import Figures, load
from .requests import Case, cases

_CLIENTS = 8
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
    chosen = parser.parse_args()
    if not shutil.which("wrk"):
        parser.error("the load generator is wrk; apt-get install wrk, or brew install wrk")

    asked = [case for case in cases() if chosen.only in case.name]
    able: list[Contestant] = []
    absent: list[Contestant] = []
    for contestant in contestants():
        if not contestant.workers and chosen.peers not in contestant.name:
            continue
        (absent if contestant.missing() else able).append(contestant)
    seen = _measured(able, asked, chosen.rounds, chosen.seconds)
    print(f"{platform.machine()}, {os.cpu_count()} cores shared with the load generator, {platform.python_version()}.")
    print(
        f"Median latency at one client · requests a second at {_CLIENTS}; medians of {chosen.rounds} rounds by turns.\n"
    )
    print(_table(able, asked, seen))
    for contestant in absent:
        print(f"\nNot measured: {contestant.name}; {contestant.missing()} is missing here.")


def _measured(able: list[Contestant], asked: list[Case], rounds: int, seconds: int) -> Seen:
    """Return the figures at one client and at several, of each contestant and case."""
    seen: Seen = {}
    with ExitStack() as running:
        ports = {contestant.name: running.enter_context(started(contestant)).port for contestant in able}
        for case in asked:
            for number in range(rounds + 1):  # the first warms up
                for contestant in (c for c in able if case.form in c.forms):
                    port, question = ports[contestant.name], contestant.question(case)
                    one, many = (load(port, question, clients, seconds if number else 1) for clients in (1, _CLIENTS))
                    if number:
                        seen.setdefault((contestant.name, case.name), []).append((one, many))
    return seen


def _table(able: list[Contestant], asked: list[Case], seen: Seen) -> str:
    lines = ["| | " + " | ".join(case.name for case in asked) + " |", "| --- |" + " --- |" * len(asked)]
    for contestant in able:
        cells = [_cell(seen.get((contestant.name, case.name))) for case in asked]
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
