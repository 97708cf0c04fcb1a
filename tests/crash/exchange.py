"""MQTT clients whose sessions outlive many crashes of the hub, and the book that is kept of them.

A publisher numbers the messages of each of its MQTT topics from 1 and never gives one up: after a
crash it does what the specification asks of a client that resumes its session. A subscriber does
the same in the other direction. The ledger holds what was promised and what arrived.
"""

import collections
import random
import socket

import parsing
import wire
from wire import Prop, Type, V5

NEVER = 0xFFFFFFFF
SHUTTING_DOWN = 0x8B
NOT_FOUND = 0x92  # packet identifier not found
READ_BYTES = 1 << 16
CONNECT_TIMEOUT_S = 10


class Broken(AssertionError):
    """The hub broke a promise."""


class Numbers:
    """What was read of the numbered messages of many MQTT topics, in the order in which it came."""

    def __init__(self, name, exactly_once):
        self.name = name
        self.exactly_once = exactly_once  # MQTT topic -> whether a repeat is a broken promise
        self.last = collections.Counter()
        self.read = 0
        self.repeats = 0

    def note(self, topic, payload):
        number = int(payload.split("|", 1)[0])
        self.read += 1
        if number == self.last[topic] + 1:
            self.last[topic] = number
        elif number <= self.last[topic]:
            self.repeats += 1
            if self.exactly_once(topic):
                raise Broken(f"{self.name}: {topic} has {number} twice, after {self.last[topic]}")
        else:
            raise Broken(f"{self.name}: {topic} has {number} after {self.last[topic]}")

    def expect(self, promised, of):
        """Everything that was promised must have been read; returns how much that was."""
        for topic, number in promised.items():
            if self.last[topic] < number:
                raise Broken(f"{self.name}: {topic} ends at {self.last[topic]}, {of} {number}")
        return sum(promised.values())


def finished(packet):
    """The other side has settled it already, and the word of that was lost in a crash."""
    return packet.type in (Type.PUBREL, Type.PUBCOMP) and packet.reason == NOT_FOUND


