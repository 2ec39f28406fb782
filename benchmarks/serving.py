"""A process that serves a history: what it weighs, and what it costs the one who writes.

`python -m benchmarks.serving FOLDER QUESTIONS` answers a file of questions and prints its peak of resident bytes;
`benchmarks.readers` runs others of these questions while somebody writes.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.cloud import NAME
from benchmarks.lab import Lab
from benchmarks.measure import Measure
from projections.change import Key, Kind
from projections.inventory import Ref
from streams.comparison import compare
from streams.history import History
from streams.local_history import LocalHistory
from streams.moments import Moment

_GOAL = 1024
"""MiB."""
_PAGE = 100
_SPAN = 50
"""Events between the moments of a small comparison."""
_WHOLE = 3


def memory(lab: Lab) -> Iterator[Measure]:
    """What a process weighs that answers questions of all kinds about all times."""
    draw = Random(7)  # noqa: S311 - a seed
    asked = [
        *lab.estate.some(draw, Kind.OBJECT, 4 * lab.extent.questions),
        *lab.estate.some(draw, Kind.CLIQUE, lab.extent.questions),
    ]
    draw.shuffle(asked)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "questions"
        file.write_bytes(b"\n".join(msgspec.json.encode((*key, at)) for key, at in asked))
        words = [sys.executable, "-m", "benchmarks.serving", str(lab.filled[0]), str(file)]
        answered = subprocess.run(words, check=True, capture_output=True, text=True)
    value = int(answered.stdout) / 2**20
    name = "what a small server can spare"
    yield Measure("memory", lab.size, value, "MiB", _GOAL, name, _GOAL / value, 1.0)


def answer(history: History, number: int, key: Key, at: int) -> None:
    """Answer one question, of another kind by its number: most are about an object and what is around it."""
    history.get(NAME, key, at)
    if key.kind is Kind.OBJECT:
        history.links(NAME, Ref(key.type, key.id), at)
        history.children(NAME, Ref(key.type, key.id), at)
    if number % 10 == 0:
        history.versions(NAME, key, -1, at)
    if number % 20 == 0:
        list(islice(history.all(NAME, key.kind, at, type=key.type, after=key), _PAGE))
    if number % 50 == 0:
        compare(history, NAME, Moment(max(0, at - _SPAN), 0), Moment(at, 0))


def _serve(folder: Path, questions: Path) -> None:
    import api.server  # noqa: F401 - what serves weighs as well

    with closing(LocalHistory(folder, read_only=True)) as history, questions.open("rb") as lines:
        whole: list[int] = []
        for number, line in enumerate(lines):
            kind, type_, id_, at = msgspec.json.decode(line, type=tuple[str, str, str, int])
            answer(history, number, Key(Kind(kind), type_, id_), at)
            if len(whole) < _WHOLE:
                whole.append(at)
        for at in whole:  # exported: read once to the end, never held
            for kind_ in Kind:
                for _ in history.all(NAME, kind_, at):
                    pass
    print(_peak())


def _peak() -> int:
    """Answer the most bytes that were ever resident; rusage would count those of the parent before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


BENCHMARKS = {"memory": memory}

if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]))
