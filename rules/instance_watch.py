"""The watch of a fold's instances: begun over what is known of a home, looked at again, ended. Pure.

Theory of operation. Where a rule needs a measure, an instance has a timer at the instant at which the measure ends or
the next one begins (`watch_check_ms`). When it ends, what is open is cleared (nobody looks any more) and stays for a
person to close. When it begins, kinds that look at states begin over what is known of the home: who lies on the floor
already is not forgotten.
"""

from __future__ import annotations

from ingest.event import Event
from rules import watch
from rules.book import Rule
from rules.effects import Reason
from rules.facts import Trace
from rules.home_state import Home, Instance, is_watched, kept, subjects, to_begin
from rules.instance_parts import InstanceParts
from rules.kinds import KINDS
from rules.sign import Sign, event_of
from rules.situations import standing


class InstanceWatch(InstanceParts):
    """Begins and ends the watch of instances."""

    def begin(self, home: Home) -> None:
        """Begin what watches states and has no instance yet, over what is known of the home."""
        fresh: dict[str, Instance] = {}
        for rule in self.book.standing_rules:
            for subject, resident in to_begin(home.facts, rule):
                self._begin_watch(home, rule, subject, resident, fresh)
        facts = home.facts
        signs = sorted(
            (sign for family in facts.families for trace in facts.traces(family) for sign in _told(trace)),
            key=lambda sign: (sign.effective_at_ms, sign.received_at_ms, sign.event_id),
        )
        known = (event_of(sign, facts.site, facts.home) for sign in signs)
        for event in (*known, *standing(facts, f"begin/{home.now_ms}", home.now_ms)):
            self._begin_with(home, event, fresh)
        for key, instance in fresh.items():
            if instance.state is not None:
                rule, subject = self.rule_of(key)
                context = self._context(home, rule, subject, instance)
                instance.state = kept(KINDS[rule.kind].begun(instance.state, context))
            if not instance.quarantined:
                self._keep(home, key, instance)

    def begin_device(self, home: Home, device: str) -> None:
        """A device was heard for the first time: what counts its silence begins."""
        fresh: dict[str, Instance] = {}
        known = home.facts.devices.get(device)
        for rule in self.book.device_rules if known is not None else ():
            if known is not None and is_watched(known, rule):
                self._begin_watch(home, rule, device, known.resident, fresh)
        for key, instance in fresh.items():
            self._keep(home, key, instance)

    def _begin_watch(
        self, home: Home, rule: Rule, subject: str, resident: str | None, fresh: dict[str, Instance]
    ) -> None:
        """An instance for whom is watched, or will be; kinds that count silence begin with the watch."""
        key = f"{rule.id}/{subject}"
        if key in home.instances:
            return
        instance = Instance(resident=resident)
        _, until_ms, inside = self._watch_window(home, rule, resident)
        instance.watch_check_ms = until_ms if until_ms < watch.FOREVER_MS else None
        if not inside:
            if instance.watch_check_ms is not None:
                self._keep(home, key, instance)
            return
        fresh[key] = home.instances[key] = instance
        try:
            instance.state = kept(KINDS[rule.kind].initial(self._context(home, rule, subject, instance)))
        except Exception as error:  # noqa: BLE001 - as in `step`
            self.quarantine(home, key, error)

    def _begin_with(self, home: Home, event: Event, fresh: dict[str, Instance]) -> None:
        for listener in self.book.listeners(event):
            rule = listener.rule
            role = self.book.role_of(listener, event, home.facts, home.now_ms) if KINDS[rule.kind].stands else None
            for subject, resident in subjects(home.facts, rule, event) if role is not None else ():
                key = f"{rule.id}/{subject}"
                if key not in fresh:
                    if key in home.instances or not self.watched(home, rule, resident):
                        continue
                    fresh[key] = home.instances[key] = Instance(resident=resident)
                instance = fresh[key]
                assert role is not None, "looked at above"
                try:
                    context = self._context(home, rule, subject, instance)
                    instance.state = kept(KINDS[rule.kind].step(instance.state, event, role, context)[0])
                except Exception as error:  # noqa: BLE001 - as in `step`
                    self.quarantine(home, key, error)

    def _unwatched(self, home: Home, key: str) -> None:
        """The measure has ended: forget, and begin again with the next one."""
        instance = home.instances[key]
        rule, subject = self.rule_of(key)
        args: dict[str, object] = {"at_ms": home.now_ms}
        if not self.book.values(home.facts, rule, instance.resident, home.now_ms).on:
            reason = Reason("watch.switched_off", args)
        elif rule.needs and self.book.lacking(home.facts, rule, instance.resident):
            reason = Reason("watch.lacks", args)
        else:
            reason = Reason("watch.no_measure", args)
        if instance.state is not None or instance.open_ids:
            self.observe(home, subject, "disarmed", reason, rule.id, str(home.now_ms))
        self.end(home, key, reason)
        if instance.resident is not None:
            self._begin_watch(home, rule, subject, instance.resident, {})

    def check_watch(self, home: Home, key: str) -> None:
        """Measures have changed: end the watch, or look again when this one ends."""
        try:
            self._check_watch(home, key)
        except Exception as error:  # noqa: BLE001 - as in `step`
            self.quarantine(home, key, error)

    def _check_watch(self, home: Home, key: str) -> None:
        instance = home.instances[key]
        rule, _ = self.rule_of(key)
        if instance.quarantined:
            return
        _, until_ms, inside = self._watch_window(home, rule, instance.resident)
        was_waiting = instance.state is None and not instance.open_ids
        if not inside:
            self._unwatched(home, key)
            return
        instance.watch_check_ms = until_ms if until_ms < watch.FOREVER_MS else None
        if was_waiting:
            del home.instances[key]
            self.begin(home)
        else:
            self._keep(home, key, instance)


def _told(trace: Trace) -> tuple[Sign, ...]:
    return trace.runs if trace.last == trace.runs[-1] else (*trace.runs, trace.last)
