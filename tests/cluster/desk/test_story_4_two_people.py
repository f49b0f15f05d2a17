"""The stories of story_4_two_people, on PostgreSQL."""

from tests.scenario.test_story_4_two_people import *  # noqa: F403
