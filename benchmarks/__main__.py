"""``python -m benchmarks``: what to measure, and on how many threads."""

from __future__ import annotations

import argparse
import os
import platform


def main() -> None:
    """Measure the chosen cases and print a table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures the engine beside its peers.")
    parser.add_argument("--threads", type=int, default=1, help="threads that each may use (default: 1)")
    parser.add_argument("--rounds", type=int, default=15, help="times that each case is computed by each (default: 15)")
    parser.add_argument("--only", default="", metavar="TEXT", help="measure only the cases whose name holds TEXT")
    chosen = parser.parse_args()
    if chosen.threads < 1 or chosen.rounds < 2:
        parser.error("--threads is at least 1 and --rounds at least 2")

    # NumPy's BLAS reads its number of threads once, when it is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[name] = str(chosen.threads)
    from benchmarks.cases import CASES
    from benchmarks.measure import measure, table

    cases = [case for case in CASES if chosen.only in case.name]
    if not cases:
        parser.error(f"no case holds {chosen.only!r}; there are: {', '.join(case.name for case in CASES)}")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, threads: {chosen.threads}."
    )
    print(f"Medians of {chosen.rounds} rounds; spread is the engine's interquartile range over its median;")
    print("in brackets the peer's time over the engine's: above 1× the engine is faster.\n")
    print(table([measure(case, chosen.threads, chosen.rounds) for case in cases]))


if __name__ == "__main__":
    main()
