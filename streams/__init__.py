"""The log, the history, replay, and what runs on them."""
