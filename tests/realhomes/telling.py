"""The folds as `api/replay.py` runs them, without a desk: to look into them, and to go on from any moment twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import msgspec

from alerts.site.file import loads
from alerts.site.items import SiteFile, settings_of
from ingest.codecs import default_codecs
from ingest.record import CLOCK, SETTING, Input, RawRecord
from ingest.source_fold import SourceFold
from rules.book import Book
from rules.effects import Clear, Effect, Raise
from rules.home_fold import HomeFold
from simulators.message import Message, record_of
from simulators.real_homes import HOME, RESIDENT, RealHome, site_yaml
from tests.realhomes.truth import Span


def site_file(home: RealHome, book: Book) -> SiteFile:
    """The home's site file as the desk reads it."""
    return loads(site_yaml(home).encode(), f"{home.id}.yaml", {rule.id: rule.kind for rule in book.rules})


class Telling:
    """One home being told to source and home fold. `open_rules`: alert id -> rule of what is not over."""

    def __init__(self, site: SiteFile, book: Book) -> None:
        self._site, self._book = site, book
        self._source = SourceFold(site.site_id, default_codecs())
        self._home = HomeFold(book, site.site_id, all_measures=True)
        self._seq = 0
        self.open_rules: dict[str, str] = {}

    def begin(self, at_ms: int) -> None:
        """The site's items as settings, as a replay begins."""
        for setting in settings_of(self._site):
            payload = msgspec.json.encode(setting, order="sorted")
            self.tell(RawRecord(at_ms, SETTING, setting.setting_id, payload))

    def tell(self, record: RawRecord) -> list[Effect]:
        """One record through both folds; what the rules say to it."""
        self._seq += 1
        effects: list[Effect] = []
        for given in self._source.apply(msgspec.structs.replace(record, seq=self._seq)).inputs:
            effects += self._home.apply(given)
        # a word that says nothing new reaches no home; a service at work would ask for the time when a timer is due
        effects += self._home.apply(Input(CLOCK, record.received_at_ms))
        for effect in effects:
            if isinstance(effect, Raise):
                self.open_rules[effect.alert_id] = effect.rule
            elif isinstance(effect, Clear):
                self.open_rules.pop(effect.alert_id, None)
        return effects

    def branch(self) -> Self:
        """Another telling that goes on from here by itself."""
        twin = type(self)(self._site, self._book)
        twin._source.restore(self._source.snapshot())
        twin._home.restore(self._home.snapshot())
        twin._seq, twin.open_rules = self._seq, dict(self.open_rules)
        return twin

    def is_away(self, now_ms: int) -> bool:
        """Whether the resident counts as away, for whatever reason the fold knows."""
        home = self._home.state.homes.get(HOME)
        return home is not None and RESIDENT in home.facts.residents and home.facts.situation(RESIDENT, now_ms).away


def away_spans(telling: Telling, messages: Iterable[Message]) -> list[Span]:
    """When the folds took the resident to be away, as seen at each message: to within one gateway report."""
    spans: list[Span] = []
    since_ms: int | None = None
    at_ms = 0
    for message in messages:
        at_ms = message.at_ms
        telling.tell(record_of(message))
        away = telling.is_away(at_ms)
        if away and since_ms is None:
            since_ms = at_ms
        elif not away and since_ms is not None:
            spans.append(Span(since_ms, at_ms))
            since_ms = None
    return spans if since_ms is None else [*spans, Span(since_ms, at_ms)]
