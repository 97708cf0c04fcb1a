"""A client that does what a test tells it, and holds the server to the rules while it listens.

Every packet goes through parsing.parse. Beyond that a client checks, without being asked, that

- the first packet is a CONNACK and there is only one [MQTT-3.2.0-1] [MQTT-3.2.0-2];
- no packet is larger than the Maximum Packet Size it gave [MQTT-3.1.2-24];
- no topic alias is above its Topic Alias Maximum [MQTT-3.1.2-26] [MQTT-3.1.2-27];
- no packet identifier is used again before its message is settled [MQTT-2.2.1-4];
- no more messages than its Receive Maximum are unsettled [MQTT-3.3.4-9];
- nothing follows a DISCONNECT [MQTT-3.14.4-1].
"""

import os
import socket
import time

import parsing
import wire
from parsing import ServerBrokeTheFormat
from wire import Prop, Type, V5

# How long to wait for what must come. Only a test that fails waits this long.
PATIENCE_S = float(os.environ.get("RUNNEL_TEST_PATIENCE_S", "5"))
# Another broker may close without the reason that ours always gives.
SILENCE_ALLOWED = bool(os.environ.get("RUNNEL_TEST_PEER"))
_TRACE_LINES = 16
_READ_BYTES = 65536
_BATCH = 10  # within the Receive Maximum of every configuration here


class Closed(AssertionError):
    """The server closed the connection where a packet was expected."""


