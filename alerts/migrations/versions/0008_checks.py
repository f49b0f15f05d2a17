"""Tests of devices, findings of the auditor, hand-overs of shifts."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
