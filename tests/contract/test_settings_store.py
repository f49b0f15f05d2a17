"""The settings store: item, version and relay row stand or fall together; "in force" is what the fold says."""

import msgspec
import pytest
from sqlalchemy import func, select

from alerts.schema.alerts import changes
from alerts.schema.people import relay, setting_versions
from alerts.site.settings_reads import site_of
from alerts.site.settings_store import SettingRefused, mark_in_force
from ingest.record import Setting
from tests.support.people import NOW_MS, SITE, filled_store, new_store

PAUSE = {"resident": "r1", "rules": ["behaviour", "R22"], "from": "2026-03-01T08:00:00Z", "reason": "hospital"}


@pytest.fixture
def store(tmp_path):
    """A desk that holds the whole example site."""
    return filled_store(tmp_path)


def relayed(store):
    """Every setting on its way to the folds, in order."""
    with store.database.reader.connect() as conn:
        payloads = conn.execute(select(relay.c.payload).order_by(relay.c.id)).scalars()
        return [msgspec.json.decode(payload, type=Setting) for payload in payloads]


def rows(store):
    """How many versions, relay rows and changes there are."""
    with store.database.reader.connect() as conn:
        tables = (setting_versions, relay, changes)
        return [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_a_save_writes_item_version_and_relay_row(store):
    """One save: the table has the item, its version counts up, and the fold is told the same version."""
    woken = []
    store._changed = lambda: woken.append(1)

    version = store.save("device", "d1", {"address": "vardevakt:g1/ny", "resident": "r1", "role": "wrist"}, "s1", 5)

    assert version == 2
    assert store.get("device", "d1")["address"] == "vardevakt:g1/ny"
    last = relayed(store)[-1]
    assert (last.setting_id, last.version, last.actor) == ("device/d1", 2, "s1")
    assert last.value == {"id": "d1", "address": "vardevakt:g1/ny", "role": "wrist", "resident": "r1"}
    assert woken == [1]


def test_saving_what_stands_changes_nothing(store):
    """The same value again is no new version, no relay row and no change on any page."""
    before = rows(store)
    value = {k: v for k, v in store.get("plan", "r1-p1").items() if k not in {"version", "saved_at", "in_force"}}

    assert store.save("plan", "r1-p1", value, "s1", 9) == 1
    assert rows(store) == before


def test_what_cannot_be_told_to_the_fold_is_not_saved(store, monkeypatch):
    """When the relay row cannot be written, item and version are not there either."""
    before = rows(store)

    def broken(*_):
        raise RuntimeError("disk")

    monkeypatch.setattr("alerts.site.settings_store.enqueue_setting", broken)
    with pytest.raises(RuntimeError):
        store.save("device", "d1", {"address": "vardevakt:g1/ny"}, "s1", 5)

    assert rows(store) == before
    assert store.get("device", "d1")["address"] == "vardevakt:g1/knapp"


def test_in_force_only_after_the_echo_of_the_newest_version(store):
    """A setting is in force when the fold has seen its newest version; an older echo is not enough."""
    store.save(
        "plan", "r1-p1", {"resident": "r1", "rule": "R05", "set": {"for": "40 min"}, "from": "2026-01-01"}, "s1", 9
    )

    def echo(version):
        with store.database.writer.begin() as conn:
            mark_in_force(conn, SITE, "plan/r1-p1", version, NOW_MS + version)
        return store.in_force("plan/r1-p1"), store.get("plan", "r1-p1")["in_force"]

    assert not store.in_force("plan/r1-p1")
    assert echo(1) == (False, False)
    assert echo(2) == (True, True)
    assert [one["in_force_at"] is not None for one in store.history("plan", "r1-p1")] == [True, True]
    assert not store.in_force("plan/unknown")


def test_what_no_fold_reads_is_in_force_at_once(store):
    """Contacts, keys, functions and staff stay at the desk: nothing is relayed and nothing waited for."""
    before = len(relayed(store))

    store.save("contact", "r1-c1", {"resident": "r1", "name": "Kari", "phone": "113"}, "s1", 9)

    assert len(relayed(store)) == before
    assert store.in_force("contact/r1-c1")


def test_a_pause_has_an_end_and_classes_become_rules(store):
    """A pause names classes of rules, the fold gets the rules; written instants come back as they were."""
    pause_id, version = store.add(
        "pause", "r1", PAUSE | {"until": "2026-03-04T08:00:00Z", "note": "Kari er hos oss"}, "s1", 9
    )

    told = relayed(store)[-1].value
    assert (pause_id, version) == ("r1-p1", 1)
    assert told["until_ms"] - told["from_ms"] == 3 * 86_400_000
    assert told["rules"][0] == "R05"
    assert told["rules"][-1] == "R22"
    assert "note" not in told
    assert store.get("pause", pause_id)["until"] == "2026-03-04T08:00:00Z"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({}, "missing", "until_ms"),
        ({"until": "2026-03-01T07:00:00Z"}, "impossible_period", "until"),
        ({"until": "2026-09-01T08:00:00Z"}, "impossible_period", "until"),
        ({"until": "2026-03-04T08:00:00"}, "bad_instant", "until"),
        ({"until": "2026-03-04T08:00:00Z", "rules": ["R01"]}, "person_alarm", "rules"),
        ({"until": "2026-03-04T08:00:00Z", "rules": ["behavior"]}, "unknown_word", "rules"),
        ({"until": "2026-03-04T08:00:00Z", "reason": "because"}, "unknown_word", "reason"),
        ({"until": "2026-03-04T08:00:00Z", "resident": "r9"}, "dangling", "resident"),
    ],
)
def test_a_pause_that_could_hide_somebody_is_refused(store, change, code, field):
    """No end, a distant end, an unknown class, or a person's alarm: refused with the field at fault."""
    with pytest.raises(SettingRefused) as refused:
        store.add("pause", "r1", PAUSE | change, "s1", 9)

    assert [(problem.code, problem.field) for problem in refused.value.problems] == [(code, field)]
    assert store.list("pause") == []


