"""Rules on trial over rows of one partition of INPUTS, on many machines. No clock here.

For: the trial's fold behind the same reading of rows as the live lane's (`lanes.py`).
"""

from __future__ import annotations

from rules.effects import LIVE
from rules.lanes import InputRows
from rules.shadow import ShadowFold


class TrialRows(InputRows):
    """What was written twice is known by the same origins as in the live lane, so a state that this lane kept is one to
    begin from, and homes arrive here too when the logs grow.
    """

    def __init__(self, site: str, partition: int, generation: int, awake_max: int) -> None:
        self._trial = ShadowFold(site, awake_max)
        super().__init__(LIVE, partition, self._trial, generation)

    @property
    def version(self) -> str:
        """As of the fold."""
        return self._trial.version
