"""Calipso: what did my virtual network look like then, what changed, why, and what does it touch?"""
