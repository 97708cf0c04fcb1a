"""What a user types at the Kafka door: tail, publish, topics and groups, against a real hub. What
they did is read back over HTTP, which shares no code with them."""

import base64
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "kafka"))
from kafka_hub import KafkaHub, small_records  # noqa: E402
from support import Process, eventually, publish, runnel  # noqa: E402

OK, FAILED, USAGE = 0, 1, 2
NOBODY = "127.0.0.1:1"
T0_TEXT = "2023-11-14T22:13:20Z"  # 1,700,000,000,000 ms


def run(*arguments, stdin=None):
    """Exit status, standard output and standard error, as bytes where that matters."""
    # What this shell says of a hub of its own is nothing to the test.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RUNNEL_")}
    done = subprocess.run(
        [runnel(), *map(str, arguments)], input=stdin, capture_output=True, timeout=60,
        env=environment)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def coded(value):
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def json_line(record):
    """As `runnel publish --json` takes it."""
    return json.dumps({
        "partition": record.partition, "timestamp_ms": record.timestamp, "key": coded(record.key),
        "value": coded(record.value),
        "headers": [[name, coded(value)] for name, value in record.headers]}) + "\n"


def contents(hub, topic, partition):
    """Everything of a partition, by way of HTTP."""
    return [(r["offset"], r["timestamp_ms"], r["key"], r["value"], r["headers"])
            for r in hub.records(topic, partition)]


