"""The program as its user runs it: words in, exit code and text out."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        """Run to the end; by default it must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "calipso", *words],
            env=self.environ(**environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return Ended(done.returncode, done.stdout, done.stderr)

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
