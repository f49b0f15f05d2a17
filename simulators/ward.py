"""An invented ward from a seed: who lives where, with which devices behind which gateway. Pure.

Homes come in a fixed round of kinds (own homes, a couple, a shared flat, a small care-home unit), so that any number
of residents has all three conventions; the seed decides habits, addresses and days, not the shape. What stands in each
kind of home is `furniture.py`'s; what the site file makes of it `site.py`'s.
"""

from __future__ import annotations

import msgspec

from simulators.chance import Chance

VARDEVAKT, ZIGBEE, CHIRPSTACK = "vardevakt", "zigbee2mqtt", "chirpstack"
ZIGBEE_BRIDGE = "zigbee2mqtt:bridge"
SITE_ID = "solbakken"


class Resident(msgspec.Struct, frozen=True):
    """Somebody who lives in the ward, by pseudonym, and how they live."""

    id: str
    number: int  # counts from 0; names and telephones follow from it
    home: str
    rise_minute: int  # of the local day
    bed_minute: int  # of the local day, may be after 24:00
    risks: tuple[str, ...] = ()
    critical: bool = False
    watched: bool = True  # has a measure of digital supervision
    doses: tuple[int, ...] = ()  # minutes of the local day
    keeps_bed: bool = False  # cannot get up alone; the bed is watched round the clock


class Home(msgspec.Struct, frozen=True):
    id: str
    ward: str
    kind: str  # own_home | shared | care_home
    convention: str


class Gateway(msgspec.Struct, frozen=True):
    id: str
    address: str
    convention: str
    home: str  # where it stands; it may carry devices of other homes


class Thing(msgspec.Struct, frozen=True):
    """One device. `name`: what its convention calls it, without the convention."""

    id: str
    convention: str
    name: str
    gateway: str
    home: str
    role: str
    model: str | None = None
    room: str | None = None
    resident: str | None = None

    @property
    def address(self) -> str:
        return f"{self.convention}:{self.name}"


class Ward(msgspec.Struct, frozen=True):
    """Everything; lists in the order of the site file."""

    seed: int
    interval_s: int  # how often gateways report
    homes: tuple[Home, ...]
    residents: tuple[Resident, ...]
    gateways: tuple[Gateway, ...]
    things: tuple[Thing, ...]

    def gateway(self, gateway_id: str) -> Gateway:
        """KeyError for an unknown one."""
        for gateway in self.gateways:
            if gateway.id == gateway_id:
                return gateway
        raise KeyError(gateway_id)


ROUND = (
    ("own_home", VARDEVAKT, 1),
    ("own_home", VARDEVAKT, 2),  # a couple
    ("own_home", ZIGBEE, 1),
    ("shared", ZIGBEE, 4),
    ("own_home", CHIRPSTACK, 1),
    ("own_home", VARDEVAKT, 1),
    ("care_home", CHIRPSTACK, 4),
    ("own_home", ZIGBEE, 1),
    ("own_home", VARDEVAKT, 1),
    ("own_home", CHIRPSTACK, 1),
    ("own_home", VARDEVAKT, 1),
    ("own_home", ZIGBEE, 1),
    ("own_home", VARDEVAKT, 1),
)
"""Kind, convention and residents of each home: 20 residents a round."""


def homes_and_residents(seed: int, count: int) -> tuple[list[Home], list[Resident]]:
    """Homes in the order of ROUND until `count` residents have one."""
    homes: list[Home] = []
    residents: list[Resident] = []
    while len(residents) < count:
        kind, convention, places = ROUND[len(homes) % len(ROUND)]
        number = len(homes) + 1
        home = Home(f"h{number}", "nord" if number % 2 else "sor", kind, convention)
        homes.append(home)
        for _ in range(min(places, count - len(residents))):
            residents.append(resident_of(seed, len(residents), home))
    return homes, residents


def resident_of(seed: int, number: int, home: Home) -> Resident:
    """Habits and needs of resident `number` (from 0)."""
    chance = Chance(seed, "resident", number)
    in_care = home.kind == "care_home"
    rise_minute = chance.around(450 if in_care else 425, 40)
    bed_minute = chance.around(1_300 if in_care else 1_345, 45)
    risks: tuple[str, ...] = ("fall",) if number in {0, 15} or chance.happens(200) else ()
    if in_care and number % 4 == 0:
        risks = (*risks, "wander")
    doses = ((480, 1_200), (480, 840, 1_200))[chance.below(2)] if number % 5 in {0, 2} else ()
    return Resident(
        f"r{number + 1}", number, home.id, rise_minute, bed_minute, risks,
        critical=number % 7 == 3, watched=number % 5 != 4, doses=doses, keeps_bed=number % 20 == 0,
    )  # fmt: skip
