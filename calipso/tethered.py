"""A command that does not outlive who started it: when its standard input ends, it is told to end."""

import os
import signal
import sys
import threading

from calipso.cli import run


def _follow() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_follow, daemon=True).start()
    sys.exit(run(sys.argv[1:]))
