"""The table of the settings that says where the desk's rows are kept: in the data folder, or on PostgreSQL.

Reads nothing, but looks whether a named file is there; the password is a file.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from alerts.database import Server, server_url
from alerts.site.problems import shown, wrong
from api.settings.section import FilePath, Section


def _database_url(text: str) -> str:
    if not text:
        return text
    try:
        url = server_url(Server(text))
    except ValueError as error:
        raise wrong("bad_url", f"{shown(text)} is {error}") from error
    if url.password is not None:
        raise wrong("secret_in_url", "holds a password; write database_password_file instead")
    return text


class DeskSettings(Section):
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        "",
        description="Where alerts, people and outbox are kept: postgresql+psycopg://user@host/name, which several"
        " processes may share; add ?sslmode=verify-full for TLS. Empty: desk.db in the data folder.",
    )
    database_password_file: FilePath | None = Field(
        None, description="File that holds the password of the user in database_url and nothing else."
    )
    link_key_file: FilePath | None = Field(
        None,
        description="File that holds the key of one-time links, at least 32 bytes, the same for every process."
        " Without it: links.key in the data folder, made once.",
    )

    @model_validator(mode="after")
    def _whole(self) -> DeskSettings:
        if self.database_password_file is not None and not self.database_url:
            raise wrong("needed", "is missing; database_password_file needs it", "database_url")
        if self.database_url and self.link_key_file is None:
            raise wrong("needed", "is missing; processes that share a desk need one", "link_key_file")
        return self
