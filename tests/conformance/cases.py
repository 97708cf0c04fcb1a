"""What the test modules share: one hub per module, clients and names of its own for each test."""

import functools
import itertools
import sys
import unittest

import client as client_module
import hub as hub_module
import wire
from wire import V311, V5

_MARKERS = itertools.count(1)
_NAMES = {V311: "3.1.1", V5: "5.0"}


class HubTestCase(unittest.TestCase):
    """Tests against one running hub, shared by the classes of a module with the same MQTT keys.

    Client identifiers and topics come from client_id() and topic(), which never give the same one
    twice, so that tests do not see each other.
    """

    MQTT = {}  # keys of the [mqtt] section of the config
    maxDiff = None
    _hubs = {}
    _count = 0

    @classmethod
    def setUpClass(cls):
        key = tuple(sorted(cls.MQTT.items()))
        if key not in HubTestCase._hubs:
            hub = hub_module.Hub(**cls.MQTT)
            try:
                hub.start()
            except BaseException:
                hub.remove()
                raise
            HubTestCase._hubs[key] = hub
            unittest.addModuleCleanup(_end, key)
        cls.hub = HubTestCase._hubs[key]

    def tearDown(self):
        if not self.hub.alive():
            code = self.hub.process.returncode
            text = self.hub.log()
            self.hub.start()
            self.fail(f"the hub ended with {code} during this test\n{text}")

    def begin(self):
        """A new name space: once for each test, or for each version of a test."""
        HubTestCase._count += 1

    def setUp(self):
        self.begin()

    # --- Names and clients --------------------------------------------------------------------

    def client_id(self, name="c"):
        return f"c{HubTestCase._count}{name}"

    def topic(self, name="t"):
        return f"n{HubTestCase._count}/{name}"

    def open(self, version):
        """A connection on which nothing was sent yet."""
        client = client_module.Client(self.hub.tcp(), version)
        self.addCleanup(client.drop)
        return client

    def attempt(self, version, name="c", **more):
        """A client whose CONNECT may be refused; `connack` is what the hub said."""
        client = self.open(version)
        client.name = name
        client.connack = client.connect(self.client_id(name), **more)
        return client

    def client(self, version, name="c", **more):
        """A connected client."""
        client = self.attempt(version, name, **more)
        self.assertEqual(client.connack.reason, 0, f"{client.connack!r}\n{client.trace()}")
        return client

    def lasting(self, version, name="c", clean=False, expiry_s=300, properties=(), **more):
        """A connected client whose session stays when the connection ends."""
        if version == V5:
            properties = [(wire.Prop.SESSION_EXPIRY, expiry_s), *properties]
        return self.client(version, name, clean=clean, properties=properties, **more)

    # --- Statements that several tests make ------------------------------------------------------

    def everything(self, client, ack=True):
        """All messages that the hub has for `client` by now, without a guess about time.

        The hub sends in the order in which it took messages, so what has not come before a marker
        published now is not going to come.
        """
        number = next(_MARKERS)
        marker = f"marker/{number}"  # no topic() filter matches it
        client.subscribe((marker, 2))  # a lower QoS might overtake what waits for acknowledgements
        publisher = self.client(V5, f"marker{number}")
        publisher.publish(marker, b"marker", qos=2)
        publisher.disconnect()
        found = []
        while True:
            message = client.message(ack)
            if message.topic == marker:
                return found
            found.append(message)

    def payloads(self, client, ack=True):
        return [m.payload for m in self.everything(client, ack)]

    def assert_connect_refused(self, version, data, *reasons):
        """5.0: a CONNACK with one of the reasons, then the end. 3.1.1: the end without a word."""
        client = self.open(version)
        client.send(data)
        if version == V5:
            client.expect_refused(*reasons)
        else:
            client.expect_closed()

    def assert_still_works(self, version=V5):
        """The hub serves others after what a test did to it."""
        client = self.client(version, "still")
        client.subscribe(self.topic("still"))
        client.publish(self.topic("still"), b"still", qos=1)
        self.assertEqual(client.message().payload, b"still")
        client.disconnect()


def _end(key):
    hub = HubTestCase._hubs.pop(key)
    try:
        code = hub.stop()
        if code != 0:
            raise AssertionError(f"the hub ended with {code} after SIGTERM\n{hub.log()}")
    finally:
        if sys.exc_info()[0] is not None:
            print(hub.log(), file=sys.stderr)
        hub.remove()


def both_versions(test):
    """Runs test(self, version) for 3.1.1 and for 5.0."""
    @functools.wraps(test)
    def run(self):
        for version in (V311, V5):
            with self.subTest(version=_NAMES[version]):
                self.begin()
                test(self, version)
    return run


def for_each(cases):
    """Runs test(self, *case) for each named case of a dictionary."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for name, case in cases.items():
                with self.subTest(case=name):
                    self.begin()
                    test(self, *(case if isinstance(case, tuple) else (case,)))
        return run
    return decorate
