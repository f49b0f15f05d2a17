"""The tables of the settings that say how people are reached: gateways, mail, push, webhook, Apprise, fixed addresses.

Reads nothing. Secrets are files, never values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from alerts.channels.templates import problem_of
from alerts.channels.web_push import HOSTS
from alerts.messages.addresses import phone_number
from alerts.site.problems import Problem, shown, wrong
from api.settings.section import FilePath, PageUrl, Port, Section, as_tuple

ChannelName = Literal["log", "mqtt", "sms", "voice", "email", "push", "webhook", "apprise"]
MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+")


def _template(text: str) -> str:
    problem = problem_of(text)
    if problem is not None:
        raise wrong("bad_template", problem)
    return text


def _gateway_url(text: str) -> str:
    _template(text)
    if urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname:
        raise wrong("bad_url", f"{shown(text)} is no address; write https://gateway.example.org/send")
    return text


def _headers(lines: tuple[str, ...]) -> tuple[str, ...]:
    for line in lines:
        if not re.fullmatch(r"[A-Za-z0-9-]+ *:.*", line):
            raise wrong("bad_header", f"{shown(line)} is no header; write 'Name: value'")
        _template(line)
    return lines


def _path(text: str) -> str:
    if text.startswith("re:"):
        try:
            groups = re.compile(text[3:]).groups
        except re.error as error:
            raise wrong("bad_pattern", f"is no pattern: {error}") from error
        if not groups:
            raise wrong("bad_pattern", "has no group ( ) around what is looked for")
    return text


def _phone(text: str) -> str:
    if not phone_number(text):
        raise wrong("bad_phone", f"{shown(text)} is no telephone number; write +4798888888")
    return phone_number(text)


def _mail(text: str) -> str:
    if not MAIL.fullmatch(text):
        raise wrong("bad_mail", f"{shown(text)} is no e-mail address")
    return text


def _contact(text: str) -> str:
    if not text.startswith(("mailto:", "https://")):
        raise wrong("bad_url", "must begin with mailto: or https://")
    return text


Words = Annotated[tuple[str, ...], Field(max_length=20), BeforeValidator(as_tuple)]
Headers = Annotated[tuple[str, ...], Field(max_length=20), BeforeValidator(as_tuple), AfterValidator(_headers)]
At = Annotated[str, Field(max_length=200), AfterValidator(_path)]
Phone = Annotated[str, AfterValidator(_phone)] | None
Mail = Annotated[str, AfterValidator(_mail)] | None
Clearance = Literal["tag", "code"]

CLEARANCE = "What a message says of a home: its key's tag, or also the alert's code. Names never leave the house."
LIMIT = "Most messages a minute. Holds back what comes again, never the first word of a P1."


class Channels(Section):
    enabled: Annotated[tuple[ChannelName, ...], Field(min_length=1, max_length=8), BeforeValidator(as_tuple)] = Field(
        ("log", "mqtt"), description="Ways in which people are told, in order of preference."
    )


class Targets(Section):
    """Addresses that no page edits."""

    fallback_phone: Phone = Field(None, description="Rung when nobody on duty takes it.")
    fallback_email: Mail = Field(None, description="Written to when nobody on duty takes it.")
    centre_phone: Phone = Field(None, description="The outside response centre.")
    centre_email: Mail = Field(None, description="The outside response centre.")
    technical_phone: Phone = Field(None, description="Technicians: told of channels that are down.")
    technical_email: Mail = Field(None, description="Technicians: told of channels that are down.")


class Gateway(Section):
    """A municipality's own gateway for SMS or voice over HTTP. `$to`, `$text` …: alerts/README.md."""

    url: Annotated[str, AfterValidator(_gateway_url)] | None = Field(None, description="Where each message is sent.")
    method: Literal["POST", "PUT", "GET"] = Field("POST", description="How.")
    headers: Headers = Field(("Content-Type: application/json",), description="Headers of the request, `Name: value`.")
    body: Annotated[str, Field(max_length=4_000), AfterValidator(_template)] = Field(
        "", description="Body of the request; `$to` is the number, `$text` the words, `$id` our reference."
    )
    username: str = Field("", max_length=200, description="User, for `$basic`.")
    secret_file: FilePath | None = Field(None, description="File that holds `$secret` and nothing else.")
    ca_file: FilePath | None = Field(None, description="Certificates that may sign the gateway's.")
    number_format: Literal["e164", "00", "digits"] = Field("e164", description="+4798…, 004798… or 4798….")
    timeout_seconds: int = Field(5, ge=1, le=15, description="Longest wait for an answer.")
    per_minute: int = Field(60, ge=1, le=6_000, description=LIMIT)
    clearance: Clearance = Field("tag", description=CLEARANCE)
    answer_id: At = Field("", description="Where the answer has the gateway's own id: `messages.0.id`, `re:OK (\\d+)`.")
    answer_result: At = Field("", description="Where the answer says whether it was taken; empty: any 2xx is taken.")
    answer_taken: Words = Field((), description="Words at answer_result that mean taken.")
    receipt_check: Literal["none", "hmac-sha256", "token"] = Field(
        "none", description="How receipts and replies prove where they come from; none: they are refused."
    )
    receipt_header: str = Field("X-Signature", min_length=1, max_length=60, description="Header with that proof.")
    receipt_secret_file: FilePath | None = Field(None, description="File that holds the secret of that proof.")
    receipt_id: At = Field("id", description="Where a receipt names the message: the gateway's id, or ours.")
    receipt_result: At = Field("status", description="Where a receipt says what became of it.")
    receipt_delivered: Words = Field(("delivered",), description="Words that mean delivered.")
    receipt_failed: Words = Field(("failed", "expired", "rejected"), description="Words that mean it never arrived.")
    receipt_answered: Words = Field(("answered",), description="Words that mean a call was answered.")
    reply_from: At = Field("from", description="Where an SMS that comes in has its sender.")
    reply_text: At = Field("text", description="Where an SMS that comes in has its words.")
    reply_id: At = Field("id", description="Where an SMS that comes in has its id.")

    @model_validator(mode="after")
    def _whole(self) -> Gateway:
        if self.answer_result and not self.answer_taken:
            raise wrong("needed", "is missing; answer_result needs it", "answer_taken")
        if self.receipt_check != "none" and self.receipt_secret_file is None:
            raise wrong("needed", "is missing; receipt_check needs it", "receipt_secret_file")
        used = " ".join((self.body, self.url or "", *self.headers))
        if ("$secret" in used or "$basic" in used) and self.secret_file is None:
            raise wrong("needed", "is missing; $secret and $basic need it", "secret_file")
        return self


