"""`python -m benchmarks list`, or `... NAME [--size small]`: one line of JSON, and exit code 1 if it is not ok."""

import argparse
import json
import sys

from benchmarks import replay, runtime
from benchmarks.cloud import SIZES
from calipso import collector

BENCHMARKS = {**replay.BENCHMARKS, **runtime.BENCHMARKS}


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("name", choices=["list", *BENCHMARKS])
    parser.add_argument("--size", choices=list(SIZES), default="small")
    words = parser.parse_args()
    collector.seldom()  # as the program itself does
    if words.name == "list":
        for name, benchmark in BENCHMARKS.items():
            print(f"{name}: {benchmark.__doc__}")
        return 0
    row = BENCHMARKS[words.name](words.size).row()
    print(json.dumps(row))
    return 0 if row["ok"] else 1


sys.exit(main())
