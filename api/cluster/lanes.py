"""How far all workers are, as those see it who only look: positions on disk beside the ends of the logs. Edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from alerts.database import AWAY
from api.cluster.connections import Connections
from api.running.background import Background
from ingest.feed import Pulse
from ingest.intake_notes import ALIVE_MS, Note
from ingest.journal import JournalError
from ingest.journal_kafka import KafkaRawLog
from ingest.reader_kafka import HEAD_BYTES
from ingest.topics import ALARMS, INPUTS, RAW
from rules.effects import LIVE
from rules.lanes import SOURCE
from rules.partition_watch import Heads
from rules.state_moves import FLOOR

LOOK_S = 5.0
REASON_MAX = 300
PULSES: tuple[Pulse, ...] = ("live", "late", "blind")  # from good to bad
LOG_OF_LANE = {SOURCE: RAW, LIVE: INPUTS, FLOOR: ALARMS}

log = structlog.get_logger()


class LaneSeen:
    """One lane, as it was at the last look (port RunnerStatus). Whether its workers live, they say themselves."""

    healthy = True
    quarantined: Sequence[Mapping[str, str]] = ()
    position = lag = oldest_age_ms = 0
    still_ms = 0  # a stall is seen by the worker itself, partition by partition (rules/partition_watch.py)


class LanesSeen:
    """All of them; `start` and `stop` it."""

    def __init__(self, common: Connections) -> None:
        self._common, self._reader = common, common.kafka.reader(HEAD_BYTES)
        self.lanes = {lane: LaneSeen() for lane in LOG_OF_LANE}
        self._heads = {lane: Heads(self._reader, common.layout.topic(name)) for lane, name in LOG_OF_LANE.items()}
        self._looking = Background("lanes-seen", self._look, LOOK_S)

    def start(self) -> None:
        self._looking.start()

    def stop(self) -> None:
        self._looking.stop()

    def _look(self) -> None:
        everywhere = range(self._common.layout.partitions)
        for lane, name in LOG_OF_LANE.items():
            seen, topic = self.lanes[lane], self._common.layout.topic(name)
            try:
                positions = dict.fromkeys(everywhere, 0) | self._common.desk.positions(lane)
                ends = self._reader.ends(topic, everywhere)
                now_ms = self._common.clock.now_ms()
                oldest = self._heads[lane].look(positions, ends)
            except (JournalError, *AWAY) as error:
                log.warning("lanes_not_seen", reason=str(error)[:REASON_MAX])
                return
            seen.position = sum(positions.values())
            seen.lag = sum(max(0, ends[one] - positions[one]) for one in everywhere)
            seen.oldest_age_ms = max([0, *(now_ms - at_ms for at_ms in oldest.values())])


class FeedSeen:
    """The feed as the intakes note it (port FeedStatus): live while of each list of gateways one hears its broker."""

    def __init__(self, raw: KafkaRawLog) -> None:
        self._raw = raw

    @property
    def connected(self) -> bool:
        return self.state != "blind"

    @property
    def state(self) -> Pulse:
        """Of the list that is worst off; blind where no intake of it lives."""
        return max((self._best(one) for one in self._lists()), key=PULSES.index, default="blind")

    @property
    def last_canary_ms(self) -> int | None:
        """Notes do not carry it: while the feed is live, an intake's note is as young. Of the list heard least."""
        heard = ([note.at_ms for note in one if note.feed == "live"] for one in self._lists())
        return min((max(one) for one in heard if one), default=None)

    @property
    def gap_since_ms(self) -> int | None:
        if self.state == "live":
            return None
        away = (one for one in self._lists() if self._best(one) != "live")
        return min((max(note.feed_since_ms or note.at_ms for note in one) for one in away), default=None)

    def _lists(self) -> list[list[Note]]:
        """The intakes that hear for each list of gateways."""
        intakes = [note for note in self._raw.others().values() if note.feed]
        names = sorted({note.gateways for note in intakes})
        return [[note for note in intakes if note.hears_for(one)] for one in names]

    def _best(self, intakes: list[Note]) -> Pulse:
        now_ms = self._raw.now_ms()
        states = {note.feed for note in intakes if now_ms - note.at_ms <= ALIVE_MS}
        return next((one for one in PULSES if one in states), "blind")
