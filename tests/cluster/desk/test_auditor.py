"""The suite of auditor, on PostgreSQL."""

from tests.contract.test_auditor import *  # noqa: F403

del test_every_question_is_asked_of_an_index  # noqa: F821 - by the plans of SQLite
