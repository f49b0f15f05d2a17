"""The rule kinds, one file each; a new kind is its file and its line here."""

from __future__ import annotations

from rules.kinds.absence import Absence
from rules.kinds.deadline import Deadline
from rules.kinds.dwell import Dwell
from rules.kinds.kind import Kind
from rules.kinds.signal import Signal

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Signal(), Dwell(), Absence(), Deadline())}