@pytest.mark.parametrize(
    ("kind", "item_id", "value", "code"),
    [
        ("device", "d9", {"address": "vardevakt:g1/knapp"}, "duplicate"),
        ("device", "d9", {"address": "vardevakt:g1"}, "duplicate"),
        ("gateway", "g9", {"address": "vardevakt:g1/knapp"}, "duplicate"),
        ("device", "d9", {"address": "vardevakt:g1/x", "resident": "r3"}, "dangling"),
        ("staff", "s9", {"name": "Ida", "functions": ["natt-1", "natt-9"]}, "dangling"),
        ("site", "other", {"name": "Other"}, "other_site"),
        ("ward", "w" * 60, {"name": "W"}, "bad_id"),
        ("nonsense", "x", {}, "unknown_kind"),
    ],
)
def test_what_does_not_fit_the_desk_is_refused(store, kind, item_id, value, code):
    """Addresses taken, references that lead nowhere, another site: named, and nothing is written."""
    before = rows(store)

    with pytest.raises(SettingRefused) as refused:
        store.save(kind, item_id, value, "s1", 9)

    assert [problem.code for problem in refused.value.problems] == [code]
    assert rows(store) == before


def test_somebody_else_s_change_is_not_overwritten(store):
    """Who saves on top of a version that is no longer the newest is told so."""
    value = {"address": "vardevakt:g1/ny", "resident": "r1"}
    store.save("device", "d1", value, "s1", 5, expected_version=1)

    with pytest.raises(SettingRefused) as refused:
        store.save("device", "d1", value | {"role": "cord"}, "s2", 6, expected_version=1)

    assert refused.value.problems[0].code == "changed_meanwhile"
    assert "role" not in store.get("device", "d1")


def test_what_is_referred_to_cannot_be_removed(store):
    """A home with a resident, a function with staff: removal is refused and says who stands in the way."""
    with pytest.raises(SettingRefused, match="resident r1 still refers to it"):
        store.remove("home", "h1", "s1", 9)
    with pytest.raises(SettingRefused, match="staff s1 still refers to it"):
        store.remove("function", "natt-1", "s1", 9)


