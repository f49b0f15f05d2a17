"""The stories of story_8_outage, on PostgreSQL."""

from tests.scenario.test_story_8_outage import *  # noqa: F403
