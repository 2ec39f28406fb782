"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

From = Annotated[
    Path | None, typer.Option("--from", metavar="DIR", help="Scan a recorded bundle instead of the live cloud.")
]
Define = Annotated[
    Path | None,
    typer.Option("--define", metavar="FILE", help="TOML that describes the environment (docs/environment.md)."),
]
Object = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--object", metavar="TYPE ID", help="Look only at one object, by id or unique name, and what is below it."
    ),
]