class AtOneHub(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = KafkaHub('\n[[topic]]\nname = "temps"\npartitions = 3\n')
        cls.addClassCleanup(cls.hub.remove)
        cls.hub.start()
        cls.door = ("--bootstrap", cls.hub.bootstrap)
        cls.count = 0

    def new_topic(self, partitions=1):
        type(self).count += 1
        name = f"topic-{self.count}"
        status, out, err = run("topics", "create", name, "--partitions", partitions, *self.door)
        self.assertEqual((status, err), (OK, ""), out)
        return name

    def tail(self, topic, *more):
        status, out, err = run("tail", topic, "--json", *self.door, *more)
        self.assertEqual((status, err), (OK, ""))
        return json_lines(out)

    def publish(self, topic, *more, stdin=None):
        status, out, err = run("publish", topic, *self.door, *more, stdin=stdin)
        self.assertEqual((status, out, err), (OK, "", ""))

    def publish_lines(self, topic, count, *more, first=0):
        lines = "".join(f"value {i}\n" for i in range(first, first + count))
        self.publish(topic, "--lines", *more, stdin=lines.encode())


class Records(AtOneHub):
    def test_one_record_with_all_that_it_may_have(self):
        topic = self.new_topic(2)
        self.publish(topic, "--key", "boiler", "--header", "unit=C", "--header", "empty=",
                     "--header", "none", "--header", "unit=F", "--partition", 1,
                     "--time", T0_TEXT, "--value", "21.5")
        self.assertEqual(self.tail(topic), [{
            "topic": topic, "partition": 1, "offset": 0, "timestamp_ms": 1_700_000_000_000,
            "timestamp_type": "create", "key": "boiler", "value": "21.5",
            "headers": [["unit", "C"], ["empty", ""], ["none", None], ["unit", "F"]]}])
        status, out, _ = run("tail", topic, "--headers", *self.door)
        self.assertEqual(status, OK)
        self.assertEqual(out, "1\t0\t2023-11-14T22:13:20.000Z\tboiler\t"
                              "unit=C,empty=,none,unit=F\t21.5\n")

    def test_a_tombstone_an_empty_value_and_bytes(self):
        topic = self.new_topic()
        self.publish(topic, "--key", "a", "--null")
        self.publish(topic, "--value", "")
        self.publish(topic, "--file", "-", stdin=bytes(range(256)))
        self.assertEqual([(r["key"], r["value"]) for r in self.hub.records(topic)],
                         [(b"a", None), (None, b""), (None, bytes(range(256)))])
        status, out, _ = run("tail", topic, "--format", "%K %S;", *self.door)
        self.assertEqual((status, out), (OK, "1 -1;-1 0;-1 256;"))

    def test_a_key_finds_the_partition_that_the_hub_itself_would_choose(self):
        topic = self.new_topic(3)
        self.hub.extra += f'\n[[route]]\nfilter = "sensors/+"\ntopic = "{topic}"\nkey = "{{1}}"\n'
        (self.hub.directory / "config").write_text(self.hub._config())
        self.hub.process.send_signal(signal.SIGHUP)
        eventually("the route", lambda: self.routed(topic))
        for i in range(20):
            self.publish(topic, "--key", f"s{i}", "--value", "kafka")
            publish(self.hub, "mqttv5", f"sensors/s{i}", "-m", "mqtt")
        places = {}
        for record in self.tail(topic):
            places.setdefault(record["key"], set()).add(record["partition"])
        self.assertEqual({key: len(found) for key, found in places.items()},
                         {"probe": 1, **{f"s{i}": 1 for i in range(20)}})

    def routed(self, topic):
        publish(self.hub, "mqttv5", "sensors/probe", "-m", "x")
        return any(self.hub.records(topic, p) for p in range(3))

    def test_lines_with_keys(self):
        topic = self.new_topic()
        self.publish(topic, "--lines", "--key-separator", ":", stdin=b"a:1\nb:2:3\n:4")
        self.assertEqual([(r["key"], r["value"]) for r in self.hub.records(topic)],
                         [(b"a", b"1"), (b"b", b"2:3"), (b"", b"4")])

    def test_where_to_begin_and_where_to_stop(self):
        topic = self.new_topic()
        lines = "".join(json.dumps({"value": str(i), "key": "odd" if i % 2 else "even",
                                    "timestamp_ms": 1_700_000_000_000 + i * 1000}) + "\n"
                        for i in range(10))
        self.publish(topic, "--json", stdin=lines.encode())
        for options, wanted in [
            ([], "0123456789"), (["--from", 7], "789"), (["--from", -2], "89"),
            (["--from", "latest"], ""), (["--until", 3], "012"), (["--count", 4], "0123"),
            (["--from", "2023-11-14T22:13:26Z"], "6789"), (["--from", "@1700000006001"], "789"),
            (["--until", "2023-11-14T22:13:22Z"], "01"), (["--from", "-1h"], ""),
            (["--key", "odd"], "13579"), (["--key", "odd", "--count", 2], "13"),
            (["--from", 2, "--until", -3, "--key", "even"], "246"),
            (["--follow", "--from", "earliest", "--until", 5], "01234"),
            (["--follow", "--from", 3, "--until", "latest"], "3456789"),
            (["--isolation", "read_uncommitted", "--max", 1], "0"),
        ]:
            with self.subTest(options):
                self.assertEqual("".join(r["value"] for r in self.tail(topic, *options)), wanted)

    def test_partitions_come_whole_one_after_the_other(self):
        topic = self.new_topic(3)
        for partition in (2, 0, 1):
            self.publish_lines(topic, 50, "--partition", partition)
        found = [(r["partition"], r["offset"]) for r in self.tail(topic)]
        self.assertEqual(found, [(p, o) for p in range(3) for o in range(50)])
        self.assertEqual(len(self.tail(topic, "--partition", 1)), 50)

    def test_follow_gets_what_comes_and_ends_with_exit_code_0_when_interrupted(self):
        topic = self.new_topic(2)
        self.publish_lines(topic, 5)
        follower = Process(runnel(), "tail", topic, "-f", "--format", "%s\\n", *self.door)
        eventually("the follower's connection",
                   lambda: self.hub.json("/api/v1/status")["kafka_connections"] > 0)
        deadline = time.monotonic() + 20
        probe = 0
        while not follower.lines and time.monotonic() < deadline:  # until it has begun
            self.publish_lines(topic, 1, first=1000 + probe)
            probe += 1
            try:
                follower.line(patience_s=1)
            except AssertionError:
                pass
        self.publish_lines(topic, 20, first=2000)
        while b"value 2019" not in follower.lines:
            follower.line()
        follower.process.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(), OK)
        got = [line for line in follower.lines if line.startswith(b"value 20")]
        self.assertEqual(sorted(got), sorted(b"value %d" % i for i in range(2000, 2020)))

    def test_the_first_refused_line_is_named_and_what_came_before_it_is_there(self):
        topic = self.new_topic(2)
        for lines, options, hint in [
            (b'{"value":"ok"}\n{"value":7}\n{"value":"never"}\n', ["--json"], "line 2: value must"),
            (b'{"value":"ok"}\n{"value":"x","partition":2}\n', ["--json"], "there is no partition 2"),
            (b"ok\n" + b"x" * (2 << 20) + b"\n", ["--lines"], "line 2: the hub refused it: "),
            (b"a=ok\nb\n", ["--lines", "-K", "="], "line 2: it has no \"=\""),
        ]:
            with self.subTest(hint):
                status, out, err = run("publish", topic, *options, *self.door, stdin=lines)
                self.assertEqual((status, out), (FAILED, ""))
                self.assertIn(hint, err)
                self.assertIn("1 lines are published", err)
        values = [r["value"] for p in range(2) for r in self.hub.records(topic, p)]
        self.assertEqual(values, [b"ok"] * 4)

    def test_a_topic_that_the_hub_makes_is_spoken_of(self):
        status, out, err = run("publish", "made-by-publish", "--value", "x", *self.door)
        self.assertEqual((status, out), (OK, ""))
        self.assertEqual(err, 'runnel: the hub made the topic "made-by-publish"\n')
        self.assertEqual(len(self.hub.records("made-by-publish")), 1)

    def test_an_mqtt_topic_still_goes_over_mqtt(self):
        for topic, options in [("plant/9/temp", []), ("plain", ["--retain"])]:
            status, out, err = run("publish", topic, "--value", "21.5", "--port", self.hub.port, *options)
            self.assertEqual((status, out, err), (OK, "", ""))
        found = {r["key"]: dict(r["headers"]) for r in self.tail("mqtt")}
        self.assertIn("mqtt.client", found["plant/9/temp"])
        self.assertEqual(found["plain"]["mqtt.retain"], "1")

    def test_the_config_of_the_hub_says_where_its_door_is(self):
        topic = self.new_topic()
        config = self.hub.directory / "config"
        status, _, err = run("publish", topic, "--value", "x", "--config", config)
        self.assertEqual((status, err), (OK, ""))
        status, out, _ = run("tail", topic, "--config", config, "--format", "%s")
        self.assertEqual((status, out), (OK, "x"))


