"""Packets of a server, read strictly.

parse() raises ServerBrokeTheFormat for reserved bits, a length that is not in its shortest form,
text that is not UTF-8, an unknown or repeated property, a reason code that the packet type does not
have, missing or left-over bytes. So every packet that any test receives is held to chapter 2 of the
specification, not only those a test looks at.
"""

import struct

from wire import KIND, Prop, Type, V311, V5


class ServerBrokeTheFormat(AssertionError):
    """The server sent bytes that are not a packet of its protocol version."""


_DIAGNOSTIC = {Prop.REASON_STRING, Prop.USER_PROPERTY}

# Which properties a server may put into which packet.
_ALLOWED = {
    Type.CONNACK: _DIAGNOSTIC | {
        Prop.SESSION_EXPIRY, Prop.RECEIVE_MAXIMUM, Prop.MAXIMUM_QOS, Prop.RETAIN_AVAILABLE,
        Prop.MAXIMUM_PACKET_SIZE, Prop.ASSIGNED_CLIENT_ID, Prop.TOPIC_ALIAS_MAXIMUM,
        Prop.WILDCARD_AVAILABLE, Prop.SUBSCRIPTION_ID_AVAILABLE, Prop.SHARED_AVAILABLE,
        Prop.SERVER_KEEP_ALIVE, Prop.RESPONSE_INFO, Prop.SERVER_REFERENCE, Prop.AUTH_METHOD,
        Prop.AUTH_DATA},
    Type.PUBLISH: {
        Prop.PAYLOAD_FORMAT, Prop.MESSAGE_EXPIRY, Prop.TOPIC_ALIAS, Prop.RESPONSE_TOPIC,
        Prop.CORRELATION_DATA, Prop.USER_PROPERTY, Prop.SUBSCRIPTION_ID, Prop.CONTENT_TYPE},
    Type.PUBACK: _DIAGNOSTIC,
    Type.PUBREC: _DIAGNOSTIC,
    Type.PUBREL: _DIAGNOSTIC,
    Type.PUBCOMP: _DIAGNOSTIC,
    Type.SUBACK: _DIAGNOSTIC,
    Type.UNSUBACK: _DIAGNOSTIC,
    # Not SESSION_EXPIRY: that one is the client's to send [MQTT-3.14.2-2].
    Type.DISCONNECT: _DIAGNOSTIC | {Prop.SERVER_REFERENCE},
    Type.AUTH: _DIAGNOSTIC | {Prop.AUTH_METHOD, Prop.AUTH_DATA},
}

_MAY_REPEAT = {Prop.USER_PROPERTY, Prop.SUBSCRIPTION_ID}

