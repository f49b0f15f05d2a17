"""A receiver over a real journal with what a test wants to see of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.clock import VirtualClock
from ingest.journal_file import JournalOptions
from ingest.receive import Receiver
from ingest.receive_entry import ReceiveLimits
from ingest.record import RawRecord
from tests.support.journals import NOON_MS, SMALL, message, sqlite_journal


def class_of(topic: str, payload: bytes) -> str:
    """A stand-in for the codecs' word: the payload says its class itself."""
    if payload.startswith(b"boom"):
        msg = "a codec raised"
        raise RuntimeError(msg)
    for name in ("alarm", "unknown"):
        if payload.startswith(name.encode()):
            return name
    return "other"


class Intake:
    """Receiver, journal, and clocks that are moved by hand."""

    def __init__(
        self,
        folder: Path,
        options: JournalOptions = SMALL,
        limits: ReceiveLimits | None = None,
        on_emergency: Callable[[RawRecord], None] | None = None,
    ) -> None:
        self.journal = sqlite_journal(folder, options)
        self.clock = VirtualClock(NOON_MS)
        self.now_s = 0.0
        self.synced: list[int] = []
        self.emergencies: list[RawRecord] = []
        self.receiver = Receiver(
            self.journal.raw,
            self.clock,
            class_of=class_of,
            on_emergency=on_emergency or self.emergencies.append,
            limits=limits,
            monotonic=lambda: self.now_s,
        )

    def send(self, payload: bytes, qos: int = 1) -> None:
        """One message from the broker; its seq lands in `synced`."""
        self.receiver.submit("mqtt", "t", payload, qos, False, "mqtt", on_synced=self.synced.append)

    def rows(self) -> list[RawRecord]:
        """All rows on disk."""
        return self.journal.raw.read(0, 100_000)

    def hold(self) -> threading.Event:
        """Stop the journal's writer, as a disk that does not answer, until the event is set. Takes row 1."""
        held, release = threading.Event(), threading.Event()

        def stop(_: object) -> None:
            held.set()
            release.wait(10)

        self.journal.raw.append([message(0)]).add_done_callback(stop)
        held.wait(5)
        return release


@contextmanager
def intakes(folder: Path) -> Iterator[Callable[..., Intake]]:
    """Opens intakes on one folder, one after another, as after a restart without a clean stop of receive."""
    opened: list[Intake] = []

    def open_it(**options: object) -> Intake:
        for one in opened:
            one.journal.close()
        opened.append(Intake(folder, **options))  # type: ignore[arg-type]  # options by name
        return opened[-1]

    yield open_it
    for one in opened:
        one.journal.close()
