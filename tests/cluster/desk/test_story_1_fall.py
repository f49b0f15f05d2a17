"""The stories of story_1_fall, on PostgreSQL."""

from tests.scenario.test_story_1_fall import *  # noqa: F403
