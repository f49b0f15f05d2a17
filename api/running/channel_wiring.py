"""From settings to channels: the part of the composition root that knows every way out. Edge: reads secret files.

`channel_options` turns what people write into what the parts are given; `open_channels` builds the parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from sqlalchemy import delete

from alerts.channels import Channel
from alerts.channels.apprise_services import AppriseServices, BadService
from alerts.channels.channel import Address
from alerts.channels.email_smtp import MailOptions, SmtpEmail
from alerts.channels.http_gateway import GatewayOptions, HttpGateway
from alerts.channels.log import LogChannel
from alerts.channels.mqtt import MqttChannel, Publish
from alerts.channels.reach import Reach
from alerts.channels.web_push import PushOptions, WebPush, read_key
from alerts.channels.webhook import Webhook
from alerts.database import Database
from alerts.messages.receipts import OURS, DoorOptions
from alerts.schema.channels import push_subscriptions
from alerts.site.problems import Problem
from api.running.desk_place import shared_link_key
from api.settings.channels import Gateway
from api.settings.file import SettingsError, read_secret
from api.settings.model import Settings

LINK_KEY = "links.key"
LINK_KEY_BYTES = 32
GATEWAYS = ("sms", "voice")
RECEIPTS = "/api/v1/channels/{name}/receipts"


class ChannelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Every way out as the parts take it; those not in `names` are left out."""

    names: tuple[str, ...] = ("log", "mqtt")
    gateways: Mapping[str, GatewayOptions] = {}
    mail: MailOptions | None = None
    push: PushOptions | None = None
    webhook: tuple[str, str, str | None, float] | None = None  # url, secret, ca_file, timeout in seconds
    apprise: tuple[tuple[str, ...], float] | None = None  # addresses, timeout in seconds
    reach: Reach = Reach()  # without a key of links where that lies in the data folder
    doors: Mapping[str, DoorOptions] = {}


def channel_options(settings: Settings) -> ChannelOptions:
    """Raises SettingsError for a secret file that cannot be read, or a key that is none."""
    names = settings.channels.enabled
    gateways: dict[str, GatewayOptions] = {}
    doors: dict[str, DoorOptions] = {}
    for name in GATEWAYS:
        section: Gateway = getattr(settings, name)
        if name in names and section.url is not None:
            gateways[name] = _gateway(name, section, settings.http.public_url or "")
            doors[name] = _door(section)
    webhook = _webhook(settings) if "webhook" in names else None
    if webhook is not None:
        doors["webhook"] = DoorOptions(check=OURS, secret=webhook[1])
    return ChannelOptions(
        names=names,
        gateways=gateways,
        mail=_mail(settings) if "email" in names else None,
        push=_push(settings) if "push" in names else None,
        webhook=webhook,
        apprise=_apprise(settings) if "apprise" in names else None,
        reach=msgspec.structs.replace(_reach(settings), link_key=shared_link_key(settings)),
        doors=doors,
    )


def open_channels(options: ChannelOptions, publish: Publish | None, gone: Callable[[str], None]) -> dict[str, Channel]:
    """The channels in the order of preference. `publish`: our broker's, None where there is none; `gone`: of a push
    subscription that has ended.
    """
    made: dict[str, Channel] = {"log": LogChannel()}
    if publish is not None:
        made["mqtt"] = MqttChannel(publish)
    made |= {name: HttpGateway(name, gateway) for name, gateway in options.gateways.items()}
    if options.mail is not None:
        made["email"] = SmtpEmail(options.mail)
    if options.push is not None:
        made["push"] = WebPush(options.push, gone)
    if options.webhook is not None:
        url, secret, ca_file, timeout_s = options.webhook
        made["webhook"] = Webhook(url, secret, ca_file, timeout_s)
    if options.apprise is not None:
        made["apprise"] = AppriseServices(*options.apprise)
    return {name: made[name] for name in options.names if name in made}


def link_key(folder: Path) -> bytes:
    """The key of one-time links: made once, readable by its owner alone. Lost, only links that are out stop working."""
    path = folder / LINK_KEY
    if not path.exists():
        draft = folder / f".{LINK_KEY}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(LINK_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return path.read_bytes()


