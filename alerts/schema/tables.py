"""Every table of desk.db: importing this makes the one MetaData whole. Nothing but the list may live here."""

from __future__ import annotations

from alerts.schema import alerts as schema
from alerts.schema import channels as schema_channels
from alerts.schema import checks as schema_checks
from alerts.schema import folds as schema_folds
from alerts.schema import people as schema_people
from alerts.schema import quiet as schema_quiet
from alerts.schema import routing as schema_routing
from alerts.schema import shifts as schema_shifts
from alerts.schema import upkeep as schema_upkeep
from alerts.schema.metadata import metadata

MODULES = (
    schema,
    schema_people,
    schema_upkeep,
    schema_shifts,
    schema_routing,
    schema_quiet,
    schema_channels,
    schema_checks,
    schema_folds,
)

__all__ = ["MODULES", "metadata"]
