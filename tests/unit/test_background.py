"""Work that goes on beside requests: how often it is done."""

from __future__ import annotations

from api.running.background import Background
from tests.support.waiting import wait_until


def test_work_that_rests_is_not_done_again_for_each_bell():
    """Bells that ring meanwhile are kept for after the rest; without one they are answered at once."""
    times: dict[str, int] = {"rests": 0, "at once": 0}
    works: dict[str, Background] = {}

    def work(name: str) -> None:
        times[name] += 1
        works[name].notify()

    works["rests"] = Background("rests", lambda: work("rests"), 60.0, rest_s=60.0)
    works["at once"] = Background("at once", lambda: work("at once"), 60.0)
    for one in works.values():
        one.start()
    wait_until(lambda: times["rests"] == 1 and times["at once"] > 10, "both are at work")
    for one in works.values():
        one.stop()

    assert times["rests"] == 1
