"""A broker of the smallest kind (MQTT 3.1.1, every subscriber gets everything at QoS 1) that does
wrong on purpose, so that the checks can see whether runnel-load notices."""

import selectors
import socket
import struct
import threading

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14
PUBACK = 4


def encode_length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def take_packet(buffer: bytearray) -> tuple[int, bytes] | None:
    """The first byte and the body of the packet at the front; None while it is incomplete."""
    length, at = 0, 1
    while True:
        if at >= len(buffer):
            return None
        digit = buffer[at]
        length |= (digit & 0x7F) << (7 * (at - 1))
        at += 1
        if not digit & 0x80:
            break
    if len(buffer) < at + length:
        return None
    first, body = buffer[0], bytes(buffer[at : at + length])
    del buffer[: at + length]
    return first, body


class FaultyBroker:
    """`fault` turns the list of all messages, as (MQTT topic, payload), into what subscribers get.
    They get it when `total` messages have been acknowledged, and not before."""

    def __init__(self, total: int, fault):
        self._total = total
        self._fault = fault
        self._messages: list[tuple[bytes, bytes]] = []
        self._buffers: dict[socket.socket, bytearray] = {}
        self._subscribers: list[socket.socket] = []
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for peer in self._buffers:
            peer.close()
        self._listener.close()
        self._selector.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(timeout=0.05):
                if key.fileobj is self._listener:
                    peer, _ = self._listener.accept()
                    self._buffers[peer] = bytearray()
                    self._selector.register(peer, selectors.EVENT_READ)
                else:
                    self._read(key.fileobj)

    def _read(self, peer: socket.socket) -> None:
        data = peer.recv(65536)
        if not data:
            self._selector.unregister(peer)
            return
        buffer = self._buffers[peer]
        buffer += data
        while (packet := take_packet(buffer)) is not None:
            self._answer(peer, *packet)

    def _answer(self, peer: socket.socket, first: int, body: bytes) -> None:
        kind = first >> 4
        if kind == CONNECT:
            peer.sendall(b"\x20\x02\x00\x00")
        elif kind == SUBSCRIBE:
            self._subscribers.append(peer)
            peer.sendall(b"\x90\x03" + body[:2] + b"\x01")
        elif kind == PINGREQ:
            peer.sendall(b"\xd0\x00")
        elif kind == PUBLISH:
            end = 2 + struct.unpack_from(">H", body)[0]
            self._messages.append((body[2:end], body[end + 2 :]))
            peer.sendall(bytes([PUBACK << 4, 2]) + body[end : end + 2])
            if len(self._messages) == self._total:
                self._deliver()

    def _deliver(self) -> None:
        out = bytearray()
        for index, (topic, payload) in enumerate(self._fault(self._messages)):
            packet_id = struct.pack(">H", index % 65535 + 1)
            body = struct.pack(">H", len(topic)) + topic + packet_id + payload
            out += bytes([PUBLISH << 4 | 2]) + encode_length(len(body)) + body
        for subscriber in self._subscribers:
            subscriber.sendall(out)