class Email(Section):
    host: str | None = Field(None, min_length=1, description="The mail server.")
    port: Port = Field(587, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="none only on this machine.")
    username: str = Field("", max_length=200, description="User at the mail server.")
    password_file: FilePath | None = Field(None, description="File that holds the password and nothing else.")
    ca_file: FilePath | None = Field(None, description="Certificates that may sign the server's.")
    sender: Mail = Field(None, description="Whom mails are from.")
    timeout_seconds: int = Field(8, ge=1, le=15, description="Longest wait for an answer.")
    clearance: Clearance = Field("tag", description=CLEARANCE)


class Push(Section):
    key_file: FilePath | None = Field(
        None, description="Our VAPID key: `openssl ecparam -name prime256v1 -genkey -noout -out vapid.pem`."
    )
    contact: Annotated[str, AfterValidator(_contact)] | None = Field(
        None, description="Whom push services may write to: mailto:… or https://…."
    )
    hosts: Words = Field(HOSTS, description="Push services that browsers may name; what else they name is refused.")
    timeout_seconds: int = Field(5, ge=1, le=15, description="Longest wait for an answer.")


class Webhook(Section):
    url: PageUrl | None = Field(None, description="Where each message is posted, signed.")
    secret_file: FilePath | None = Field(None, description="File that holds the shared secret and nothing else.")
    ca_file: FilePath | None = Field(None, description="Certificates that may sign the server's.")
    timeout_seconds: int = Field(5, ge=1, le=15, description="Longest wait for an answer.")
    clearance: Clearance = Field("tag", description=CLEARANCE)


class Apprise(Section):
    urls_file: FilePath | None = Field(None, description="File with one Apprise address a line; they hold secrets.")
    timeout_seconds: int = Field(8, ge=1, le=15, description="Longest wait for all of them.")
    clearance: Clearance = Field("tag", description=CLEARANCE)


NEEDED = {
    "sms": ("url",),
    "voice": ("url",),
    "email": ("host", "sender"),
    "push": ("key_file", "contact"),
    "webhook": ("url", "secret_file"),
    "apprise": ("urls_file",),
}
"""Keys without which a channel that is enabled cannot work."""


def missing(sections: Mapping[str, Section]) -> list[tuple[str, Problem]]:
    """(section, problem) for each channel that is enabled and lacks what it needs. Takes what was read so far."""
    channels = sections.get("channels")
    enabled = channels.enabled if isinstance(channels, Channels) else ()
    return [
        (name, Problem("needed", key, f"is missing; channels.enabled has {name}"))
        for name in enabled
        if name in sections
        for key in NEEDED.get(name, ())
        if getattr(sections[name], key) is None
    ]
