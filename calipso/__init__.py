"""Calipso: what did my virtual network look like then, what changed, why, and what does it touch?"""

from importlib.metadata import version

__version__ = version("calipso")
