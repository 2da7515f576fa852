from __future__ import annotations

from typing import Any

import pytest

from token_exchange.issuer import purging


@pytest.fixture
def two_rows_a_window(monkeypatch: pytest.MonkeyPatch, elapsed: Any) -> None:
    """Windows do not change their size while the clock stands still."""
    monkeypatch.setattr(purging, "WINDOW_ROWS", 2)
    monkeypatch.setattr(purging, "LARGEST_WINDOW_ROWS", 2)
