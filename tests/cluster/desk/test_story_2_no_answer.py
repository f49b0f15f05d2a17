"""The stories of story_2_no_answer, on PostgreSQL."""

from tests.scenario.test_story_2_no_answer import *  # noqa: F403
