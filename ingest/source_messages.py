"""The source fold's way for messages: bytes of a topic become events of a home, dead letters or verdicts. Pure.

Every item of a message ends in exactly one of the three. What may have been an alarm and could not be read is a dead
letter and, on top, a derived `alarm.undecodable` for a person (R43); `ingest.undecodable` says how often.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.codec import MAX_PAYLOAD_BYTES, Codec, Decoded, Route
from ingest.codecs.vardevakt import reference
from ingest.event import HALF_DECODED, UNASSIGNED, Draft, Nothing, Rejected, name_uuid
from ingest.identity import DUPLICATE, REDELIVERED
from ingest.liveness_events import tell_homes
from ingest.record import EVENT, HTTP, MQTT, DeadLetter, Input, RawRecord, Recorded
from ingest.registry import Assignment
from ingest.roles import may_raise_alarm
from ingest.source_events import event_of, qualities
from ingest.source_state import Here, Outcome, SourceState, everything
from ingest.trust import trusted_time
from ingest.unchanged import OF_DOSES, UNCHANGED
from ingest.undecodable import fingerprint
from ingest.vocabulary import floor_flag, goes_to_person

UNDECODABLE = "alarm.undecodable"
NOT_HEARD = frozenset({"own_message", "command_echo", "removed"})  # reasons that prove nobody's life
HTTP_TOPIC = "http:"
NOBODY = "http:unknown"  # stands for the address of what came over HTTP without one
_NO_ADDRESS = HTTP_TOPIC + NOBODY
_UNADDRESSED = Rejected("wrong_type", "no address", may_be_alarm=True)
TOPICS_MAX = 50_000  # routes remembered: a route depends on the topic alone
TOPIC_LENGTH_MAX = 1_024  # MQTT allows 65 535 bytes, and an address is kept
_DETAIL_MAX = 200
_TELLS_INTERVAL = frozenset({"heartbeat", "device.online", "device.offline"})

Routed = tuple[Codec, Route, str]
"""Codec, route, and the topic as the codec is to see it."""


class MessageFold:
    """Messages of all conventions, over the state of one source fold."""

    def __init__(self, state: SourceState, codecs: Sequence[Codec], here: Here = everything) -> None:
        self._state, self._here = state, here
        self._codecs = tuple(codecs)
        self._routes: dict[str, dict[str, Routed]] = {MQTT: {}, HTTP: {}}

    def fold(self, record: RawRecord, out: Outcome) -> None:
        """One record of kind mqtt or http."""
        routed = self._routes[record.kind].get(record.topic)
        if routed is None:
            routed = self._route(record, out)
            if routed is None:
                return
        codec, route, topic = routed
        state = self._state
        speaker, alive = self._speaker(route)
        if alive is not None:
            self._meet(alive)
        assignment = state.registry.resolve(speaker, state.now_ms)
        decoded = self._decode(record, codec, route, topic, assignment)
        via = None
        if not record.retain:
            via = self._gateway(route, assignment)
            if record.kind != HTTP:
                state.liveness.feed_heard(state.now_ms)
        for item, entry in enumerate(decoded):
            if isinstance(entry, Draft):
                before = len(out.inputs)
                try:
                    self._draft(record, codec, route, entry, item, via, out)
                except Exception as error:  # noqa: BLE001 - the named quarantine: our bug must not cost anybody an alarm
                    out.inputs[before:] = [one for one in out.inputs[before:] if one.derived]
                    self.reject(record, speaker, _faulty(error, route), item, out)
            elif isinstance(entry, Rejected):
                self._sign_of_life(record, alive, via, out)
                self.reject(record, speaker, entry, item, out)
            else:
                if entry.reason not in NOT_HEARD:
                    self._sign_of_life(record, alive, via, out)
                out.verdict(item, entry.reason)

    def reject(self, record: RawRecord, address: str, rejected: Rejected, item: int, out: Outcome) -> None:
        """A dead letter, and where it may have been an alarm, an alarm."""
        out.dead_letters.append(
            DeadLetter(
                out.raw_seq, item, out.received_at_ms, address, rejected.reason, rejected.detail[:_DETAIL_MAX],
                rejected.may_be_alarm,
            )
        )  # fmt: skip
        if not rejected.may_be_alarm or self._is_known_copy(record, address):
            return
        if self._state.undecodable.admit(address, record.payload, self._state.now_ms):
            self.undecodable(address, self._state.now_ms, 1, rejected.reason, fingerprint(record.payload), out)

    def _is_known_copy(self, record: RawRecord, address: str) -> bool:
        """Whether these bytes, which nobody can read, are only what the broker keeps and shows at each reconnect."""
        self._meet(address)
        cry = Draft(UNDECODABLE, key=fingerprint(record.payload).hex())
        _, outcome = self._state.identity.identify(address, cry, record.received_at_ms, alarm=True)
        return record.retain and outcome == DUPLICATE

    def undecodable(self, address: str, at_ms: int, count: int, reason: str, mark: bytes, out: Outcome) -> None:
        """Tell a person that something which may be an alarm came from here and cannot be read."""
        state = self._state
        assignment = state.registry.resolve(address, at_ms)
        event_id = name_uuid(state.site, UNDECODABLE, address, at_ms, reason, mark.hex())
        quality = (HALF_DECODED,) if assignment is not None and assignment.home is not None else _UNKNOWN_AND_HALF
        draft = Draft(UNDECODABLE, {"reason": reason, "count": count})
        event = event_of(
            state, event_id, address, None, draft, at_ms, at_ms, assignment, quality, is_state=False
        )  # fmt: skip
        out.inputs.append(
            Input(EVENT, at_ms, event.home, event, None, 1, out.raw_seq, 0, derived=True),
        )

    def _route(self, record: RawRecord, out: Outcome) -> Routed | None:
        """Find the codec of a topic not seen lately. Without one: a verdict or dead letter, and None."""
        topic = record.topic
        if record.kind == HTTP:
            topic = HTTP_TOPIC + (topic.removeprefix(HTTP_TOPIC) or NOBODY)
        elif topic.startswith("$"):
            out.verdict(0, "broker_topic")
            return None
        elif topic.startswith(HTTP_TOPIC):  # a name of ours, not a topic
            self.reject(record, "", Rejected("no_codec", topic), 0, out)
            return None
        if len(topic) > TOPIC_LENGTH_MAX:
            self.reject(record, topic[:_DETAIL_MAX], Rejected("unknown_topic", topic, may_be_alarm=True), 0, out)
            return None
        for codec in self._codecs:
            try:
                route = codec.route(topic)
            except Exception as error:  # noqa: BLE001 - the named quarantine
                self.reject(record, f"{codec.name}:{topic}", _faulty(error, None), 0, out)
                return None
            if route is not None:
                routes = self._routes[record.kind]
                if len(routes) >= TOPICS_MAX:
                    routes.clear()
                routes[record.topic] = (codec, route, topic)
                return codec, route, topic
        self.reject(record, "", Rejected("no_codec", topic), 0, out)
        return None

    def _speaker(self, route: Route) -> tuple[str, str | None]:
        """Whom a message is from, and whom it proves alive where its items name nobody; None: then only items tell.

        Where one topic may be a device or an attribute of one, whoever is registered is meant; of strangers nobody can
        say. What is only said *about* a device proves nothing about it.
        """
        address, parent, registry = route.address, route.parent, self._state.registry
        if parent is None or registry.knows(address):
            return address, address
        if not registry.knows(parent):
            return address, None
        return parent, None if route.hearsay else parent

    def _meet(self, address: str) -> None:
        """Remember that a stranger spoke; what is kept of strangers is bounded."""
        if not self._state.registry.knows(address):
            self._state.touch_unknown(address)

    def _decode(
        self, record: RawRecord, codec: Codec, route: Route, topic: str, assignment: Assignment | None
    ) -> Decoded:
        model = role = None
        if assignment is not None:
            model, role = assignment.model, assignment.role
        if len(record.payload) > MAX_PAYLOAD_BYTES:
            size = f"{len(record.payload)} bytes"
            return [Rejected("too_large", size, route.may_be_alarm and may_raise_alarm(role))]
        states = self._state.codec_states
        before = states.get(route.address)
        try:
            after, decoded = codec.decode(before, topic, record.payload, record.received_at_ms, model, role)
        except Exception as error:  # noqa: BLE001 - the named quarantine
            return [_faulty(error, route)]
        if after is not before:
            if after is None:
                states.pop(route.address, None)
            else:
                states[route.address] = after
                self._meet(route.address)
        if topic == _NO_ADDRESS:  # the intake has refused it (contracts §6): understood or not, a dead letter
            decoded = [one if isinstance(one, Rejected) else _UNADDRESSED for one in decoded]
        return decoded or [Nothing("empty")]

    def _gateway(self, route: Route, assignment: Assignment | None) -> str | None:
        """Address of the registered gateway that a message came through, if it is heard here."""
        via = route.gateway if route.gateway is not None and self._state.registry.knows(route.gateway) else None
        if assignment is not None and assignment.gateway_address is not None:
            via = assignment.gateway_address
        return via if via is not None and self._here(via) else None

    def _sign_of_life(
        self, record: RawRecord, address: str | None, via: str | None, out: Outcome, told: str | None = None
    ) -> None:
        """`address` spoke live through the gateway at `via`; None: only the gateway did."""
        if record.retain:
            return
        liveness = self._state.liveness
        if address is not None:
            liveness.heard(address, via, self._state.now_ms, out.transitions.append)
        elif via is not None:
            liveness.heard(via, None, self._state.now_ms, out.transitions.append)
        if out.transitions:
            tell_homes(self._state, out, told)

    def _draft(
        self, record: RawRecord, codec: Codec, route: Route, draft: Draft, item: int, via: str | None, out: Outcome
    ) -> None:
        state = self._state
        received_at_ms = record.received_at_ms
        address = route.address
        spoken_for = draft.address is not None and draft.address != address
        if draft.address is not None and spoken_for:
            address = draft.address
            via = self._speaks_for(record, route, address, via, out)
        self._meet(address)
        effective_at_ms, doubt = trusted_time(draft.observed_at_ms, received_at_ms)
        assignment = state.registry.resolve(address, effective_at_ms)
        if assignment is None or assignment.home is None:
            floor = floor_flag(draft.type, draft.content, wander_risk=False)
            if floor == 0 and goes_to_person(draft.type, draft.content):
                floor = 1
        else:
            floor = floor_flag(draft.type, draft.content, wander_risk=assignment.wander_risk)
        event_id, outcome = state.identity.identify(
            address, draft, received_at_ms, alarm=floor > 0, retained=record.retain, dup=record.dup
        )
        if floor and codec.command(record.topic, {}) is not None:
            out.recorded.append(Recorded(record.topic, event_id, reference(draft.key, draft.observed_at_ms)))
        if outcome in _COPIES:  # a resend proves the gateway, not the device
            self._sign_of_life(record, None, None if via == address else via, out)
            out.verdict(item, outcome, event_id if outcome == DUPLICATE else None)
            return
        pulse = state.liveness.pulse(address)
        steady = pulse is not None and not pulse.offline
        if draft.type in OF_DOSES:
            state.unchanged.spoke_of_doses(address)
        if draft.type == "device.online" and (record.retain or (spoken_for and not _is_proof(draft))):
            if not state.liveness.taken_back(address, state.now_ms, out.transitions.append):
                self._of_liveness(record, draft, address, assignment, out)
                out.verdict(item, "hearsay")
                return
            tell_homes(state, out, told=address)
        elif draft.type == "device.offline":
            self._sign_of_life(record, None, None if via == address else via, out)
        else:
            self._sign_of_life(record, address, via, out, address if draft.type == "device.online" else None)
        quality = qualities(state.sessions, record, draft, assignment, doubt, outcome, floor, effective_at_ms)
        if state.unchanged.again(address, draft, assignment, quality, received_at_ms, steady=steady):
            out.verdict(item, UNCHANGED, event_id)
        else:
            event = event_of(
                state, event_id, address, route.gateway, draft, received_at_ms, effective_at_ms, assignment, quality,
                is_state=draft.state or record.retain,
            )  # fmt: skip
            out.inputs.append(Input(EVENT, received_at_ms, event.home, event, None, floor, out.raw_seq, item))
        if draft.type in _TELLS_INTERVAL:
            self._of_liveness(record, draft, address, assignment, out)

    def _speaks_for(self, record: RawRecord, route: Route, address: str, via: str | None, out: Outcome) -> str | None:
        """A message that speaks for another address than its topic's: who sent it is alive. Gateway of the other."""
        self._sign_of_life(record, None if route.parent is not None else route.address, via, out)
        return self._gateway(route, self._state.registry.resolve(address, self._state.now_ms))

    def _of_liveness(
        self, record: RawRecord, draft: Draft, address: str, assignment: Assignment | None, out: Outcome
    ) -> None:
        """What an accepted event says about its own address: how often it reports, or that it is gone."""
        state = self._state
        seconds = draft.content.get("interval_seconds")
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            state.liveness.told_interval(address, seconds * 1_000, state.now_ms)
        if draft.type == "device.offline":
            is_gateway = assignment is not None and assignment.is_gateway
            live = not record.retain
            state.liveness.hint(address, state.now_ms, out.transitions.append, live=live, gateway=is_gateway)
            if out.transitions:
                tell_homes(state, out, told=address)


_UNKNOWN_AND_HALF = (UNASSIGNED, HALF_DECODED)
_COPIES = (DUPLICATE, REDELIVERED)


def _is_proof(online: Draft) -> bool:
    """Whether somebody who says of another "it is online" has just heard it."""
    return online.content.get("reason") == "announced"


def _faulty(error: Exception, route: Route | None) -> Rejected:
    """A fault of our own code. Its words are the fault's: bounded, for the operator."""
    may_be_alarm = route is None or route.may_be_alarm
    return Rejected("codec_error", f"{type(error).__name__}: {error}", may_be_alarm)
