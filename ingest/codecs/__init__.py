"""One line per gateway convention. The first codec whose `route` answers has the topic."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.codec import Codec
from ingest.codecs.chirpstack import ChirpStackCodec
from ingest.codecs.vardevakt import VardevaktCodec
from ingest.codecs.zigbee2mqtt import Zigbee2MqttCodec


def default_codecs(zigbee_bases: Sequence[str] = ("zigbee2mqtt",)) -> tuple[Codec, ...]:
    """The codecs of a service. `zigbee_bases`: base topics of all its Zigbee2MQTT bridges."""
    return (
        VardevaktCodec(),
        Zigbee2MqttCodec(tuple(zigbee_bases)),
        ChirpStackCodec(),
    )
