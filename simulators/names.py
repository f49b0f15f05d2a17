"""Names of people who do not exist: every surname is weather, a bird or a plant. Data only.

Telephone numbers begin with 00 after the country code, so nobody can be rung by mistake.
"""

from __future__ import annotations

NAMES = (
    "Alma Askeladd", "Birger Bergsprekk", "Dagny Doggperle", "Einar Elvesus", "Frida Fjellrype", "Gunnar Gråvær",
    "Hjørdis Hvitveis", "Ivar Istapp", "Jorunn Julenek", "Kåre Kongle", "Lovise Lyngmark", "Magnhild Morild",
    "Nils Nordlys", "Oddny Orrhane", "Peder Polarnatt", "Ragnhild Rognebær", "Sigurd Snøfonn", "Torbjørg Tåkedott",
    "Ulrik Uværsky", "Valborg Vårløk", "Ågot Åkerrikse", "Øystein Ørretbekk", "Arne Alkekonge", "Berit Blåveis",
    "Cato Cirrus", "Dordi Diamantstøv", "Eldbjørg Einerbusk", "Finn Fjæreplytt", "Gudrun Grannål", "Halvor Haglbyge",
    "Inger Isrose", "Jens Jordstjerne",
)  # fmt: skip
RELATIVES = ("Per Putevår", "Siv Solgløtt", "Tor Trollskog", "Unni Utsyn", "Vidar Vindkast", "Yngve Ytterøy")
STREETS = ("Solgløttveien", "Trollstien", "Kongleveien", "Tåkelia", "Nordlysgata", "Rypebakken")


def name_of(number: int) -> str:
    """The name of resident `number` (from 0); after the last name they get a numeral."""
    again, place = divmod(number, len(NAMES))
    return NAMES[place] if again == 0 else f"{NAMES[place]} {again + 1}"


def phone_of(number: int) -> str:
    return f"+4700{number:06d}"
