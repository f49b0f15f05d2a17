"""A certificate authority of our own for broker, service and gateways; the one place that knows X.509. Edge: files.

A folder holds it: `ca.pem` and `ca.key`, a list of the revoked (`crl.pem`), a pair of files for each name. Keys are
P-256 and readable by their owner alone. Nothing here speaks to a network.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from api.cli.problem_lines import CannotRun

CA_DAYS, CRL_DAYS = 7_300, 3_650  # a list of revoked that ends shuts every gateway out: long, and renewed with each act
BACKDATED = dt.timedelta(minutes=5)  # gateways' clocks
PUBLIC, PRIVATE = 0o644, 0o600


def certificate_ends_ms(path: Path) -> int:
    """When the first to end of the certificates in a PEM file does, ms UTC. CannotRun: it is none."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CannotRun(f"{path}: {getattr(error, 'strerror', None) or 'holds no certificate'}") from error
    return min(int(one.not_valid_after_utc.timestamp()) for one in found) * 1_000


class Authority:
    """The authority of one folder; made when there is none. CannotRun when it is not whole."""

    def __init__(self, folder: Path, now: dt.datetime, name: str = "Vardevakt gateways") -> None:
        self._folder, self._now = folder, now
        if not (folder / "ca.pem").exists():
            self._make(name)
        try:
            self._certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
            key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        except (OSError, ValueError) as error:
            raise CannotRun(f"the authority in {folder} is not whole: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CannotRun(f"{folder / 'ca.key'} is no key of ours")
        self._key = key

    def issue(self, name: str, folder: Path, days: int, hosts: Sequence[str] = ()) -> tuple[int, int]:
        """`cert.pem` and `key.pem` for that name, into a folder. With `hosts` a server's, else a client's.

        Answers its serial number and when it ends, ms UTC.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        ends = self._now + dt.timedelta(days=days)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        made = (
            self._builder(name, key.public_key(), ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        certificate = made.sign(self._key, hashes.SHA256())
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        _write(folder / "key.pem", _pem_of(key), PRIVATE)
        _write(folder / "cert.pem", certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)
        return certificate.serial_number, int(ends.timestamp()) * 1_000

    def write_revoked(self, serials: Sequence[int]) -> None:
        """The whole list of the revoked, signed anew: `crl.pem`."""
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(self._now - BACKDATED)
            .next_update(self._now + dt.timedelta(days=CRL_DAYS))
        )
        for serial in serials:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self._now - BACKDATED)
            made = made.add_revoked_certificate(one.build())
        revoked = made.sign(self._key, hashes.SHA256())
        _write(self._folder / "crl.pem", revoked.public_bytes(serialization.Encoding.PEM), PUBLIC)

    def _make(self, name: str) -> None:
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - BACKDATED)
            .not_valid_after(self._now + dt.timedelta(days=CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        certificate = made.sign(key, hashes.SHA256())
        _write(self._folder / "ca.key", _pem_of(key), PRIVATE)
        _write(self._folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)

    @property
    def _public_key(self) -> ec.EllipticCurvePublicKey:
        key = self._certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey), "we make no other"
        return key

    def _builder(self, name: str, key: ec.EllipticCurvePublicKey, ends: dt.datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - BACKDATED)
            .not_valid_after(ends)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._public_key), critical=False)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by more than it should be."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
