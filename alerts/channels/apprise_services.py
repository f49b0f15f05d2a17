"""Edge: the channel for what Apprise speaks and we do not: chat, paging and push services by the hundred.

For: services that everybody on duty sees, such as a room of the home care's own chat. Each line of the settings' file
is an Apprise URL. It cannot ring one function, so it needs no address and gets every message.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

from alerts.channels.channel import FAILED, OK, UNKNOWN, Message, Result
from alerts.channels.http_call import TIMEOUT_S


class BadService(ValueError):
    """An address that Apprise does not know. Says which line, never the address: it holds a secret."""


class AppriseServices:
    """Tells all services; taken when one of them took it."""

    name = "apprise"
    reaches_people = True

    def __init__(self, urls: Sequence[str], timeout_s: float = TIMEOUT_S) -> None:
        """Raises BadService."""
        import apprise  # 0.3 s, and only where it is wanted

        logging.getLogger("apprise").disabled = True  # it logs addresses, and they hold secrets
        with warnings.catch_warnings():  # a plug-in of its hundred imports what Python 3.13 drops
            warnings.simplefilter("ignore", DeprecationWarning)
            self._services = self._all(apprise, urls)
        self._timeout_s = timeout_s

    @staticmethod
    def _all(apprise: Any, urls: Sequence[str]) -> Any:
        asset = apprise.AppriseAsset(async_mode=False, app_id="Vardevakt", app_desc="", app_url="")
        services = apprise.Apprise(asset=asset)
        for number, url in enumerate(urls, 1):
            if not services.add(url):
                raise BadService(f"address {number} is none that Apprise knows")
        return services

    def send(self, message: Message) -> Result:
        told = self._services.notify(body=message.text, title=message.title, timeout=self._timeout_s)
        if told.success_count:
            return Result(OK, f"{told.success_count} of {len(told.results)}")
        if told.timeout_count:
            return Result(UNKNOWN, "timed out")
        return Result(FAILED, "no service took it")
