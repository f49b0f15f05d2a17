"""`[logs]`: how Kafka is reached, and what is refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.running.kafka_place import kafka_access
from api.settings.file import SettingsError, load_settings
from ingest.kafka_access import SCRAM_512, KafkaAccess

KAFKA = ('kind = "kafka"', 'kafka_servers = "a:9092,b:9092"')


def loaded(folder: Path, *lines: str):
    """Settings with these lines in `[logs]`; FILE is a file that is there."""
    (folder / "file").write_text("s3cret\n")
    path = folder / "vardevakt.toml"
    path.write_text("\n".join(["[logs]", *KAFKA, *lines]).replace("FILE", f'"{folder / "file"}"'))
    return load_settings(path, environ={})


def test_without_more_kafka_is_asked_in_clear(tmp_path):
    """Servers alone: a network of our own."""
    access = kafka_access(loaded(tmp_path))

    assert access == KafkaAccess("a:9092,b:9092")
    assert access.of_aiokafka() == {
        "bootstrap_servers": "a:9092,b:9092", "security_protocol": "PLAINTEXT", "ssl_context": None
    }  # fmt: skip


def test_a_user_comes_over_tls_with_the_password_from_a_file(tmp_path):
    """Which stands neither in the settings nor in what the access says of itself."""
    access = kafka_access(
        loaded(tmp_path, "kafka_tls = true", 'kafka_username = "vardevakt"', "kafka_password_file = FILE")
    )

    given = access.of_aiokafka()
    assert (given["security_protocol"], given["sasl_mechanism"]) == ("SASL_SSL", SCRAM_512)
    assert (given["sasl_plain_username"], given["sasl_plain_password"]) == ("vardevakt", "s3cret")
    assert given["ssl_context"].check_hostname
    assert "s3cret" not in f"{access!r} {access}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('kafka_username = "vardevakt"',), "kafka_tls.*is missing; kafka_username needs it"),
        (
            ("kafka_tls = true", "kafka_password_file = FILE"),
            "kafka_username.*; kafka_password_file needs it",
        ),
        (("kafka_tls = true", "kafka_key_file = FILE"), "kafka_cert_file.*is missing"),
        (("kafka_ca_file = FILE",), "kafka_tls.*is missing; kafka_ca_file needs it"),
        (('kafka_mechanism = "MD5"',), "kafka_mechanism"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, lines, said):
    """By the field at fault, with what needs it."""
    with pytest.raises(SettingsError, match=said):
        loaded(tmp_path, *lines)
