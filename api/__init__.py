"""The answers over HTTP: they read the past, and append only snapshots, through the log."""
