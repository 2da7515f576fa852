"""Exchange long-lived credentials for short-lived bearer tokens, in Django."""

__version__ = "0.1.0"
