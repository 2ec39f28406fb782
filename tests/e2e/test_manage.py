"""A manager does what is asked for: its life, and what is left when it is killed."""
