"""A WebSocket client (RFC 6455), by hand, so that it can also do what the RFC forbids.

It looks like a socket to client.Client: sendall() sends one binary frame, recv() gives the payload
of the next binary frame. Frames from the server are held to the RFC: not masked, no reserved bits,
lengths in their shortest form, data in binary frames only [MQTT-6.0.0-1].
"""

import base64
import hashlib
import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NO_ANSWER = 0  # in the place of an HTTP status
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASK = b"\x3a\x91\x00\xfe"


class Refused(AssertionError):
    """The server answered the handshake with something else than 101."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def frame(opcode, payload=b"", final=True, masked=True):
    head = bytes([(0x80 if final else 0) | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not masked:
        return head + payload
    repeated = _MASK * (len(payload) // 4 + 1)
    number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:len(payload)], "big")
    return head + _MASK + number.to_bytes(len(payload), "big")


class WebSocket:
    """`subprotocols` is what the client offers; None offers nothing."""

    def __init__(self, stream, subprotocols="mqtt", path="/mqtt"):
        self.stream = stream
        self.subprotocol = None
        self.pongs = []
        self.close_code = None
        self._buffer = bytearray()
        self._in_message = False
        self._handshake(subprotocols, path)

    # --- As a socket --------------------------------------------------------------------------

    def sendall(self, data):
        self.send_frames(frame(BINARY, data))

    def settimeout(self, seconds):
        self.stream.settimeout(seconds)

    def close(self):
        self.stream.close()

    def recv(self, _count):
        """The payload of the next binary frame; b"" once the server has closed."""
        while True:
            opcode, payload = self._read_frame()
            if opcode is None:
                return b""
            if opcode == CLOSE:
                self.close_code = struct.unpack(">H", payload[:2])[0] if payload else None
            elif opcode == PONG:
                self.pongs.append(payload)
            elif opcode == PING:
                self.stream.sendall(frame(PONG, payload))
            elif payload:
                return payload

    # --- Frames -------------------------------------------------------------------------------

    def send_frames(self, *frames):
        """In one write, so that the server may find several, or a part of one, in one read."""
        self.stream.sendall(b"".join(frames))

    def _read_frame(self):
        head = self._take(2)
        if head is None:
            return None, b""
        final, opcode, length = head[0] & 0x80, head[0] & 0x0F, head[1]
        if head[0] & 0x70:
            raise AssertionError(f"reserved bits in a frame: {head.hex()}")
        if length & 0x80:
            raise AssertionError("a masked frame from the server")
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
            if length < 126:
                raise AssertionError("a frame length longer than it need be")
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
            if length < 65536:
                raise AssertionError("a frame length longer than it need be")
        if opcode not in (CONTINUATION, BINARY, CLOSE, PING, PONG):
            raise AssertionError(f"opcode {opcode} from the server")
        if opcode >= CLOSE and (length > 125 or not final):
            raise AssertionError("a long or fragmented control frame from the server")
        if opcode < CLOSE:
            if (opcode == CONTINUATION) != self._in_message:
                raise AssertionError("fragments out of order from the server")
            self._in_message = not final
        return opcode, self._take(length)

    def _take(self, count):
        while len(self._buffer) < count:
            data = self.stream.recv(65536)
            if not data:
                return None
            self._buffer += data
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        return piece

    # --- The opening --------------------------------------------------------------------------

    def _handshake(self, subprotocols, path):
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {key.decode()}",
                 "Sec-WebSocket-Version: 13"]
        if subprotocols is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocols}")
        self.stream.sendall("\r\n".join(lines + ["", ""]).encode())
        status, headers = read_http(self.stream, self._buffer)
        if status != 101:
            raise Refused(status, f"HTTP {status} {headers}")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
        if headers.get("sec-websocket-accept") != accept:
            raise AssertionError(f"wrong Sec-WebSocket-Accept: {headers}")
        self.subprotocol = headers.get("sec-websocket-protocol")


def read_http(stream, rest):
    """Status and headers of an HTTP answer; what came after them goes to `rest`."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            raise Refused(NO_ANSWER, f"closed after {bytes(data)!r}")
        data += more
    head, _, after = bytes(data).partition(b"\r\n\r\n")
    rest += after
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(":", 1) for line in lines)
    return int(first.split()[1]), {k.lower(): v.strip() for k, v in headers.items()}
