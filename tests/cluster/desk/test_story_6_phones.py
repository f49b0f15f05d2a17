"""The stories of story_6_phones, on PostgreSQL."""

from tests.scenario.test_story_6_phones import *  # noqa: F403
