"""The errors that people cause or can mend, and the one line that says so. All others are bugs and keep their trace."""

from __future__ import annotations

from alerts.access.account import AccountRefused
from alerts.database import DatabaseRefused
from alerts.site.file import SiteFileError
from alerts.site.settings_store import SettingRefused
from api.running.broker import NoBroker
from api.settings.file import SettingsError
from ingest.base_files import BaseError
from ingest.journal import JournalError
from ingest.recording import RecordingError
from ingest.series_sqlite import SeriesError
from rules.backtest_run import BacktestFailed
from rules.book_file import BookError


class CannotRun(Exception):
    """A command that cannot do what was asked; the text says why, and what to do."""


KNOWN_ERRORS: tuple[type[Exception], ...] = (
    CannotRun,
    AccountRefused,
    BacktestFailed,
    BaseError,
    BookError,
    DatabaseRefused,
    JournalError,
    NoBroker,
    RecordingError,
    SeriesError,
    SettingRefused,
    SettingsError,
    SiteFileError,
    OSError,
)


def line_of(error: Exception) -> str:
    """What is printed. Files with several problems have a line each."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)