class Client:
    """`stream` is a connected socket, or a WebSocket that behaves like one."""

    def __init__(self, stream, version):
        self.stream = stream
        self.version = version
        self.max_packet = None
        self.alias_maximum = 0
        self.receive_maximum = 65535
        self.aliases = {}  # of the server: alias -> topic name
        self.unsettled = {}  # packet identifier -> type of the packet that would settle it
        self.connacks = 0
        self.disconnected = False
        self.sent_at = time.monotonic()
        self._buffer = bytearray()
        self._stash = []  # packets that a wait_for() went past
        self._trace = []
        self._last_id = 0

    # --- Sending ------------------------------------------------------------------------------

    def send(self, data):
        self._note(">", data.hex(" ") if len(data) <= 80 else f"{data[:60].hex(' ')} … {len(data)}")
        self.sent_at = time.monotonic()
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the server had to say before it closed can still be read

    def connect(self, client_id, properties=(), **more):
        """Sends CONNECT; returns the CONNACK, whatever it says."""
        self.send_connect(client_id, properties=properties, **more)
        return self.expect(Type.CONNACK)

    def send_connect(self, client_id, properties=(), **more):
        for item in properties:
            if not isinstance(item, bytes):
                self._heed(*item)
        self.send(wire.connect(self.version, client_id, properties=properties, **more))

    def _heed(self, name, value):
        if name == Prop.MAXIMUM_PACKET_SIZE:
            self.max_packet = value
        elif name == Prop.TOPIC_ALIAS_MAXIMUM:
            self.alias_maximum = value
        elif name == Prop.RECEIVE_MAXIMUM:
            self.receive_maximum = value

    def next_id(self):
        self._last_id = self._last_id % 65535 + 1
        return self._last_id

    def subscribe(self, *entries, properties=()):
        """Entries: a topic filter (QoS 0) or a pair of filter and options. Returns the SUBACK."""
        pairs = [(e, 0) if isinstance(e, (str, bytes)) else e for e in entries]
        number = self.next_id()
        self.send(wire.subscribe(self.version, number, *pairs, properties=properties))
        return self.wait_for(Type.SUBACK, number)

    def unsubscribe(self, *filters, properties=()):
        number = self.next_id()
        self.send(wire.unsubscribe(self.version, number, *filters, properties=properties))
        return self.wait_for(Type.UNSUBACK, number)

    def publish(self, topic, payload=b"", qos=0, retain=False, properties=(), dup=False):
        """Publishes and waits until the server has taken it; returns the first acknowledgement.

        After QoS 0, which has none, a QoS 1 message to nobody is acknowledged in its place: what
        one client publishes is taken in order.
        """
        number = self.next_id() if qos else None
        self.send(wire.publish(
            self.version, topic, payload, qos, number, retain, dup, properties))
        if qos == 0:
            return self.publish("$nobody", qos=1)
        answer = self.wait_for(Type.PUBACK if qos == 1 else Type.PUBREC, number)
        if qos == 2 and (answer.reason or 0) < 0x80:
            self.send(wire.ack(Type.PUBREL, number))
            self.wait_for(Type.PUBCOMP, number)
        return answer

    def publish_all(self, topic, payloads, qos):
        """The same for many messages, several on their way at a time."""
        for first in range(0, len(payloads), _BATCH):
            numbers = []
            data = b""
            for payload in payloads[first:first + _BATCH]:
                numbers.append(self.next_id())
                data += wire.publish(
                    self.version, topic, payload, qos, numbers[-1] if qos else None)
            self.send(data)
            for number in numbers if qos else ():
                self.wait_for(Type.PUBACK if qos == 1 else Type.PUBREC, number)
            if qos == 2:
                self.send(b"".join(wire.ack(Type.PUBREL, number) for number in numbers))
                for number in numbers:
                    self.wait_for(Type.PUBCOMP, number)
        if qos == 0:
            self.publish("$nobody", qos=1)

    def ping(self):
        self.send(wire.PINGREQ)
        return self.wait_for(Type.PINGRESP)

    def disconnect(self, reason=None, properties=None):
        """Says goodbye and waits for the server to close."""
        self.send(wire.disconnect(reason, properties))
        self.expect_closed()

    def acknowledge(self, message, reason=None):
        """PUBACK, or the client's half of the QoS 2 exchange."""
        if message.qos == 1:
            self.send_ack(Type.PUBACK, message.packet_id, reason)
        elif message.qos == 2:
            self.send_ack(Type.PUBREC, message.packet_id, reason)
            if (reason or 0) < 0x80:
                self.wait_for(Type.PUBREL, message.packet_id)
                self.send_ack(Type.PUBCOMP, message.packet_id)

    def send_ack(self, kind, packet_id, reason=None):
        """Any of the four acknowledgements, remembering what it settles."""
        if kind == Type.PUBREC and (reason or 0) < 0x80:
            if packet_id in self.unsettled:
                self.unsettled[packet_id] = Type.PUBCOMP
        elif kind in (Type.PUBACK, Type.PUBREC, Type.PUBCOMP):
            self.unsettled.pop(packet_id, None)
        self.send(wire.ack(kind, packet_id, reason))

    # --- Receiving ----------------------------------------------------------------------------

    def receive(self, patience_s=None):
        """The next packet. Closed if the server closed; AssertionError if nothing came."""
        if self._stash:
            return self._stash.pop(0)
        return self._read_packet(PATIENCE_S if patience_s is None else patience_s)

    def expect(self, kind, **fields):
        """The next packet, which must be of this type and have these fields."""
        found = self.receive()
        wrong = [name for name, value in fields.items() if getattr(found, name) != value]
        if found.type != kind or wrong:
            wanted = " ".join([kind.name] + [f"{name}={value!r}" for name, value in fields.items()])
            raise AssertionError(f"expected {wanted}, got {found!r}\n{self.trace()}")
        return found

    def wait_for(self, kind, packet_id=None):
        """The next packet of this type (and identifier); others stay for receive()."""
        def wanted(found):
            return found.type == kind and packet_id in (None, found.packet_id)

        for position, found in enumerate(self._stash):
            if wanted(found):
                return self._stash.pop(position)
        while True:
            found = self._read_packet(PATIENCE_S)
            if wanted(found):
                return found
            self._stash.append(found)

    def message(self, ack=True):
        """The next PUBLISH, acknowledged unless told otherwise."""
        found = self.expect(Type.PUBLISH)
        if ack:
            self.acknowledge(found)
        return found

    def messages(self, count, ack=True):
        return [self.message(ack) for _ in range(count)]

    def expect_closed(self, *reasons):
        """The server must close now. With reasons and 5.0: after a DISCONNECT with one of them.

        Without reasons, and always in 3.1.1, no packet may come before the end.
        """
        if reasons and self.version == V5:
            found = self._farewell(Type.DISCONNECT)
            if found is None:
                return
            if found.reason not in reasons:
                wanted = " or ".join(f"0x{r:02x}" for r in reasons)
                raise AssertionError(
                    f"expected DISCONNECT {wanted}, got {found!r}\n{self.trace()}")
        self._expect_end()

    def expect_refused(self, *reasons):
        """A CONNECT must be answered by a CONNACK with one of these reasons, then the end."""
        found = self._farewell(Type.CONNACK, session_present=False)
        if found is None:
            return
        if found.reason not in reasons:
            wanted = " or ".join(f"0x{r:02x}" for r in reasons)
            raise AssertionError(f"expected CONNACK {wanted}, got {found!r}\n{self.trace()}")
        self._expect_end()

    def _farewell(self, kind, **fields):
        try:
            return self.expect(kind, **fields)
        except Closed:
            if SILENCE_ALLOWED:
                return None
            raise

    def _expect_end(self):
        try:
            found = self.receive()
        except Closed:
            return
        raise AssertionError(f"expected the end of the connection, got {found!r}\n{self.trace()}")

    def rest(self):
        """Everything until the server closes, as bytes: for answers of an unknown version."""
        deadline = time.monotonic() + PATIENCE_S
        found = bytearray()
        while True:
            try:
                self._fill(deadline, PATIENCE_S)
            except Closed:
                return bytes(found)
            found += self._buffer
            self._buffer.clear()

    def drop(self):
        """Closes as a failing network would look to the server: without DISCONNECT."""
        self.stream.close()

    def _read_packet(self, patience_s):
        deadline = time.monotonic() + patience_s
        while True:
            length = parsing.split(self._buffer)
            if length is not None and len(self._buffer) >= length:
                raw = bytes(self._buffer[:length])
                del self._buffer[:length]
                return self._check(parsing.parse(self.version, raw))
            self._fill(deadline, patience_s)

    def _fill(self, deadline, patience_s):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing came in {patience_s} s\n{self.trace()}")
        self.stream.settimeout(left)
        try:
            data = self.stream.recv(_READ_BYTES)
        except (socket.timeout, TimeoutError):
            return
        except ConnectionResetError:
            data = b""
        if not data:
            if self._buffer:
                raise ServerBrokeTheFormat(
                    f"closed in the middle of a packet: {bytes(self._buffer).hex(' ')}")
            self._note("<", "end of connection")
            raise Closed(f"the server closed the connection\n{self.trace()}")
        self._buffer += data

    # --- The rules that every connection is held to ---------------------------------------------

    def _check(self, found):
        self._note("<", repr(found))
        if self.disconnected:
            self._fail(f"{found!r} after DISCONNECT")
        if found.type == Type.CONNACK:
            self.connacks += 1
        if self.connacks != 1 and found.type != Type.AUTH:
            self._fail(f"{found!r} with {self.connacks} CONNACK before it")
        if self.max_packet is not None and len(found.raw) > self.max_packet:
            self._fail(f"{len(found.raw)} bytes, Maximum Packet Size {self.max_packet}: {found!r}")
        if found.type == Type.DISCONNECT:
            self.disconnected = True
        elif found.type == Type.PUBLISH:
            self._check_publish(found)
        return found

    def _check_publish(self, found):
        alias = found.get(Prop.TOPIC_ALIAS)
        if alias is not None:
            if not 0 < alias <= self.alias_maximum:
                self._fail(f"topic alias {alias}, maximum {self.alias_maximum}")
            if found.topic:
                self.aliases[alias] = found.topic
            elif alias not in self.aliases:
                self._fail(f"topic alias {alias} was never given a name")
            found.topic = self.aliases[alias]
        if found.qos:
            if found.packet_id in self.unsettled and not found.dup:
                self._fail(f"packet identifier {found.packet_id} is in use")
            self.unsettled[found.packet_id] = Type.PUBACK if found.qos == 1 else Type.PUBREC
            if len(self.unsettled) > self.receive_maximum:
                self._fail(f"{len(self.unsettled)} unsettled, maximum {self.receive_maximum}")

    def _fail(self, text):
        raise ServerBrokeTheFormat(f"{text}\n{self.trace()}")

    def _note(self, direction, text):
        self._trace.append(f"  {direction} {text}")

    def trace(self):
        """The last packets of this connection, ours as bytes, the server's decoded."""
        return "\n".join(self._trace[-_TRACE_LINES:])