# Which reason codes a server may put into which packet (MQTT 5.0 table 2-6 and chapter 3).
REASONS = {
    Type.CONNACK: {0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C,
                   0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F},
    Type.PUBACK: {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    Type.PUBREC: {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    Type.PUBREL: {0x00, 0x92},
    Type.PUBCOMP: {0x00, 0x92},
    Type.SUBACK: {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2},
    Type.UNSUBACK: {0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91},
    Type.DISCONNECT: {0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93,
                      0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0,
                      0xA1, 0xA2},
    Type.AUTH: {0x00, 0x18},
}

_CONNACK_CODES_311 = {0, 1, 2, 3, 4, 5}
_SUBACK_CODES_311 = {0x00, 0x01, 0x02, 0x80}


class Packet:
    """A packet from the server. Fields that its type does not have are None (lists: empty)."""

    def __init__(self, kind, flags, raw):
        self.type = kind
        self.flags = flags
        self.raw = raw
        self.packet_id = None
        self.reason = None
        self.reasons = []
        self.properties = []
        self.session_present = None
        self.topic = None
        self.payload = None
        self.dup = self.retain = self.qos = None

    def all(self, identifier):
        return [value for name, value in self.properties if name == identifier]

    def get(self, identifier, default=None):
        values = self.all(identifier)
        return values[0] if values else default

    def __repr__(self):
        text = self.type.name
        if self.type == Type.PUBLISH:
            text += f" {self.topic!r} {self.payload[:40]!r} qos={self.qos} dup={self.dup:d}" \
                    f" retain={self.retain:d}"
        if self.packet_id is not None:
            text += f" id={self.packet_id}"
        if self.session_present is not None:
            text += f" session_present={self.session_present:d}"
        if self.reason is not None:
            text += f" reason=0x{self.reason:02x}"
        if self.reasons:
            text += " reasons=" + ",".join(f"0x{r:02x}" for r in self.reasons)
        if self.properties:
            text += " " + ", ".join(f"{p.name}={v!r}" for p, v in self.properties)
        return f"<{text}>"


class _Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.left():
            raise ServerBrokeTheFormat(f"{count} bytes wanted, {self.left()} left")
        piece = self.data[self.at:self.at + count]
        self.at += count
        return piece

    def byte(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack(">H", self.take(2))[0]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def varint(self):
        value = 0
        for position in range(4):
            digit = self.byte()
            value |= (digit & 0x7F) << 7 * position
            if not digit & 0x80:
                if digit == 0 and position > 0:
                    raise ServerBrokeTheFormat("a variable byte integer longer than it need be")
                return value
        raise ServerBrokeTheFormat("a variable byte integer of more than four bytes")

    def utf8(self):
        try:
            text = self.take(self.u16()).decode("utf-8")  # refuses surrogates and overlong forms
        except UnicodeDecodeError as error:
            raise ServerBrokeTheFormat(f"a string that is not UTF-8: {error}") from None
        if "\0" in text:
            raise ServerBrokeTheFormat("a string with U+0000")
        return text

    def value(self, kind):
        if kind == "binary":
            return self.take(self.u16())
        if kind == "pair":
            return self.utf8(), self.utf8()
        return getattr(self, kind)()

    def properties(self, kind):
        inner = _Reader(self.take(self.varint()))
        found = []
        while inner.left():
            number = inner.varint()
            if number not in KIND:
                raise ServerBrokeTheFormat(f"unknown property 0x{number:02x}")
            name = Prop(number)
            if name not in _ALLOWED[kind]:
                raise ServerBrokeTheFormat(f"{name.name} in {kind.name}")
            if name not in _MAY_REPEAT and any(name == other for other, _ in found):
                raise ServerBrokeTheFormat(f"{name.name} twice")
            found.append((name, inner.value(KIND[name])))
        return found


def split(data):
    """The length of the first packet in `data`, header included; None while that is unknown."""
    for count in range(1, 5):
        if len(data) <= count:
            return None
        if not data[count] & 0x80:
            return 1 + count + _Reader(data[1:1 + count]).varint()
    raise ServerBrokeTheFormat(f"a remaining length of more than four bytes: {data[:6].hex()}")


def parse(version, raw):
    """One whole packet from a server."""
    try:
        return _parse(version, raw)
    except ServerBrokeTheFormat as error:
        raise ServerBrokeTheFormat(f"{error} in {raw[:200].hex(' ')}") from None


def _parse(version, raw):
    number, flags = raw[0] >> 4, raw[0] & 0x0F
    if number in (0, Type.CONNECT, Type.SUBSCRIBE, Type.UNSUBSCRIBE, Type.PINGREQ):
        raise ServerBrokeTheFormat(f"packet type {number} from a server")
    if version == V311 and number in (Type.DISCONNECT, Type.AUTH):
        raise ServerBrokeTheFormat(f"packet type {number} from a 3.1.1 server")
    kind = Type(number)
    result = Packet(kind, flags, raw)
    reader = _Reader(raw)
    reader.take(1)
    if reader.varint() != reader.left():
        raise ServerBrokeTheFormat("remaining length")
    if kind != Type.PUBLISH and flags != (2 if kind == Type.PUBREL else 0):
        raise ServerBrokeTheFormat(f"flags {flags:04b} in {kind.name}")
    _BODY[kind](version, reader, result)
    if reader.left():
        raise ServerBrokeTheFormat(f"{reader.left()} bytes too many")
    _check_reasons(version, result)
    return result


def _check_reasons(version, result):
    codes = result.reasons or ([] if result.reason is None else [result.reason])
    if version == V5:
        known = REASONS.get(result.type, set())
    else:
        known = _CONNACK_CODES_311 if result.type == Type.CONNACK else _SUBACK_CODES_311
    for code in codes:
        if code not in known:
            raise ServerBrokeTheFormat(f"reason 0x{code:02x} in {result.type.name}")


def _connack(version, reader, result):
    acknowledge_flags = reader.byte()
    if acknowledge_flags & 0xFE:
        raise ServerBrokeTheFormat(f"acknowledge flags {acknowledge_flags:08b}")
    result.session_present = acknowledge_flags == 1
    result.reason = reader.byte()
    if version == V5:
        result.properties = reader.properties(Type.CONNACK)


def _publish(version, reader, result):
    result.dup = bool(result.flags & 8)
    result.qos = result.flags >> 1 & 3
    result.retain = bool(result.flags & 1)
    if result.qos == 3:
        raise ServerBrokeTheFormat("QoS 3")
    if result.qos == 0 and result.dup:
        raise ServerBrokeTheFormat("DUP with QoS 0")
    result.topic = reader.utf8()
    if any(wildcard in result.topic for wildcard in "+#"):
        raise ServerBrokeTheFormat(f"wildcard in topic name {result.topic!r}")
    if result.qos:
        result.packet_id = reader.u16()
        if result.packet_id == 0:
            raise ServerBrokeTheFormat("packet identifier 0")
    if version == V5:
        result.properties = reader.properties(Type.PUBLISH)
    if not result.topic and result.get(Prop.TOPIC_ALIAS) is None:
        raise ServerBrokeTheFormat("neither topic name nor alias")
    result.payload = reader.take(reader.left())


def _ack(version, reader, result):
    result.packet_id = reader.u16()
    if version == V5:
        result.reason = reader.byte() if reader.left() else 0
        if reader.left():
            result.properties = reader.properties(result.type)


def _suback(version, reader, result):
    result.packet_id = reader.u16()
    if version == V5:
        result.properties = reader.properties(result.type)
    if version == V5 or result.type == Type.SUBACK:
        result.reasons = list(reader.take(reader.left()))
        if not result.reasons:
            raise ServerBrokeTheFormat("no reason code")


def _reason_only(version, reader, result):
    result.reason = reader.byte() if reader.left() else 0
    if reader.left():
        result.properties = reader.properties(result.type)


_BODY = {
    Type.CONNACK: _connack,
    Type.PUBLISH: _publish,
    Type.PUBACK: _ack,
    Type.PUBREC: _ack,
    Type.PUBREL: _ack,
    Type.PUBCOMP: _ack,
    Type.SUBACK: _suback,
    Type.UNSUBACK: _suback,
    Type.PINGRESP: lambda version, reader, result: None,
    Type.DISCONNECT: _reason_only,
    Type.AUTH: _reason_only,
}
