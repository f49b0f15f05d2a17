"""Kafka behind TLS and a user: the logs are written, read and folded there; who may not come in is told why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.running.worker import WorkerOptions, run_worker
from ingest.client_kafka import Ack, KafkaClient, Message
from ingest.journal import JournalError
from ingest.kafka_access import PLAIN, KafkaAccess
from ingest.record import CLOCK, Input
from ingest.topics import INPUTS, Layout, Origin, encode_input
from ingest.topics_kafka import create_topics
from rules.effects import LIVE
from rules.generation import GenerationDesk
from tests.support.authority import Authority
from tests.support.effect_store import EffectStore
from tests.support.file_snapshots import FileSnapshots
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

PASSWORD = "hemmelig i en fil"
LAYOUT = Layout("solbakken", 1, 2)
SECURE = """
listeners=SASL_SSL://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}}
inter.broker.listener.name=SASL_SSL
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="broker" password="{password}" user_broker="{password}" user_vardevakt="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaAccess]:
    """A Kafka whose only door for clients is TLS with a user; how to come in."""
    folder = tmp_path_factory.mktemp("secure")
    authority = Authority(folder / "ca", "Vardevakt test")
    certificate, key = authority.issue("broker")
    keystore = folder / "keystore.pem"
    keystore.write_text(key.read_text() + certificate.read_text())
    more = SECURE.format(password=PASSWORD, keystore=keystore, authority=authority.certificate)
    with Kafka(folder / "kafka", more) as kafka:
        yield KafkaAccess(
            kafka.servers, tls=True, ca=authority.certificate, user="vardevakt", password=PASSWORD, mechanism=PLAIN
        )


def test_the_logs_stand_behind_tls_and_a_user(secured: KafkaAccess, tmp_path: Path) -> None:
    """Topics are made, a row is written, and a worker under Faust folds it."""
    client = KafkaClient(secured)
    create_topics(client, LAYOUT, replicas=1, keep_days=0)
    rows = [
        Message(LAYOUT.topic(INPUTS), number, b"", encode_input("solbakken", Input(CLOCK, 1), Origin(number, 1, 0)), 1)
        for number in range(2)
    ]
    assert all(isinstance(one, Ack) for one in client.call(client.produce(rows)))
    client.close()

    store, stopping = EffectStore(tmp_path), threading.Event()
    options = WorkerOptions(kafka=secured, layout=LAYOUT, lanes=(LIVE,), session_s=3.0)
    codes: list[int] = []
    worker = threading.Thread(
        target=lambda: codes.append(run_worker(options, store, FileSnapshots(tmp_path / "states"), stopping))
    )
    worker.start()
    positions = GenerationDesk(store, LAYOUT).positions
    wait_until(lambda: positions(LIVE) == {0: 1, 1: 1} or not worker.is_alive(), "both rows folded", 60)
    stopping.set()
    worker.join(60)
    assert positions(LIVE) == {0: 1, 1: 1}
    assert codes == [0]


@pytest.mark.parametrize("wrong", ["password", "authority", "no user", "no tls"])
def test_who_may_not_come_in_is_told_with_the_server(secured: KafkaAccess, tmp_path: Path, wrong: str) -> None:
    """A wrong password, a broker signed by a stranger, no user and no TLS: an error in words, and never a hang."""
    stranger = Authority(tmp_path / "other", "Andre").certificate
    ways: dict[str, dict[str, Any]] = {
        "password": {"password": "feil"}, "authority": {"ca": stranger}, "no user": {"user": ""},
        "no tls": {"tls": False, "user": ""},
    }  # fmt: skip
    client = KafkaClient(msgspec.structs.replace(secured, **ways[wrong]))
    try:
        with pytest.raises(JournalError, match=secured.servers):
            client.describe([LAYOUT.topic(INPUTS)])
    finally:
        client.close()


def test_a_certificate_that_is_none_is_said_at_once(secured: KafkaAccess, tmp_path: Path) -> None:
    """A file that holds no certificate, before anything is connected."""
    (tmp_path / "ca.pem").write_text("ingen sertifikat")
    with pytest.raises(JournalError, match="certificates cannot be used"):
        KafkaClient(KafkaAccess(secured.servers, tls=True, ca=tmp_path / "ca.pem"))
