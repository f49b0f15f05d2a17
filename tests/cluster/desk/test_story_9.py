"""The stories of story_9, on PostgreSQL."""

from tests.scenario.test_story_9 import *  # noqa: F403
