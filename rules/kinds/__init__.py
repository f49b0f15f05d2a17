"""The rule kinds, one file each; a new kind is its file and its line here."""

from __future__ import annotations

from ingest.prepared_types import prepare
from rules.kinds.absence import Absence
from rules.kinds.count import Count
from rules.kinds.deadline import Deadline
from rules.kinds.dispenser import Dispenser
from rules.kinds.dose import DoseNotFetched
from rules.kinds.dose_unknown import DoseUnknown
from rules.kinds.dwell import Dwell
from rules.kinds.kind import Kind
from rules.kinds.missed import Missed
from rules.kinds.routine import Routine
from rules.kinds.score import Scoring
from rules.kinds.sequence import Sequence
from rules.kinds.signal import Signal
from rules.kinds.silence import Silence
from rules.kinds.stock import DispenserStock
from rules.kinds.threshold import Threshold
from rules.kinds.trend import Trend
from rules.kinds.zone import Zone

_ALL: tuple[Kind, ...] = (
    Signal(), Dwell(), Absence(), Deadline(), Threshold(), Count(), DoseNotFetched(), DoseUnknown(),
    Missed(), Dispenser(), Silence(), DispenserStock(), Sequence(), Zone(), Scoring(), Trend(), Routine(),
)  # fmt: skip
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
prepare(*(kind.values_type for kind in _ALL))
