"""Which gateways may speak, and under which topics: certificates, who is revoked, the broker's ACL. Edge: files.

`gateways.json` is the truth; `acl` and `crl.pem` are made from it with every act. A gateway is known to the broker by
the name in its certificate, and may use its own topics only; no two may have topics that overlap, or one could speak
for the residents of the other.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from api.certificates import Authority
from api.cli.problem_lines import CannotRun
from api.http.wire import utc_text

LIST = "gateways.json"
SERVICE, BROKER = "vardevakt", "broker"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
_OURS = ("vardevakt", "vardevakt/1")
_TOPIC = re.compile(r"[^+#\s\x00/$][^+#\s\x00]*")


class Gateway(msgspec.Struct, frozen=True):
    """One certificate that was given out. Serial numbers as hex: JSON numbers are too small for them."""

    name: str
    topics: tuple[str, ...]
    serial: str
    enrolled_at: str
    ends_ms: int
    revoked_at: str | None = None


class GatewayList:
    """The list of one folder, and what is made from it."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        self._folder, self._now_ms = folder, now_ms
        self._now = dt.datetime.fromtimestamp(now_ms // 1_000, dt.UTC)

    def all(self) -> list[Gateway]:
        """Every certificate given out, the revoked too, oldest first."""
        try:
            return msgspec.json.decode((self._folder / LIST).read_bytes(), type=list[Gateway])
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise CannotRun(f"{self._folder / LIST} is damaged: {error}") from error

    def certify_broker(self, hosts: Sequence[str], days: int) -> None:
        """Certificates for the broker under these names and for the service; the authority too, when there is none."""
        authority = Authority(self._folder, self._now)
        authority.issue(hosts[0], self._folder / BROKER, days, hosts)
        authority.issue(SERVICE, self._folder / SERVICE, days)
        self._write(authority, self.all())

    def enrol(self, name: str, topics: Sequence[str], days: int) -> Path:
        """A certificate for a gateway, and its topics; where its files lie. CannotRun: name or topics will not do."""
        if not _NAME.fullmatch(name) or name == SERVICE:
            raise CannotRun(f"{name!r} is no name for a gateway; write 1 to 48 letters a-z, digits, '.', '_' and '-'")
        known = self.all()
        if any(one.name == name and one.revoked_at is None for one in known):
            raise CannotRun(f"{name} is enrolled already: revoke it first")
        wanted = tuple(topic.strip("/") for topic in topics)
        for topic in wanted:
            if not _TOPIC.fullmatch(topic):
                raise CannotRun(f"{topic!r} is no beginning of topics: no spaces, no + and no #")
            if topic in _OURS or topic.split("/")[0].startswith("vardevakt-"):
                raise CannotRun(f"{topic}/ is the service's own; a gateway has vardevakt/1/NAME, or a base of its own")
            self._must_be_free(topic, known)
        if not (self._folder / "ca.pem").exists():
            raise CannotRun(f"{self._folder} holds no authority: `vardevakt gateways broker HOST` makes it")
        authority, folder = Authority(self._folder, self._now), self._folder / "gateways" / name
        serial, ends_ms = authority.issue(name, folder, days)
        shutil.copyfile(self._folder / "ca.pem", folder / "ca.pem")
        made = Gateway(name, wanted, f"{serial:x}", utc_text(self._now_ms), ends_ms)
        self._write(authority, [*known, made])
        return folder

    def revoke(self, name: str) -> bool:
        """Shut a gateway out; False when nobody of that name is enrolled."""
        known = self.all()
        at = utc_text(self._now_ms)
        hit = [one.name == name and one.revoked_at is None for one in known]
        if not any(hit):
            return False
        told = [msgspec.structs.replace(one, revoked_at=at) if it else one for one, it in zip(known, hit, strict=True)]
        self._write(Authority(self._folder, self._now), told)
        shutil.rmtree(self._folder / "gateways" / name, ignore_errors=True)
        return True

    def _must_be_free(self, topic: str, known: Sequence[Gateway]) -> None:
        for one in known:
            for other in one.topics if one.revoked_at is None else ():
                if f"{topic}/".startswith(f"{other}/") or f"{other}/".startswith(f"{topic}/"):
                    raise CannotRun(f"{topic}/ overlaps with {other}/, which is {one.name}'s")

    def _write(self, authority: Authority, known: Sequence[Gateway]) -> None:
        """First who is shut out, then who is let in; each file whole or not at all."""
        authority.write_revoked([int(one.serial, 16) for one in known if one.revoked_at is not None])
        _replace(self._folder / "acl", "\n".join(acl_lines(known)) + "\n")
        _replace(self._folder / LIST, msgspec.json.format(msgspec.json.encode(list(known))).decode() + "\n")


def acl_lines(known: Sequence[Gateway]) -> Iterator[str]:
    """Mosquitto's ACL file: the service hears and says everything, a gateway its own topics, anybody else nothing."""
    yield "# made by `vardevakt gateways`; do not edit"
    yield f"user {SERVICE}"
    yield "topic readwrite #"
    yield "topic read $SYS/#"
    for one in known:
        if one.revoked_at is None:
            yield f"user {one.name}"
            yield from (f"topic readwrite {topic}/#" for topic in one.topics)


def _replace(path: Path, content: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(content)
    draft.replace(path)