class Client:
    """A session and, while the hub is up, a connection. Never blocks once it is connected."""

    def __init__(self, version, client_id, properties=()):
        self.version = version
        self.client_id = client_id
        self.properties = properties
        self.socket = None
        self.must_resume = False  # the hub has promised to remember something
        self.ready = False        # CONNACK has come
        self._in = bytearray()
        self._out = bytearray()

    def connect(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._in.clear()
        self._out.clear()
        self.ready = False
        properties = ((Prop.SESSION_EXPIRY, NEVER), *self.properties)
        self.send(wire.connect(self.version, self.client_id, clean=False, properties=properties))

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def send(self, data):
        self._out += data

    def turn(self, readable):
        """Reads what is there and writes what goes. False when the connection is gone."""
        try:
            if readable:
                data = self.socket.recv(READ_BYTES)
                if not data:
                    return False
                self._in += data
                self._take_packets()
            if self.ready:
                self.work()
            if self._out:
                del self._out[:self.socket.send(self._out)]
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True

    def _take_packets(self):
        while True:
            length = parsing.split(self._in)
            if length is None or len(self._in) < length:
                return
            packet = parsing.parse(self.version, bytes(self._in[:length]))
            del self._in[:length]
            if packet.type == Type.CONNACK:
                self._connected(packet)
            elif packet.type == Type.DISCONNECT and packet.reason == SHUTTING_DOWN:
                continue  # the end of the connection follows
            elif packet.reason is not None and packet.reason >= 0x80 and not finished(packet):
                raise Broken(f"{self.client_id}: {packet!r}")
            else:
                self.take(packet)

    def _connected(self, packet):
        if packet.reason != 0:
            raise Broken(f"{self.client_id} is refused: {packet!r}")
        if self.must_resume and not packet.session_present:
            raise Broken(f"{self.client_id}: the hub has forgotten the session")
        self.ready = True
        self.resume(packet.session_present)

    def resume(self, present):
        raise NotImplementedError

    def take(self, packet):
        raise NotImplementedError

    def work(self):
        """Called often while connected."""


class Publisher(Client):
    """Keeps `window` messages in flight, over `topics` MQTT topics, in turn."""

    def __init__(self, version, client_id, qos, topics, window, seed):
        super().__init__(version, client_id)
        self.qos = qos
        self.window = window
        self.topics = [f"crash/q{qos}/{client_id}/{n}" for n in range(topics)]
        self.sent = collections.Counter()
        self.acknowledged = collections.Counter()  # by MQTT topic, as they came: in order
        self.stopping = False
        self._random = random.Random(seed)
        self._flight = collections.OrderedDict()  # packet id -> (topic, number, payload)
        self._released = collections.OrderedDict()  # packet ids with PUBREC and no PUBCOMP
        self._last_id = 0

    def idle(self):
        return not self._flight and not self._released

    def resume(self, present):
        if not present and self._released:
            raise Broken(f"{self.client_id}: PUBREC came before, now there is no session")
        for number, (topic, _, payload) in self._flight.items():
            self.send(wire.publish(self.version, topic, payload, self.qos, number, dup=True))
        for number in self._released:
            self.send(wire.ack(Type.PUBREL, number))

    def work(self):
        while not self.stopping and len(self._flight) + len(self._released) < self.window:
            topic = self.topics[self._random.randrange(len(self.topics))]
            self.sent[topic] += 1
            bytes_max = self._random.choice((300, 300, 4000, 20000))
            payload = f"{self.sent[topic]}|" + "x" * self._random.randrange(bytes_max)
            number = self._next_id()
            self._flight[number] = (topic, self.sent[topic], payload)
            self.send(wire.publish(self.version, topic, payload, self.qos, number))

    def _next_id(self):
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self._last_id not in self._flight and self._last_id not in self._released:
                return self._last_id

    def take(self, packet):
        if packet.type in (Type.PUBACK, Type.PUBREC):
            self._acknowledge(packet)
            if packet.type == Type.PUBREC:
                self._released[packet.packet_id] = None
                self.must_resume = True
                self.send(wire.ack(Type.PUBREL, packet.packet_id))
        elif packet.type == Type.PUBCOMP:
            self._released.pop(packet.packet_id, None)
            self.must_resume = bool(self._released)
        else:
            raise Broken(f"{self.client_id}: {packet!r}")

    def _acknowledge(self, packet):
        wanted = Type.PUBACK if self.qos == 1 else Type.PUBREC
        if packet.type != wanted:
            raise Broken(f"{self.client_id}: {packet!r} for QoS {self.qos}")
        message = self._flight.pop(packet.packet_id, None)
        if message is None:
            # PUBREC once more, for a PUBLISH that was repeated after the first PUBREC was lost.
            if packet.packet_id not in self._released:
                raise Broken(f"{self.client_id}: {packet!r} for nothing")
            return
        topic, number, _ = message
        if number != self.acknowledged[topic] + 1:
            raise Broken(f"{self.client_id}: {topic} {number} acknowledged out of order")
        self.acknowledged[topic] = number


class Subscriber(Client):
    """Subscribes once with QoS 2, and takes what comes for as long as the session lives."""

    def __init__(self, version, client_id, topic_filter, receive_maximum):
        properties = ((Prop.RECEIVE_MAXIMUM, receive_maximum),) if version == V5 else ()
        super().__init__(version, client_id, properties)
        self.topic_filter = topic_filter
        self.numbers = Numbers(client_id, lambda topic: topic.startswith("crash/q2/"))
        self._taken = set()  # packet ids of QoS 2 messages that wait for PUBREL

    def resume(self, present):
        if not self.must_resume:
            entry = (self.topic_filter, wire.options(qos=2))
            self.send(wire.subscribe(self.version, 1, entry))

    def take(self, packet):
        if packet.type == Type.SUBACK:
            if packet.reasons != [2]:
                raise Broken(f"{self.client_id}: {packet!r}")
            self.must_resume = True
        elif packet.type == Type.PUBLISH and packet.qos == 1:
            self._deliver(packet)
            self.send(wire.ack(Type.PUBACK, packet.packet_id))
        elif packet.type == Type.PUBLISH and packet.qos == 2:
            if packet.packet_id not in self._taken:
                self._taken.add(packet.packet_id)
                self._deliver(packet)
            self.send(wire.ack(Type.PUBREC, packet.packet_id))
        elif packet.type == Type.PUBREL:
            self._taken.discard(packet.packet_id)
            self.send(wire.ack(Type.PUBCOMP, packet.packet_id))
        else:
            raise Broken(f"{self.client_id}: {packet!r}")

    def _deliver(self, packet):
        if packet.topic.startswith("crash/q2/") and packet.qos != 2:
            raise Broken(f"{self.client_id}: {packet!r} was published with QoS 2")
        self.numbers.note(packet.topic, packet.payload.decode())
