"""The writer of what the source folds say, onto its logs on Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from ingest.client_kafka import Ack, KafkaClient, Message
from ingest.topics import Outgoing, Placement


class KafkaWriter:
    """What the source fold of a raw partition says (`topics.outgoing`), onto its logs. Callable from any thread."""

    def __init__(self, client: KafkaClient, placement: Placement) -> None:
        self._client, self._layout = client, placement.layout

    def write(self, rows: Sequence[Outgoing], timeout_s: float | None = None) -> None:
        """Returns when every row is acknowledged. JournalError: some are not; which, nobody knows: write the whole
        again, from the position that is on disk, before anything else of this partition. While Kafka is away it waits.
        """
        self.start_write(rows).result(timeout_s)

    def start_write(self, rows: Sequence[Outgoing]) -> Future[None]:
        """As `write`, without waiting; one at a time a raw partition."""
        return self._client.submit(self._write(rows))

    async def _write(self, rows: Sequence[Outgoing]) -> None:
        messages = [Message(self._layout.topic(one.log), one.partition, one.key, one.value, one.at_ms) for one in rows]
        if not messages:
            return
        try:
            results = await self._client.produce(messages)
        except Exception as error:
            raise self._client.trouble(error) from error
        failed = next((one for one in results if not isinstance(one, Ack)), None)
        if failed is not None:
            raise self._client.trouble(failed) from failed
