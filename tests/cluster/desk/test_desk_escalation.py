"""The stories of desk_escalation, on PostgreSQL."""

from tests.scenario.test_desk_escalation import *  # noqa: F403
