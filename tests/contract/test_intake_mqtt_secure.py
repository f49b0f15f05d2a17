"""The MQTT edge over TLS and with a password, on a real Mosquitto with a CA made here: in, or kept out and said."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.authority import Authority
from tests.support.mqtt_edge import Journalled, publish
from tests.support.servers import Mosquitto, require_program
from tests.support.waiting import wait_until

PASSWORD = "hemmelig i en fil"


def secure_broker(authority: Authority, folder: Path, *options: str, alternative: str = "IP:127.0.0.1") -> Mosquitto:
    """A broker whose only listener speaks TLS with a certificate of this authority."""
    certificate, key = authority.issue("broker", alternative=alternative)
    tls = f"cafile {authority.certificate}", f"certfile {certificate}", f"keyfile {key}"
    return Mosquitto(folder / "broker", options=(*tls, *options))


def with_passwords(folder: Path) -> tuple[str, str]:
    """Options for a broker that knows the user vardevakt."""
    passwords = folder / "passwords"
    arguments = [require_program("mosquitto_passwd"), "-c", "-b", str(passwords), "vardevakt", PASSWORD]
    subprocess.run(arguments, check=True, capture_output=True, timeout=30)
    return "allow_anonymous false", f"password_file {passwords}"


def url_of(broker: Mosquitto) -> str:
    """Its address with TLS."""
    return f"mqtts://127.0.0.1:{broker.port}"


def events(lines: list[Any], name: str) -> list[Any]:
    """The log lines of one event."""
    return [line for line in list(lines) if line["event"] == name]


@pytest.fixture
def journalled(tmp_path: Path) -> Iterator[Journalled]:
    """A journal and receive."""
    made = Journalled(tmp_path)
    yield made
    made.receiver.close()
    made.journal.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom the broker has its certificate from."""
    return Authority(tmp_path / "ca", "Test CA")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_over_tls_with_user_and_password(
    tmp_path: Path, journalled: Journalled, authority: Authority, version: str
) -> None:
    """The right CA, user and password: the feed lives, and more than one TLS record at a time is stored whole."""
    payloads = [b"%d" % number + b" " * 2_000 for number in range(200)]
    with secure_broker(authority, tmp_path, *with_passwords(tmp_path)) as broker:
        intake = journalled.intake(
            url_of(broker), version, username="vardevakt", password=PASSWORD, ca_file=authority.certificate
        )
        intake.start()
        wait_until(lambda: intake.state == "live", "the first canary")

        def prepare(client: Any) -> None:
            client.tls_set(str(authority.certificate))
            client.username_pw_set("vardevakt", PASSWORD)

        publish(broker.port, payloads, prepare=prepare)
        wait_until(lambda: len(journalled.messages()) >= len(payloads), "all rows", 20)
        intake.stop()
    assert [row.payload for row in journalled.messages()] == payloads
    assert intake.counts()["reconnects"] == 1  # the stop


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_broker_that_cannot_prove_itself_is_refused(
    tmp_path: Path, journalled: Journalled, authority: Authority, wrong: str
) -> None:
    """A foreign CA, or a certificate for another host: no password leaves, the log says why, and we keep trying."""
    trusted = Authority(tmp_path / "other", "Another CA") if wrong == "authority" else authority
    alternative = "IP:127.0.0.1" if wrong == "authority" else "DNS:other.example"
    with capture_logs() as lines, secure_broker(authority, tmp_path, alternative=alternative) as broker:
        intake = journalled.intake(url_of(broker), username="vardevakt", password=PASSWORD, ca_file=trusted.certificate)
        intake.start()
        wait_until(lambda: len(events(lines, "mqtt_tls_failed")) >= 2, "the second attempt")
        assert not intake.connected
        intake.stop()
        assert "New client connected" not in broker.log.read_text(errors="replace")
    assert events(lines, "mqtt_tls_failed")[0]["reason"] == "CERTIFICATE_VERIFY_FAILED"
    assert PASSWORD not in str(lines)


def test_a_ca_file_that_is_unreadable_for_a_while_does_not_end_the_intake(
    tmp_path: Path, journalled: Journalled, authority: Authority
) -> None:
    """Somebody exchanges the CA file while we connect: the attempt fails, the next with the right file works."""
    ca_file = tmp_path / "exchanged.pem"
    ca_file.write_text("half a certificate")
    with capture_logs() as lines, secure_broker(authority, tmp_path) as broker:
        intake = journalled.intake(url_of(broker), ca_file=ca_file)
        intake.start()
        wait_until(lambda: events(lines, "mqtt_tls_failed"), "a failed attempt")
        ca_file.write_bytes(authority.certificate.read_bytes())
        wait_until(lambda: intake.state == "live", "the first canary")
        publish(broker.port, [b"press"], prepare=lambda client: client.tls_set(str(authority.certificate)))
        wait_until(journalled.messages, "the row")
        intake.stop()
    assert [row.payload for row in journalled.messages()] == [b"press"]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_wrong_password_is_refused_and_said(
    tmp_path: Path, journalled: Journalled, authority: Authority, version: str
) -> None:
    """The broker does not take us: the feed is not live, the log says so without the password, and we keep trying."""
    with capture_logs() as lines, secure_broker(authority, tmp_path, *with_passwords(tmp_path)) as broker:
        intake = journalled.intake(
            url_of(broker),
            version,
            username="vardevakt",
            password="feil",
            ca_file=authority.certificate,
        )
        intake.start()
        wait_until(lambda: len(events(lines, "mqtt_refused")) >= 2, "the second attempt")
        assert (intake.connected, intake.state) == (False, "late")
        intake.stop()
    assert "uthori" in events(lines, "mqtt_refused")[0]["reason"]  # not authorized, in the words of either version
    assert "feil" not in str(lines)


def test_a_broker_that_asks_for_our_certificate_gets_it(
    tmp_path: Path, journalled: Journalled, authority: Authority
) -> None:
    """Without a certificate we are kept out, with ours we are in, under its name."""
    certificate, key = authority.issue("vardevakt")
    demands = "require_certificate true", "use_identity_as_username true", "allow_anonymous false"
    with secure_broker(authority, tmp_path, *demands) as broker:
        bare = journalled.intake(url_of(broker), ca_file=authority.certificate)
        bare.start()
        wait_until(lambda: bare.counts()["reconnects"] >= 2, "the second attempt")
        never = bare.last_canary_ms is None
        bare.stop()
        shown = journalled.intake(url_of(broker), ca_file=authority.certificate, cert_file=certificate, key_file=key)
        shown.start()
        wait_until(lambda: shown.state == "live", "the first canary")
        shown.stop()
        assert "u'vardevakt'" in broker.log.read_text(errors="replace")
    assert never
