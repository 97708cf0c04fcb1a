#!/usr/bin/env python3
"""Writes the readable seeds of corpus/mqtt_decode: one file for each kind of packet, both versions.

The files beside them whose names begin with found_ hold the packets that the fuzzer found to reach
further places in the code, joined by type.
"""

import pathlib

FOLDER = pathlib.Path(__file__).parent / "corpus" / "mqtt_decode"


def length(n):
    """A Variable Byte Integer."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def text(s):
    raw = s.encode() if isinstance(s, str) else s
    return len(raw).to_bytes(2, "big") + raw


def block(*properties):
    joined = b"".join(properties)
    return length(len(joined)) + joined


def packet(first, *parts):
    body = b"".join(parts)
    return bytes([first]) + length(len(body)) + body


USER = b"\x26" + text("name") + text("value")
REASON = b"\x1f" + text("reason")
METHOD = b"\x15" + text("SCRAM")
DATA = b"\x16" + text(b"\xff")
MESSAGE = (
    b"\x01\x01",
    b"\x02\x00\x00\x0e\x10",
    b"\x03" + text("text/plain"),
    b"\x08" + text("reply"),
    b"\x09" + text(b"\x00\xff"),
    USER,
    USER,
)
CONNECT_PROPERTIES = (
    b"\x11\x00\x00\x00\x0a",
    b"\x21\x00\x14",
    b"\x27\x00\x10\x00\x00",
    b"\x22\x00\x10",
    b"\x19\x01",
    b"\x17\x00",
    METHOD,
    DATA,
    USER,
)
CONNACK_PROPERTIES = (
    b"\x11\x00\x00\x00\x0a",
    b"\x21\x00\x14",
    b"\x24\x01",
    b"\x25\x00",
    b"\x27\x00\x10\x00\x00",
    b"\x12" + text("auto"),
    b"\x22\x00\x10",
    REASON,
    b"\x28\x01\x29\x01\x2a\x00",
    b"\x13\x00\x1e",
    b"\x1a" + text("reply/"),
    b"\x1c" + text("other"),
    METHOD,
    DATA,
    USER,
)
WILL = (text("will/topic"), text("gone"))
LOGIN = (text("user"), text("secret"))

SEEDS = {
    "connect_4": packet(0x10, text("MQTT"), b"\x04\x02\x00\x3c", text("id")),
    "connect_4_all": packet(0x10, text("MQTT"), b"\x04\xee\x00\x3c", text("id"), *WILL, *LOGIN),
    "connect_5": packet(0x10, text("MQTT"), b"\x05\x02\x00\x3c\x00", text("")),
    "connect_5_all": packet(
        0x10,
        text("MQTT"),
        b"\x05\xf6\x00\x3c",
        block(*CONNECT_PROPERTIES),
        text("id"),
        block(b"\x18\x00\x00\x00\x1e", *MESSAGE),
        *WILL,
        *LOGIN,
    ),
    "connect_3": packet(0x10, text("MQIsdp"), b"\x03\x02\x00\x3c", text("id")),
    "connack_4": packet(0x20, b"\x01\x00"),
    "connack_5_all": packet(0x20, b"\x01\x00", block(*CONNACK_PROPERTIES)),
    "publish_qos_0": packet(0x30, text("plant/temp"), b"21.5"),
    "publish_5_qos_1": packet(0x32, text("plant/temp"), b"\x00\x01\x00", b"21.5"),
    "publish_5_all": packet(0x3D, text("plant/temp"), b"\x00\x01", block(b"\x23\x00\x01", *MESSAGE), b"x"),
    "publish_5_alias": packet(0x30, text(""), block(b"\x23\x00\x01"), b"x"),
    "publish_5_server": packet(0x30, text("é/ü"), block(b"\x0b\x01\x0b\xff\x7f", USER), b"x"),
    "puback": packet(0x40, b"\x00\x01"),
    "puback_5": packet(0x40, b"\x00\x01\x97", block(REASON, USER)),
    "pubrec_5": packet(0x50, b"\x00\x01\x10"),
    "pubrel": packet(0x62, b"\x00\x01"),
    "pubcomp_5": packet(0x70, b"\x00\x01\x92", block(REASON)),
    "subscribe_4": packet(0x82, b"\x00\x01", text("plant/+/temp"), b"\x01", text("#"), b"\x02"),
    "subscribe_5": packet(
        0x82, b"\x00\x01", block(b"\x0b\x80\x01", USER), text("plant/#"), b"\x2e", text("$share/g/+/a"), b"\x19"
    ),
    "suback_4": packet(0x90, b"\x00\x01\x00\x01\x02\x80"),
    "suback_5": packet(0x90, b"\x00\x01", block(REASON, USER), b"\x00\x01\x02\x8f"),
    "unsubscribe_4": packet(0xA2, b"\x00\x01", text("a/b"), text("#")),
    "unsubscribe_5": packet(0xA2, b"\x00\x01", block(USER), text("a/b")),
    "unsuback_4": packet(0xB0, b"\x00\x01"),
    "unsuback_5": packet(0xB0, b"\x00\x01", block(REASON), b"\x00\x11"),
    "pings": packet(0xC0) + packet(0xD0),
    "disconnect": packet(0xE0),
    "disconnect_5_client": packet(0xE0, b"\x04", block(b"\x11\x00\x00\x00\x05", REASON, USER)),
    "disconnect_5_server": packet(0xE0, b"\x9c", block(b"\x1c" + text("other"), REASON)),
    "auth": packet(0xF0),
    "auth_5": packet(0xF0, b"\x18", block(METHOD, DATA, REASON, USER)),
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in SEEDS.items():
        (FOLDER / name).write_bytes(content)
    (FOLDER / "stream").write_bytes(b"".join(SEEDS.values()))


if __name__ == "__main__":
    main()
