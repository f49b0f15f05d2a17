"""The stories of story_6_no_coverage, on PostgreSQL."""

from tests.scenario.test_story_6_no_coverage import *  # noqa: F403
