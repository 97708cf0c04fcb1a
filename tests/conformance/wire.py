"""MQTT control packets as bytes, for 3.1.1 and 5.0.

Every field can be set to something wrong, and nothing is checked, because half of the tests send
what the specification forbids. The way back is parsing.py.
"""

import enum
import struct

V311 = 4
V5 = 5


class Type(enum.IntEnum):
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class Prop(enum.IntEnum):
    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_ID = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTH_METHOD = 0x15
    AUTH_DATA = 0x16
    REQUEST_PROBLEM_INFO = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFO = 0x19
    RESPONSE_INFO = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_AVAILABLE = 0x28
    SUBSCRIPTION_ID_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


# The data type of each property (MQTT 5.0 table 2-4).
KIND = {
    Prop.PAYLOAD_FORMAT: "byte",
    Prop.MESSAGE_EXPIRY: "u32",
    Prop.CONTENT_TYPE: "utf8",
    Prop.RESPONSE_TOPIC: "utf8",
    Prop.CORRELATION_DATA: "binary",
    Prop.SUBSCRIPTION_ID: "varint",
    Prop.SESSION_EXPIRY: "u32",
    Prop.ASSIGNED_CLIENT_ID: "utf8",
    Prop.SERVER_KEEP_ALIVE: "u16",
    Prop.AUTH_METHOD: "utf8",
    Prop.AUTH_DATA: "binary",
    Prop.REQUEST_PROBLEM_INFO: "byte",
    Prop.WILL_DELAY: "u32",
    Prop.REQUEST_RESPONSE_INFO: "byte",
    Prop.RESPONSE_INFO: "utf8",
    Prop.SERVER_REFERENCE: "utf8",
    Prop.REASON_STRING: "utf8",
    Prop.RECEIVE_MAXIMUM: "u16",
    Prop.TOPIC_ALIAS_MAXIMUM: "u16",
    Prop.TOPIC_ALIAS: "u16",
    Prop.MAXIMUM_QOS: "byte",
    Prop.RETAIN_AVAILABLE: "byte",
    Prop.USER_PROPERTY: "pair",
    Prop.MAXIMUM_PACKET_SIZE: "u32",
    Prop.WILDCARD_AVAILABLE: "byte",
    Prop.SUBSCRIPTION_ID_AVAILABLE: "byte",
    Prop.SHARED_AVAILABLE: "byte",
}

# --- Building -----------------------------------------------------------------------------------


def u16(value):
    return struct.pack(">H", value)


def u32(value):
    return struct.pack(">I", value)


def varint(value, width=0):
    """A variable byte integer; `width` bytes long if the shortest form is shorter than that."""
    out = bytearray()
    while True:
        value, digit = value >> 7, value & 0x7F
        more = value > 0 or len(out) + 1 < width
        out.append(digit | (0x80 if more else 0))
        if not more:
            return bytes(out)


def binary(data):
    return u16(len(data)) + data


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def utf8(text):
    """A length-prefixed string; give bytes to send what is not UTF-8."""
    return binary(as_bytes(text))


def prop(identifier, value):
    """One property with its identifier."""
    kind = KIND[identifier]
    if kind == "byte":
        body = bytes([value])
    elif kind == "u16":
        body = u16(value)
    elif kind == "u32":
        body = u32(value)
    elif kind == "varint":
        body = varint(value)
    elif kind == "pair":
        body = utf8(value[0]) + utf8(value[1])
    else:
        body = utf8(value)
    return bytes([identifier]) + body


def props(*pairs):
    """A property list: pairs of identifier and value, or bytes taken as they are."""
    body = b"".join(p if isinstance(p, bytes) else prop(*p) for p in pairs)
    return varint(len(body)) + body


def _props(version, pairs):
    return props(*pairs) if version == V5 else b""


def packet(kind, flags, body=b""):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


class Will:
    def __init__(self, topic, payload=b"", qos=0, retain=False, properties=()):
        self.topic = topic
        self.payload = as_bytes(payload)
        self.qos = qos
        self.retain = retain
        self.properties = properties


def connect(version, client_id, clean=True, keep_alive=0, properties=(), will=None, user=None,
            password=None, name="MQTT", level=None, flags=None, payload=None, tail=b""):
    """`flags`, `level` and `payload` replace what the other arguments would have given."""
    if flags is None:
        flags = 0x02 if clean else 0
        if will:
            flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        flags |= 0x80 if user is not None else 0
        flags |= 0x40 if password is not None else 0
    if payload is None:
        payload = utf8(client_id)
        if will:
            payload += _props(version, will.properties) + utf8(will.topic) + binary(will.payload)
        if user is not None:
            payload += utf8(user)
        if password is not None:
            payload += binary(as_bytes(password))
    head = utf8(name) + bytes([version if level is None else level, flags]) + u16(keep_alive)
    return packet(Type.CONNECT, 0, head + _props(version, properties) + payload + tail)


def publish(version, topic, payload=b"", qos=0, packet_id=None, retain=False, dup=False,
            properties=()):
    flags = (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    body = utf8(topic)
    if packet_id is not None:
        body += u16(packet_id)
    return packet(Type.PUBLISH, flags, body + _props(version, properties) + as_bytes(payload))


def ack(kind, packet_id, reason=None, properties=None, flags=None):
    """PUBACK, PUBREC, PUBREL or PUBCOMP; without a reason in the two-byte form of both versions."""
    body = u16(packet_id)
    if reason is not None:
        body += bytes([reason])
    if properties is not None:
        body += props(*properties)
    return packet(kind, (2 if kind == Type.PUBREL else 0) if flags is None else flags, body)


def options(qos=0, no_local=False, as_published=False, handling=0):
    """The options byte of a 5.0 subscription; with QoS alone it is 3.1.1's too."""
    return qos | (4 if no_local else 0) | (8 if as_published else 0) | handling << 4


def subscribe(version, packet_id, *entries, properties=(), flags=2):
    """Entries are pairs of topic filter and options byte."""
    body = u16(packet_id) + _props(version, properties)
    body += b"".join(utf8(topic_filter) + bytes([option]) for topic_filter, option in entries)
    return packet(Type.SUBSCRIBE, flags, body)


def unsubscribe(version, packet_id, *filters, properties=(), flags=2):
    body = u16(packet_id) + _props(version, properties) + b"".join(utf8(f) for f in filters)
    return packet(Type.UNSUBSCRIBE, flags, body)


def disconnect(reason=None, properties=None, flags=0):
    body = b"" if reason is None else bytes([reason])
    if properties is not None:
        body += props(*properties)
    return packet(Type.DISCONNECT, flags, body)


def auth(reason=None, properties=None, flags=0):
    body = b"" if reason is None else bytes([reason])
    if properties is not None:
        body += props(*properties)
    return packet(Type.AUTH, flags, body)


PINGREQ = packet(Type.PINGREQ, 0)
