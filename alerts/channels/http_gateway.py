"""Edge: the channel for a municipality's own gateway for SMS or voice, whatever its HTTP looks like.

For: making the request that the settings describe and reading the answer as they say. README, "A gateway of your own",
has a worked example.
"""

from __future__ import annotations

import base64

import msgspec

from alerts.channels.channel import FAILED, OK, UNKNOWN, Message, Result
from alerts.channels.http_call import Answer, HttpRequest, NoAnswer, NotSent, call, result_of, tls_context
from alerts.channels.templates import fill, fill_header, fill_url, found, parsed

E164, ZEROS, DIGITS = "e164", "00", "digits"  # +4798…, 004798…, 4798…


class GatewayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway is spoken to (api/settings/channels.py says what each means to people)."""

    url: str
    method: str = "POST"
    headers: tuple[str, ...] = ()
    body: str = ""
    username: str = ""
    secret: str = ""
    number_format: str = E164
    answer_id: str = ""
    answer_result: str = ""
    answer_taken: tuple[str, ...] = ()
    receipts_url: str = ""
    ca_file: str | None = None
    timeout_s: float = 5.0


class HttpGateway:
    """One gateway under the name of what it carries: "sms" or "voice"."""

    reaches_people = True

    def __init__(self, name: str, options: GatewayOptions) -> None:
        self._name, self._options = name, options
        self._context = tls_context(options.ca_file) if options.url.startswith("https:") else None

    @property
    def name(self) -> str:
        return self._name

    def send(self, message: Message) -> Result:
        try:
            request = request_of(self._options, message)
        except (KeyError, ValueError) as error:
            return Result(FAILED, f"template: {type(error).__name__}")
        try:
            answer = call(request, self._options.timeout_s, self._context)
        except NotSent as error:
            return Result(FAILED, str(error))
        except NoAnswer as error:
            return Result(UNKNOWN, str(error))
        return result_of(answer) or self._read(answer)

    def _read(self, answer: Answer) -> Result:
        """What an answer that took it says besides: its own id, and whether it means it."""
        options = self._options
        content = parsed(answer.body, answer.content_type)
        provider_id = (found(content, options.answer_id) or "") if options.answer_id else ""
        if options.answer_result:
            said = found(content, options.answer_result)
            if said is None:
                return Result(UNKNOWN, "an answer without a result", provider_id)
            if said not in options.answer_taken:
                return Result(FAILED, f"answered {said}", provider_id, refused=True)
        return Result(OK, f"HTTP {answer.status}", provider_id)


def request_of(options: GatewayOptions, message: Message) -> HttpRequest:
    """The request for a message. Raises KeyError, ValueError for a template that the settings should have refused."""
    basic = base64.b64encode(f"{options.username}:{options.secret}".encode()).decode()
    values = {
        "to": _number(message.address.phone, options.number_format),
        "text": message.text,
        "title": message.title,
        "id": message.reference,
        "priority": message.priority,
        "kind": message.kind,
        "secret": options.secret,
        "basic": basic,
        "receipts": options.receipts_url,
    }
    headers = {}
    for line in options.headers:
        name, _, value = line.partition(":")
        headers[name.strip()] = fill_header(value.strip(), values)
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    body = fill(options.body, values, content_type).encode()
    return HttpRequest(options.method, fill_url(options.url, values), headers, body)


def _number(phone: str, number_format: str) -> str:
    if number_format == ZEROS:
        return phone.replace("+", "00", 1)
    return phone.removeprefix("+") if number_format == DIGITS else phone
