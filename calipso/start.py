"""Where the program starts: what keeps it from being imported (a plug-in that is broken) is told in one line."""

import sys

from schemas.errors import CalipsoError


def main() -> None:
    """Run the program and end with its exit code."""
    try:
        from calipso.cli import main as run
    except CalipsoError as error:
        sys.stderr.write(f"calipso: {error}\n")
        sys.exit(2)
    run()
