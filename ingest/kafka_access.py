"""How Kafka is reached: servers, TLS, user. Data, and the one context that a certificate's files make. Edge.

Three ways, as Kafka's listeners name them: PLAINTEXT (a network of our own), SSL (by certificate, ours too where the
broker asks for one), SASL_SSL (a user, over TLS). A user without TLS is none of them: who listens would be that user.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import msgspec

from ingest.journal import JournalError

SCRAM_512, SCRAM_256, PLAIN = "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"


class KafkaAccess(msgspec.Struct, frozen=True):
    """`servers`: "host:port,host:port". Without `ca` the system's certificates are believed."""

    servers: str
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str = ""
    password: str = ""
    mechanism: str = SCRAM_512

    def __repr__(self) -> str:
        """Without the password, as this may stand in a log."""
        return f"KafkaAccess({self.servers!r}, tls={self.tls}, user={self.user!r})"

    def context(self) -> ssl.SSLContext | None:
        """None without TLS. JournalError: a file cannot be read, or holds no certificate."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl.SSLError is one
            raise JournalError(f"kafka {self.servers}: its certificates cannot be used: {error}") from error
        return context

    def of_aiokafka(self) -> dict[str, Any]:
        """What each of its clients is given. JournalError as `context`."""
        given: dict[str, Any] = {"bootstrap_servers": self.servers, "ssl_context": self.context()}
        if not self.user:
            return {**given, "security_protocol": "SSL" if self.tls else "PLAINTEXT"}
        return {
            **given, "security_protocol": "SASL_SSL", "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user, "sasl_plain_password": self.password,
        }  # fmt: skip


def access(kafka: KafkaAccess | str) -> KafkaAccess:
    """A text is the servers of a Kafka that asks nothing."""
    return KafkaAccess(kafka) if isinstance(kafka, str) else kafka
