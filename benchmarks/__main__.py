"""``python -m benchmarks``: what to measure, and on how many threads."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from pathlib import Path


def main() -> None:
    """Measure the chosen cases and print a table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures the engine beside its peers.")
    parser.add_argument("--threads", type=int, default=1, help="threads that each may use (default: 1)")
    parser.add_argument("--rounds", type=int, default=15, help="times that each case is computed by each (default: 15)")
    parser.add_argument("--family", default="quick", help="family of cases, or all (default: quick)")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="write the ratios as an SVG picture too")
    parser.add_argument("--calibrate", action="store_true", help="measure the constants of service/engine/machine.py")
    parser.add_argument("--only", default="", metavar="TEXT", help="measure only the cases whose name holds TEXT")
    chosen = parser.parse_args()
    if chosen.threads < 1 or chosen.rounds < 2:
        parser.error("--threads is at least 1 and --rounds at least 2")

    # NumPy's BLAS reads its number of threads once, when it is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[name] = str(chosen.threads)
    os.environ["OPENBLAS_THREAD_TIMEOUT"] = "16"  # its idle threads spin for 30 ms otherwise, in everybody's way
    from benchmarks.calibrate import as_source, calibrate
    from benchmarks.cases import CASES, FAMILIES
    from benchmarks.limits import measure_limits
    from benchmarks.measure import means, measure, table
    from benchmarks.plot import plot

    if chosen.calibrate:
        print(as_source(calibrate()))
        return
    if chosen.family not in (*FAMILIES, "all"):
        parser.error(f"there is no family {chosen.family!r}; there are: {', '.join(FAMILIES)} and all")
    cases = [case for case in FAMILIES.get(chosen.family, CASES) if chosen.only in case.name]
    if not cases:
        parser.error(f"no case holds {chosen.only!r}; there are: {', '.join(case.name for case in CASES)}")
    commit = described()
    if commit:
        print(f"Commit {commit}.")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, threads: {chosen.threads}, "
        f"load average: {os.getloadavg()[0]:.1f}, OPENBLAS_CORETYPE: {os.environ.get('OPENBLAS_CORETYPE', 'not set')}."
    )
    print(f"Medians of {chosen.rounds} rounds; spread is the engine's interquartile range over its median;")
    print("limit: the definition's products at the speed of NumPy's matrix product, or its arrays moved once;")
    print("in brackets the peer's time over the engine's: above 1× the engine is faster.\n")
    limits = measure_limits(chosen.threads)
    rows = [measure(case, chosen.threads, chosen.rounds) for case in cases]
    print(table(rows, {case.name: limits.seconds(case) for case in cases}))
    print(f"\nGeometric mean, median and lowest ratio of each kind:\n\n{means(rows)}")
    if chosen.plot is not None:
        chosen.plot.write_text(plot(rows), encoding="utf-8")


def described() -> str:
    """Return the commit that is measured, as git describes it and whether it was changed; empty if git cannot tell."""
    try:
        asked = ("git", "describe", "--always", "--dirty")
        told = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return ""
    return told.stdout.strip()


if __name__ == "__main__":
    main()
