"""Build hook: the dependencies, with token-exchange-core among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Dependencies(BuildHookInterface):
    """Require the core in ``core/`` where a clone is installed, and its version elsewhere.

    The core is on no index yet, so a clone has to name its path, which no published metadata may.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the dependencies that ``pyproject.toml`` lists for this hook."""
        root = Path(self.root)
        if (root / "PKG-INFO").exists():
            return  # an unpacked source distribution, whose metadata has them
        is_published = self.target_name == "sdist"
        source = f"=={self.metadata.version}" if is_published else f" @ {(root / 'core').as_uri()}"
        build_data["dependencies"] += [f"token-exchange-core{source}", *self.config["dependencies"]]
