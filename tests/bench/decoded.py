"""A simulated ward's settings and events as the home fold reads them; and the pauses of the garbage collector."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from datetime import date

import msgspec

from alerts.site.items import settings_of
from alerts.site.projection import relayed
from ingest.codecs import default_codecs
from ingest.record import EVENT, SETTING, Input, RawRecord
from ingest.source_fold import SourceFold
from rules.book_file import shipped_book
from rules.home_fold import HomeFold
from simulators.life import messages_in
from simulators.message import record_of
from simulators.ward import Ward
from tests.support.simulated import oslo, site_file

SITE = "solbakken"
SEED = 4
DAY = date(2026, 3, 2)


def settings(ward: Ward, at_ms: int) -> list[RawRecord]:
    """The ward's site as the desk would relay it."""
    found = []
    for one in settings_of(site_file(ward)):
        assert relayed(one.kind)
        found.append(RawRecord(at_ms, SETTING, one.setting_id, msgspec.json.encode(one, order="sorted")))
    return found


def decoded(ward: Ward, from_ms: int, to_ms: int) -> tuple[list[Input], list[Input]]:
    """(settings, events) as the home fold reads them."""
    source = SourceFold(SITE, default_codecs())
    begun = [given for record in settings(ward, from_ms) for given in source.apply(record).inputs]
    events: list[Input] = []
    for message in messages_in(ward, from_ms, to_ms, oslo):
        events += source.apply(record_of(message)).inputs
    return begun, [given for given in events if given.kind == EVENT]


def settled(begun: Sequence[Input]) -> HomeFold:
    """A fold that knows the ward."""
    fold = HomeFold(shipped_book(), SITE)
    for given in begun:
        fold.apply(given)
    return fold


class Pauses:
    """The longest run of the garbage collector inside its blocks, in seconds of CPU: others' work is none of ours."""

    def __init__(self) -> None:
        self.longest_s, self._begun_s = 0.0, 0.0

    def __enter__(self) -> None:
        gc.callbacks.append(self._note)

    def __exit__(self, *_exc: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._begun_s = time.process_time()
        else:
            self.longest_s = max(self.longest_s, time.process_time() - self._begun_s)
