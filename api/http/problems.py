"""Every error the HTTP face answers: one catalogue, `application/problem+json` (RFC 9457), words in two languages.

A problem's `type` is part of the contract (`urn:vardevakt:problem:<slug>`): slugs are only ever added. `title` says
what kind of error it is, `detail` what to do about this one, both in the reader's language; neither ever holds a
resident's name or a value that was sent. Pure: turning a Problem into a response is `api/http/app.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

URN = "urn:vardevakt:problem:"
MEDIA_TYPE = "application/problem+json"

Language = Literal["nb", "en"]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One row of the catalogue. Sentences may name `{field}` and the words given to Problem."""

    status: int
    title_nb: str
    title_en: str
    detail_nb: str
    detail_en: str


def _row(status: int, nb: tuple[str, str], en: tuple[str, str]) -> ProblemType:
    return ProblemType(status, nb[0], en[0], nb[1], en[1])


PROBLEMS: dict[str, ProblemType] = {
    "idempotency-key-missing": _row(
        400,
        ("Nøkkel mangler", "Send en egen Idempotency-Key med hver handling, så ingenting blir gjort to ganger."),
        ("Key missing", "Send an Idempotency-Key of its own with each act, so that nothing is done twice."),
    ),
    "bad-cursor": _row(
        400,
        ("Ukjent sidemerke", "Bruk «next» fra forrige svar slik det kom, eller begynn uten cursor."),
        ("Unknown page mark", "Use «next» of the last answer as it came, or begin without a cursor."),
    ),
    "bad-request": _row(
        400,
        ("Forespørselen kan ikke leses", "Rett forespørselen og prøv igjen."),
        ("The request cannot be read", "Mend the request and try again."),
    ),
    "not-signed-in": _row(
        401,
        ("Ikke logget inn", "Logg inn og prøv igjen."),
        ("Not signed in", "Sign in and try again."),
    ),
    "wrong-credentials": _row(
        401,
        ("Feil bruker eller passord", "Sjekk bruker og passord, og prøv igjen."),
        ("Wrong user or password", "Check user and password and try again."),
    ),
    "wrong-pin": _row(
        401,
        ("Feil bruker eller PIN", "Sjekk bruker og PIN, og prøv igjen."),
        ("Wrong user or PIN", "Check user and PIN and try again."),
    ),
    "pin-locked": _row(
        401,
        ("PIN-en er låst", "Feil PIN fem ganger. Logg inn med passordet og velg en ny PIN."),
        ("The PIN is locked", "Wrong PIN five times. Sign in with your password and choose a new PIN."),
    ),
    "access-ended": _row(
        403,
        ("Tilgangen er slutt", "Siste dag med tilgang er over. Spør lederen din."),
        ("Access has ended", "The last day with access is over. Ask your leader."),
    ),
    "not-your-function": _row(
        403,
        ("Ikke din vakt", "Vakten er ikke blant dine, og turnusen gir deg den ikke nå. Spør lederen din."),
        ("Not your function", "It is not among yours, and the rota does not give it to you now. Ask your leader."),
    ),
    "csrf": _row(
        403,
        ("Siden er for gammel", "Last siden på nytt og prøv igjen."),
        ("The page is too old", "Reload the page and try again."),
    ),
    "forged": _row(
        403,
        ("Ikke fra den det sier", "Underskriften stemmer ikke. Ingenting er endret. Sjekk hemmeligheten."),
        ("Not from whom it says", "The signature is not right. Nothing has changed. Check the secret."),
    ),
    "wrong-role": _row(
        403,
        ("Ingen tilgang", "Rollen din har ikke tilgang til dette. Spør lederen din."),
        ("No access", "Your role has no access to this. Ask your leader."),
    ),
    "not-found": _row(
        404,
        ("Finnes ikke", "Det du ser etter finnes ikke her. Sjekk at adressen er riktig."),
        ("Not found", "What you look for is not here. Check the address."),
    ),
    "unknown-alert": _row(
        404,
        ("Ukjent alarm", "Alarmen finnes ikke. Gå tilbake til køen."),
        ("Unknown alert", "There is no such alert. Go back to the queue."),
    ),
    "unknown-resident": _row(
        404,
        ("Ukjent bruker", "Brukeren finnes ikke. Søk på nytt."),
        ("Unknown resident", "There is no such resident. Search again."),
    ),
    "method-not-allowed": _row(
        405,
        ("Går ikke her", "Denne adressen tar ikke imot den metoden."),
        ("Not possible here", "This address does not take that method."),
    ),
    "not-acceptable": _row(
        406,
        ("Svaret finnes ikke i det formatet", "Be om application/json."),
        ("No answer in that format", "Ask for application/json."),
    ),
    "claimed-by-other": _row(
        409,
        ("En annen har tatt den", "{holder} tok den. Du trenger ikke gjøre noe, eller be om å få den overlevert."),
        ("Somebody else has it", "{holder} took it. You need do nothing, or ask to have it handed over."),
    ),
    "not-yours": _row(
        409,
        ("Det er ikke du som har den", "Ta den selv først, eller be {holder} om å gjøre det."),
        ("You do not have it", "Take it yourself first, or ask {holder} to do it."),
    ),
    "yours-already": _row(
        409,
        ("Du har den allerede", "Alarmen er allerede din. Du trenger ikke gjøre noe."),
        ("You have it already", "The alert is yours already. You need do nothing."),
    ),
    "not-claimed": _row(
        409,
        ("Ingen har tatt den", "Trykk «Jeg tar den» først."),
        ("Nobody has taken it", "Press «I take it» first."),
    ),
    "not-handed-over": _row(
        409,
        ("Ikke overlevert", "Alarmen er ikke overlevert nå. Se hvem som har den."),
        ("Not handed over", "The alert is not being handed over now. See who has it."),
    ),
    "already-ended": _row(
        409,
        ("Allerede avsluttet", "Alarmen er avsluttet. Åpne den igjen hvis den ikke skulle vært det."),
        ("Ended already", "The alert has ended. Reopen it if it should not have."),
    ),
    "not-ended": _row(
        409,
        ("Ikke avsluttet", "Avslutt alarmen først."),
        ("Not ended", "End the alert first."),
    ),
    "own-claims": _row(
        409,
        ("Du har alarmer", "Overlever alarmene dine. Når noen har tatt imot dem, kan du stemple ut."),
        ("You have alerts", "Hand your alerts over. When somebody has accepted them you can check out."),
    ),
    "not-on-shift": _row(
        409,
        ("Vakten er over", "Vakten er avsluttet. Stemple inn på nytt hvis du fortsatt er på jobb."),
        ("The shift is over", "The shift has ended. Check in again if you are still at work."),
    ),
    "not-possible-now": _row(
        409,
        ("Går ikke nå", "Alarmen er i en tilstand der dette ikke går. Se hva den er nå, og velg på nytt."),
        ("Not possible now", "The alert is in a state where this cannot be done. See what it is now and choose again."),
    ),
    "contact-first": _row(
        409,
        (
            "Kontakt mangler",
            "En P1 avsluttes først når noen har snakket med personen eller er fremme. Registrer det, og avslutt så.",
        ),
        (
            "Contact first",
            "A P1 ends only when somebody has spoken with the person or is on site. Record that, then end it.",
        ),
    ),
    "people-left": _row(
        409,
        ("Noen er ikke nådd ennå", "{count} på ringelisten er ikke nådd. Ring dem, eller meld at noen har vært der."),
        ("Somebody is not reached yet", "{count} on the list are not reached. Call them, or say who was there."),
    ),
    "key-reused": _row(
        409,
        ("Nøkkelen er brukt", "Idempotency-Key er brukt til noe annet. Bruk en ny nøkkel til en ny handling."),
        ("Key used before", "This Idempotency-Key was used for something else. Use a new key for a new act."),
    ),
    "still-used": _row(
        409,
        ("Fortsatt i bruk", "Noe annet viser til dette. Endre eller fjern det først."),
        ("Still in use", "Something else refers to this. Change or remove that first."),
    ),
    "changed-meanwhile": _row(
        409,
        ("Endret i mellomtiden", "Noen andre har endret dette. Se på den nyeste versjonen først."),
        ("Changed meanwhile", "Somebody else has changed this. Look at the newest version first."),
    ),
    "too-large": _row(
        413,
        ("For stort", "Det som ble sendt er for stort. Grensen er {limit_bytes} byte."),
        ("Too large", "What was sent is too large. The limit is {limit_bytes} bytes."),
    ),
    "unsupported-media-type": _row(
        415,
        ("Feil format", "Send application/json."),
        ("Wrong format", "Send application/json."),
    ),
    "bad-field": _row(
        422,
        ("Feil i et felt", "Feltet «{field}» kan ikke brukes slik det er. Rett det og prøv igjen."),
        ("A field is wrong", "The field «{field}» cannot be used as it is. Mend it and try again."),
    ),
    "bad-event": _row(
        422,
        (
            "Hendelsen kan ikke forstås",
            "Hver hendelse er et JSON-objekt med «type» og «address». Det som kom er lagret og vises for driften.",
        ),
        (
            "The event cannot be understood",
            "Each event is a JSON object with «type» and «address». What came is kept and shown to operators.",
        ),
    ),
    "unknown-staff": _row(
        422,
        ("Ukjent ansatt", "En maskinnøkkel handler for en ansatt: send «staff» med en id som finnes."),
        ("Unknown staff", "A machine key acts for someone: send «staff» with an id that exists."),
    ),
    "bad-silence": _row(
        422,
        (
            "Slik kan det ikke dempes",
            "«{field}» passer ikke. Si hvorfor, til når (innen 7 dager) og hvem. Alarmer kan ikke dempes.",
        ),
        (
            "This cannot be silenced",
            "«{field}» does not fit. Say why, until when (within 7 days), and whom. Alarms cannot be silenced.",
        ),
    ),
    "too-many-tries": _row(
        429,
        ("For mange forsøk", "Vent {retry_after_seconds} sekunder og prøv igjen."),
        ("Too many tries", "Wait {retry_after_seconds} seconds and try again."),
    ),
    "too-many-streams": _row(
        503,
        ("For mange tavler", "Så mange tavler som tillatt er åpne. Lukk en, eller prøv igjen om litt."),
        ("Too many boards", "As many boards as allowed are open. Close one, or try again soon."),
    ),
    "not-recorded": _row(
        503,
        ("Ikke lagret", "Tjenesten kan ikke lagre nå. Send det samme igjen om litt, og ring vakttelefonen ved alarm."),
        ("Not recorded", "The service cannot store now. Send the same again soon; for an alarm, ring the duty phone."),
    ),
    "not-readable": _row(
        503,
        ("Kan ikke lese nå", "Tjenesten kan ikke lese nå. Prøv igjen om litt, og ring vakttelefonen hvis det haster."),
        ("Cannot read now", "The service cannot read now. Try again soon, and ring the duty phone if it is urgent."),
    ),
    "series-away": _row(
        503,
        ("Kurvene er borte nå", "Målinger og det som er sett, kan ikke leses nå. Varsler virker som de skal."),
        ("Curves are away", "Measurements and what was seen cannot be read now. Alerts work as they should."),
    ),
    "internal": _row(
        500,
        ("Feil hos oss", "Noe gikk galt hos oss. Prøv igjen, og ring vakttelefonen hvis det haster."),
        ("Our fault", "Something went wrong on our side. Try again, and ring the duty phone if it is urgent."),
    ),
}


