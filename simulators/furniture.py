"""What stands in each kind of home: devices and gateways, by convention. Pure.

Every resident can call: by pendant, button or cord. Who has doses has a dispenser. Names and device ids are made from
the seed, so that two wards do not share an address.
"""

from __future__ import annotations

from simulators.chance import Chance
from simulators.ward import (
    CHIRPSTACK,
    VARDEVAKT,
    ZIGBEE,
    ZIGBEE_BRIDGE,
    Gateway,
    Home,
    Resident,
    Thing,
    Ward,
    homes_and_residents,
)

INTERVAL_S = 300
_ZIGBEE_MODELS = {
    "motion": "RTCGQ11LM", "front_door": "MCCGQ11LM", "bed": "SPM915", "water": "SJCGQ11LM", "smoke": "JTYJ-GD-01LM/BW",
    "temperature": "WSDCGQ11LM", "pendant": "TS0215A_sos", "radar": "MIR-HE200-TY",
}  # fmt: skip
_LORA_MODELS = {
    "motion": "WS202", "front_door": "WS301", "pendant": "WS101", "temperature": "EM300-TH", "water": "EM300-MLD",
    "bed": "VS373", "smoke": "GS524N",
}  # fmt: skip
ROOMS = ("kitchen", "hall", "living_room", "bedroom", "bathroom")


def make_ward(seed: int, residents: int = 20, interval_s: int = INTERVAL_S) -> Ward:
    """The ward of a seed. `interval_s`: how often its gateways report. At least one resident."""
    homes, people = homes_and_residents(seed, max(1, residents))
    gateways: list[Gateway] = []
    things: list[Thing] = []
    flats = sorted((home for home in homes if home.convention == ZIGBEE), key=lambda home: home.kind != "shared")
    if flats:  # one bridge for the whole building; it stands in the shared flat
        gateways.append(Gateway("gw-zigbee", ZIGBEE_BRIDGE, ZIGBEE, flats[0].id))
    for home in homes:
        living = [person for person in people if person.home == home.id]
        furnish = _Furnishing(seed, home, living)
        if home.convention == VARDEVAKT:
            furnish.native()
        elif home.convention == ZIGBEE:
            furnish.zigbee()
        else:
            furnish.lora()
        gateways += furnish.gateways
        things += furnish.things
    return Ward(seed, interval_s, tuple(homes), tuple(people), tuple(gateways), tuple(things))


