"""Every table of desk.db: importing this makes the one MetaData whole. Nothing but the list may live here."""

from __future__ import annotations

from alerts import (
    schema,
    schema_channels,
    schema_checks,
    schema_people,
    schema_quiet,
    schema_routing,
    schema_shifts,
    schema_upkeep,
)
from alerts.metadata import metadata

MODULES = (
    schema,
    schema_people,
    schema_upkeep,
    schema_shifts,
    schema_routing,
    schema_quiet,
    schema_channels,
    schema_checks,
)

__all__ = ["MODULES", "metadata"]