def forget_subscription(database: Database) -> Callable[[str], None]:
    """What is done about a push subscription that its service does not know any more."""

    def forget(endpoint: str) -> None:
        with database.writer.begin() as conn:
            conn.execute(delete(push_subscriptions).where(push_subscriptions.c.endpoint == endpoint))

    return forget


def _gateway(name: str, section: Gateway, public_url: str) -> GatewayOptions:
    assert section.url is not None, "settings ask for it"
    return GatewayOptions(
        url=section.url,
        method=section.method,
        headers=section.headers,
        body=section.body,
        username=section.username,
        secret=read_secret(section.secret_file) if section.secret_file else "",
        number_format=section.number_format,
        answer_id=section.answer_id,
        answer_result=section.answer_result,
        answer_taken=section.answer_taken,
        receipts_url=public_url + RECEIPTS.format(name=name) if public_url else "",
        ca_file=str(section.ca_file) if section.ca_file else None,
        timeout_s=section.timeout_seconds,
    )


def _door(section: Gateway) -> DoorOptions:
    return DoorOptions(
        check=section.receipt_check,
        header=section.receipt_header,
        secret=read_secret(section.receipt_secret_file) if section.receipt_secret_file else "",
        id_at=section.receipt_id,
        result_at=section.receipt_result,
        delivered=section.receipt_delivered,
        failed=section.receipt_failed,
        answered=section.receipt_answered,
        reply_from=section.reply_from,
        reply_text=section.reply_text,
        reply_id=section.reply_id,
    )


def _mail(settings: Settings) -> MailOptions:
    mail = settings.email
    return MailOptions(
        host=mail.host or "",
        port=mail.port,
        security=mail.security,
        username=mail.username,
        password=read_secret(mail.password_file) if mail.password_file else "",
        sender=mail.sender or "",
        ca_file=str(mail.ca_file) if mail.ca_file else None,
        timeout_s=mail.timeout_seconds,
    )


def _push(settings: Settings) -> PushOptions:
    push = settings.push
    assert push.key_file is not None, "settings ask for it"
    try:
        key = read_key(push.key_file)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError([(str(push.key_file), Problem("bad_key", "push.key_file", str(error)))]) from error
    return PushOptions(key=key, contact=push.contact or "", hosts=push.hosts, timeout_s=push.timeout_seconds)


def _webhook(settings: Settings) -> tuple[str, str, str | None, float]:
    hook = settings.webhook
    assert hook.secret_file is not None, "settings ask for it"
    return (
        hook.url or "",
        read_secret(hook.secret_file),
        str(hook.ca_file) if hook.ca_file else None,
        hook.timeout_seconds,
    )


def _apprise(settings: Settings) -> tuple[tuple[str, ...], float]:
    section = settings.apprise
    assert section.urls_file is not None, "settings ask for it"
    lines = [line.strip() for line in read_secret(section.urls_file).splitlines()]
    urls = tuple(line for line in lines if line and not line.startswith("#"))
    try:
        AppriseServices(urls)
    except BadService as error:
        raise SettingsError([(str(section.urls_file), Problem("bad_url", "apprise.urls_file", str(error)))]) from error
    return urls, section.timeout_seconds


def _reach(settings: Settings) -> Reach:
    to = settings.targets
    fixed = {
        "fallback": Address(phone=to.fallback_phone or "", email=to.fallback_email or ""),
        "centre": Address(phone=to.centre_phone or "", email=to.centre_email or ""),
        "technical": Address(phone=to.technical_phone or "", email=to.technical_email or ""),
    }
    clearance = {name: getattr(settings, name).clearance for name in (*GATEWAYS, "email", "webhook", "apprise")}
    return Reach(
        fixed={kind: address for kind, address in fixed.items() if address != Address()},
        per_minute={name: getattr(settings, name).per_minute for name in GATEWAYS},
        clearance=clearance,
        link_base=settings.http.public_url or "",
    )
