"""What rules on trial would have told, on PostgreSQL."""

from tests.contract.test_shadow_sql import *  # noqa: F403
