"""Tokens, keys, secret formats and verification, without a framework, settings or a database."""

__version__ = "0.1.0"
