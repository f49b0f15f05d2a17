"""Hatch runs this before it packs a wheel: the board's assets must be in it (they are ignored by git)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """Build the assets for a real wheel; an editable install serves the folder that `make assets` fills."""

    PLUGIN_NAME = "assets"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Load build.py by its path: api/assets is no package and the wheel is built outside our environment."""
        if version == "editable":
            return
        spec = importlib.util.spec_from_file_location(
            "vardevakt_assets", Path(self.root) / "api" / "assets" / "build.py"
        )
        assert spec is not None, "build.py stands beside this file"
        assert spec.loader is not None, "a .py file has a loader"
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.build()