def test_a_removal_is_a_version_that_the_fold_hears(store):
    """Removing relays an empty value; the id starts again above the removed version, and no new item gets it."""
    assert store.remove("plan", "r1-p1", "s1", 9) == 2
    last = relayed(store)[-1]

    assert (last.setting_id, last.version, last.value) == ("plan/r1-p1", 2, None)
    assert store.remove("plan", "r1-p1", "s1", 9) is None
    value = {"resident": "r1", "rule": "R05", "set": {"for": "5 min"}, "from": "2026-01-01"}
    assert store.add("plan", "r1", value, "s1", 10) == ("r1-p2", 1)
    assert store.save("plan", "r1-p1", value, "s1", 11) == 3


def test_ended_pauses_do_not_keep_a_resident(store):
    """A pause that is over goes with its person; one that holds is refused."""
    until_ms = 1_772_700_000_000
    store.add("pause", "r2", PAUSE | {"resident": "r2", "until_ms": until_ms}, "s1", 9)

    with pytest.raises(SettingRefused, match="pause r2-p1"):
        store.remove("resident", "r2", "s1", until_ms - 1)
    assert store.remove("resident", "r2", "s1", until_ms) == 2
    assert store.list("pause") == []


def test_functions_keep_their_order_and_new_ones_are_last(store):
    """A ward's chain is the order in which it was written; what is added later is rung last."""
    store.save("function", "a-first", {"ward": "sor", "name": "A"}, "s1", 9)
    store.save("function", "natt-1", {"ward": "sor", "name": "Natt en"}, "s1", 9)

    assert [one["id"] for one in store.list("function", ward="sor")] == ["natt-1", "natt-2", "a-first"]


def test_lists_go_page_by_page(store):
    """`after` and `limit` walk a long list without a gap or a repeat."""
    first = store.list("device", limit=1)
    second = store.list("device", after=first[0]["id"], limit=5)

    assert [one["id"] for one in first + second] == ["d1", "d2"]


def test_two_sites_in_one_desk_do_not_meet(tmp_path):
    """The same ids in another site are other items: nothing is read or changed across."""
    store = filled_store(tmp_path)
    other = type(store)(store.database, "annet")
    other.save("site", "annet", {"name": "Annet"}, "s1", 9)
    other.save("ward", "sor", {"name": "Annen sør"}, "s1", 9)

    assert [one["name"] for one in store.list("ward", id="sor")] == ["Sør"]
    assert [one["name"] for one in other.list("ward")] == ["Annen sør"]
    assert other.get("resident", "r1") is None


def test_the_folds_hear_of_staff_and_not_of_log_ins(store):
    """Who saved it reaches the logs as a staff id only: a log-in can be somebody's e-mail address."""
    store.save("ward", "vest", {"name": "Vest"}, "kari.nordmann@example.org", 9)

    assert relayed(store)[-1].actor is None
    assert store.history("ward", "vest")[0]["actor"] == "kari.nordmann@example.org"


def test_ids_of_long_owners_still_fit(store):
    """An owner whose id is as long as ids may be gets numbered items all the same, each its own."""
    long = "r" * 48
    store.save("resident", long, {"home": "h1", "name": "Lang"}, "s1", 9)
    plan = {"resident": long, "rule": "R05", "set": {"for": "5 min"}, "from": "2026-01-01"}

    ids = [store.add("plan", long, plan | {"why": str(number)}, "s1", 9)[0] for number in range(11)]

    assert len(set(ids)) == 11
    assert max(map(len, ids)) <= 48


def test_a_desk_knows_which_site_it_holds(store, tmp_path):
    """One site: that one. None, or several: somebody has to say."""
    assert site_of(store.database) == "solvang"
    assert site_of(new_store(tmp_path / "new").database) is None
    type(store)(store.database, "annet").save("site", "annet", {"name": "Annet"}, "s1", 9)
    assert site_of(store.database) is None


def test_a_new_desk_is_empty(tmp_path):
    """No item, no user, nothing on its way: what is there was put there by somebody."""
    store = new_store(tmp_path)

    assert rows(store) == [0, 0, 0]
    assert store.list("site") == []
