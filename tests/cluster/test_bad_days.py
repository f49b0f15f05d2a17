"""Bad days of many machines in short form, each on the real parts under load; `make soak` has the long form."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from tests.soak.days import SHORT, Day, live_through
from tests.soak.machines import Machines
from tests.soak.promises import Promises
from tests.support.servers import ROOT, external_url

STOP_S = 20.0  # 2 to 4 on a quiet machine; units and pods wait for 60
TABLE = ROOT / "build" / "test" / "bad_days.txt"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Servers of this module's own, as it kills them, and five processes of the service."""
    if external_url("postgres") is not None:
        pytest.skip("a PostgreSQL of somebody else's is not ours to kill: unset VARDEVAKT_TEST_POSTGRES_URL")
    with Machines(tmp_path_factory.mktemp("machines")) as made:
        yield made


@pytest.fixture(scope="module")
def promises(machines: Machines) -> Iterator[Promises]:
    """What must hold, followed over all days."""
    made = Promises(machines.cluster)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tell() -> Callable[[str], None]:
    """A line of the table of this run: build/test/bad_days.txt."""
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("")

    def add(line: str) -> None:
        with TABLE.open("a") as table:
            table.write(f"{line}\n")
        print(line, file=sys.stderr)

    return add


@pytest.mark.parametrize("day", SHORT, ids=lambda day: day.name.replace(" ", "-"))
def test_nothing_is_lost_missing_or_doubled_on_a_bad_day(
    day: Day, machines: Machines, promises: Promises, tell: Callable[[str], None], record_property: Callable[..., None]
) -> None:
    """Presses are on the board again in every partition, and all promises hold once the folds are at the end."""
    lived = live_through(day, machines, promises)
    tell(lived.line())
    for what, seconds in lived.seconds.items():
        record_property(what, round(seconds, 1))

    assert lived.faults == []
    assert lived.sent > lived.acknowledged > 0


def test_every_process_ends_in_order_after_all_of_them(machines: Machines, tell: Callable[[str], None]) -> None:
    """SIGTERM, at once to all: each has left its groups, told what it knows and gone within seconds."""
    machines.all_up()
    took = machines.stop()
    tell(f"{'SIGTERM to all':22s} " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))

    assert max(took.values()) < STOP_S
    assert machines.tracebacks() == []
