"""Links between real hubs: what one has, the other gets, once, and both can say how far they are."""

import json
import os
import signal
import subprocess
import time
import unittest

from link_hub import (LinkHub, all_of, foreign_headers, header, kafka_hub, link_to, origin, producer)
from support import Subscriber, eventually, publish


class LinkTest(unittest.TestCase):
    def hub(self, name, *links, extra="", start=True, **kafka):
        made = LinkHub(name, extra, links, **kafka)
        self.addCleanup(made.remove)
        if start:
            made.start()
        return made

    def pair(self, **keys):
        there = self.hub("there")
        return self.hub("here", link_to(there, **keys)), there

    def send(self, hub, records, topic="t"):
        writer = producer(hub)
        for r in records:
            writer.produce(topic, r.value, r.key, r.partition, timestamp=r.timestamp, headers=list(r.headers))
        self.assertEqual(writer.flush(30), 0)


class Links(LinkTest):
    def test_every_kind_of_record_comes_over_as_it_is_and_says_where_it_is_from(self):
        here, there = self.pair()
        records = [*kafka_hub.small_records(), kafka_hub.big_record()]
        self.send(here, records)
        here.caught_up("up")
        got = all_of(there.read("t"))
        self.assertEqual(len(got), len(records))
        for i, (sent, came) in enumerate(zip(records, got)):
            self.assertEqual((came.key(), came.value()), (sent.key, sent.value))
            self.assertEqual(came.timestamp()[1], sent.timestamp)
            self.assertEqual(foreign_headers(came), list(sent.headers))
            self.assertEqual(origin(came), ("here", "t", 0, i))

    def test_what_mqtt_published_here_reaches_mqtt_there(self):
        here, there = self.pair()
        subscriber = Subscriber(there, "mqttv5", "plant/#")
        self.addCleanup(subscriber.stop)
        publish(here, "mqttv5", "plant/1", "-m", "21.5", "-D", "publish", "user-property", "unit", "C")
        message = subscriber.message()
        self.assertEqual((message["topic"], message["payload"]), ("plant/1", "21.5"))

    def test_what_was_there_before_comes_over_and_is_called_historical(self):
        there = self.hub("there", start=False)
        here = self.hub("here", link_to(there))
        self.send(here, kafka_hub.numbered(10))
        eventually("the link knows of them", lambda: here.link("up")["lag_records"] == 10)
        there.start()
        here.caught_up("up")
        self.send(here, kafka_hub.numbered(10, first=10))
        here.caught_up("up")
        marks = [header(m, "hub.historical") for m in all_of(there.read("t"))]
        self.assertEqual(marks, ["true"] * 10 + [None] * 10)

    def test_a_restart_of_either_side_repeats_and_loses_nothing(self):
        here, there = self.pair()
        sent = 0
        for round_number in range(6):
            self.send(here, kafka_hub.numbered(200, first=sent))
            sent += 200
            victim = (here, there)[round_number % 2]
            victim.kill()
            victim.start()
        here.caught_up("up")
        values = [int(m.key()) for m in all_of(there.read("t"))]
        self.assertEqual(values, list(range(sent)))

    def test_two_hubs_that_link_to_each_other_have_the_same_and_nothing_twice(self):
        one, two = self.hub("one", start=False), self.hub("two", start=False)
        one.links, two.links = [link_to(two)], [link_to(one)]
        one.start()
        two.start()
        self.send(one, kafka_hub.numbered(50))
        self.send(two, kafka_hub.numbered(50, first=50))
        for hub in (one, two):
            eventually("all of it", lambda hub=hub: len(all_of(hub.read("t"))) >= 100)
            hub.caught_up("up")
        for hub in (one, two):
            self.assertEqual(sorted(int(m.key()) for m in all_of(hub.read("t"))), list(range(100)))
            self.assertEqual(hub.link("up")["kept_back"], 50)

    def test_a_ring_of_hubs_has_everything_everywhere_once(self):
        hubs = [self.hub(f"hub{i}", start=False) for i in range(3)]
        for i, hub in enumerate(hubs):
            hub.links = [link_to(hubs[(i + 1) % 3])]
            hub.start()
        for i, hub in enumerate(hubs):
            self.send(hub, kafka_hub.numbered(20, first=20 * i))
        for hub in hubs:
            eventually("all of it", lambda hub=hub: len(all_of(hub.read("t"))) >= 60)
            hub.caught_up("up")
        for hub in hubs:
            self.assertEqual(sorted(int(m.key()) for m in all_of(hub.read("t"))), list(range(60)))

    def test_topics_partitions_and_names_are_as_the_link_says(self):
        there = self.hub("there")
        here = self.hub(
            "here", link_to(there, topics=["temp*"], destination="{hub}.{topic}"),
            extra='[[topic]]\nname = "temps"\npartitions = 3\n[[topic]]\nname = "other"\n')
        self.send(here, [kafka_hub.Record(b"k", b"v%d" % p, partition=p) for p in range(3)], "temps")
        self.send(here, kafka_hub.numbered(1), "other")
        here.caught_up("up")
        got = there.read("here.temps")
        self.assertEqual({p: [m.value() for m in ms] for p, ms in got.items()},
                         {0: [b"v0"], 1: [b"v1"], 2: [b"v2"]})
        self.assertEqual(there.read("here.other"), {})

    def test_a_topic_that_comes_later_is_taken_too(self):
        here, there = self.pair()
        here.caught_up("up")
        self.send(here, kafka_hub.numbered(5), "new")
        eventually("it", lambda: len(all_of(there.read("new"))) == 5)

    def test_at_least_once_needs_no_transactions_and_goes_on_after_restarts(self):
        here, there = self.pair(delivery="at-least-once")
        self.send(here, kafka_hub.numbered(100))
        here.caught_up("up")
        self.assertEqual(here.link("up")["delivery"], "at-least-once")
        here.stop()
        here.start()
        self.send(here, kafka_hub.numbered(100, first=100))
        here.caught_up("up")
        got = all_of(there.read("t"))
        self.assertEqual([int(m.key()) for m in got], list(range(200)))
        self.assertEqual([origin(m)[3] for m in got], list(range(200)))
        self.assertEqual(here.link("up")["records"], 100)

    def test_a_record_that_is_too_large_there_costs_itself_only(self):
        there = self.hub("there", extra='[[topic]]\nname = "t"\nmessage_max = "100KiB"\n')
        here = self.hub("here", link_to(there, compression="none"))
        self.send(here, [kafka_hub.Record(b"%d" % i, os.urandom(150_000 if i == 5000 else 50))
                         for i in range(20_000)])
        eventually("the rest", lambda: here.link("up")["lag_records"] == 0, 40)
        link = here.link("up")
        self.assertEqual((link["refused"], link["records"]), (1, 19_999))
        self.assertEqual([int(m.key()) for m in all_of(there.read("t"))],
                         [i for i in range(20_000) if i != 5000])

    def test_logs_in_and_says_when_it_may_not(self):
        there = self.hub("there", extra='[[user]]\nname = "gw"\npassword_file = "gw"\n',
                         sasl_mechanisms=["SCRAM-SHA-256"], start=False)
        (there.directory / "gw").write_text("secret\n")
        (there.directory / "gw").chmod(0o600)
        there.start()
        here = self.hub("here", link_to(there, user="gw", password_file="pw"), start=False)
        (here.directory / "pw").write_text("wrong\n")
        (here.directory / "pw").chmod(0o600)
        here.start()
        eventually("that it may not", lambda: "uthentication" in here.link("up")["why"])
        (here.directory / "pw").write_text("secret\n")
        os.kill(here.process.pid, signal.SIGHUP)
        here.caught_up("up")

    def test_a_reload_adds_changes_and_removes_links(self):
        here, there = self.pair()
        here.caught_up("up")

        def reload(*links):
            here.links = links
            here.write_config()
            os.kill(here.process.pid, signal.SIGHUP)

        reload(link_to(there, paused=True))
        eventually("that it is paused", lambda: here.link("up")["state"] == "paused")
        self.send(here, kafka_hub.numbered(10))
        time.sleep(1)
        self.assertEqual(there.read("t"), {})
        reload(link_to(there), link_to(there, "second", destination="second.{topic}"))
        here.caught_up("up")
        here.caught_up("second")
        self.assertEqual(len(all_of(there.read("t"))), 10)
        self.assertEqual(len(all_of(there.read("second.t"))), 10)
        reload()
        eventually("that there are none", lambda: here.json("/api/v1/links")["links"] == [])

    def test_keeps_to_its_bytes_per_second(self):
        rate = 64 * 1024
        here, there = self.pair(bytes_per_second="64KiB", compression="none")
        here.caught_up("up")
        before, began = here.link("up")["wire_bytes"], time.monotonic()
        self.send(here, [kafka_hub.Record(b"k", os.urandom(2000)) for _ in range(320)])
        here.caught_up("up")
        used, took = here.link("up")["wire_bytes"] - before, time.monotonic() - began
        self.assertGreater(used, 640_000)
        self.assertLess(used, rate * (took + 2))  # a second that was saved, and one in which it is seen
        self.assertEqual(len(all_of(there.read("t"))), 320)

    def test_the_bytes_of_a_day_are_counted_over_restarts(self):
        here, there = self.pair(bytes_per_day="1MiB", compression="none")
        self.send(here, [kafka_hub.Record(b"k", os.urandom(10_000)) for _ in range(60)])
        here.caught_up("up")
        left = here.link("up")["day_bytes_left"]
        self.assertLess(left, 450_000)
        here.stop()
        here.start()
        eventually("a link", lambda: here.link("up")["state"] == "online")
        self.assertLessEqual(here.link("up")["day_bytes_left"], left)
        self.send(here, [kafka_hub.Record(b"k", os.urandom(10_000)) for _ in range(60)])
        eventually("that the day is spent", lambda: here.link("up")["state"] == "day-spent")
        self.assertLess(len(all_of(there.read("t"))), 120)

    def test_says_how_it_is_to_everybody_who_asks(self):
        there = self.hub("there", start=False)
        here = self.hub("here", link_to(there), start=False)
        here.mqtt = {"sys_interval": "1s"}
        here.start()
        self.send(here, kafka_hub.numbered(7))
        eventually("a lag", lambda: here.link("up")["state"] == "connecting" and here.link("up")["why"])
        there.start()
        here.caught_up("up")
        metrics = here.metrics()
        self.assertEqual(metrics['runnel_link_online{link="up"}'], 1)
        self.assertEqual(metrics['runnel_link_lag_records{link="up"}'], 0)
        self.assertEqual(metrics['runnel_link_records_total{link="up"}'], 7)
        one = json.loads(here.cli("links", "up", "--json").stdout)["links"][0]
        self.assertEqual((one["state"], one["records"], one["delivery"]), ("online", 7, "exactly-once"))
        self.assertIn("online", here.cli("links").stdout)
        self.assertIn("7 records", here.cli("links", "up").stdout)
        self.assertEqual(here.cli("links", "other").returncode, 1)
        subscriber = Subscriber(here, "mqttv5", "$SYS/hub/links/up/#")
        self.addCleanup(subscriber.stop)
        said = {}

        def online():
            message = subscriber.message()
            said[message["topic"].removeprefix("$SYS/hub/links/up/")] = message["payload"]
            return said.get("state") == "online" and said.get("records") == "7"
        eventually("the state", online)

    def test_holds_what_was_not_sent_and_refuses_publishers_at_the_ceiling(self):
        there = self.hub("there", start=False)
        here = self.hub("here", link_to(there, unsent="hold"), start=False)
        here.storage = {"limit": "48MiB", "generation": "16MiB"}
        here.start()
        accepted = 0
        for _ in range(200):
            done = subprocess.run(
                ["mosquitto_pub", "-p", str(here.port), "-V", "mqttv5", "-q", "1", "-t", "a", "-s"],
                input=os.urandom(500_000), capture_output=True, timeout=30)
            if done.returncode != 0 or b"uota" in done.stderr:
                break
            accepted += 1
        self.assertLess(accepted, 100)
        self.assertEqual(here.link("up")["gap_records"], 0)
        there.start()
        here.caught_up("up")
        self.assertEqual(len(all_of(there.read("mqtt"))), accepted)
        publish(here, "mqttv5", "a", "-m", "there is room again")

    def test_counts_and_names_what_retention_took_before_it_was_sent(self):
        there = self.hub("there", start=False)
        here = self.hub("here", link_to(there), start=False)
        here.storage = {"limit": "48MiB", "generation": "16MiB"}
        here.start()
        for _ in range(150):
            publish(here, "mqttv5", "a", "-s", stdin=os.urandom(500_000))
        there.start()
        here.caught_up("up")
        link = here.link("up")
        came = all_of(there.read("mqtt"))
        self.assertGreater(link["gap_records"], 0)
        self.assertEqual(link["gap_records"] + len(came), 150)
        gap = link["last_gaps"][0]
        self.assertEqual((gap["topic"], gap["first_offset"], gap["last_offset"]),
                         ("mqtt", 0, link["gap_records"] - 1))
        self.assertIn("removed by retention", here.cli("links", "up").stdout)


