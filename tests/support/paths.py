"""Paths of the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGES = (ROOT / "token_exchange", ROOT / "core" / "token_exchange_core")
