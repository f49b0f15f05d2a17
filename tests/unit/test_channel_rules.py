"""The pure rules of reaching people: which ways, what is said, how a channel does, what a link and a reply are."""

from __future__ import annotations

import pytest

from alerts.channels.channel import FAILED, OK, UNKNOWN, Address, Result
from alerts.channels.reach import outcome, ways
from alerts.channels.templates import fill, fill_header, fill_url, found, parsed, problem_of
from alerts.channels.texts import languages, texts
from alerts.channels.wording import Facts, compose, reference
from alerts.messages.addresses import phone_number
from alerts.messages.channel_health import ChannelState, after
from alerts.messages.links import TOKEN_LENGTH, is_genuine, make_token, read_token
from alerts.messages.sms_replies import CANNOT, TAKE, Reply, parse_reply
from tests.support.phones import Devices

EVERY = ("voice", "sms", "email", "push", "mqtt", "log")
PHONE, BOX = Address(phone="+4798888888"), Address(email="a@example.org")


@pytest.mark.parametrize(
    ("kind", "priority", "target_kind", "address", "expected"),
    [
        ("ring", "P1", "function", PHONE, ["voice", "sms", "mqtt", "log"]),
        ("ring", "P3", "function", PHONE, ["sms", "mqtt", "log"]),
        ("taken", "P1", "function", PHONE, ["sms", "mqtt", "log"]),
        ("ring", "P4", "function", PHONE, ["mqtt", "log"]),
        ("ring", "P4", "technical", BOX, ["email", "mqtt", "log"]),
        ("ring", "P1", "responder", PHONE, ["voice", "sms", "mqtt", "log"]),
        ("answer", "P2", "reply", PHONE, ["sms"]),
        ("ring", "P1", "function", Address(), ["mqtt", "log"]),
    ],
)
def test_a_message_takes_the_ways_its_target_has(kind, priority, target_kind, address, expected):
    """By what the target has and how urgent it is; voice rings nobody for what can wait."""
    assert ways(EVERY, kind=kind, priority=priority, target_kind=target_kind, address=address) == expected


@pytest.mark.parametrize(
    ("priority", "results", "expected"),
    [
        ("P1", {"push": [OK], "sms": [FAILED] * 3}, "exhausted"),
        ("P1", {"push": [OK], "sms": [UNKNOWN] * 3}, "unknown"),
        ("P1", {"push": [FAILED], "sms": [OK]}, "sent"),
        ("P2", {"push": [OK], "sms": [FAILED] * 3}, "sent"),
        ("P2", {"push": ["refused"], "sms": [FAILED] * 3}, "exhausted"),
    ],
)
def test_a_p1_is_told_only_by_telephone(priority, results, expected):
    """A push that nobody hears is not enough for a P1 where there is a telephone."""
    channels = Devices(lambda: 0).channels(*results)

    assert outcome(priority, list(results), channels, results) == expected


def test_a_target_without_any_way_is_exhausted_unless_the_site_keeps_records_only():
    """Nobody's silence is success."""
    channels = Devices(lambda: 0).channels("sms")

    assert outcome("P1", [], channels, {}) == "exhausted"


def test_every_language_says_the_same_things_and_knows_no_more():
    """Same keys, and no field but those that may leave the house."""
    allowed = {"priority", "ref", "channel", "target", "holder"}
    said = {key: {part.split("}")[0] for part in text.split("{")[1:]} for key, text in texts("nb").items()}

    assert all(fields <= allowed for fields in said.values())
    for language in languages():
        assert texts(language).keys() == said.keys()
        assert all(len(text) < 160 for text in texts(language).values())


def facts(**more):
    return Facts(**({"kind": "ring", "target_kind": "function", "priority": "P1", "ref": "R17"} | more))


def test_relatives_read_nothing_of_health_or_place():
    """No priority, no tag, no code: only that they are asked to come, and how to answer."""
    title, text = compose(texts("nb"), "sms", facts(target_kind="responder", code="4.7"), "https://x/l/t")

    assert title == "Vardevakt"
    assert not any(word in text for word in ("P1", "R17", "4.7", "alarm"))
    assert "Svar 1" in text


def test_only_a_channel_with_clearance_hears_the_code():
    """And a repeated message says that it may be."""
    assert "4.7" in compose(texts("nb"), "webhook", facts(code="4.7"))[1]
    assert "kan være sendt før" in compose(texts("nb"), "sms", facts(may_repeat=True))[1].lower()


SAYS = ("ring", "two", "one_more", "colleague", "again", "more", "urgent", "yours", "no_voice", "hand_over", "test")
GSM = frozenset(" #+-./:;,=()1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅabcdefghijklmnopqrstuvwxyzæøå_?")


@pytest.mark.parametrize("say", SAYS)
@pytest.mark.parametrize("language", sorted(languages()))
def test_whatever_asks_somebody_is_one_sms(say, language):
    """With codes and a link to a short address: 160 signs, and none that would halve the room."""
    link = f"https://vakt.example.org/l/{'x' * TOKEN_LENGTH}"
    _, text = compose(texts(language), "sms", facts(args={"say": say}), link)
    assert len(text) <= 160, text
    assert not set(text) - GSM, text


def test_a_relative_hears_no_words_that_are_for_staff():
    """What staff read of two helpers or of a colleague is to a relative that they are asked to come."""
    for say in ("two", "colleague", "one_more"):
        _, text = compose(texts("nb"), "voice", facts(target_kind="responder", args={"say": say}))
        assert text == texts("nb")["relative.ring"]


