"""Pure folds of the log: inventory, links, cliques, difference, impact. No I/O, no clock, no chance."""
