"""What a service can be told: one pydantic model, read once at start (`api/settings/file.py`), documented from here.

Reads nothing, but looks whether a named file is there. Every field has a default that works on one machine, a unit in
its name and a sentence of meaning; secrets are never values here but files that hold them. There is no password setting
and no default password anywhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from alerts.site.problems import shown, wrong
from api.settings.channels import Apprise, Channels, Email, Gateway, Push, Targets, Webhook
from api.settings.desk import DeskSettings
from api.settings.heartbeat import Heartbeat
from api.settings.logs import Logs
from api.settings.section import FilePath, FolderPath, PageUrl, Port, Section, as_tuple
from api.settings.series import SeriesSettings

MIB = 1_048_576
_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")


def _site_id(text: str) -> str:
    if not _SITE.fullmatch(text):
        raise wrong("bad_id", f"{shown(text)} is no id; write 1 to 48 letters a-z, digits, '.', '_' and '-'")
    return text


def _broker_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise wrong("bad_url", f"{shown(text)} is no address: {error}") from error
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or port == 0:
        raise wrong("bad_url", f"{shown(text)} is no broker; write mqtt://host:1883 or mqtts://host:8883")
    if parts.username or parts.password:
        raise wrong("secret_in_url", "holds a user or password; write username and password_file instead")
    return text


def _bases(bases: tuple[str, ...]) -> tuple[str, ...]:
    for base in bases:
        if not base.strip("/") or re.search(r"[+#\x00]", base):
            raise wrong("bad_topic", f"{shown(base)} is no base topic")
    return bases


class Site(Section):
    id: Annotated[str, AfterValidator(_site_id)] | None = Field(
        None, description="Which site this service serves. Without it: the one that the data folder holds."
    )


class Data(Section):
    dir: FolderPath = Field(Path("data"), description="Folder of journal.db, desk.db and series.db.")


class Http(Section):
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for every one.")
    port: Port = Field(8080, description="Port to listen on; 0 = any free one.")
    public_url: PageUrl | None = Field(
        None, description="How browsers reach the board, where that is not host and port."
    )
    cookie_secure: bool | None = Field(
        None, description="Send the session cookie over TLS only. Without it: when public_url begins with https."
    )
    session_hours: int = Field(12, ge=1, le=72, description="A log-in ends after this.")
    session_idle_minutes: int = Field(240, ge=5, le=4_320, description="A log-in ends when it is not used for this.")


class Mqtt(Section):
    url: Annotated[str, AfterValidator(_broker_url)] | None = Field(
        None, description="The broker: mqtt://host:1883, or mqtts://host:8883 for TLS."
    )
    embedded: bool = Field(True, description="Without a url, start a broker of our own on this machine.")
    embedded_port: Port = Field(1883, description="Port of our own broker, for gateways; 0 = any free one.")
    version: Literal["5", "3.1.1"] = Field("5", description="Version of the protocol.")
    client_id: str = Field("", max_length=60, description="Without it: made from the site; stable over restarts.")
    gateway_list: str = Field(
        "", max_length=60, description="Of an intake that hears some gateways only (the broker's ACL): their list."
    )
    username: str | None = Field(None, min_length=1, description="User at the broker.")
    password_file: FilePath | None = Field(None, description="File that holds the password and nothing else.")
    ca_file: FilePath | None = Field(
        None, description="Certificates that may sign the broker's. Without it: the system's."
    )
    cert_file: FilePath | None = Field(None, description="Our certificate, where the broker asks for one.")
    key_file: FilePath | None = Field(None, description="The key of cert_file.")
    keepalive_seconds: int = Field(30, ge=5, le=3_600, description="How long the link may be silent.")
    receive_maximum: int = Field(
        65_535, ge=1, le=65_535, description="Messages on their way at once. As high as it goes: brokers drop the rest."
    )
    memory_limit_bytes: int = Field(
        64 * MIB, ge=MIB, le=16_384 * MIB, description="Memory for messages that are not on disk yet."
    )

    @model_validator(mode="after")
    def _whole(self) -> Mqtt:
        if self.password_file is not None and self.username is None:
            raise wrong("needed", "is missing; password_file needs it", "username")
        if self.key_file is not None and self.cert_file is None:
            raise wrong("needed", "is missing; key_file needs it", "cert_file")
        return self


class Journal(Section):
    reserve_bytes: int = Field(256 * MIB, ge=0, description="Disk kept free for alarms; below it the rest is shed.")
    max_bytes: int | None = Field(
        None, ge=8 * MIB, description="Most the journal may take. Without it: the whole disk."
    )
    keep_days: int = Field(
        90,
        ge=0,
        le=3_650,
        description="Days that messages and inputs are kept once a base stands behind them; 0 = for ever.",
    )


class Zigbee2mqtt(Section):
    bases: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(min_length=1, max_length=100),
        BeforeValidator(as_tuple),
        AfterValidator(_bases),
    ] = Field(("zigbee2mqtt",), description="Base topics of all Zigbee2MQTT bridges.")


class Rules(Section):
    book_file: FilePath | None = Field(None, description="The site's rule book, over the shipped one.")


class Log(Section):
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="JSON lines, or colours for people. auto = console on a terminal, else json."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least serious event that is logged."
    )


class Settings(Section):
    """Everything a service can be told. Made by `api.settings.file.load_settings`, or from defaults."""

    site: Site = Site()
    data: Data = Data()
    http: Http = Http()
    mqtt: Mqtt = Mqtt()
    journal: Journal = Journal()
    logs: Logs = Logs()
    desk: DeskSettings = DeskSettings()
    series: SeriesSettings = SeriesSettings()
    zigbee2mqtt: Zigbee2mqtt = Zigbee2mqtt()
    rules: Rules = Rules()
    channels: Channels = Channels()
    targets: Targets = Targets()
    sms: Gateway = Gateway()
    voice: Gateway = Gateway()
    email: Email = Email()
    push: Push = Push()
    webhook: Webhook = Webhook()
    apprise: Apprise = Apprise()
    heartbeat: Heartbeat = Heartbeat()
    log: Log = Log()

    @property
    def secure_cookies(self) -> bool:
        """Whether the session cookie travels over TLS only."""
        if self.http.cookie_secure is not None:
            return self.http.cookie_secure
        return (self.http.public_url or "").startswith("https:")


def sections() -> dict[str, type[Section]]:
    """Name of each table of the file -> its model."""
    found: dict[str, type[Section]] = {}
    for name, field in Settings.model_fields.items():
        assert isinstance(field.annotation, type), "every section is a model"
        found[name] = field.annotation
    return found


def environment_name(section: str, key: str) -> str:
    """mqtt, client_id -> VARDEVAKT_MQTT_CLIENT_ID."""
    return f"VARDEVAKT_{section}_{key}".upper()


def settings_markdown() -> str:
    """The settings as a page for people; `deploy/README.md` holds exactly this (tests/tidy)."""
    lines = []
    for section, model in sections().items():
        lines += [f"**`[{section}]`**", "", "| key | environment | default | meaning |", "|---|---|---|---|"]
        for key, field in model.model_fields.items():
            default = _written(field.default)
            lines.append(f"| `{key}` | `{environment_name(section, key)}` | {default} | {field.description} |")
        lines.append("")
    return "\n".join(lines)


def _written(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return f"`{value}`" if isinstance(value, int) else f'`"{value}"`'
