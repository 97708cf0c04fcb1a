"""Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr against the hub, MQTT 3.1.1 and 5.0."""

import json
import os
import tempfile
import time
import unittest

from support import PATIENCE_S, VERSIONS, Hub, Process, Subscriber, eventually, publish


class WithHub(unittest.TestCase):
    """One hub for a class; tests use MQTT topics of their own."""

    config = {}

    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(**cls.config)
        cls.addClassCleanup(cls.hub.remove)
        cls.hub.start()

    def tearDown(self):
        if not self.hub.alive():
            self.fail(self.hub.log())

    def subscriber(self, version, topic_filter, *more, **options):
        process = Subscriber(self.hub, version, topic_filter, *more, **options)
        self.addCleanup(process.stop)
        return process


class Messages(WithHub):
    def test_every_qos_in_and_out_arrives_with_the_lower_of_both(self):
        for version in VERSIONS:
            for qos_out in (0, 1, 2):
                subscriber = self.subscriber(version, f"qos/{version}/{qos_out}/+", qos=qos_out)
                for qos_in in (0, 1, 2):
                    topic = f"qos/{version}/{qos_out}/{qos_in}"
                    publish(self.hub, version, topic, "-m", f"payload {qos_in}", qos=qos_in)
                    message = subscriber.message()
                    with self.subTest(version=version, qos_in=qos_in, qos_out=qos_out):
                        self.assertEqual(message["topic"], topic)
                        self.assertEqual(message["payload"], f"payload {qos_in}")
                        self.assertEqual(message["qos"], min(qos_in, qos_out))
                        self.assertEqual(message["retain"], 0)

    def test_versions_can_be_mixed(self):
        for from_version, to_version in (VERSIONS, VERSIONS[::-1]):
            subscriber = self.subscriber(to_version, f"mixed/{to_version}")
            publish(self.hub, from_version, f"mixed/{to_version}", "-m", "hello")
            self.assertEqual(subscriber.message()["payload"], "hello")

    def test_a_thousand_lines_of_each_qos_arrive_once_and_in_order(self):
        lines = [f"line {i}" for i in range(1000)]
        stdin = "".join(line + "\n" for line in lines).encode()
        for version in VERSIONS:
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    topic = f"thousand/{version}/{qos}"
                    subscriber = self.subscriber(version, topic)
                    publish(self.hub, version, topic, "-l", qos=qos, stdin=stdin)
                    received = [message["payload"] for message in subscriber.messages(1000)]
                    self.assertEqual(received, lines)

    def test_an_empty_payload_and_one_of_900_kib_arrive_as_they_are(self):
        big = os.urandom(900 * 1024)
        with tempfile.TemporaryDirectory() as folder:
            sent = os.path.join(folder, "sent")
            with open(sent, "wb") as file:
                file.write(big)
            for version in VERSIONS:
                topic = f"size/{version}"
                subscriber = self.subscriber(version, topic)
                publish(self.hub, version, topic, "-n")
                self.assertEqual(subscriber.message()["payloadlen"], 0)
                subscriber.stop()
                raw = Process("mosquitto_sub", "-p", self.hub.port, "-h", "127.0.0.1", "-V", version,
                              "-i", f"raw-{version}", "-t", topic, "-q", 1, "-C", 1, "-F", "%x")
                self.addCleanup(raw.stop)
                eventually("subscription of the raw reader",
                           lambda v=version: self.publish_until(raw, v, topic, sent))
                self.assertEqual(bytes.fromhex(raw.lines[0].decode()), big)

    def publish_until(self, raw, version, topic, file):
        """mosquitto_sub without -d does not say when it is ready, so publish until it has ended."""
        publish(self.hub, version, topic, "-f", file)
        try:
            return raw.wait(patience_s=1) == 0
        except AssertionError:
            return False

    def test_wildcards_and_several_filters_match_as_they_should(self):
        for version in VERSIONS:
            base = f"wild/{version}"
            subscriber = self.subscriber(version, f"{base}/+/temp", "-t", f"{base}/cellar/#")
            for topic in ("a/temp", "a/b/temp", "cellar", "cellar/x/y", "b/temp", "temp"):
                publish(self.hub, version, f"{base}/{topic}", "-m", topic)
            publish(self.hub, version, f"{base}/end/temp", "-m", "end")
            received = []
            while "end" not in received:
                received.append(subscriber.message()["payload"])
            self.assertEqual(received, ["a/temp", "cellar", "cellar/x/y", "b/temp", "end"])

    def test_an_unsubscribed_filter_delivers_nothing(self):
        for version in VERSIONS:
            client = ("-i", f"unsubscribe-{version}", "-c")
            self.subscriber(version, "gone", *client).stop()
            done = Process("mosquitto_sub", "-h", "127.0.0.1", "-p", self.hub.port, "-V", version,
                           *client, "-U", "gone", "-t", "stays", "-E", "-q", 1)
            self.assertEqual(done.wait(), 0, done.lines)
            publish(self.hub, version, "gone", "-m", "not for you")
            publish(self.hub, version, "stays", "-m", "for you")
            subscriber = self.subscriber(version, "stays", *client)
            self.assertEqual(subscriber.message()["payload"], "for you")


