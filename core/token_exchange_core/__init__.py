"""Tokens, keys, credential formats and verification: no framework, clock, settings or I/O."""

__version__ = "0.1.0"
