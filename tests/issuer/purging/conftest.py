"""Windows of a fixed size."""

from __future__ import annotations

from typing import Any

import pytest

from token_exchange.issuer import purging


@pytest.fixture
def two_rows_a_window(monkeypatch: pytest.MonkeyPatch, elapsed: Any) -> None:
    """Use windows of two rows, which keep their size because the clock is frozen."""
    monkeypatch.setattr(purging, "BATCH_ROWS", 2)
    monkeypatch.setattr(purging, "LARGEST_BATCH_ROWS", 2)
