"""Incidents as cards, and why an alert stands, in words."""

from typing import Any

from api.board.cards import Directory, queue_view
from api.board.frame import frame_view
from api.board.place import local_clock
from api.board.why import attempt_rows, explain, timeline_rows
from api.board.words import Words

NOW_MS = 1_772_328_600_000  # 2026-03-01 02:30 in Oslo
MINUTE = 60_000
WORDS = Words("nb", NOW_MS, local_clock("Europe/Oslo"))
PEOPLE = Directory({"r1": "Kari Nordmann", "r2": "Per Lund"}, {"nord": "Nord"}, "s1")


def alert(alert_id: str = "a1", **fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "alert_id": alert_id, "rule": "R01", "rule_version": "v1", "code": "3", "priority": "P1", "subject_id": "r1",
        "resident_id": "r1", "ward_id": "nord", "home_id": "h1", "device_id": "d1", "condition": "momentary",
        "handling": "new", "opened_at": "2026-03-01T01:29:18Z", "presses": 1, "merged_into": None, "test": False,
        "causes": [cause("alarm.pressed", trigger="pendant")],
    }  # fmt: skip
    return values | fields


def cause(kind: str, *quality: str, **content: Any) -> dict[str, Any]:
    return {
        "event_id": "e1", "type": kind, "observed_at": "2026-03-01T01:29:17Z", "received_at": "2026-03-01T01:29:18Z",
        "device_id": "d1", "quality": list(quality), "content": content,
    }  # fmt: skip


