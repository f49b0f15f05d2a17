"""The invented ward: whole, consistent, and a site file that the desk takes."""

import pytest

from ingest.codecs import default_codecs
from simulators.chance import Chance
from simulators.furniture import make_ward
from simulators.site import site_of
from simulators.ward import CHIRPSTACK, VARDEVAKT, ZIGBEE
from tests.support.simulated import site_file


def test_chance_can_be_told_again():
    """The same names give the same numbers, other names others, and all of them within their bounds."""
    first = [Chance("a", 1).between(3, 9) for _ in range(3)]
    stream, other = Chance("a", 1), Chance("a", 2)
    numbers, others = [stream.around(100, 10) for _ in range(200)], [other.around(100, 10) for _ in range(200)]

    assert len(set(first)) == 1
    assert numbers != others
    assert min(numbers) >= 90
    assert max(numbers) <= 110
    assert 95 <= sum(numbers) // 200 <= 105


def test_twenty_residents_live_in_all_kinds_of_homes_and_conventions():
    """The ward shows own homes, a couple, a shared flat and a care-home unit, in three conventions."""
    ward = make_ward(1)
    sizes = [sum(person.home == home.id for person in ward.residents) for home in ward.homes]

    assert len(ward.residents) == 20
    assert {home.kind for home in ward.homes} == {"own_home", "shared", "care_home"}
    assert {thing.convention for thing in ward.things} == {VARDEVAKT, ZIGBEE, CHIRPSTACK}
    assert sorted(sizes)[-3:] == [2, 4, 4]


@pytest.mark.parametrize("residents", [1, 7, 20, 45])
def test_the_site_file_is_taken_without_a_word(residents):
    """Whatever its size, the ward is a valid site file, and everybody in it has something to call with."""
    ward = make_ward(3, residents)
    site = site_file(ward)
    callers = {thing.resident for thing in ward.things if thing.role == "pendant"}

    assert len(site.items["resident"]) == residents
    assert len(site.items["device"]) == len(ward.things)
    assert {person.id for person in ward.residents} <= callers


def test_every_device_is_known_under_the_address_its_messages_have():
    """The codecs find each device's topic and name it as the site file does."""
    from simulators.doings import ALIVE, Sighting
    from simulators.fleet import Fleet

    ward = make_ward(2)
    fleet = Fleet(ward)
    for thing in ward.things:
        message = fleet.tell(Sighting(1_772_000_000_000, ALIVE, thing.gateway, thing, amount=80), 0)[0]
        routes = [route for codec in default_codecs() if (route := codec.route(message.topic)) is not None]
        assert [route.address for route in routes] == [thing.address]


def test_names_and_numbers_lead_to_nobody():
    """No telephone number of the ward can be dialled."""
    site = site_of(make_ward(1))
    phones = [item["phone"] for section in ("residents", "contacts", "functions") for item in site[section]]

    assert phones
    assert all(phone.startswith("+4700") for phone in phones)


def test_two_wards_share_no_radio_address():
    """Another seed gives other LoRaWAN devices, so that two demos on one broker do not speak for each other."""
    one, two = ({thing.name for thing in make_ward(seed).things if thing.convention == CHIRPSTACK} for seed in (1, 2))

    assert one.isdisjoint(two)
