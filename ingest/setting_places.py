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
| what has neither address nor home | in one, by its own id: somebody must say that it is in force                    |

Three laws make such a partition say what one says that knows everybody:

1. Where a setting has ever stood it is told of every version from then on. So nothing that a partition knows is old.
2. Where it stands, what it names or lately named stands too. So no partition takes a thing for one of its own homes'
   that is not.
3. Where it comes to stand later than elsewhere it comes with what is remembered of it (`Placed`): from when which value
   held. So it means the same there as where it was known all along.

A move so writes the newest of the person's things to the new place, what is named before what names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ingest.record import SETTING, RawRecord, Setting
from ingest.registry import Item, Placed, Registry, references
from ingest.topics import SETTINGS, TO, Outgoing, Placement

_ORDER = {kind: at for at, kind in enumerate(("home", "gateway", "resident", "device"))}
_HOMED = frozenset({"measure", "plan", "pause"})
_PLACED = frozenset({*_ORDER, *_HOMED, "test_session"})

Write = tuple[Setting, tuple[int, ...]]
"""(setting, raw partitions). A `Placed` for those that have not known it before."""


def setting_record(at_ms: int, setting: Setting, partitions: Sequence[int]) -> RawRecord:
    """For these partitions only; its link names them (`topics.Placement`)."""
    payload = msgspec.json.encode(setting, order="sorted")
    return RawRecord(at_ms, SETTING, setting.setting_id, payload, link=TO + ",".join(map(str, partitions)))


class Standing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A setting, since when its newest version is known, and where. One record of the topic `settings`."""

    item: Item
    at_ms: int
    places: tuple[int, ...]

    def placed(self) -> Placed:
        """As a partition hears of it that has not known it before."""
        one = self.item.setting
        return Placed(
            one.setting_id, one.version, one.kind, one.value, one.actor, changes=self.item.changes, since_ms=self.at_ms
        )


_STANDING = msgspec.msgpack.Decoder(Standing)
_encode = msgspec.msgpack.Encoder(order="sorted").encode


def settings_rows(standing: Sequence[Standing]) -> list[Outgoing]:
    """Rows of the topic."""
    ids = [one.item.setting.setting_id.encode("utf-8", "replace") for one in standing]
    return [Outgoing(SETTINGS, 0, key, _encode(one), one.at_ms) for key, one in zip(ids, standing, strict=True)]


def decode_standing(value: bytes) -> Standing:
    """ValueError: none of ours."""
    try:
        return _STANDING.decode(value)
    except msgspec.DecodeError as error:
        raise ValueError(f"not where a setting stands: {error}") from error


class SettingPlaces:
    """Knows every setting, and where each stands. Begins with nothing: `learn` what has been written so far."""

    def __init__(self, placement: Placement) -> None:
        self._placement, self._layout = placement, placement.layout
        self._everywhere = frozenset(range(self._layout.partitions))
        self._registry = Registry()
        self._standing: dict[str, Standing] = {}

    def learn(self, told: Standing) -> bool:
        """What somebody has written. True: more is known than this says, so it is to be written `again`."""
        name, known = told.item.setting.setting_id, self._standing.get(told.item.setting.setting_id)
        older = known is not None and known.item.setting.version > told.item.setting.version
        newest = known if known is not None and older else told
        places = self._places(name) | frozenset(told.places)
        self._keep(msgspec.structs.replace(newest, places=tuple(sorted(places))))
        return older or places != frozenset(told.places)

    def standing(self, setting_id: str) -> Standing:
        return self._standing[setting_id]

    def all(self) -> list[Standing]:
        return [self._standing[name] for name in sorted(self._standing)]

    def at(self, partition: int) -> dict[str, Item]:
        """What that partition knows."""
        return {name: one.item for name, one in sorted(self._standing.items()) if partition in one.places}

    def begin(self, items: Mapping[str, Item], at_ms: int) -> list[Standing]:
        """Logs begin with these: where each stands by the laws, and no longer where it once had to."""
        for name in sorted(items):
            self._keep(Standing(items[name], at_ms, ()))
        for name, places in self._targets(sorted(items)).items():
            self._keep(msgspec.structs.replace(self._standing[name], places=tuple(sorted(places))))
        return self.all()

    def writes(self, setting: Setting, at_ms: int) -> list[Write]:
        """What to write for it, in order; from now on it is known. An old version writes the newest again."""
        own = setting.setting_id
        if not self._registry.is_new(setting):
            return self.again(own)
        before, first = self._places(own), self._registry.setting(own) is None
        self._registry.apply(setting, at_ms)
        self._keep(Standing(self._registry.items()[own], at_ms, tuple(sorted(before))))
        found: list[Write] = []
        for name, places in self._targets([own, *self._hanging(own)]).items():
            known = self._standing[name]
            new = tuple(sorted(places - frozenset(known.places)))
            if name == own and before:
                found.append((setting, known.places))
            if new:
                found.append((setting if name == own and first else known.placed(), new))
                self._keep(msgspec.structs.replace(known, places=tuple(sorted({*known.places, *new}))))
        return found

    def again(self, setting_id: str) -> list[Write]:
        """The newest of it, to all where it stands, with what must stand there too."""
        names = self._targets([setting_id])
        for name, places in names.items():
            self._keep(msgspec.structs.replace(self._standing[name], places=tuple(sorted(places))))
        return [(self._standing[name].placed(), self._standing[name].places) for name in names]

    # ------------------------------------------------------------- where
    def _targets(self, setting_ids: Iterable[str]) -> dict[str, frozenset[int]]:
        """Where these and all that they name must stand from now on; what is named before what names it."""
        waiting: dict[int, dict[str, None]] = {}
        for each in setting_ids:
            waiting.setdefault(_rank(each), {})[each] = None
        found: dict[str, frozenset[int]] = {}
        for rank in range(len(_ORDER), -1, -1):
            for each in waiting.get(rank, {}):
                places = found[each] = found.get(each, frozenset()) | self._places(each) | self._own(each)
                if not places:
                    places = found[each] = frozenset({self._layout.partition_of(each)})
                for name in references(self._standing[each].item):
                    if name in self._standing and _rank(name) < rank:
                        found[name] = found.get(name, frozenset()) | places
                        waiting.setdefault(_rank(name), {})[name] = None
        return {each: found[each] for each in sorted(found, key=lambda one: (_rank(one), one))}

    def _hanging(self, setting_id: str) -> list[str]:
        """What names it, and what names that."""
        found: dict[str, None] = {}
        waiting = [setting_id]
        while waiting:
            for each in self._registry.referring(waiting.pop()):
                if each not in found and each != setting_id:
                    found[each] = None
                    waiting.append(each)
        return list(found)

    def _keep(self, one: Standing) -> None:
        self._standing[one.item.setting.setting_id] = one
        self._registry.apply(one.item.setting, one.at_ms, one.item.changes)

    def _places(self, setting_id: str) -> frozenset[int]:
        known = self._standing.get(setting_id)
        return frozenset() if known is None else frozenset(known.places)

    def _own(self, setting_id: str) -> frozenset[int]:
        """Where it must be known as things stand, whatever names it."""
        known = self._registry.setting(setting_id)
        if known is None:
            return frozenset()
        kind, name, value = known.kind, setting_id.partition("/")[2], known.value
        if kind not in _PLACED:
            return self._everywhere
        found = self._at_addresses(setting_id)
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
        addresses = self._registry.addresses(setting_id)
        return {self._layout.partition_of(self._placement.key_of_address(one)) for one in addresses}


def _rank(setting_id: str) -> int:
    return _ORDER.get(setting_id.partition("/")[0], len(_ORDER))
