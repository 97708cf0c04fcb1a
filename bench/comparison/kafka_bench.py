"""What every scenario of bench/kafka needs."""

import dataclasses

from .bench import Turns
from .kafka_peers import AppendPeer, BytesPeer, KafkaRunnel
from .load import KafkaLoadTool


@dataclasses.dataclass(kw_only=True)
class KafkaBench(Turns):
    tool: KafkaLoadTool
    hub: KafkaRunnel
    append_peers: list[AppendPeer]
    bytes_peers: list[BytesPeer]
    seconds: float
    connections: list[int]
    in_flight: list[int]
    record_bytes: list[int]
    batch_bytes: list[int]
    log_mib: int
    consumers: int
    max_waits_ms: list[int]
    rest_seconds: float