class _Furnishing:
    """One home being furnished."""

    def __init__(self, seed: int, home: Home, people: list[Resident]) -> None:
        self._seed, self._home, self._people = seed, home, people
        self._number = home.id.removeprefix("h")
        self.gateways: list[Gateway] = []
        self.things: list[Thing] = []

    # -- one home of each convention ----------------------------------------------------------------------------

    def native(self) -> None:
        """Hub of our own convention: pendants, a cord, beds, motion, door, climate, dispensers."""
        gateway = self._hub()
        for place, person in enumerate(self._people):
            mark = f"-{place + 1}" if len(self._people) > 1 else ""
            self._native(gateway, f"pendant{mark}", "pendant", resident=person.id)
            self._native(gateway, f"bed{mark}", "bed", room="bedroom", resident=person.id)
            if person.number % 3 == 0:
                self._native(gateway, f"radar{mark}", "radar", room="bedroom", resident=person.id)
        owner = self._people[0].id if len(self._people) == 1 else None
        self._native(gateway, "cord", "cord", room="bathroom", resident=owner)
        for room in ROOMS:
            self._native(gateway, f"motion-{room.replace('_', '-')}", f"{room}_motion", room=room, resident=owner)
        self._native(gateway, "front-door", "front_door", room="hall", resident=owner)
        self._native(gateway, "climate", "temperature", room="living_room", resident=owner)
        self._dispensers(gateway)

    def zigbee(self) -> None:
        """A flat below the building's bridge; pads report `contact`, buttons `action`."""
        shared = self._home.kind == "shared"
        for place, person in enumerate(self._people):
            mark = f"_{place + 1}" if shared else ""
            self._zigbee(f"sos_button{mark}", "pendant", resident=person.id)
            self._zigbee(f"bed_pad{mark}", "bed", room="bedroom", resident=person.id)
            if not shared:
                self._zigbee("fall_radar", "radar", room="bathroom", resident=person.id)
        owner = None if shared else self._people[0].id
        for room in ROOMS:
            self._zigbee(f"{room}_pir", f"{room}_motion", room=room, resident=owner)
        self._zigbee("front_contact", "front_door", room="hall", resident=owner)
        self._zigbee("climate", "temperature", room="living_room", resident=owner)
        self._zigbee("leak", "water", room="bathroom", resident=owner)
        self._zigbee("smoke_detector", "smoke", room="hall", resident=owner)
        if any(person.doses for person in self._people):
            self._dispensers(self._hub())

    def lora(self) -> None:
        """Behind a LoRaWAN gateway of its own: buttons, doors, climate; a radar over each bed."""
        chance = Chance(self._seed, "gateway", self._home.id)
        name = "0016c001" + chance.digits(8)
        gateway = f"gw-{self._number}-lora"
        self.gateways.append(Gateway(gateway, f"chirpstack:gateway/{name}", CHIRPSTACK, self._home.id))
        alone = len(self._people) == 1
        for place, person in enumerate(self._people):
            mark = f"-{place + 1}"
            self._lora(gateway, f"button{mark}", "pendant", resident=person.id)
            self._lora(gateway, f"bed{mark}", "bed", room="bedroom", resident=person.id)
        owner = self._people[0].id if alone else None
        for room in ROOMS:
            self._lora(gateway, f"pir-{room}", f"{room}_motion", room=room, resident=owner)
        self._lora(gateway, "door", "front_door", room="hall", resident=owner)
        self._lora(gateway, "climate", "temperature", room="living_room", resident=owner)
        self._lora(gateway, "leak", "water", room="bathroom", resident=owner)
        self._lora(gateway, "smoke", "smoke", room="hall", resident=owner)
        if any(person.doses for person in self._people):
            self._dispensers(self._hub())

    # -- single things ------------------------------------------------------------------------------------------

    def _hub(self) -> str:
        gateway = f"gw-{self._number}"
        self.gateways.append(Gateway(gateway, f"vardevakt:{gateway}", VARDEVAKT, self._home.id))
        return gateway

    def _dispensers(self, gateway: str) -> None:
        for person in self._people:
            if person.doses:
                self._native(gateway, f"dispenser-{person.id}", "dispenser", room="kitchen", resident=person.id)

    def _native(
        self, gateway: str, name: str, role: str, *, room: str | None = None, resident: str | None = None
    ) -> None:
        thing = f"d{self._number}-{name}"
        full = f"{gateway}/{name}"
        self.things.append(Thing(thing, VARDEVAKT, full, gateway, self._home.id, role, None, room, resident))

    def _zigbee(self, name: str, role: str, *, room: str | None = None, resident: str | None = None) -> None:
        thing = f"d{self._number}-{name.replace('_', '-')}"
        full = f"flat{self._number}/{name}"
        model = _ZIGBEE_MODELS["motion" if role.endswith("_motion") else role]
        self.things.append(Thing(thing, ZIGBEE, full, "gw-zigbee", self._home.id, role, model, room, resident))

    def _lora(
        self, gateway: str, name: str, role: str, *, room: str | None = None, resident: str | None = None
    ) -> None:
        thing = f"d{self._number}-{name}"
        eui = "24e124" + Chance(self._seed, "eui", thing).digits(10)
        model = _LORA_MODELS["motion" if role.endswith("_motion") else role]
        self.things.append(Thing(thing, CHIRPSTACK, eui, gateway, self._home.id, role, model, room, resident))
