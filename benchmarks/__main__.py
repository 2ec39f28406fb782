"""`python -m benchmarks list`, or `... NAME [--size small]`: a line of JSON a reference, exit code 1 if one fails."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks import differences, feeding, readers, replay, serving, travel
from benchmarks.cloud import SIZES
from benchmarks.estate import EXTENTS
from benchmarks.lab import Lab
from benchmarks.measure import Measure
from benchmarks.shelf import Shelf, default_folder
from benchmarks.ticks import CLOCKS
from calipso import collector


def _one(benchmark: Callable[[str], Measure]) -> Callable[[Lab], Iterator[Measure]]:
    def run(lab: Lab) -> Iterator[Measure]:
        yield benchmark(lab.size)

    run.__doc__ = benchmark.__doc__
    return run


def _on_kafka() -> dict[str, Callable[[str], Measure]]:
    from benchmarks import runtime  # starts a broker, and so needs what the tests need

    return runtime.BENCHMARKS


OF_SCANS = replay.BENCHMARKS | _on_kafka()
"""They know the sizes of benchmarks.cloud: small and customer."""
OF_HISTORIES = feeding.BENCHMARKS | travel.BENCHMARKS | differences.BENCHMARKS | serving.BENCHMARKS | readers.BENCHMARKS
"""They know the sizes of benchmarks.estate: small, medium and large."""
BENCHMARKS: dict[str, Callable[[Lab], Iterator[Measure]]] = {
    **OF_HISTORIES,
    **{name: _one(benchmark) for name, benchmark in OF_SCANS.items()},
}


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="+", choices=["list", *BENCHMARKS], metavar="NAME")
    parser.add_argument("--size", choices=list(dict.fromkeys([*EXTENTS, *SIZES])), default="small")
    parser.add_argument("--cache", type=Path, default=default_folder(), help="folder of filled histories")
    parser.add_argument("--keep", action="store_true", help="take filled histories though other code has filled them")
    parser.add_argument(
        "--clock", choices=list(CLOCKS), default="wall", help="processor: for a machine that others use"
    )
    words = parser.parse_args()
    collector.seldom()  # as the program itself does
    if "list" in words.names:
        for name, benchmark in BENCHMARKS.items():
            print(f"{name}: {benchmark.__doc__}")
        return 0
    for name in words.names:
        if words.size not in (SIZES if name in OF_SCANS else EXTENTS):
            parser.error(f"{name} knows no size {words.size}")
    with closing(Lab(words.size, Shelf(words.cache, words.keep), words.clock)) as lab:
        return run(lab, words.names)


def run(lab: Lab, names: list[str]) -> int:
    """Print the rows of benchmarks as they come; answer 1 if one of them is not ok."""
    failed = False
    for name in names:
        for measure in BENCHMARKS[name](lab):
            row = measure.row()
            failed = failed or not row["ok"]
            print(json.dumps(row), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