@pytest.mark.parametrize("tag", ["x" * 500, "{priority}{__class__}", "<b>R17</b>\n\r\x00", "", None, "   "])
def test_any_tag_can_stand_in_a_message(tag):
    """500 characters, markup, braces, nothing: cut, kept as text, or a number of ours in its place."""
    ref = reference(tag, 42)
    _, text = compose(texts("nb"), "voice", facts(ref=ref))

    assert 0 < len(ref) <= 40
    assert ref.isprintable()
    assert text == f"P1 hos {ref}: noen må gå."


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ([OK], "ok"),
        ([FAILED], "slow"),
        ([FAILED, UNKNOWN, FAILED], "down"),
        ([FAILED, FAILED, OK, FAILED], "slow"),
        ([FAILED, FAILED, FAILED, OK], "ok"),
        (["refused"] * 9, "ok"),
    ],
)
def test_how_a_channel_does_follows_from_its_results(results, state):
    """Three in a row without success for 10 s is down; one success is up; a bad number says nothing."""
    now = ChannelState()
    for number, word in enumerate(results, 1):
        refused = word == "refused"
        now = after(now, Result(FAILED if refused else word, refused=refused), 100, number * 5_000)

    assert now.state == state


def test_many_failures_of_one_moment_are_one():
    """Twenty messages wait while the broker is not there yet after a start: no alert; 10 s later there is one."""
    now = ChannelState()
    for number in range(20):
        now = after(now, Result(FAILED), 100, 1_000 + number)
    assert now.state == "slow"
    assert after(now, Result(FAILED), 100, 10_999).state == "slow"
    assert after(now, Result(FAILED), 100, 11_000).state == "down"
    assert after(now, Result(OK), 100, 11_000).state == "ok"


def test_a_slow_answer_is_slow():
    """Taken, but after more than three seconds."""
    assert after(ChannelState(), Result(OK), 3_001, 1).state == "slow"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("R17 1", Reply("r17", TAKE)),
        ("r-17: JA!", Reply("r17", TAKE)),
        ("1 R17", Reply("r17", TAKE)),
        ("R 17 0", Reply("r17", CANNOT)),
        ("#42 nei", Reply("#42", CANNOT)),
        ("1", Reply("", TAKE)),
        ("", None),
        ("kommer snart", None),
        ("R17", None),
        ("\x00" * 500, None),
    ],
)
def test_a_reply_is_understood_as_people_type(text, reply):
    """Tag and answer in any order and case; what is not understood is nothing."""
    assert parse_reply(text) == reply


def test_a_link_speaks_for_one_message_alone():
    """Another alert, target, site or key: not genuine; a token that is none: nothing."""
    key = b"k" * 32
    token = make_token(key, "solbakken", 7, "a1", "natt-1", 5_000)
    claims = read_token(token)

    assert claims is not None
    assert (claims.message_id, claims.until_ms) == (7, 5_000)
    assert is_genuine(key, claims, "solbakken", "a1", "natt-1")
    others = [("x", "a1", "natt-1"), ("solbakken", "a2", "natt-1"), ("solbakken", "a1", "natt-2")]
    assert not any(is_genuine(key, claims, *other) for other in others)
    assert not is_genuine(b"x" * 32, claims, "solbakken", "a1", "natt-1")
    assert [read_token(bad) for bad in ("", "x", "æ" * 38, "!" * 38, token + "A", "_" * 38)] == [None] * 6


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("application/json", r"a\"b\nc<&"),
        ("application/x-www-form-urlencoded", "a%22b%0Ac%3C%26"),
        ("text/xml", "a&quot;b\nc&lt;&amp;"),
        ("text/plain", 'a"b\nc<&'),
    ],
)
def test_a_template_writes_values_as_the_place_needs_them(kind, written):
    """No text breaks out of the request it stands in."""
    assert fill("$text", {"text": 'a"b\nc<&'}, kind) == written
    assert fill_header("k $text", {"text": "a\r\nX: b"}) == "k a  X: b"
    assert fill_url("https://x/?t=$text", {"text": "a/b &"}) == "https://x/?t=a%2Fb%20%26"
    assert (problem_of("$to $$"), problem_of("$nobody") is None, problem_of("$") is None) == (None, False, False)


@pytest.mark.parametrize(
    ("body", "kind", "path", "value"),
    [
        (b'{"m": [{"id": 7}]}', "application/json", "m.0.id", "7"),
        (b'{"ok": true}', "application/json", "ok", "true"),
        (b"id=7&s=a+b", "application/x-www-form-urlencoded", "s", "a b"),
        (b"OK 123", "text/plain", "re:OK ([0-9]+)", "123"),
        (b'{"m": [1]}', "application/json", "m.9", None),
        (b"[" * 90_000, "application/json", "m.0", None),
        (b"\xff\xfe", "application/json", "id", None),
    ],
)
def test_a_path_finds_what_a_gateway_says(body, kind, path, value):
    """JSON, form or text; what is not there is nothing, whatever came."""
    assert found(parsed(body, kind), path) == value


@pytest.mark.parametrize(
    ("typed", "number"),
    [("98 88 88 88", "+4798888888"), ("004798888888", "+4798888888"), ("+47 988-88-888", "+4798888888"),
     ("12", ""), ("ring Ola", ""), (None, ""), ("+" + "1" * 40, "")],
)  # fmt: skip
def test_a_telephone_number_has_one_way_to_be_written(typed, number):
    """However it was typed on the page or by the gateway."""
    assert phone_number(typed) == number
