"""`python -m calipso` is `calipso`."""

from calipso.start import main

main()
