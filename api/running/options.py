"""From what people write (settings) to what the parts are given (options). Edge: reads secret files."""

from __future__ import annotations

from pathlib import Path

from api.http.services import WebOptions
from api.running.channel_wiring import channel_options
from api.running.desk_place import desk_server
from api.running.series import influx_options
from api.running.watch import heartbeat_options
from api.settings.file import read_secret
from api.settings.model import Mqtt, Settings
from api.wiring import Options
from ingest.intake_mqtt import MqttOptions
from ingest.journal_file import JournalOptions
from rules.book import Book


def options_of(
    settings: Settings,
    site_id: str,
    book: Book,
    *,
    data: Path,
    http_port: int | None = None,
    mqtt_port: int | None = None,
    ephemeral: bool = False,
) -> Options:
    """`ephemeral`: a demo, which needs no large reserve of disk."""
    journal, mqtt = settings.journal, settings.mqtt
    return Options(
        site_id=site_id,
        data=data,
        http_host=settings.http.host,
        http_port=settings.http.port if http_port is None else http_port,
        mqtt=mqtt_options(mqtt, site_id),
        mqtt_port=mqtt.embedded_port if mqtt_port is None else mqtt_port,
        zigbee_bases=settings.zigbee2mqtt.bases,
        journal=JournalOptions(
            reserve_bytes=16 * 1_048_576 if ephemeral else journal.reserve_bytes, max_bytes=journal.max_bytes
        ),
        desk=desk_server(settings),
        influx=influx_options(settings.series),
        keep_days=journal.keep_days,
        memory_limit_bytes=mqtt.memory_limit_bytes,
        channels=channel_options(settings),
        heartbeat=heartbeat_options(settings),
        session_hours=settings.http.session_hours,
        session_idle_minutes=settings.http.session_idle_minutes,
        web=WebOptions(secure_cookies=settings.secure_cookies, session_hours=settings.http.session_hours),
        book=book,
    )


def mqtt_options(mqtt: Mqtt, site_id: str) -> MqttOptions | None:
    """How the broker of the settings is reached; None where there is none. Raises SettingsError for a password file."""
    if mqtt.url is None:
        return None
    return MqttOptions(
        url=mqtt.url,
        site=site_id,
        version=mqtt.version,
        client_id=mqtt.client_id,
        gateway_list=mqtt.gateway_list,
        username=mqtt.username,
        password=read_secret(mqtt.password_file) if mqtt.password_file is not None else None,
        ca_file=mqtt.ca_file,
        cert_file=mqtt.cert_file,
        key_file=mqtt.key_file,
        keepalive_s=mqtt.keepalive_seconds,
        receive_maximum=mqtt.receive_maximum,
    )