class Retained(WithHub):
    def test_a_retained_message_is_kept_replaced_and_cleared(self):
        for version in VERSIONS:
            topic = f"retained/{version}"
            live = self.subscriber(version, topic)
            for payload in ("first", "second"):
                publish(self.hub, version, topic, "-m", payload, "-r")
                self.assertEqual(live.message()["retain"], 0)
            late = self.subscriber(version, topic).message()
            self.assertEqual((late["payload"], late["retain"]), ("second", 1))
            publish(self.hub, version, topic, "-n", "-r")
            after = self.subscriber(version, topic)
            publish(self.hub, version, topic, "-m", "live")
            self.assertEqual(after.message()["payload"], "live")

    def test_a_retained_message_survives_kill_9(self):
        with Hub() as hub:
            publish(hub, "mqttv5", "kept", "-m", "still here", "-r", "-D", "publish",
                    "user-property", "unit", "C")
            hub.kill()
            hub.start()
            for version in VERSIONS:
                subscriber = Subscriber(hub, version, "kept")
                self.addCleanup(subscriber.stop)
                message = subscriber.message()
                self.assertEqual((message["payload"], message["retain"]), ("still here", 1))

    def test_mosquitto_sub_can_remove_all_retained_messages(self):
        for topic in ("sweep/a", "sweep/b"):
            publish(self.hub, "mqttv5", topic, "-m", "x", "-r")
        done = Process("mosquitto_sub", "-h", "127.0.0.1", "-p", self.hub.port, "-t", "sweep/#",
                       "--remove-retained", "-W", 1)
        self.assertEqual(done.wait(), 27, done.lines)  # mosquitto_sub's way to say "time is up"
        late = self.subscriber("mqttv5", "sweep/#")
        publish(self.hub, "mqttv5", "sweep/a", "-m", "live")
        self.assertEqual(late.message()["retain"], 0)


class Wills(WithHub):
    def test_the_will_of_a_client_that_died_is_published_and_retained_as_asked(self):
        for version in VERSIONS:
            topic = f"will/{version}"
            watcher = self.subscriber(version, topic)
            doomed = self.subscriber(version, "nothing", "--will-topic", topic, "--will-payload",
                                     "died", "--will-qos", 1, "--will-retain")
            doomed.kill()
            message = watcher.message()
            self.assertEqual((message["payload"], message["qos"]), ("died", 1))
            self.assertEqual(self.subscriber(version, topic).message()["retain"], 1)

    def test_a_client_that_says_goodbye_has_no_will(self):
        for version in VERSIONS:
            topic = f"no-will/{version}"
            watcher = self.subscriber(version, topic)
            publish(self.hub, version, "nothing", "-m", "x", "--will-topic", topic,
                    "--will-payload", "died")
            publish(self.hub, version, topic, "-m", "alive")
            self.assertEqual(watcher.message()["payload"], "alive")

    def test_a_client_may_ask_for_its_will_when_it_says_goodbye(self):
        watcher = self.subscriber("mqttv5", "will/asked")
        leaving = self.subscriber("mqttv5", "nothing", "--will-topic", "will/asked",
                                  "--will-payload", "leaving")
        leaving.stop()  # mosquitto_sub answers SIGTERM with DISCONNECT, reason 0x04
        self.assertEqual(watcher.message()["payload"], "leaving")

    def test_a_will_with_a_delay_waits_for_it(self):
        watcher = self.subscriber("mqttv5", "will/late")
        doomed = self.subscriber(
            "mqttv5", "nothing", "-i", "late", "-x", 60, "--will-topic", "will/late",
            "--will-payload", "died", "-D", "will", "will-delay-interval", 2)
        began = time.monotonic()
        doomed.kill()
        self.assertEqual(watcher.message()["payload"], "died")
        self.assertGreater(time.monotonic() - began, 1.5)


