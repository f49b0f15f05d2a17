"""Watch for error logs during a test, from the standard library's logging and from structlog alike.

An error log says that something is wrong which a person should look at. A test that passes while the service cries
out has not seen what happened (the habit is GoAlert's: any unexpected error line fails the test).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

ERROR_METHODS = frozenset({"error", "critical", "exception", "fatal"})


class _Recorder(logging.Handler):
    """Keeps what the standard library logs at ERROR and above, as one line each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        cause = f" ({record.exc_info[1]!r})" if record.exc_info and record.exc_info[1] else ""
        self.lines.append(f"{record.name}: {record.getMessage()}{cause}")


@contextmanager
def watch_error_logs() -> Iterator[list[str]]:
    """Collect each error log made meanwhile, whatever the code under test does to structlog's configuration.

    The watcher goes in front of structlog's processors, in place, since loggers that were used already hold on to
    that very list; and into each list that a later `structlog.configure` installs. Both are undone at the end.
    """
    lines: list[str] = []

    def watch(_: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if method in ERROR_METHODS:
            fields = ", ".join(f"{key}={value!r}" for key, value in event.items() if key != "event")
            lines.append(f"{event.get('event')} ({fields})")
        return event

    recorder = _Recorder(lines)
    root = logging.getLogger()
    root.addHandler(recorder)
    before = structlog.get_config()
    was_configured = structlog.is_configured()
    watched: list[list[Any]] = [before["processors"]]
    before["processors"].insert(0, watch)
    configure = structlog.configure

    def configure_watched(*arguments: Any, **options: Any) -> None:
        configure(*arguments, **options)
        processors = structlog.get_config()["processors"]
        if watch not in processors:
            processors.insert(0, watch)
            watched.append(processors)

    structlog.configure = configure_watched
    try:
        yield lines
    finally:
        structlog.configure = configure
        root.removeHandler(recorder)
        for processors in watched:
            if watch in processors:
                processors.remove(watch)
        if was_configured:
            configure(**before)
        else:
            structlog.reset_defaults()