class Copies(unittest.TestCase):
    """tail --json | publish --json."""

    def test_a_topic_is_copied_byte_for_byte(self):
        dice = random.Random(7)
        with KafkaHub('\n[[topic]]\nname = "source"\npartitions = 3\n'
                      '[[topic]]\nname = "copy"\npartitions = 3\n') as hub:
            door = ("--bootstrap", hub.bootstrap)
            records = small_records()
            for i in range(2000):
                record = dice.choice(small_records()[:-1])
                record.value = record.value and record.value + dice.randbytes(dice.randrange(200))
                record.timestamp += i
                records.append(record)
            for record in records:
                record.partition = dice.randrange(3)
            lines = "".join(map(json_line, records)).encode()
            status, _, err = run("publish", "source", "--json", *door, stdin=lines)
            self.assertEqual((status, err), (OK, ""))
            for partition in range(3):
                wanted = [r for r in records if r.partition == partition]
                # The HTTP API has no null headers.
                self.assertEqual(
                    [(r["key"], r["value"], r["headers"]) for r in hub.records("source", partition)],
                    [(r.key, r.value, [(name, value or b"") for name, value in r.headers])
                     for r in wanted])
            tail = subprocess.Popen([runnel(), "tail", "source", "--json", *door],
                                    stdout=subprocess.PIPE)
            status, _, err = run_from(tail.stdout, "publish", "copy", "--json", *door)
            self.assertEqual((status, err, tail.wait(20)), (OK, "", OK))
            for partition in range(3):
                self.assertEqual(contents(hub, "copy", partition),
                                 contents(hub, "source", partition))
            source, copy = (json_lines(run("tail", topic, "--json", *door)[1])
                            for topic in ("source", "copy"))
            self.assertEqual([dict(record, topic="source") for record in copy], source)
            self.assertIn(["null", None], [h for record in copy for h in record["headers"]])

    def test_a_copy_may_have_fewer_partitions(self):
        with KafkaHub('\n[[topic]]\nname = "wide"\npartitions = 4\n') as hub:
            door = ("--bootstrap", hub.bootstrap)
            lines = "".join(f"k{i}:{i}\n" for i in range(40))
            self.assertEqual(run("publish", "wide", "--lines", "-K", ":", *door,
                                 stdin=lines.encode())[0], OK)
            status, out, _ = run("tail", "wide", "--json", *door)
            self.assertEqual(run("topics", "create", "narrow", *door)[0], OK)
            status, _, err = run("publish", "narrow", "--json", *door, stdin=out.encode())
            self.assertEqual(status, FAILED)
            self.assertIn("--partition key", err)
            status, _, err = run("publish", "narrow", "--json", "--partition", "key", *door,
                                 stdin=out.encode())
            self.assertEqual((status, err), (OK, ""))
            values = {r["value"] for r in hub.records("narrow")}
            self.assertEqual(values, {b"%d" % i for i in range(40)})