class Sessions(unittest.TestCase):
    def test_what_was_missed_arrives_in_order_through_kill_9(self):
        count = 200
        for version in VERSIONS:
            for qos in (1, 2):
                with self.subTest(version=version, qos=qos), Hub() as hub:
                    client = ("-i", "absent", "-c")
                    Subscriber(hub, version, "missed/#", *client, qos=qos).stop()
                    lines = [f"message {i}" for i in range(count)]
                    stdin = "".join(line + "\n" for line in lines).encode()
                    publish(hub, version, "missed/x", "-l", qos=qos, stdin=stdin)
                    hub.kill()
                    hub.start()
                    back = Process("mosquitto_sub", "-h", "127.0.0.1", "-p", hub.port, "-V", version,
                                   *client, "-q", qos, "-t", "missed/#", "-C", count, "-F", "%p")
                    self.assertEqual(back.wait(), 0, back.lines[-5:])
                    self.assertEqual([line.decode() for line in back.lines], lines)

    def test_a_session_that_has_expired_is_owed_nothing(self):
        with Hub() as hub:
            client = ("-i", "short", "-c", "-x", 1)
            Subscriber(hub, "mqttv5", "expired", *client).stop()
            eventually("the end of the session", lambda: hub.json("/api/v1/status")["sessions"] == 0)
            publish(hub, "mqttv5", "expired", "-m", "too late")
            back = Subscriber(hub, "mqttv5", "expired", *client)
            self.addCleanup(back.stop)
            publish(hub, "mqttv5", "expired", "-m", "in time")
            self.assertEqual(back.message()["payload"], "in time")

    def test_a_second_client_with_the_same_id_takes_over(self):
        with Hub() as hub:
            first = Subscriber(hub, "mqttv5", "x", "-i", "twin")
            second = Subscriber(hub, "mqttv5", "x", "-i", "twin")
            self.addCleanup(second.stop)
            told = first.line(lambda line: b"DISCONNECT" in line)
            self.assertIn(b"Received DISCONNECT (142)", told)  # 0x8E, session taken over
            first.stop()


class Replay(unittest.TestCase):
    def replay(self, hub, start, *more, qos=1):
        return Subscriber(hub, "mqttv5", "past/#", "-D", "subscribe", "user-property", "hub.from",
                          start, *more, qos=qos)

    def test_the_past_comes_first_marked_and_then_live(self):
        with Hub() as hub:
            for i in range(3):
                publish(hub, "mqttv5", f"past/{i}", "-m", f"old {i}")
            for start, first in (("earliest", 0), ("mqtt/0:1", 1), ("position:2", 2),
                                 ("2001-01-01T00:00:00Z", 0), ("4102444800000", 3)):
                for qos in (0, 1, 2):
                    with self.subTest(start=start, qos=qos):
                        subscriber = self.replay(hub, start, qos=qos)
                        publish(hub, "mqttv5", "past/live", "-m", "new", qos=0)
                        while True:
                            message = subscriber.message()
                            hubs = message.get("properties", {}).get("user-properties", {})
                            if "hub.replay" not in hubs:
                                break
                            if message["topic"] == "past/live":
                                continue  # of the subscriptions before this one
                            self.assertEqual(message["payload"], f"old {first}")
                            self.assertEqual(int(hubs["hub.offset"]), first)
                            first += 1
                        self.assertEqual((message["payload"], first), ("new", 3))
                        first = {"earliest": 0, "mqtt/0:1": 1, "position:2": 2}.get(
                            start, 0 if start.startswith("2001") else 3)
                        subscriber.stop()

    def test_what_cannot_be_had_is_refused(self):
        with Hub() as hub:
            for start in ("yesterday", "mqtt/0:99", "mqtt/9:0"):
                refused = Process(
                    "mosquitto_sub", "-h", "127.0.0.1", "-p", hub.port, "-V", "mqttv5", "-t", "a",
                    "-D", "subscribe", "user-property", "hub.from", start)
                refused.wait()
                self.assertTrue(any(b"denied" in line for line in refused.lines), refused.lines)

    def test_a_replay_goes_on_after_kill_9(self):
        count = 3000
        with Hub() as hub:
            lines = [f"message {i}" for i in range(count)]
            publish(hub, "mqttv5", "past/x", "-l",
                    stdin="".join(line + "\n" for line in lines).encode())
            # A small window, so that the kill comes in the middle.
            client = ("-i", "reader", "-c", "-x", 3600, "-D", "connect", "receive-maximum", 5)
            reader = self.replay(hub, "earliest", *client)
            seen = [message["payload"] for message in reader.messages(300)]
            hub.kill()
            reader.kill()
            seen += [json.loads(line.removeprefix(b"MESSAGE "))["payload"]
                     for line in reader.lines if line.startswith(b"MESSAGE ")][300:]
            hub.start()
            back = Subscriber(hub, "mqttv5", "elsewhere", *client)
            self.addCleanup(back.stop)
            first = int(back.message()["payload"].split()[1])
            self.assertLessEqual(first, len(seen))  # nothing between is missing
            rest = [f"message {first}"] + [m["payload"] for m in back.messages(count - 1 - first)]
            self.assertEqual(rest, lines[first:])
            self.assertEqual(seen, lines[:len(seen)])


