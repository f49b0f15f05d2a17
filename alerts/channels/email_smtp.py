"""Edge: the channel for e-mail, over SMTP with TLS.

For: one message, one recipient. What is answered before the text is sent certainly did not go; what breaks after may
have. One deadline over everything, as in `http_call.py`.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import threading
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

import msgspec

from alerts.channels.channel import FAILED, OK, UNKNOWN, Message, Result
from alerts.channels.http_call import TIMEOUT_S, tls_context

STARTTLS, TLS, PLAIN = "starttls", "tls", "none"
READY, TAKEN, GO_AHEAD = 220, 250, 354
AFTERWARDS = 251  # taken, for somebody who has moved


class MailOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the mail server is spoken to."""

    host: str
    port: int
    security: str = STARTTLS
    username: str = ""
    password: str = ""
    sender: str = ""
    ca_file: str | None = None
    timeout_s: float = TIMEOUT_S


class SmtpEmail:
    """Hands each message to one mail server."""

    name = "email"
    reaches_people = True

    def __init__(self, options: MailOptions) -> None:
        self._options = options
        self._context = None if options.security == PLAIN else tls_context(options.ca_file)

    def send(self, message: Message) -> Result:
        server = self._server()
        late = threading.Event()
        timer = threading.Timer(self._options.timeout_s, _cut, (server, late))
        timer.daemon = True
        timer.start()
        try:
            return self._send(server, message, late)
        finally:
            timer.cancel()
            server.close()  # without waiting for a last word: what counts was said

    def _send(self, server: smtplib.SMTP, message: Message, late: threading.Event) -> Result:
        try:
            letter = _letter(message, self._options.sender)
            refused = self._open(server, message.address.email)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            return Result(FAILED, type(error).__name__)
        if refused is not None:
            return refused
        try:
            given = _give(server, letter)
            return Result(UNKNOWN, "timed out") if late.is_set() else given
        except (OSError, smtplib.SMTPException) as error:
            return Result(UNKNOWN, type(error).__name__)

    def _server(self) -> smtplib.SMTP:
        """Not connected yet, so that the deadline can cut it off while it does."""
        options = self._options
        if options.security == TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(timeout=options.timeout_s, context=self._context)
        else:
            server = smtplib.SMTP(timeout=options.timeout_s)
        server._host = options.host  # type: ignore[attr-defined]  # noqa: SLF001 - whom the certificate must name
        return server

    def _open(self, server: smtplib.SMTP, recipient: str) -> Result | None:
        """Everything up to the text; a Result when it is not wanted."""
        options = self._options
        code, _ = server.connect(options.host, options.port)
        if code != READY:
            return Result(FAILED, f"SMTP {code}")
        server.ehlo_or_helo_if_needed()
        if options.security == STARTTLS:
            assert isinstance(self._context, ssl.SSLContext), "made in __init__"
            server.starttls(context=self._context)  # raises where the server cannot
            server.ehlo_or_helo_if_needed()
        if options.username:
            server.login(options.username, options.password)
        code, _ = server.mail(options.sender)
        if code != TAKEN:
            return Result(FAILED, f"SMTP {code}")
        code, _ = server.rcpt(recipient)
        if code not in {TAKEN, AFTERWARDS}:
            return Result(FAILED, f"SMTP {code}", refused=code >= 500)
        code, _ = server.docmd("DATA")
        return None if code == GO_AHEAD else Result(FAILED, f"SMTP {code}")


def _give(server: smtplib.SMTP, letter: EmailMessage) -> Result:
    text = letter.as_bytes(policy=SMTP)
    dotted = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in text.split(b"\r\n"))
    server.send(dotted + (b"" if dotted.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    code, _ = server.getreply()
    if code == TAKEN:
        return Result(OK, f"SMTP {code}")
    if not 400 <= code < 600:  # half a line, or none of the protocol's words
        return Result(UNKNOWN, f"SMTP {code}")
    return Result(FAILED, f"SMTP {code}", refused=code >= 500)


def _letter(message: Message, sender: str) -> EmailMessage:
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"] = sender, message.address.email
    letter["Subject"] = " ".join(message.title.split()) or "Vardevakt"
    letter["Date"] = formatdate(usegmt=True)
    domain = sender.rpartition("@")[2].strip("<> ") or "vardevakt.invalid"
    letter["Message-ID"] = f"<{message.reference}.{message.site}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text + "\n")
    return letter


def _cut(server: smtplib.SMTP, late: threading.Event) -> None:
    late.set()
    sock = server.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(2)
