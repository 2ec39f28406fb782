"""How often Python looks for reference cycles in this program."""

import gc
from typing import Final

_YOUNG: Final = 100_000
_MIDDLE: Final = 50
_OLD: Final = 100


def seldom() -> None:
    """Let the collector look seldom: a state of many objects has no cycles, and each look walks through it.

    Python's own rhythm (every 700 new objects) takes a quarter of the time of a bulk replay. What cycles there are
    (exceptions, the web framework) wait longer, at most some hundred thousand objects.
    """
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
