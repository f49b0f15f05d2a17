"""The stories of story_10_forgotten_test, on PostgreSQL."""

from tests.scenario.test_story_10_forgotten_test import *  # noqa: F403
