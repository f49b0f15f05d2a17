"""Importing and exporting a site: idempotent, whole or not at all, and the same there and back."""

import pytest
from sqlalchemy import event, func, select

from alerts.schema.people import relay, setting_versions
from alerts.site import exporter as site_export
from alerts.site import importer as site_import
from alerts.site.file import load, loads
from alerts.site.settings_store import SettingRefused
from tests.support.people import NOW_MS, WHOLE, filled_store, new_store, whole_site
from tests.support.town import site_text


def written(store):
    """How many versions and relay rows there are."""
    with store.database.reader.connect() as conn:
        return [conn.execute(select(func.count()).select_from(t)).scalar_one() for t in (setting_versions, relay)]


def said(changes):
    """What an import prints."""
    return [str(change) for change in changes]


def test_importing_twice_changes_nothing(tmp_path):
    """The second import of the same file finds nothing to do, and writes nothing."""
    store = new_store(tmp_path)
    first = site_import.apply(store, load(WHOLE), now_ms=NOW_MS)
    before = written(store)

    assert len(first) == 19
    assert {change.action for change in first} == {"add"}
    assert site_import.apply(store, load(WHOLE), now_ms=NOW_MS + 1) == []
    assert written(store) == before


def test_an_import_asks_little_for_each_item(tmp_path):
    """Alarms wait for an import's transaction: ten statements an item, four where it stood (once 12 and 6)."""
    store, town = new_store(tmp_path), loads(site_text(30).replace("@site", "solvang").encode(), "town")
    made = []
    event.listen(store.database.writer, "before_cursor_execute", lambda *args: made.append(args[2]))

    for most, count in ((10.5, len(list(town.each()))), (4.5, 0)):
        made.clear()
        assert len(site_import.apply(store, town, now_ms=NOW_MS)) == count
        assert len(made) / len(list(town.each())) < most


def test_a_dry_run_says_what_would_happen_and_does_not(tmp_path):
    """The dry run answers what the import then does, and leaves the desk as it was."""
    store = filled_store(tmp_path)
    before = written(store)
    site = whole_site(**{"Natt 2": "Natt to", "r2, home: h2": "r2, home: h1", "role: cord": "role: pendant"})

    promised = site_import.apply(store, site, dry_run=True, now_ms=NOW_MS)

    assert said(promised) == ["change resident r2: home", "change device d2: role", "change function natt-2: name"]
    assert written(store) == before
    assert store.list("resident", id="r2")[0]["home"] == "h2"
    assert site_import.apply(store, site, now_ms=NOW_MS) == promised


def test_a_dry_run_prints_nothing_personal(tmp_path):
    """What an import prints names fields, not what stands in them."""
    store = filled_store(tmp_path)
    site = whole_site(**{"Åse Lie": "Åse Berg", "+4790000001": "+4790000009"})

    assert said(site_import.apply(store, site, dry_run=True, now_ms=NOW_MS)) == ["change resident r1: name, phone"]


def test_what_the_file_does_not_name_stays_unless_pruned(tmp_path):
    """A file with less removes nothing by itself; with prune it does, what refers first."""
    store = filled_store(tmp_path)
    site = whole_site(without="r2,")

    assert site_import.apply(store, site, now_ms=NOW_MS) == []
    assert store.get("resident", "r2") is not None
    assert said(site_import.apply(store, site, prune=True, now_ms=NOW_MS)) == ["remove resident r2"]
    assert store.get("resident", "r2") is None


def test_a_refused_import_changes_nothing(tmp_path):
    """Where file and desk contradict each other, nothing of the file is used, not even what stood before."""
    store = filled_store(tmp_path)
    store.save("device", "x1", {"address": "vardevakt:g1/ny"}, "s1", NOW_MS)
    before = written(store)
    site = whole_site(**{"name: Sør": "name: Syd", "vardevakt:g1/knapp": "vardevakt:g1/ny"})

    with pytest.raises(SettingRefused, match="is the address of device x1"):
        site_import.apply(store, site, now_ms=NOW_MS)

    assert written(store) == before
    assert store.list("ward", id="sor")[0]["name"] == "Sør"


