from __future__ import annotations

import pytest

from ingest.liveness import Liveness
from ingest.pulse import LivenessState, Transition
from ingest.record import Setting
from ingest.registry import Registry

NOON_MS = 1_772_370_000_000
MINUTE_MS = 60_000
HUB, MAT, PENDANT = "v:g1", "v:g1/mat", "v:g1/pendant"


class Watch:
    """A liveness with minutes for times, keeping what was told."""

    def __init__(self, mat_interval: str = "1 min", hub_interval: str = "5 min") -> None:
        self.registry = Registry()
        for kind, item, value in (
            ("gateway", "g1", {"address": HUB, "home": "h1", "interval": hub_interval}),
            ("device", "d1", {"address": MAT, "gateway": "g1", "home": "h1", "interval": mat_interval}),
            ("device", "d2", {"address": PENDANT, "gateway": "g1", "home": "h1"}),
        ):
            self.registry.apply(Setting(f"{kind}/{item}", 1, kind, dict(value)), NOON_MS)
        self.liveness = Liveness(self.registry)
        self.told: list[Transition] = []
        self.now_ms = NOON_MS

    def at(self, minute: float) -> int:
        """Move time there, firing what is due."""
        at_ms = NOON_MS + int(minute * MINUTE_MS)
        self.liveness.fire(at_ms, self.now_ms, self.told.append)
        self.now_ms = max(self.now_ms, at_ms)
        return at_ms

    def heard(self, minute: float, address: str) -> None:
        via = HUB if address.startswith(f"{HUB}/") else None
        self.liveness.heard(address, via, self.at(minute), self.told.append)

    def hint(self, minute: float, address: str, *, live: bool = True) -> None:
        self.liveness.hint(address, self.at(minute), self.told.append, live=live, gateway=address == HUB)

    def story(self) -> list[tuple[str, str, float, float]]:
        """What was told as (address, online or reason, minute, effective minute)."""
        return [
            (
                one.address,
                "online" if one.online else one.reason,
                (one.at_ms - NOON_MS) / MINUTE_MS,
                (one.effective_ms - NOON_MS) / MINUTE_MS,
            )
            for one in self.told
        ]


def test_never_heard_is_not_yet_installed():
    """Nobody misses what was never there."""
    watch = Watch()
    watch.at(10_000)

    assert watch.story() == []
    assert watch.liveness.next_due_ms() is None


def test_a_gateway_is_silent_after_three_intervals_since_it_was_heard():
    """Said at its due time, whenever that is noticed, and it counts from when it was last heard."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.heard(4, HUB)
    watch.at(500)

    assert watch.story() == [(HUB, "silent", 19, 4)]


def test_a_device_proves_its_gateway():
    """A pendant behind it keeps the gateway alive; afterwards silence tells of the gateway, not of the pendant."""
    watch = Watch()
    for minute in (0, 10, 20, 30):
        watch.heard(minute, PENDANT)
    watch.at(100)

    assert watch.story() == [(HUB, "silent", 45, 30)]


def test_a_gateway_that_comes_back_is_online_at_once():
    """Any message from it or from behind it ends its silence."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.heard(60, PENDANT)

    assert watch.story() == [(HUB, "silent", 15, 0), (HUB, "online", 60, 60)]


def test_a_device_is_silent_while_its_gateway_is_not():
    """With a gateway heard within its last interval, a device that misses three is dead, not cut off."""
    watch = Watch()
    watch.heard(0, MAT)
    for minute in (1, 2, 2.5, 4, 8, 12):
        watch.heard(minute, HUB)

    assert watch.story() == [(MAT, "silent", 3, 0)]


def test_a_device_without_an_interval_is_missed_after_three_days():
    """Nobody wrote down how often the pendant speaks; three days of silence are told all the same."""
    watch = Watch(hub_interval="1 d")
    watch.heard(0, PENDANT)
    for day in range(1, 4):
        watch.heard(day * 1_440 - 1, HUB)
    assert [line for line in watch.story() if line[0] == PENDANT] == []
    watch.heard(3 * 1_440 - 0.5, HUB)
    watch.at(3 * 1_440 + 1)

    assert [line[:2] for line in watch.story() if line[0] == PENDANT] == [(PENDANT, "silent")]


def test_a_device_in_doubt_gets_one_more_interval():
    """Was it the gateway? Its next sign of life asks the device, and only then its silence is its own."""
    watch = Watch()
    watch.heard(0, MAT)
    watch.heard(10, HUB)  # the hub had rebooted, say
    watch.at(10.9)
    assert watch.story() == []
    watch.heard(12, HUB)

    assert watch.story() == [(MAT, "silent", 11, 0)]


def test_a_device_in_doubt_that_answers_is_alive():
    """A hub that was away for ten minutes costs none of its devices their good name."""
    watch = Watch()
    watch.heard(0, MAT)
    watch.heard(10, HUB)
    watch.heard(10.5, MAT)
    watch.at(11.5)

    assert watch.story() == []


def test_devices_behind_a_silent_gateway_are_not_told_one_by_one():
    """A gateway's silence is one event; when it is back its devices count afresh."""
    watch = Watch()
    watch.heard(0, MAT)
    watch.at(60)
    assert watch.story() == [(HUB, "silent", 15, 0)]
    for minute in (60, 61, 62, 62.9, 64):
        watch.heard(minute, HUB)

    assert watch.story()[1:] == [(HUB, "online", 60, 60), (MAT, "silent", 63, 0)]


