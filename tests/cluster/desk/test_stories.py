"""The stories of stories, on PostgreSQL."""

from tests.scenario.test_stories import *  # noqa: F403
