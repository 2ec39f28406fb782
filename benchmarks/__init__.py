"""How fast, measured beside the least that the same work could cost."""
