"""The stories of story_7_wandering, on PostgreSQL."""

from tests.scenario.test_story_7_wandering import *  # noqa: F403
