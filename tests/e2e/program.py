"""The program as its user runs it: words in, exit code and text out."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from calipso.cli import run

UPLINKS = ("--uplink", "eth*", "--uplink", "phy-*")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """Answer what it printed, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Program:
    """Calipso on one data folder."""

    folder: Path

    def environ(self, **more: str) -> dict[str, str]:
        """Answer the environment variables of a run."""
        return {**os.environ, "CALIPSO_LOG": f"local:{self.folder}", "COLUMNS": "200", **more}

    def run(self, *words: str, code: int | None = 0, **environ: str) -> Ended:
        """Run a command inside this process, which spares the start of one; by default it must succeed."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environ(**environ), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            ended = run(list(words))
        return _checked(Ended(ended, out.getvalue(), err.getvalue()), code)

    def spawn(self, *words: str, code: int | None = 0, **environ: str) -> Ended:
        """Run a command as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "calipso", *words],
            env=self.environ(**environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return _checked(Ended(done.returncode, done.stdout, done.stderr), code)

    def scan(self, environment: str, bundle: Path, *more: str) -> Ended:
        """Scan a bundle whose hosts are namespaces."""
        return self.run("scan", environment, "--from", str(bundle), *UPLINKS, *more)

    def refused(self, *words: str, **environ: str) -> str:
        """Run what must be refused in one line, and answer that line."""
        ended = self.run(*words, code=2, **environ)
        lines = ended.err.strip().splitlines()
        assert len(lines) == 1, ended.err
        assert lines[0].startswith("calipso: ")
        return lines[0]


def _checked(ended: Ended, code: int | None) -> Ended:
    if code is not None:
        assert ended.code == code, f"exit {ended.code}: {ended.out[-2000:]}{ended.err[-2000:]}"
    return ended