def test_a_will_speeds_it_up_and_a_message_undoes_it():
    """A will says offline at once; whatever comes next says that it was wrong or is over."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.hint(1, HUB)
    watch.hint(2, HUB)
    watch.heard(3, MAT)

    assert watch.story() == [(HUB, "will", 1, 1), (HUB, "online", 3, 3)]


def test_a_brokers_copy_of_a_will_tells_of_a_gateway_never_heard():
    """After our first start the retained status is all that says a gateway is down; its first message is its return."""
    watch = Watch()
    watch.hint(1, HUB, live=False)
    watch.heard(9, HUB)

    assert watch.story() == [(HUB, "will", 1, 1), (HUB, "online", 9, 9)]


def test_what_it_says_of_itself_goes_before_the_site_file():
    """A gateway that reports each minute is missed after three."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.liveness.told_interval(HUB, MINUTE_MS, watch.now_ms)
    watch.at(60)

    assert watch.story() == [(HUB, "silent", 3, 0)]


@pytest.mark.parametrize("interval_ms", [0, -5, 999, 8 * 86_400_000])
def test_absurd_intervals_are_not_believed(interval_ms):
    """Neither a flood of timers nor a gateway that is never missed."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.liveness.told_interval(HUB, interval_ms, watch.now_ms)
    watch.at(60)

    assert watch.story() == [(HUB, "silent", 15, 0)]


def test_silence_means_nothing_while_our_feed_is_lost():
    """When our own link is down nobody is silent; afterwards everybody counts afresh."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.at(5)
    watch.liveness.feed_lost(watch.now_ms)
    assert watch.liveness.next_due_ms() is None
    watch.at(120)
    watch.liveness.feed_back(watch.now_ms)
    watch.at(200)

    assert watch.story() == [(HUB, "silent", 135, 0)]


def test_a_live_message_ends_a_lost_feed_but_a_straggler_does_not():
    """What was still under way when the link broke proves nothing."""
    watch = Watch()
    watch.heard(0, HUB)
    watch.liveness.feed_lost(watch.now_ms)
    watch.liveness.feed_heard(watch.now_ms + 4_000)
    assert watch.liveness.next_due_ms() is None
    watch.liveness.feed_heard(watch.at(10))
    watch.at(100)

    assert watch.story() == [(HUB, "silent", 25, 0)]


def test_an_interval_that_begins_later():
    """A change dated ahead is looked at when it begins to hold, though nothing arrives then."""
    watch = Watch()
    value = {"address": PENDANT, "home": "h1", "interval": "1 min", "from_ms": NOON_MS + 30 * MINUTE_MS}
    watch.heard(0, PENDANT)
    watch.registry.apply(Setting("device/d2", 2, "device", value), NOON_MS)
    watch.liveness.registry_changed([PENDANT], NOON_MS)
    for minute in (10, 20, 29, 30.5, 31):
        watch.heard(minute, HUB)

    assert watch.story() == [(PENDANT, "silent", 30, 0)]


def test_the_order_of_timers_is_due_then_address():
    """The same in every run, whatever came first."""
    watch = Watch(hub_interval="1 min")
    for minute, address in ((0, "v:b"), (0, "v:a"), (0.5, "v:0")):
        number = address[2:]
        watch.registry.apply(
            Setting(f"gateway/{number}", 1, "gateway", {"address": address, "interval": "1 min"}), NOON_MS
        )
        watch.heard(minute, address)
    watch.at(60)

    assert [one.address for one in watch.told] == ["v:a", "v:b", "v:0"]


def test_many_changes_of_mind_do_not_fill_the_heap():
    """A device that names another interval each time leaves no trail of timers."""
    watch = Watch()
    watch.heard(0, HUB)
    for number in range(5_000):
        watch.liveness.told_interval(HUB, 60_000 + number % 7 * 1_000, watch.now_ms)

    assert len(watch.liveness._heap) < 100


def test_a_restored_state_goes_on_alike():
    """Suspects, held devices and gateways that are back all survive a restart at any point."""
    steps = ((0, MAT), (10, HUB), (10.2, PENDANT), (40, MAT), (44, HUB), (47, PENDANT), (60, HUB))
    whole = Watch()
    for minute, address in steps:
        whole.heard(minute, address)
    whole.at(300)
    for cut in range(len(steps)):
        watch = Watch()
        for number, (minute, address) in enumerate(steps):
            if number == cut:
                state = watch.liveness.state()
                watch.liveness = Liveness(watch.registry)
                watch.liveness.restore(LivenessState(state.pulses, state.lost_ms, state.back_ms), watch.now_ms)
            watch.heard(minute, address)
        watch.at(300)
        assert watch.story() == whole.story(), f"cut before step {cut}"


@pytest.mark.parametrize(
    ("role", "interval", "hours"),
    [
        ("motion", "2 d", 72),
        ("motion", "4 h", 12),
        ("smoke", "12 h", 24),
        ("smoke", "24 h", 30),
        ("pendant", "9 h", 24),
    ],
)
def test_what_guards_a_life_is_missed_within_a_day_and_anything_within_three(role, interval, hours):
    """Three of its own intervals, but at most 72 h, and 24 h for what guards a life (or 1.25 intervals)."""
    watch = Watch()
    value = {"address": "z:x", "home": "h1", "interval": interval, "role": role}
    watch.registry.apply(Setting("device/x", 1, "device", value), NOON_MS)
    watch.heard(0, "z:x")
    watch.at(hours * 60 - 0.01)
    assert watch.story() == []
    watch.at(hours * 60)
    assert watch.story() == [("z:x", "silent", hours * 60, 0)]
    assert watch.liveness.interval_ms("z:x", watch.now_ms) > 0