def incident(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    lead = alerts[0]
    values: dict[str, Any] = {
        "incident_id": f"i-{lead['alert_id']}", "priority": lead["priority"], "handling": "new",
        "opened_at": lead["opened_at"], "claimed_by": None, "next_step": None, "ward_id": lead["ward_id"],
        "alerts": list(alerts),
    }  # fmt: skip
    return values | fields


def cards(*incidents: dict[str, Any], **options: Any) -> dict[str, list[dict[str, Any]]]:
    view = queue_view(incidents, WORDS, PEOPLE, **dict[str, Any]({"heard": (20, 20), "blind": False} | options))
    return {group["id"]: group["cards"] for group in view["groups"]}


def test_a_card_says_who_where_what_how_long_and_what_next():
    """The lines of board.md: person, ward, event, other causes, next step with its countdown."""
    fall = alert("a1", rule="R03", causes=[cause("fall.confirmed")])
    presses = alert("a2", presses=3, opened_at="2026-03-01T01:29:40Z")
    step = {"at": "2026-03-01T01:30:48Z", "what": "escalate", "target": "Natt 2"}
    (card,) = cards(incident(fall, presses, next_step=step))["now"]

    assert (card["who"], card["where"], card["what"], card["age"]) == ("Kari N.", "Nord", "Fall bekreftet", "00:42")
    assert card["more"] == ["+ 3 trykk på smykket"]
    assert f"{card['next']['text']} {card['next']['wait']}" == "Neste: Natt 2 om 48 s"
    assert card["primary"] == {"act": "claim"}


def test_presses_of_the_alarm_itself_are_counted_and_not_added():
    """Two presses are two, not two more than one."""
    (card,) = cards(incident(alert("a1", presses=2)))["now"]
    assert card["more"] == ["2 trykk på smykket"]


def test_an_outage_says_how_many_and_what_to_do():
    """How many homes, and that there is a list; not that its priority has risen, as every outage's does."""
    gone = alert("a1", rule="OUTAGE", reason_args={"count": 61}, priority_raised_from="P4")
    (card,) = cards(incident(gone))["now"]
    assert card["more"] == ["61 hjem. Ring de som står på lista."]


def test_an_alarm_of_a_home_names_all_who_live_there():
    """A cord that two share: the card says both, and nobody twice where the person is known."""
    home = Directory({"r1": "Kari Nordmann", "r2": "Per Lund"}, {}, "s1", {"h1": ["r1", "r2"]})

    assert home.whose({"resident_id": None, "subject_id": "d9", "home_id": "h1"}) == "Kari N. / Per L."
    assert home.whose({"resident_id": "r2", "subject_id": "r2", "home_id": "h1"}) == "Per L."
    assert home.whose({"resident_id": None, "subject_id": "gw-1", "home_id": None}) == ""


def test_what_is_taken_stands_below_and_names_who_has_it():
    """Nobody's first, then taken ones, then technical and cards in lists of their own."""
    holder = {"staff": "s2", "name": "Ida", "since": "2026-03-01T01:27:00Z"}
    shown = cards(
        incident(alert("a1")),
        incident(alert("a2", subject_id="r2", resident_id="r2"), handling="en_route", claimed_by=holder),
        incident(alert("a3", priority="P4", rule="R36", causes=[])),
        incident(alert("a4", priority="P5", causes=[])),
    )
    (taken,) = shown["taken"]

    assert {name: [card["alert_id"] for card in found] for name, found in shown.items()} == {
        "now": ["a1"], "taken": ["a2"], "technical": ["a3"], "cards": ["a4"],
    }  # fmt: skip
    assert (taken["state"]["text"], taken["state"]["age"], taken["primary"]) == ("Ida, på vei", "3 min", None)


def test_mine_is_said_to_me():
    """Who has it reads "Du har den", and is the one who is asked next."""
    holder = {"staff": "s1", "name": "Ola", "since": "2026-03-01T01:29:50Z"}
    step = {"at": "2026-03-01T01:32:50Z", "what": "ask", "target": "Ola"}
    (card,) = cards(incident(alert(), handling="claimed", claimed_by=holder, next_step=step))["taken"]

    assert (card["state"]["text"], card["next"]["text"], card["mine"]) == (
        "Du har den",
        "Du spørres om neste steg",
        True,
    )


def test_warnings_are_never_left_out():
    """Late, raised, "the device says test" and an unknown device stand on the card."""
    odd = alert(
        late_seconds=14_400,
        priority_raised_from="P2",
        causes=[cause("alarm.pressed", "device_says_test", "unassigned")],
    )
    (card,) = cards(incident(odd))["now"]

    assert card["more"] == [
        "Kom fram 4 t for sent", "Enheten sier test", "Enheten er ikke knyttet til noen", "Hevet fra P2",
    ]  # fmt: skip


def test_a_card_changes_its_mark_only_when_it_shows_something_else():
    """Time alone leaves a card as it is (the page counts by itself); a claim or a press does not."""
    later = Words("nb", NOW_MS + 20_000, WORDS.local)
    step = {"at": "2026-03-01T01:30:48Z", "what": "escalate", "target": "Natt 2"}
    one = incident(alert(), next_step=step)
    marks = [
        queue_view([found], words, PEOPLE, heard=None, blind=False)["groups"][0]["cards"][0]["rev"]
        for found, words in ((one, WORDS), (one, later), (incident(alert(presses=2), next_step=step), WORDS))
    ]

    assert marks[0] == marks[1]
    assert marks[0] != marks[2]


def test_a_ward_sees_its_own_and_what_belongs_to_none():
    """A filter never hides an alarm that nobody could place."""
    shown = cards(
        incident(alert("a1")), incident(alert("a2", ward_id=None)), incident(alert("a3", ward_id="sor")), ward="nord"
    )

    assert [card["alert_id"] for card in shown["now"]] == ["a1", "a2"]


def test_why_has_numbers_origin_events_and_what_was_held():
    """The sentence with numbers, whose limit it is, both clocks of each event, and what was held back and why."""
    since_ms = NOW_MS - 36 * MINUTE
    why = {
        "code": "dwell.too_long", "args": {"since_ms": since_ms, "for_ms": 35 * MINUTE, "at_ms": NOW_MS},
        "parameters": {
            "for": {"value": "35 min", "from": "plan r1"}, "window": {"value": "22:00-06:00", "from": "book"},
        },
        "causes": [cause("bed.left")],
        "suppressed": [{"at": "2026-03-01T01:00:00Z", "reason": "hold.pause", "args": {"until_ms": NOW_MS - MINUTE}}],
    }  # fmt: skip
    shown = explain(alert(rule="R05", why=why), WORDS, {"d1": "Sengesensor, soverom"}, "Kari")

    assert shown["sentences"] == [
        "Ute av sengen siden 01:54 (36 min da alarmen kom). Grensen er 35 min.",
        "Grensen er 35 min (planen, Kari).",
    ]
    assert shown["parameters"][1] == {"name": "Tid på døgnet", "value": "22:00-06:00", "origin": "regelboka"}
    assert (shown["causes"][0]["what"], shown["causes"][0]["happened"], shown["causes"][0]["heard"]) == (
        "Ut av sengen", "02:29:17", "02:29:18",
    )  # fmt: skip
    assert shown["causes"][0]["device"] == "Sengesensor, soverom"
    assert shown["suppressed"] == ["02:00 Holdt tilbake: pause til 02:29."]


def test_the_timeline_says_what_was_done_and_what_did_not_happen():
    """Acts with who did them, notes with calls, and messages that did not arrive."""
    at = "2026-03-01T01:29:50Z"
    ola = {"staff": "s1", "name": "Ola"}
    rows = timeline_rows(
        [
            {"at": at, "kind": "claimed", "text_code": "claimed", "args": {}, "actor": ola},
            {"at": at, "kind": "note", "text_code": "note", "args": {"text": "Puster", "call": "113"}, "actor": ola},
            {"at": at, "kind": "rang", "text_code": "rang", "args": {"targets": ["Natt 1", "fallback"]}, "actor": None},
            {"at": at, "kind": "named", "text_code": "signal", "args": {"rule": "R01"}, "actor": None},
            {"at": at, "kind": "nobody_on_duty", "text_code": "nobody_on_duty", "args": {}, "actor": None},
        ],
        WORDS,
    )
    (failed,) = attempt_rows(
        [{"ended_at": at, "channel": "sms", "target": "natt-1", "target_name": "Natt 1", "result": "failed"}], WORDS
    )

    assert [(row["text"], row["who"], row["failed"]) for row in rows] == [
        ("Tok den", "Ola", False),
        ("Ringte 113 – Puster", "Ola", False),
        ("Ringer Natt 1, vakttelefonen utenfor", "", False),
        ("Reglene: Trykket på alarmen", "", False),
        ("Ingen på vakt i sonen", "", True),
    ]
    assert (failed["text"], failed["failed"]) == ("SMS-kanal til Natt 1: ikke levert", True)


def test_the_strip_holds_only_what_is_true():
    """Nothing to tell, nothing shown; each true thing leads to its page."""
    feed = {"state": "live", "last_canary_at": "2026-03-01T01:29:58Z", "age_ms": 2_000}
    calm = frame_view({"feed": feed}, WORDS)
    busy = frame_view(
        {"feed": feed, "not_watched": 2, "gateways_away": 1, "channels_slow": [("sms", "slow")], "tests": 1}, WORDS
    )

    assert calm["strip"] == []
    assert [(item["text"], item["path"]) for item in busy["strip"]] == [
        ("2 uten sikring nå", "unwatched"), ("1 gateway borte", "devices#gateways"), ("SMS-kanal treg", "channels"),
        ("1 testøkt i gang", "tests"),
    ]  # fmt: skip


def test_only_people_s_unclaimed_alarms_count_and_ring():
    """P1 rings, P2 sounds once, P3 counts, technical ones do neither."""
    waiting = [{"id": f"i{number}", "priority": f"P{number}"} for number in range(1, 6)]
    frame = frame_view({"feed": {"state": "live"}, "waiting": waiting}, WORDS)

    assert (frame["unclaimed"], frame["ring"], frame["once"]) == (3, ["i1"], ["i2"])
