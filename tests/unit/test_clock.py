"""The clock's law: never back, steps are facts, back is slewed, far forward waits."""

import pytest

from ingest.clock import ClockStepped, SystemClock, VirtualClock

T = 1_772_370_000_000


class Machine:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self):
        self.wall = T
        self.up = 1_000

    def pass_ms(self, ms):
        """Time goes by for both."""
        self.wall += ms
        self.up += ms

    def clock(self, not_before_ms=0):
        """A clock on this machine."""
        return SystemClock(not_before_ms, lambda: self.wall, lambda: self.up)


@pytest.fixture
def machine():
    """A machine whose clocks agree."""
    return Machine()


def test_it_runs_with_the_machine(machine):
    """Without steps it says what the wall says, and nothing is a fact."""
    clock = machine.clock()
    machine.pass_ms(3_600_000)

    assert clock.now_ms() == machine.wall
    assert clock.check() is None


def test_small_differences_are_no_fact(machine):
    """Up to 2 s is nobody's business, and time goes on from where it was."""
    clock = machine.clock()
    machine.wall -= 2_000

    assert clock.check() is None
    assert clock.now_ms() == T


def test_a_step_back_is_slewed_and_told_once(machine):
    """Time never goes back: it runs at nine tenths until the wall has caught up, then with it."""
    clock = machine.clock()
    machine.wall -= 60_000
    assert clock.check() == ClockStepped(T, T - 60_000, "slewed")

    before = clock.now_ms()
    for _ in range(100):
        machine.pass_ms(1_000)
        assert clock.check() is None
        assert before < clock.now_ms() <= before + 1_000
        before = clock.now_ms()
    assert clock.now_ms() - machine.wall == pytest.approx(50_000, abs=200)
    for _ in range(600):
        machine.pass_ms(1_000)
        clock.check()
    assert 0 <= clock.now_ms() - machine.wall <= 1
    assert clock.check() is None


def test_a_step_forward_up_to_ten_minutes_is_adopted(machine):
    """The wall is believed at once, and the step is a fact."""
    clock = machine.clock()
    machine.wall += 600_000

    assert clock.check() == ClockStepped(T, T + 600_000, "adopted")
    assert clock.now_ms() == machine.wall
    assert clock.check() is None


def test_a_step_far_forward_waits_for_an_operator(machine):
    """More than ten minutes is not believed until somebody says so; it is told once."""
    clock = machine.clock()
    machine.wall += 600_001
    assert clock.check() == ClockStepped(T, T + 600_001, "waiting")
    machine.pass_ms(5_000)
    assert clock.check() is None
    assert clock.now_ms() == T + 5_000

    assert clock.confirm() == ClockStepped(T + 5_000, machine.wall, "confirmed")
    assert clock.now_ms() == machine.wall
    assert clock.confirm() is None


def test_a_second_source_confirms_only_what_it_agrees_with(machine):
    """Another clock within a minute of the wall is enough; one that says otherwise changes nothing."""
    clock = machine.clock()
    machine.wall += 86_400_000
    clock.check()

    assert clock.confirm(T) is None
    assert clock.now_ms() == T
    stepped = clock.confirm(machine.wall - 59_000)
    assert stepped is not None
    assert clock.now_ms() == machine.wall


def test_a_restart_never_begins_before_the_last_row(machine):
    """Behind RAW the clock starts at RAW's time, tells it, and slews; ahead of RAW it starts at the wall."""
    clock = machine.clock(not_before_ms=T + 30_000)
    assert clock.now_ms() == T + 30_000
    assert clock.check() == ClockStepped(T + 30_000, T, "restart")
    assert clock.check() is None
    machine.pass_ms(100_000)
    assert clock.now_ms() == T + 30_000 + 90_000

    assert machine.clock(not_before_ms=T).check() is None


def test_the_fact_becomes_a_feed_record():
    """The payload names type, both times and what was done."""
    assert ClockStepped(1, 2, "slewed").payload() == (
        b'{"type":"clock.stepped","from_ms":1,"to_ms":2,"action":"slewed"}'
    )


def test_the_real_clock_moves():
    """Without injected sources it reads the machine and never goes back."""
    clock = SystemClock()
    times = [clock.now_ms() for _ in range(1_000)]

    assert times == sorted(times)
    assert times[0] > T


def test_a_virtual_clock_is_set_and_never_goes_back():
    """An earlier time changes nothing; `advance` moves it."""
    clock = VirtualClock(10)
    clock.set(5)
    assert clock.now_ms() == 10
    assert clock.advance(7) == 17
    assert clock.check() is None
    assert clock.confirm() is None
