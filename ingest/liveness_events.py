"""From a transition of liveness to the events that homes hear. Pure.

A device's goes to its home, a gateway's to every home that hangs on it, each as a derived input whose id is a name of
(incident, home). Where a message said it itself ("I am online"), that message's own event tells its home, and only the
others need one. Addresses that nobody registered have no home to tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.event import Event, Value, name_uuid
from ingest.pulse import Transition
from ingest.record import EVENT, Input
from ingest.registry import Assignment
from ingest.source_state import Outcome, SourceState

MOVED = "moved"  # reason of a derived event: somebody else's now, or somebody's from now on


def tell_homes(state: SourceState, out: Outcome, told: str | None = None) -> None:
    """Turn the transitions gathered in `out` into derived inputs. `told`: the address whose message says it itself."""
    for transition in out.transitions:
        assignment = state.registry.resolve(transition.address, transition.at_ms)
        if assignment is None:
            continue
        homes = homes_of(state, transition.address, assignment, transition.at_ms)
        for home in homes:
            if transition.address != told or home != assignment.home:
                out.inputs.append(_derived(state, out, transition, assignment, home))
    out.transitions.clear()


def homes_of(state: SourceState, address: str, assignment: Assignment, at_ms: int) -> list[str]:
    """Homes that a device's or gateway's transition concerns, sorted; without any, the address itself."""
    if not assignment.is_gateway:
        return [assignment.home or f"address:{address}"]
    assert assignment.gateway is not None, "a gateway's assignment carries its id"
    homes = set(state.registry.gateway_homes(assignment.gateway, at_ms))
    for behind in state.liveness.behind(address):
        device = state.registry.resolve(behind, at_ms)
        if device is not None and device.home is not None:
            homes.add(device.home)
    return sorted(homes) or [f"address:{address}"]


class Lives:
    """What homes must hear of a life when a setting moves its device or gateway: made before, asked after the change.

    A home that is left is told that what was offline is no longer its own, before it is told of the move, or an alert
    would stand there for good. A home that is joined learns afterwards that the device has been heard before, so that
    its silence counts there too, and that it, or a gateway, is offline.
    """

    def __init__(self, state: SourceState, setting_ids: Sequence[str]) -> None:
        """`setting_ids`: the setting that changes, and what hangs on it."""
        self._state = state
        addresses = set(state.liveness.offline())
        for setting_id in setting_ids:
            if setting_id.startswith("device/"):
                addresses.update(state.registry.addresses(setting_id))
        self._before = {address: self._where(address) for address in sorted(addresses)}

    def tell_left(self, out: Outcome) -> None:
        """Homes that no longer have what is offline."""
        now_ms = self._state.now_ms
        for address, (was, homes) in self._before.items():
            pulse = self._state.liveness.pulse(address)
            if was is None or pulse is None or not pulse.offline:
                continue
            gone = Transition(address, online=True, reason=MOVED, at_ms=now_ms, effective_ms=now_ms)
            now, now_at = self._where(address)
            if not _same_thing(was, now):
                now_at = []
            out.inputs.extend(_derived(self._state, out, gone, was, home) for home in homes if home not in now_at)

    def tell_joined(self, out: Outcome) -> None:
        """Homes that have it now, and had not."""
        now_ms = self._state.now_ms
        for address, (was, homes) in self._before.items():
            pulse = self._state.liveness.pulse(address)
            assignment, now_at = self._where(address)
            if pulse is None or assignment is None:
                continue
            if not _same_thing(was, assignment):
                homes = []
            facts = []
            if pulse.last_heard_ms and not assignment.is_gateway:
                facts.append(Transition(address, online=True, reason=MOVED, at_ms=now_ms, effective_ms=now_ms))
            if pulse.offline:
                facts.append(Transition(address, False, pulse.reason, now_ms, pulse.since_ms))
            for home in now_at:
                if home not in homes:
                    out.inputs.extend(_derived(self._state, out, fact, assignment, home) for fact in facts)

    def _where(self, address: str) -> tuple[Assignment | None, list[str]]:
        """Whose it is, and the homes that hear of it; none for what belongs to no home."""
        state = self._state
        assignment = state.registry.resolve(address, state.now_ms)
        if assignment is None or (not assignment.is_gateway and assignment.home is None):
            return assignment, []
        return assignment, homes_of(state, address, assignment, state.now_ms)


def _same_thing(one: Assignment | None, other: Assignment | None) -> bool:
    """Whether an address means the same device or gateway as before, wherever that is now."""
    if one is None or other is None or one.is_gateway != other.is_gateway:
        return False
    return one.gateway == other.gateway if one.is_gateway else one.device == other.device


def _content(state: SourceState, transition: Transition) -> dict[str, Value]:
    """Why; and of what is silent how often it should be heard, so that rules can count in its own intervals (R37)."""
    interval_ms = 0 if transition.online else state.liveness.interval_ms(transition.address, transition.at_ms)
    return {"reason": transition.reason, **({"interval_seconds": interval_ms // 1_000} if interval_ms else {})}


def _derived(state: SourceState, out: Outcome, transition: Transition, assignment: Assignment, home: str) -> Input:
    kind = "device.online" if transition.online else "device.offline"
    incident = name_uuid(state.site, kind, transition.address, transition.effective_ms)
    own_id = assignment.device or assignment.gateway
    event = Event(
        event_id=name_uuid(incident, home),
        type=kind,
        site=state.site,
        address=transition.address,
        home=home,
        subject=assignment.resident or own_id or transition.address,
        received_at_ms=transition.at_ms,
        effective_at_ms=transition.effective_ms,
        device=assignment.device,
        gateway=assignment.gateway,
        resident=assignment.resident,
        role=assignment.role,
        room=assignment.room,
        state=True,
        content=_content(state, transition),
    )
    return Input(EVENT, transition.at_ms, home, event, raw_seq=out.raw_seq, derived=True)