def run_from(stdin, *arguments):
    done = subprocess.run([runnel(), *map(str, arguments)], stdin=stdin, capture_output=True,
                          timeout=120)
    stdin.close()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Restarts(unittest.TestCase):
    def test_a_follower_goes_on_when_the_hub_comes_back_and_says_so(self):
        with KafkaHub('\n[[topic]]\nname = "t"\npartitions = 2\n') as hub:
            door = ("--bootstrap", hub.bootstrap)
            follower = Process(runnel(), "tail", "t", "--follow", "--from", "earliest", "--json",
                               "--count", 60, *door)
            for end in (hub.stop, hub.kill, None):
                lines = "".join(f"{end}{i}\n" for i in range(20)).encode()
                self.assertEqual(run("publish", "t", "--lines", *door, stdin=lines)[0], OK)
                if end:
                    end()
                    eventually("the complaint", lambda: self.said(follower, b"is gone"))
                    hub.start()
                    eventually("the relief", lambda: self.said(follower, b"is back"))
            self.assertEqual(follower.wait(), OK)
            records = [json.loads(line) for line in follower.lines if line.startswith(b"{")]
            offsets = sorted((r["partition"], r["offset"]) for r in records)
            self.assertEqual(len(set(offsets)), 60)
            for partition in range(2):
                mine = [r for r in records if r["partition"] == partition]
                self.assertEqual([r["offset"] for r in mine], list(range(len(mine))))

    def said(self, follower, words):
        """Since it was last asked."""
        try:
            return follower.line(lambda line: words in line, patience_s=15)
        except AssertionError:
            return None

    def test_a_publisher_waits_for_a_hub_that_restarts_and_writes_each_line_once(self):
        with KafkaHub('\n[[topic]]\nname = "t"\n') as hub:
            publisher = subprocess.Popen(
                [runnel(), "publish", "t", "--lines", "--bootstrap", hub.bootstrap],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(publisher.kill)
            publisher.stdin.write(b"".join(b"%d\n" % i for i in range(100)))
            publisher.stdin.flush()
            eventually("the first lines", lambda: len(hub.records("t")) == 100)
            hub.kill()
            publisher.stdin.write(b"".join(b"%d\n" % i for i in range(100, 200)))
            publisher.stdin.flush()
            hub.start()
            _, err = publisher.communicate(timeout=60)
            self.assertEqual((publisher.returncode, err), (OK, b""))
            self.assertEqual([int(r["value"]) for r in hub.records("t")], list(range(200)))


class Topics(AtOneHub):
    def test_a_list_is_that_of_the_http_api(self):
        self.publish_lines("temps", 30)
        status, out, _ = run("topics", "--json", *self.door)
        self.assertEqual(status, OK)
        self.assertEqual(
            sorted(json.loads(out)["topics"], key=lambda t: t["name"]),
            sorted(self.hub.json("/api/v1/topics")["topics"], key=lambda t: t["name"]))
        for arguments in (["topics", *self.door], ["topics", "list", *self.door],
                          ["topics", "--http", f"127.0.0.1:{self.hub.http_port}"]):
            status, out, _ = run(*arguments)
            self.assertEqual(status, OK)
            self.assertRegex(out, r"TOPIC +PARTITION +FIRST +NEXT +RECORDS\n")
            self.assertRegex(out, r"(?m)^temps +2 ")

    def test_create_describe_and_add_partitions(self):
        topic = self.new_topic(2)
        status, out, _ = run("topics", "describe", topic, "--json", *self.door)
        described = json.loads(out)
        self.assertEqual((status, described["name"]), (OK, topic))
        self.assertEqual([(p["partition"], p["log_start_offset"], p["high_watermark"])
                          for p in described["partitions"]], [(0, 0, 0), (1, 0, 0)])
        status, out, _ = run("topics", "add-partitions", topic, "--partitions", 5, *self.door)
        self.assertEqual((status, out), (OK, f"{topic} has 5 partitions\n"))
        status, out, _ = run("topics", "describe", topic, *self.door)
        self.assertRegex(out, r"(?m)^ +4 +0 +0 +0 ")
        status, _, err = run("topics", "create", topic, *self.door)
        self.assertEqual(status, FAILED)
        self.assertIn("there already", err)

    def test_configs_are_set_one_by_one_and_unset(self):
        topic = self.new_topic()

        def configs(*arguments):
            status, out, err = run("topics", "configs", topic, *arguments, "--json", *self.door)
            self.assertEqual(status, OK, err)
            return {name: c["value"] for name, c in json.loads(out)["configs"].items()
                    if not c["default"]}

        self.assertEqual(configs(), {})
        self.assertEqual(configs("--set", "retention.ms=7200000"), {"retention.ms": "7200000"})
        both = {"retention.ms": "7200000", "max.message.bytes": "5000"}
        self.assertEqual(configs("--set", "max.message.bytes=5000"), both)
        self.assertEqual(configs("--unset", "retention.ms"), {"max.message.bytes": "5000"})
        status, _, err = run("topics", "configs", topic, "--set", "retention.ms=x", *self.door)
        self.assertEqual(status, FAILED)
        self.assertIn("retention.ms", err)
        self.assertEqual(configs(), {"max.message.bytes": "5000"})

    def test_trim_and_delete(self):
        topic = self.new_topic()
        self.publish_lines(topic, 10)
        status, out, err = run("topics", "trim", topic, "--before", 4, "--json", *self.door)
        self.assertEqual(status, OK, err)
        self.assertEqual(json.loads(out)["partitions"], [{"partition": 0, "log_start_offset": 4}])
        self.assertEqual(len(self.tail(topic)), 6)
        status, out, err = run("topics", "delete", topic, *self.door)
        self.assertEqual((status, out), (OK, f"deleted {topic}\n"), err)
        self.assertNotIn(topic, run("topics", *self.door)[1].split())

    def test_a_name_is_not_empty(self):
        for command in (["describe", ""], ["trim", "", "--before", 1], ["create", ""],
                        ["delete", ""], ["configs", ""]):
            with self.subTest(command):
                status, out, err = run("topics", *command, *self.door)
                self.assertEqual((status, out), (USAGE, ""), err)


class Groups(AtOneHub):
    def test_a_group_reads_on_where_it_was_and_its_lag_is_told(self):
        topic = self.new_topic(2)
        for partition in range(2):
            self.publish_lines(topic, 10, "--partition", partition)
        first = self.tail(topic, "--group", "dash", "--count", 15)
        self.assertEqual(len(first), 15)
        described = self.describe("dash")
        self.assertEqual((described["state"], described["members"]), ("Empty", []))
        self.assertEqual(sum(o["lag"] for o in described["offsets"]), 5)
        rest = self.tail(topic, "--group", "dash")
        read = [(r["partition"], r["offset"]) for r in first + rest]
        self.assertEqual(sorted(read), [(p, o) for p in range(2) for o in range(10)])
        self.assertEqual([o["lag"] for o in self.describe("dash")["offsets"]], [0, 0])
        self.assertEqual(self.tail(topic, "--group", "dash"), [])
        status, out, _ = run("groups", "describe", "dash", *self.door)
        self.assertEqual(status, OK)
        self.assertIn("dash: Empty, 0 members", out)
        self.assertRegex(out, rf"(?m)^{topic} +1 +10 +10 +0 +-$")

    def describe(self, group):
        status, out, err = run("groups", "describe", group, "--json", *self.door)
        self.assertEqual((status, err), (OK, ""))
        return json.loads(out)

    def test_members_are_told_and_protect_their_group(self):
        topic = self.new_topic(2)
        member = Process(runnel(), "tail", topic, "--follow", "--group", "busy", *self.door)
        try:
            described = eventually("the member", lambda: self.with_a_member("busy"))
            (one,) = described["members"]
            self.assertEqual(one["client_id"], "runnel")
            self.assertEqual(one["partitions"], [{"topic": topic, "partition": p} for p in (0, 1)])
            status, out, _ = run("groups", "--json", *self.door)
            self.assertIn({"group": "busy", "state": "Stable"}, json.loads(out)["groups"])
            for arguments in (["delete", "busy"], ["reset", "busy", "--topic", topic, "--to", 0]):
                status, _, err = run("groups", *arguments, *self.door)
                self.assertEqual(status, FAILED)
                self.assertIn("it has members", err)
        finally:
            member.stop()
        self.assertEqual(member.process.returncode, OK)

    def with_a_member(self, group):
        status, out, _ = run("groups", "describe", group, "--json", *self.door)
        if status != OK:
            return None
        described = json.loads(out)
        stable = described["state"] == "Stable" and described["members"]
        return described if stable and described["members"][0]["partitions"] else None

    def test_reset_and_delete(self):
        topic = self.new_topic(2)
        for partition in range(2):
            self.publish_lines(topic, 10, "--partition", partition)
        self.tail(topic, "--group", "back")
        for to, options, wanted in [(4, ["--dry-run"], [10, 10]), (4, [], [4, 4]),
                                    (-1, ["--partition", 1], [4, 9]), ("latest", [], [10, 10]),
                                    ("-1h", [], [0, 0])]:
            status, out, err = run("groups", "reset", "back", "--topic", topic, "--to", to,
                                   *options, "--json", *self.door)
            self.assertEqual((status, err), (OK, ""))
            self.assertEqual([o["committed"] for o in self.describe("back")["offsets"]], wanted)
        self.assertEqual(len(self.tail(topic, "--group", "back")), 20)
        status, _, err = run("groups", "reset", "back", "--topic", topic, "--to", 11, *self.door)
        self.assertEqual(status, FAILED)
        self.assertIn("no offset 11 yet", err)
        self.assertEqual(run("groups", "delete", "back", *self.door)[:2], (OK, "deleted back\n"))
        for arguments in (["describe", "back"], ["delete", "back"]):
            status, _, err = run("groups", *arguments, *self.door)
            self.assertEqual(status, FAILED)
            self.assertIn('no group "back"', err)


class Complaints(AtOneHub):
    COMMANDS = (["tail", "temps"], ["publish", "temps", "--value", "x"], ["topics"], ["groups"],
                ["topics", "describe", "temps"], ["groups", "describe", "g"])

    def test_a_hub_that_is_not_there_is_named_at_once(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                start = time.monotonic()
                status, out, err = run(*command, "--bootstrap", NOBODY)
                self.assertEqual((status, out), (FAILED, ""))
                self.assertEqual(err, f"runnel: cannot reach the hub at {NOBODY}: connection "
                                      "refused; is `runnel serve` running?\n")
                self.assertLess(time.monotonic() - start, 5)

    def test_a_port_that_does_not_speak_kafka_is_named_within_seconds(self):
        address = f"127.0.0.1:{self.hub.port}"
        start = time.monotonic()
        status, _, err = run("tail", "temps", "--bootstrap", address)
        self.assertEqual(status, FAILED)
        self.assertIn(f"the hub at {address} does not answer as a Kafka broker does", err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertLess(time.monotonic() - start, 15)

    def test_a_door_that_asks_who_is_there_is_told_and_lets_nobody_else_in(self):
        with tempfile.TemporaryDirectory() as directory:
            right, wrong = pathlib.Path(directory, "right"), pathlib.Path(directory, "wrong")
            right.write_text("open sesame\n")
            wrong.write_text("open barley\n")
            user = f'[[user]]\nname = "alice"\npassword_file = "{right}"\n'
            with KafkaHub(user, sasl_mechanisms=["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]) as hub:
                for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
                    for name, password, status in (("alice", right, OK), ("alice", wrong, FAILED),
                                                   ("bob", right, FAILED)):
                        with self.subTest((mechanism, name, password.name)):
                            self.asks_as(hub, mechanism, name, password, status)
                status, _, err = run("topics", "--bootstrap", hub.bootstrap)
                self.assertEqual(status, FAILED)
                self.assertIn("does it want --user?", err)

    def asks_as(self, hub, mechanism, name, password, expected):
        status, _, err = run("topics", "--bootstrap", hub.bootstrap, "--user", name,
                             "--password-file", password, "--sasl-mechanism", mechanism)
        self.assertEqual(status, expected, err)
        if expected == FAILED:
            self.assertIn(f"the hub at {hub.bootstrap} does not let us in", err)
            self.assertNotIn("open", err)
            self.assertEqual(err.count("\n"), 1, err)

    def test_an_unknown_topic_names_the_nearest_and_is_not_made(self):
        for command in (["tail", "temp"], ["topics", "describe", "temp"],
                        ["topics", "delete", "temp"], ["topics", "configs", "temp"],
                        ["groups", "reset", "g", "--topic", "temp", "--to", 0]):
            with self.subTest(command):
                status, out, err = run(*command, *self.door)
                self.assertEqual((status, out), (FAILED, ""))
                self.assertIn("did you mean temps?", err)
        self.assertNotIn("temp", run("topics", *self.door)[1].split())
        status, _, err = run("tail", "temps", "--partition", 3, *self.door)
        self.assertEqual(status, FAILED)
        self.assertIn("there is no partition 3", err)

    def test_wrong_options_are_bad_usage(self):
        for arguments, hint in [
            (["tail", "temps", "--from", "yesterday"], "--from"),
            (["tail", "temps", "--until", "soon"], "--until"),
            (["tail", "temps", "--format", "%y"], "--format"),
            (["tail", "temps", "--format", "%s", "--json"], "excludes"),
            (["tail", "temps", "--isolation", "dirty"], "--isolation"),
            (["tail", "temps", "--group", "g", "--partition", 1], "--partition"),
            (["tail", "temps", "--group", "g", "--from", 7], "--from"),
            (["tail", "temps", "--http", "127.0.0.1:1", "--key", "k"], "--key"),
            (["tail", "temps", "--bootstrap", "a:b"], "HOST:PORT"),
            (["tail", "temps", "--user", "u"], "go together"),
            (["publish", "temps", "--value", "x", "--lines"], "--lines"),
            (["publish", "temps", "--json", "--key", "k"], "--json"),
            (["publish", "a/b", "--key", "k", "--value", "x"], "--key"),
            (["publish", "temps", "--mqtt", "--header", "a=b", "--value", "x"], "--header"),
            (["publish", "temps", "--header", "=b", "--value", "x"], "NAME=VALUE"),
            (["publish", "temps", "--time", "later", "--value", "x"], "--time"),
            (["publish", "temps", "--partition", "a", "--value", "x"], "--partition"),
            (["publish", "temps", "--key-separator", ":", "--value", "x"], "--key-separator"),
            (["topics", "descrbe"], "descrbe"),
            (["topics", "create", "x", "--set", "y"], "NAME=VALUE"),
            (["topics", "trim", "temps"], "--before"),
            (["groups", "reset", "g", "--topic", "temps"], "--to"),
            (["groups", "delete"], "NAME"),
        ]:
            with self.subTest(arguments):
                status, out, err = run(*arguments)
                self.assertEqual((status, out), (USAGE, ""), err)
                self.assertIn(hint, err)
                self.assertEqual(err.count("\n"), 1, err)

    def test_every_command_has_help(self):
        for words in (["tail"], ["publish"], ["topics"], ["topics", "create"], ["topics", "configs"],
                      ["groups"], ["groups", "reset"]):
            status, out, _ = run(*words, "--help")
            self.assertEqual(status, OK)
            self.assertIn(f"Usage: runnel {' '.join(words)}", out)
            self.assertLessEqual(max(map(len, out.splitlines())), 90, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
