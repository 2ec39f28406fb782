"""`python -m calipso` is `calipso`."""

from calipso.cli import main

main()
