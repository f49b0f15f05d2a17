"""The stories of unknown_dose, on PostgreSQL."""

from tests.scenario.test_unknown_dose import *  # noqa: F403
