"""Runs all measurements one after the other: ``python -m benchmarks [--quick]``."""

import os
import subprocess
import sys

from benchmarks.report import arguments

# What a loaded machine falsifies most comes first, while nothing else has warmed it up.
PROGRAMS = (
    *("join", "losses", "reloads", "cost", "cold", "throughput"),
    *("registries", "memory", "restarts", "websockets", "watched", "history", "page"),
)


def main() -> None:
    quick = ["--quick"] if arguments(__doc__).quick else []
    # Many short Python processes are measured; without their bytecode each compiles itself anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    failed = []
    for program in PROGRAMS:
        print(f"--- {program}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{program}", *quick]).returncode:
            failed.append(program)
    if failed:
        sys.exit(f"these failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
