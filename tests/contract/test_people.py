"""People as pages show them, and the log of who looked."""

import pytest

from alerts.access import access_log
from alerts.reads import people
from tests.support.people import NOW_MS, SITE, filled_store


@pytest.fixture
def store(tmp_path):
    """A desk that holds the whole example site."""
    return filled_store(tmp_path)


def test_a_card_has_everything_about_one_person(store):
    """Name, address, ward, keys, contacts in their order, devices, measures and plan, each with its state."""
    card = people.resident_card(store.database, "r1") or {}

    assert (card["name"], card["born"], card["ward"], card["ward_name"]) == ("Åse Lie", "1939-11-05", "sor", "Sør")
    assert [contact["name"] for contact in card["contacts"]] == ["Kari", "Odd"]
    assert [key["tag"] for key in card["keys"]] == ["A4"]
    assert [device["id"] for device in card["devices"]] == ["d1"]
    assert [measure["service"] for measure in card["measures"]] == ["digital_supervision", "localisation"]
    assert [(plan["rule"], plan["in_force"]) for plan in card["plans"]] == [("R05", False)]
    assert card["pauses"] == []
    assert people.resident_card(store.database, "r9") is None
    assert people.resident_card(store.database, "r1", site_id="annet") is None


def test_devices_of_the_home_stand_on_the_card_of_each_who_lives_there(store):
    """A cord in a shared home belongs to everybody in it; a neighbour's own pendant to nobody else."""
    card = people.resident_card(store.database, "r2") or {}

    assert [device["id"] for device in card["devices"]] == ["d2"]


def test_residents_come_page_by_page_and_by_ward(store):
    """The list is by id, bounded, and can be of one ward."""
    first = people.residents(store.database, limit=1)
    second = people.residents(store.database, cursor=first["next"])

    assert [one["id"] for one in first["items"] + second["items"]] == ["r1", "r2"]
    assert (first["next"], second["next"]) == ("r1", None)
    assert [one["id"] for one in people.residents(store.database, ward="ost")["items"]] == ["r2"]
    assert people.residents(store.database, site_id="annet")["items"] == []


def test_names_are_joined_for_pseudonyms(store):
    """Known ids get names, unknown ones are left out."""
    assert people.names(store.database, ["r2", "r1", "d1"]) == {"r1": "Åse Lie", "r2": "Nils Vik"}
    assert people.staff_names(store.database, ["s1"]) == {"s1": "Ola"}
    assert people.function_names(store.database, ["natt-2", "x"]) == {"natt-2": "Natt 2"}
    assert people.ward_names(store.database, site_id=SITE) == {"ost": "Øst", "sor": "Sør"}
    assert (people.staff_member(store.database, "s1") or {})["functions"] == ["natt-1", "natt-2"]
    assert people.staff_member(store.database, "s9") is None


def test_every_read_is_kept_with_who_what_when_and_why(store):
    """The log of one person lists reads newest first, page by page, and of nobody else."""
    for number in range(3):
        access_log.record(store.database, f"u{number}", "card", "r1", "care", NOW_MS + number)
    access_log.record(store.database, "u9", "card", "r2", None, NOW_MS)

    first = access_log.list(store.database, "r1", limit=2)
    second = access_log.list(store.database, "r1", first["next"], limit=2)

    assert [row["who"] for row in first["items"]] == ["u2", "u1"]
    assert first["items"][0] == {"at": "2026-02-25T06:13:20.002Z", "who": "u2", "what": "card", "why": "care"}
    assert [row["who"] for row in second["items"]] == ["u0"]
    assert second["next"] is None


def test_a_read_inside_a_transaction_stands_or_falls_with_it(store):
    """Recorded on the caller's connection, the row is there when the caller commits and not before."""
    with store.database.writer.connect() as conn, conn.begin() as transaction:
        access_log.record(conn, "u1", "export", "r1", "right of access", NOW_MS)
        transaction.rollback()

    assert access_log.list(store.database, "r1", site_id=SITE)["items"] == []