class SharedSubscriptions(WithHub):
    def test_each_message_goes_to_one_member_of_the_group(self):
        for version in VERSIONS:
            topic = f"shared/{version}"
            members = [self.subscriber(version, f"$share/group/{topic}") for _ in range(2)]
            watcher = self.subscriber(version, topic)
            lines = "".join(f"{i}\n" for i in range(200))
            publish(self.hub, version, topic, "-l", stdin=lines.encode())
            self.assertEqual([m["payload"] for m in watcher.messages(200)], lines.split())
            received = [[], []]
            eventually("all 200", lambda m=members, r=received: self.drain(m, r) == 200)
            for member in received:
                self.assertEqual(member, sorted(member, key=int))
            self.assertEqual(sorted(sum(received, []), key=int), lines.split())

    def drain(self, members, received):
        for member, has in zip(members, received):
            try:
                while True:
                    has.append(member.message(patience_s=0.2)["payload"])
            except AssertionError:
                pass
        return sum(map(len, received))


class Properties(WithHub):
    def test_publish_properties_arrive_and_are_in_the_log(self):
        subscriber = self.subscriber("mqttv5", "properties")
        in_order = self.subscriber("mqttv5", "properties")
        publish(
            self.hub, "mqttv5", "properties", "-m", "21.5",
            "-D", "publish", "user-property", "unit", "C",
            "-D", "publish", "user-property", "site", "Örebro",
            "-D", "publish", "user-property", "unit", "again",
            "-D", "publish", "content-type", "text/plain",
            "-D", "publish", "response-topic", "answers/here",
            "-D", "publish", "correlation-data", "id-7",
            "-D", "publish", "payload-format-indicator", 1,
            "-D", "publish", "message-expiry-interval", 3600)
        received = subscriber.message()["properties"]
        self.assertEqual(received["content-type"], "text/plain")
        self.assertEqual(received["response-topic"], "answers/here")
        self.assertEqual(received["correlation-data"], "id-7")
        self.assertEqual(received["payload-format-indicator"], 1)
        self.assertTrue(3590 <= received["message-expiry-interval"] <= 3600, received)
        users = [("unit", "C"), ("site", "Örebro"), ("unit", "again")]
        self.assertEqual(in_order.user_properties(), users)

        (record,) = [r for r in self.hub.records() if r["key"] == b"properties"]
        self.assertEqual(record["value"], b"21.5")
        own = {name: value for name, value in record["headers"] if name.startswith("mqtt.")}
        self.assertEqual(
            [(n, v.decode()) for n, v in record["headers"] if not n.startswith("mqtt.")], users)
        self.assertEqual(own["mqtt.content_type"], b"text/plain")
        self.assertEqual(own["mqtt.response_topic"], b"answers/here")
        self.assertEqual(own["mqtt.correlation_data"], b"id-7")
        self.assertIn("mqtt.payload_format", own)
        self.assertIn("mqtt.expiry", own)
        self.assertNotIn("mqtt.qos", own)  # 1 goes without saying
        self.assertNotIn("mqtt.topic", own)  # the key says it
        self.assertNotIn("mqtt.retain", own)

    def test_a_topic_alias_of_the_publisher_is_resolved(self):
        subscriber = self.subscriber("mqttv5", "alias/#")
        lines = "".join(f"{i}\n" for i in range(20))
        publish(self.hub, "mqttv5", "alias/long/name", "-l", "-D", "publish", "topic-alias", 3,
                stdin=lines.encode())
        for message, line in zip(subscriber.messages(20), lines.split()):
            self.assertEqual((message["topic"], message["payload"]), ("alias/long/name", line))

    def test_an_expired_message_is_not_delivered(self):
        client = ("-i", "expiry", "-c")
        self.subscriber("mqttv5", "expiry", *client).stop()
        publish(self.hub, "mqttv5", "expiry", "-m", "old", "-D", "publish",
                "message-expiry-interval", 1)
        time.sleep(2.2)
        publish(self.hub, "mqttv5", "expiry", "-m", "new")
        self.assertEqual(self.subscriber("mqttv5", "expiry", *client).message()["payload"], "new")

    def test_a_subscription_identifier_comes_back(self):
        subscriber = self.subscriber("mqttv5", "identified", "-D", "subscribe",
                                     "subscription-identifier", 77)
        publish(self.hub, "mqttv5", "identified", "-m", "x")
        properties = subscriber.message()["properties"]
        self.assertIn(77, (properties["subscription-identifier"],
                           properties.get("subscription-identifiers")))

    def test_request_and_response_with_mosquitto_rr(self):
        for version in VERSIONS:
            with self.subTest(version):
                request, response = f"ask/{version}", f"answer/{version}"
                responder = self.subscriber(version, request)
                asking = Process("mosquitto_rr", "-h", "127.0.0.1", "-p", self.hub.port, "-V",
                                 version, "-q", 1, "-t", request, "-e", response, "-m", "6 * 7",
                                 "-W", PATIENCE_S)
                asked = responder.message()
                self.assertEqual(asked["payload"], "6 * 7")
                more = []
                if version == "mqttv5":
                    self.assertEqual(asked["properties"]["response-topic"], response)
                    if "correlation-data" in asked["properties"]:
                        more = ["-D", "publish", "correlation-data",
                                asked["properties"]["correlation-data"]]
                publish(self.hub, version, response, "-m", "42", *more)
                self.assertEqual(asking.wait(), 0, asking.lines)
                self.assertEqual(asking.lines, [b"42"])


