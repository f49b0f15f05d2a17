"""In which raw partitions a setting must be known, so that not every one of them must know everybody. Pure.

A raw partition folds what some addresses say, and tells the homes of the inputs partition of its own number of their
settings. So it needs

| setting                  | where                                                                                    |
|--------------------------|------------------------------------------------------------------------------------------|
| site, ward, book, other  | everywhere                                                                               |
| home                     | where the home's inputs stand                                                            |
| device, gateway          | where each of its addresses is heard, where its gateway is, and where its home stands     |
| resident                 | where the home stands, and wherever a device of this person is needed                    |
| measure, plan, pause, test session | as whom it is about                                                            |

A change is written where it is needed now and where it was needed before, so that a home that is left hears of it too.
What it names is written there with it, and what hangs on it where that is needed only from now on, each in its newest
version, what a thing names before the thing. So no partition takes a thing for one of its own homes' that is not. What
has neither address nor home stands nowhere until it has.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.record import Setting
from ingest.registry import REFERENCES, Registry
from ingest.topics import Placement

_ORDER = {kind: at for at, kind in enumerate(("home", "gateway", "resident", "device"))}
_HOMED = frozenset({"measure", "plan", "pause"})
_PLACED = frozenset({*_ORDER, *_HOMED, "test_session"})

Write = tuple[int, Setting]
"""(raw partition, setting)."""


class SettingPlaces:
    """Knows the newest of every setting. `known`: what has been written so far."""

    def __init__(self, placement: Placement, known: Iterable[Setting] = ()) -> None:
        self._placement, self._layout = placement, placement.layout
        self._everywhere = frozenset(range(self._layout.partitions))
        self._registry = Registry()
        for setting in known:
            self._registry.apply(setting, 0)

    def is_new(self, setting: Setting) -> bool:
        return self._registry.is_new(setting)

    def learn(self, setting: Setting, at_ms: int) -> None:
        """Somebody else has written it."""
        self._registry.apply(setting, at_ms)

    def writes(self, setting: Setting, at_ms: int) -> list[Write]:
        """What to write for it, in order; from now on it is known. An old version goes where the newest stands."""
        concerned = self._concerned(setting)
        before = {each: self._needed(each) for each in concerned}
        self._registry.apply(setting, at_ms)
        concerned = list(dict.fromkeys([*concerned, *self._concerned(setting)]))
        found: list[Write] = []
        ours = self._needed(setting.setting_id) | before[setting.setting_id]
        named = frozenset(self._names(setting, 2))
        for each in sorted(concerned, key=lambda one: (_ORDER.get(one.partition("/")[0], len(_ORDER)), one)):
            now, known = self._needed(each), self._registry.setting(each)
            if each == setting.setting_id:
                found += [(at, setting) for at in sorted(ours)]
            elif known is not None:
                wanted = now | ours if each in named else now
                found += [(at, known) for at in sorted(wanted - before.get(each, frozenset()))]
        return found

    def _concerned(self, setting: Setting) -> list[str]:
        """Ids of the setting, of what hangs on it, and of what these name."""
        hanging = {setting.setting_id: None}
        waiting = [setting.setting_id]
        while waiting:
            for each in self._registry.referring(waiting.pop()):
                if each not in hanging:
                    hanging[each] = None
                    waiting.append(each)
        named: dict[str, None] = {}
        for each in hanging:
            known = setting if each == setting.setting_id else self._registry.setting(each)
            named.update(dict.fromkeys(self._names(known, 2)))
        return list({**hanging, **named})

    def _names(self, setting: Setting | None, depth: int) -> list[str]:
        """Ids of what its newest value names, and of what these name."""
        if setting is None or setting.value is None or depth == 0:
            return []
        found = []
        for kind in REFERENCES:
            name = setting.value.get(kind)
            if isinstance(name, str) and name:
                found += [f"{kind}/{name}", *self._names(self._registry.setting(f"{kind}/{name}"), depth - 1)]
        return found

    def _needed(self, setting_id: str) -> frozenset[int]:
        """Where this setting must be known as things stand."""
        found = self._own(setting_id)
        if found is not self._everywhere and setting_id.partition("/")[0] in _ORDER:
            for each in self._registry.referring(setting_id):
                if each.partition("/")[0] in ("device", "test_session"):
                    found |= self._own(each)
        return found

    def _own(self, setting_id: str) -> frozenset[int]:
        known = self._registry.setting(setting_id)
        if known is None:
            return frozenset()
        kind, name, value = known.kind, setting_id.partition("/")[2], known.value
        if kind not in _PLACED:
            return self._everywhere
        found = {self._layout.partition_of(self._placement.key_of_address(one)) for one in self._addresses(setting_id)}
        if value is None:
            return frozenset(found)
        home: object = name if kind == "home" else value.get("home") if kind == "resident" else None
        if kind in _HOMED:
            home = self._registry.newest_home({"resident": value.get("resident")})
        elif kind in ("device", "gateway"):
            home = self._registry.newest_home(value)
            if kind == "device" and isinstance(value.get("gateway"), str):
                found |= self._at_addresses(f"gateway/{value['gateway']}")
        elif kind == "test_session":
            return self._own(f"device/{value.get('device')}")
        if isinstance(home, str) and home:
            found.add(self._layout.partition_of(home))
        return frozenset(found)

    def _at_addresses(self, setting_id: str) -> set[int]:
        return {self._layout.partition_of(self._placement.key_of_address(one)) for one in self._addresses(setting_id)}

    def _addresses(self, setting_id: str) -> list[str]:
        return self._registry.addresses(setting_id)