class Problem(Exception):
    """Raise it anywhere in a request.

    `field` is the field at fault as the sender names it ("limit", "staff"), `words` fill the sentences, `more` goes
    into the body beside them, `headers` onto the answer.
    """

    def __init__(
        self,
        slug: str,
        field: str | None = None,
        *,
        words: Mapping[str, object] | None = None,
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        assert slug in PROBLEMS, f"no problem is called {slug!r}"
        super().__init__(slug)
        self.slug = slug
        self.field = field
        self.words = dict(words or {})
        self.more = dict(more or {})
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        return PROBLEMS[self.slug].status


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def body(problem: Problem, language: Language) -> dict[str, Any]:
    """The JSON of a problem: type, title, status, detail, field where one is at fault, and what came in `more`."""
    kind = PROBLEMS[problem.slug]
    title, detail = (kind.title_nb, kind.detail_nb) if language == "nb" else (kind.title_en, kind.detail_en)
    words = _Blank(problem.words, field=problem.field or "?")
    answer: dict[str, Any] = {
        "type": URN + problem.slug,
        "title": title,
        "status": kind.status,
        "detail": detail.format_map(words),
    }
    if problem.field is not None:
        answer["field"] = problem.field
    return answer | problem.more


def language_of(accept_language: str | None, default: Language) -> Language:
    """Bokmål or English from an Accept-Language header, by its weights; anything Scandinavian reads bokmål."""
    best: tuple[float, Language] = (0.0, default)
    for part in (accept_language or "")[:200].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0].lower()
        language: Language | None = (
            "nb" if primary in {"nb", "no", "nn", "da", "sv"} else "en" if primary == "en" else None
        )
        if language is not None and weight > best[0]:
            best = (weight, language)
    return best[1]


def table() -> str:
    """The problems as a Markdown table, for README (a tidy test keeps both alike)."""
    lines = ["| type `urn:vardevakt:problem:…` | status | what it says |", "|---|---|---|"]
    rows = sorted(PROBLEMS.items(), key=lambda item: (item[1].status, item[0]))
    lines += [f"| `{slug}` | {kind.status} | {kind.title_en}: {kind.detail_en} |" for slug, kind in rows]
    return "\n".join(lines) + "\n"