class Limits(WithHub):
    config = {"packet_max": "64KiB"}

    def test_a_packet_above_the_maximum_never_arrives_and_the_hub_stays(self):
        payload = "x" * (70 * 1024)
        for version in VERSIONS:
            watcher = self.subscriber(version, f"limits/{version}")
            pub = Process("mosquitto_pub", "-h", "127.0.0.1", "-p", self.hub.port, "-V", version,
                          "-q", 1, "-t", f"limits/{version}", "-s", stdin=payload.encode())
            time.sleep(1)
            pub.stop()
            publish(self.hub, version, f"limits/{version}", "-m", "small")
            self.assertEqual(watcher.message()["payload"], "small")


class System(WithHub):
    config = {"sys_interval": "1s"}

    def test_sys_topics_have_mosquittos_names(self):
        for version in VERSIONS:
            for topic in ("version", "uptime", "clients/connected", "messages/received",
                          "messages/sent", "publish/messages/received", "retained messages/count",
                          "subscriptions/count", "bytes/received"):
                message = self.subscriber(version, f"$SYS/broker/{topic}").message()
                self.assertNotEqual(message["payload"], "", topic)

    def test_a_wildcard_does_not_match_sys(self):
        subscriber = self.subscriber("mqttv5", "#", "-R")
        time.sleep(2)
        publish(self.hub, "mqttv5", "not/sys", "-m", "x")
        self.assertEqual(subscriber.message()["topic"], "not/sys")


class OneLog(WithHub):
    """What clients of every kind publish is in one log."""

    def test_headers_say_what_differs_from_the_usual(self):
        publish(self.hub, "mqttv311", "log/0", "-m", "a", "-i", "zero", qos=0)
        publish(self.hub, "mqttv311", "log/1", "-m", "b", "-i", "one", qos=1)
        publish(self.hub, "mqttv5", "log/2", "-m", "c", "-i", "two", "-r", qos=2)
        found = eventually("three records", lambda: self.three())
        headers = [dict(record["headers"]) for record in found]
        self.assertEqual([record["value"] for record in found], [b"a", b"b", b"c"])
        self.assertEqual([h.get("mqtt.qos") for h in headers], [b"0", None, b"2"])
        self.assertEqual([h.get("mqtt.retain") for h in headers], [None, None, b"1"])
        self.assertEqual([h.get("mqtt.client") for h in headers], [b"zero", b"one", b"two"])
        status = json.loads(self.hub.get("/api/v1/status"))
        self.assertGreaterEqual(status["accepted"], 3)
        self.assertEqual(status["accepted"],
                         status["stored"] + status["expired"] + status["discarded"])

    def three(self):
        found = [r for r in self.hub.records() if r["key"].startswith(b"log/")]
        return found if len(found) == 3 else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