class LinksDown(LinkTest):
    def test_a_command_from_above_reaches_the_device_that_subscribed(self):
        above = self.hub("above")
        here = self.hub("here", link_to(above, "down", direction="down", topics=["commands.{hub}"],
                                        destination="commands"),
                        extra='[[route]]\nfilter = "cmd/+"\ntopic = "commands"\nkey = "{1}"\n')
        device = Subscriber(here, "mqttv5", "cmd/valve-3")
        self.addCleanup(device.stop)
        self.send(above, [kafka_hub.Record(b"valve-3", b"open")], "commands.here")
        self.send(above, [kafka_hub.Record(b"valve-3", b"not ours")], "commands.elsewhere")
        message = device.message(40)
        self.assertEqual((message["topic"], message["payload"]), ("cmd/valve-3", "open"))

    def test_what_comes_down_is_as_it_was_above_and_comes_once_over_deaths_of_either_side(self):
        above = self.hub("above")
        records = [*kafka_hub.small_records(), kafka_hub.big_record()]
        self.send(above, records)
        here = self.hub("here", link_to(above, "down", direction="down"))
        eventually("the records", lambda: len(all_of(here.read("t"))) >= len(records), 40)
        for i, (sent, came) in enumerate(zip(records, all_of(here.read("t")))):
            self.assertEqual((came.key(), came.value()), (sent.key, sent.value))
            self.assertEqual(came.timestamp()[1], sent.timestamp)
            self.assertEqual(foreign_headers(came), list(sent.headers))
            self.assertEqual(origin(came)[1:], ("t", 0, i))
        sent = len(records)
        for round_number in range(6):
            self.send(above, kafka_hub.numbered(300, first=sent))
            sent += 300
            victim = (here, above)[round_number % 2]
            victim.kill()
            victim.start()
        eventually("the rest", lambda: len(all_of(here.read("t"))) >= sent, 40)
        values = [m.key() for m in all_of(here.read("t"))][len(records):]
        self.assertEqual(values, [b"%d" % i for i in range(len(records), sent)])
        here.caught_up("down")

    def test_up_and_down_between_two_hubs_bring_each_what_the_other_has_once(self):
        above = self.hub("above")
        here = self.hub("here", link_to(above, topics=["t"]),
                        link_to(above, "down", direction="down", topics=["t"]))
        self.send(here, kafka_hub.numbered(50))
        self.send(above, kafka_hub.numbered(50, first=50))
        for hub in (here, above):
            eventually("all of it", lambda hub=hub: len(all_of(hub.read("t"))) >= 100, 40)
        time.sleep(1)
        for hub in (here, above):
            self.assertEqual(sorted(int(m.key()) for m in all_of(hub.read("t"))), list(range(100)))

    def test_what_comes_down_waits_while_the_log_is_full(self):
        above = self.hub("above")
        here = self.hub("here", link_to(above, "down", direction="down"), start=False)
        here.storage = {"limit": "48MiB", "generation": "16MiB", "on_full": "reject"}
        here.start()
        here.caught_up("down")
        self.send(above, [kafka_hub.Record(b"k", os.urandom(500_000)) for _ in range(90)])
        eventually("that it waits", lambda: "takes nothing" in here.link("down")["why"], 40)
        had = len(all_of(here.read("t")))
        self.assertLess(had, 90)
        here.stop()
        here.storage["limit"] = "256MiB"
        here.start()
        eventually("the rest", lambda: len(all_of(here.read("t"))) == 90, 40)


if __name__ == "__main__":
    unittest.main()
