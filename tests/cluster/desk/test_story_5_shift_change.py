"""The stories of story_5_shift_change, on PostgreSQL."""

from tests.scenario.test_story_5_shift_change import *  # noqa: F403