def test_a_file_of_another_site_is_refused(tmp_path):
    """A desk takes the file of its own site only."""
    with pytest.raises(SettingRefused, match="serves the site solvang"):
        site_import.apply(new_store(tmp_path), loads(b"site: {id: annet, name: Annet}", "x"), now_ms=NOW_MS)


def test_devices_can_swap_addresses(tmp_path):
    """Two devices that change places in one file both end where the file says."""
    store = filled_store(tmp_path)
    one, other = "vardevakt:g1/knapp", "chirpstack:24e124538c019556"
    site = whole_site(**{one: "SWAP", other: one, "SWAP": other})

    assert said(site_import.apply(store, site, now_ms=NOW_MS)) == [
        "change device d1: address",
        "change device d2: address",
    ]
    assert [one["address"] for one in store.list("device")] == [other, one]


def test_a_new_order_of_functions_is_a_new_chain(tmp_path):
    """Whoever moves a function up in the file changes who is rung first; a new one at the end changes nobody."""
    store = filled_store(tmp_path)
    text = WHOLE.read_text().splitlines()
    at = next(number for number, line in enumerate(text) if "natt-1, ward" in line)
    text[at], text[at + 1] = text[at + 1], text[at]

    changes = site_import.apply(store, loads("\n".join(text).encode(), "x"), now_ms=NOW_MS)

    assert said(changes) == ["change function natt-2: position", "change function natt-1: position"]
    assert [one["id"] for one in store.list("function", ward="sor")] == ["natt-2", "natt-1"]


def test_items_without_ids_are_known_again(tmp_path):
    """A contact moved to another line and a plan with another value are the same items as before."""
    store = filled_store(tmp_path)
    lines = WHOLE.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "name: Kari" in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    site = loads("\n".join(lines).replace("for: 35 min", "for: 40 min").encode(), "x")

    site_import.apply(store, site, now_ms=NOW_MS)

    assert {one["id"]: one["name"] for one in store.list("contact")} == {"r1-c1": "Kari", "r1-c2": "Odd"}
    assert [one["id"] for one in store.list("contact")] == ["r1-c2", "r1-c1"]
    assert [(one["id"], one["set"]["for"]) for one in store.list("plan")] == [("r1-p1", "40 min")]


def test_a_new_contact_gets_an_id_that_nobody_had(tmp_path):
    """When the file replaces one person by another, the new one does not inherit the old one's id."""
    store = filled_store(tmp_path)

    site_import.apply(store, whole_site(**{"name: Kari": "name: Guro"}), now_ms=NOW_MS)

    assert {one["id"]: one["name"] for one in store.list("contact")} == {
        "r1-c1": "Kari",
        "r1-c2": "Odd",
        "r1-c3": "Guro",
    }


def test_an_export_imports_as_it_is(tmp_path):
    """Exported and imported again, there and into an empty desk, the site is the same."""
    store = filled_store(tmp_path)
    text = site_export.dump(store)
    again = new_store(tmp_path / "again")

    assert site_import.apply(store, loads(text.encode(), "export"), now_ms=NOW_MS) == []
    site_import.apply(again, loads(text.encode(), "export"), now_ms=NOW_MS)
    assert site_export.dump(again) == text


def test_an_export_keeps_what_yaml_would_twist(tmp_path):
    """Names such as `no`, `007`, `22:00`, quotes, markup and a leading dash come back as they were."""
    store = new_store(tmp_path)
    store.save("site", "solvang", {"name": "no"}, None, 1)
    names = [
        "007",
        "22:00",
        "true",
        "~",
        "1938-04-02",
        "- a",
        "#x",
        "'",
        '"',
        "{a: b}",
        "<b>å</b>",
        "a: b",
        "@x",
        "%y",
        "*z",
    ]
    for number, name in enumerate(names):
        store.save("ward", f"w{number}", {"name": name}, None, 1)

    site = loads(site_export.dump(store).encode(), "export")

    assert sorted(item.value()["name"] for item in site.items["ward"]) == sorted(names)
    assert site_import.apply(store, site, now_ms=NOW_MS) == []
