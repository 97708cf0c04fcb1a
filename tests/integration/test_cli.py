"""What a user types: every command of `runnel`, its exit codes, signals, and a live reload."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from support import Hub, Process, eventually, publish, runnel

OK, FAILED, USAGE = 0, 1, 2


def run(*arguments, stdin=None, cwd=None):
    """Exit status, standard output and standard error of one command."""
    done = subprocess.run(
        [runnel(), *map(str, arguments)], input=stdin, capture_output=True, timeout=60, cwd=cwd,
        text=True)
    return done.returncode, done.stdout, done.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def config(self, text):
        path = self.folder / "runnel.toml"
        path.write_text(text)
        return path


class Usage(unittest.TestCase):
    def test_version_and_help_are_answered(self):
        status, out, _ = run("--version")
        self.assertEqual(status, OK)
        self.assertRegex(out, r"^runnel \d+\.\d+\.\d+\n$")
        status, out, _ = run("--help")
        self.assertEqual(status, OK)
        for command in ("serve", "check-config", "status", "topics", "groups", "tail", "publish",
                        "doctor"):
            self.assertRegex(out, rf"(?m)^ +{command} ")
            status, text, _ = run(command, "--help")
            self.assertEqual(status, OK, command)
            self.assertIn("Usage: ", text)

    def test_bad_usage_is_exit_code_2_and_says_what_was_meant(self):
        for arguments, hint in [
            ([], "missing"),
            (["sevre"], "serve"),
            (["tail"], "TOPIC"),
            (["tail", "mqtt", "--from", "yesterday"], "--from"),
            (["publish", "a/#", "--value", "x"], "MQTT topic"),
            (["publish", "a"], "--value"),
            (["serve", "--confg", "x"], "--confg"),
            (["status", "--http", "nowhere"], "HOST:PORT"),
        ]:
            with self.subTest(arguments):
                status, out, err = run(*arguments)
                self.assertEqual((status, out), (USAGE, ""))
                self.assertIn(hint, err)
                self.assertEqual(err.count("\n"), 1, err)

    def test_commands_without_a_hub_fail_with_exit_code_1_and_one_line(self):
        nobody = "127.0.0.1:1"
        for arguments in (["status", "--http", nobody], ["topics", "--http", nobody],
                          ["tail", "mqtt", "--http", nobody],
                          ["publish", "a", "--value", "x", "--port", 1]):
            with self.subTest(arguments):
                status, out, err = run(*arguments)
                self.assertEqual((status, out), (FAILED, ""))
                self.assertEqual(err.count("\n"), 1, err)


class CheckConfig(Folder):
    def test_a_good_file_is_ok(self):
        path = self.config('[mqtt]\nlisten = ["127.0.0.1:1883"]\n')
        self.assertEqual(run("check-config", path), (OK, "OK\n", ""))

    def test_the_printed_defaults_are_a_good_file(self):
        status, out, _ = run("check-config", "--print-defaults")
        self.assertEqual(status, OK)
        self.assertEqual(run("check-config", self.config(out))[0], OK)

    def test_an_unknown_key_is_an_error_with_its_line_and_a_suggestion(self):
        path = self.config('[storage]\nlimit = "1GiB"\ncomit_interval = "5ms"\n')
        status, _, err = run("check-config", path)
        self.assertEqual(status, USAGE)
        self.assertIn(f"{path}:3:", err)
        self.assertIn("comit_interval", err)
        self.assertIn("commit_interval", err.replace("comit_interval", ""))

    def test_every_error_is_reported_at_once(self):
        path = self.config('[mqtt]\nlisten = ["0.0.0.0:1883"]\npacket_max = "lots"\n'
                           '[[route]]\nfilter = "a/#/b"\ntopic = "x"\n')
        status, out, _ = run("check-config", path, "--json")
        answer = json.loads(out)
        self.assertEqual((status, answer["ok"]), (USAGE, False))
        self.assertEqual([error["line"] for error in answer["errors"]], [2, 3, 4])

    def test_a_file_that_is_not_there_is_an_error(self):
        self.assertEqual(run("check-config", self.folder / "none.toml")[0], USAGE)


class Serve(Folder):
    def test_a_bad_config_does_not_start(self):
        path = self.config('[storage]\nlimt = "1GiB"\n')
        status, _, err = run("serve", "--config", path)
        self.assertEqual(status, USAGE)
        self.assertIn(f"{path}:2:", err)
        self.assertIn("limit", err)

    def test_listening_beyond_loopback_without_saying_so_is_refused(self):
        path = self.config('[mqtt]\nlisten = ["0.0.0.0:0"]\n')
        status, _, err = run("serve", "--config", path)
        self.assertEqual(status, USAGE)
        self.assertIn("allow_anonymous_beyond_loopback", err)

    def test_a_taken_port_is_a_failure_with_the_address_in_it(self):
        with Hub() as hub:
            path = self.config(f'[mqtt]\nlisten = ["127.0.0.1:{hub.port}"]\n'
                               f'[http]\nlisten = []\n[storage]\ndir = "{self.folder}/data"\n')
            status, _, err = run("serve", "--config", path)
            self.assertEqual(status, FAILED)
            self.assertIn(f"127.0.0.1:{hub.port}", err)

    def test_two_hubs_on_one_data_directory_are_refused(self):
        with Hub() as hub:
            data = hub.directory / "data"
            path = self.config('[mqtt]\nlisten = ["127.0.0.1:0"]\n[http]\nlisten = []\n'
                               '[kafka]\nlisten = []\n[storage]\ngeneration = "32MiB"\n')
            status, _, err = run("serve", "--config", path, "--data", data)
            self.assertEqual(status, FAILED, err)
            self.assertIn(str(data), err)
            publish(hub, "mqttv5", "still", "-m", "here")  # and the first one does not mind
            self.assertEqual(len(hub.records()), 1)

    def test_the_ready_line_names_the_listeners(self):
        with Hub() as hub:
            self.assertRegex(
                hub.stderr.read_text(),
                rf"ready .*mqtt=127\.0\.0\.1:{hub.port}\b.*http=127\.0\.0\.1:{hub.http_port}\b")

    def test_sigterm_and_sigint_stop_it_with_exit_code_0_and_keep_what_was_acknowledged(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Hub() as hub:
                lines = "".join(f"{i}\n" for i in range(500))
                publish(hub, "mqttv5", "clean", "-l", stdin=lines.encode())
                hub.process.send_signal(number)
                self.assertEqual(hub.process.wait(20), OK, hub.log())
                hub.start()
                self.assertEqual([r["value"].decode() for r in hub.records()], lines.split())

    def test_sigterm_under_load_acknowledges_nothing_that_is_not_stored(self):
        with Hub() as hub:
            lines = "".join(f"{i}\n" for i in range(20000))
            load = Process("mosquitto_pub", "-h", "127.0.0.1", "-p", hub.port, "-V", "mqttv5",
                           "-q", 1, "-t", "load", "-l", "-d", stdin=lines.encode())
            load.line(lambda line: b"PUBACK (Mid: 1000," in line)
            self.assertEqual(hub.stop(), OK)
            time.sleep(0.2)
            load.kill()
            load.wait()
            acknowledged = {int(m[1]) - 1 for line in load.lines
                            if (m := re.search(rb"PUBACK \(Mid: (\d+), RC:(\d+)\)", line))
                            and int(m[2]) < 128}
            hub.start()
            stored = {int(record["value"]) for record in hub.records()}
            self.assertGreaterEqual(len(acknowledged), 1000)
            self.assertEqual(acknowledged - stored, set())


class Asking(unittest.TestCase):
    """Commands that talk to a running hub."""

    @classmethod
    def setUpClass(cls):
        cls.hub = Hub('\n[[topic]]\nname = "temps"\npartitions = 3\n'
                      '[[route]]\nfilter = "plant/+/temp"\ntopic = "temps"\nkey = "{1}"\n')
        cls.addClassCleanup(cls.hub.remove)
        cls.hub.start()
        cls.http = ("--http", f"127.0.0.1:{cls.hub.http_port}")
        cls.mqtt = ("--port", cls.hub.port)

    def test_status(self):
        status, out, err = run("status", *self.http, "--json")
        self.assertEqual((status, err), (OK, ""))
        answer = json.loads(out)
        self.assertTrue(answer["healthy"])
        for name in ("version", "uptime_s", "connections", "sessions", "accepted", "stored",
                     "expired", "discarded", "disk_bytes", "disk_limit_bytes", "generations"):
            self.assertIn(name, answer)
        self.assertEqual(answer["disk_limit_bytes"], 256 << 20)
        self.assertLessEqual(answer["disk_bytes"], answer["disk_limit_bytes"])
        status, out, _ = run("status", *self.http)
        self.assertEqual(status, OK)
        self.assertIn("healthy", out)

    def test_topics(self):
        status, out, _ = run("topics", *self.http, "--json")
        self.assertEqual(status, OK)
        topics = {t["name"]: t["partitions"] for t in json.loads(out)["topics"]}
        self.assertEqual({name: len(parts) for name, parts in topics.items()},
                         {"mqtt": 1, "temps": 3})
        for partition in topics["temps"]:
            self.assertLessEqual(partition["log_start_offset"], partition["high_watermark"])
        self.assertIn("temps", run("topics", *self.http)[1])

    def test_publish_then_tail(self):
        for i in range(5):
            self.assertEqual(
                run("publish", "plant/7/temp", "--value", f"2{i}.5", *self.mqtt), (OK, "", ""))
        status, out, _ = run("tail", "temps", "--json", *self.http)
        self.assertEqual(status, OK)
        records = [json.loads(line) for line in out.splitlines()]
        of_seven = [r for r in records if r["key"] == "7"]
        self.assertEqual([r["value"] for r in of_seven], [f"2{i}.5" for i in range(5)])
        self.assertEqual(len({r["partition"] for r in of_seven}), 1)
        self.assertIn(["mqtt.topic", "plant/7/temp"], of_seven[0]["headers"])
        status, out, _ = run("tail", "temps", "--from", -1, "--partition",
                             of_seven[0]["partition"], *self.http)
        self.assertEqual(status, OK)
        self.assertTrue(out.rstrip("\n").endswith("24.5"), out)

    def test_publish_lines_with_qos_2_and_follow_them(self):
        follower = Process(runnel(), "tail", "mqtt", "--follow", "--from", "earliest", "--max", 300,
                           "--json", *self.http)
        lines = "".join(f"line {i}\n" for i in range(300))
        status, _, err = run("publish", "follow/me", "--lines", "--qos", 2, *self.mqtt, stdin=lines)
        self.assertEqual((status, err), (OK, ""))
        self.assertEqual(follower.wait(), OK)
        values = [json.loads(line)["value"] for line in follower.lines]
        self.assertEqual(values, lines.splitlines())

    def test_tail_of_a_topic_that_is_not_there_names_the_nearest(self):
        status, out, err = run("tail", "temp", *self.http)
        self.assertEqual((status, out), (FAILED, ""))
        self.assertIn("temps", err)

    def test_health_and_metrics(self):
        self.assertTrue(self.hub.get("/healthz"))
        metrics = self.hub.metrics()
        for name in ("runnel_messages_accepted_total", "runnel_messages_stored",
                     "runnel_payload_bytes_stored_total", "runnel_store_used_bytes",
                     "runnel_store_limit_bytes", "runnel_connections", "runnel_sessions",
                     "runnel_commit_seconds_count", "runnel_commit_records_count"):
            self.assertIn(name, metrics)
        self.assertTrue(any(name.startswith("runnel_build_info{version=") for name in metrics))
        self.assertEqual(metrics["runnel_store_limit_bytes"], 256 << 20)

    def test_metrics_agree_with_what_was_done(self):
        with Hub() as hub:
            lines = "".join(f"{i:04}\n" for i in range(1000))
            publish(hub, "mqttv5", "x", "-l", stdin=lines.encode())
            first, second = hub.metrics(), hub.metrics()
            self.assertEqual(first["runnel_messages_accepted_total"], 1000)
            self.assertEqual(first["runnel_messages_stored"], 1000)
            self.assertEqual(first["runnel_payload_bytes_stored_total"], 4 * 1000)
            self.assertEqual(first["runnel_commit_records_sum"], 1000)
            for name in ("seconds", "records"):
                count = first[f"runnel_commit_{name}_count"]
                self.assertTrue(1 <= count <= 1100, count)
                self.assertEqual(first[f'runnel_commit_{name}_bucket{{le="+Inf"}}'], count)
                self.assertEqual(second[f"runnel_commit_{name}_count"], count)
            self.assertGreater(first["runnel_commit_seconds_sum"], 0)


class Doctor(unittest.TestCase):
    def test_a_log_is_healthy_while_running_after_kill_9_and_after_a_clean_stop(self):
        with Hub() as hub:
            lines = "".join(f"{i}\n" for i in range(1000))
            publish(hub, "mqttv5", "x", "-l", stdin=lines.encode())
            data = hub.directory / "data"
            for end in (None, hub.kill, hub.stop):
                if end:
                    end()
                status, out, _ = run("doctor", "--data", data, "--json")
                report = json.loads(out)
                self.assertEqual((status, report["healthy"]), (OK, True), out)
                self.assertEqual(report["records"], 1000)
                self.assertEqual(report["running"], end is None)
                if end == hub.kill:
                    hub.start()

    def test_a_flipped_bit_is_found_and_costs_itself_only(self):
        with Hub() as hub:
            lines = [f"reading {i} " + "x" * 200 for i in range(2000)]
            publish(hub, "mqttv5", "x", "-l", stdin="".join(f"{li}\n" for li in lines).encode())
            hub.stop()
            data = hub.directory / "data"
            marker = lines[1000].encode()
            (path,) = [f for f in data.rglob("*") if f.is_file() and marker in f.read_bytes()]
            with open(path, "r+b") as file:
                at = file.read().index(marker)
                file.seek(at + 10)
                file.write(b"\xff")
            status, out, _ = run("doctor", "--data", data)
            self.assertEqual(status, FAILED, out)
            self.assertIn("wrong: ", out)
            hub.start()  # it always starts
            stored = {record["value"].decode("utf-8", "replace") for record in hub.records()}
            self.assertNotIn(lines[1000], stored)
            self.assertTrue(stored <= set(lines), "a damaged record was delivered")
            self.assertIn(lines[0], stored)
            self.assertIn(lines[-1], stored)

    def test_no_data_directory_is_a_failure(self):
        status, _, err = run("doctor", "--data", "/nonexistent")
        self.assertEqual(status, FAILED)
        self.assertIn("/nonexistent", err)


class Reload(unittest.TestCase):
    def reload(self, hub, extra):
        hub.extra = extra
        (hub.directory / "config").write_text(hub._config())
        hub.process.send_signal(signal.SIGHUP)

    def topic_names(self, hub):
        return {topic["name"] for topic in hub.json("/api/v1/topics")["topics"]}

    def test_topics_and_routes_change_while_clients_stay_connected(self):
        with Hub() as hub:
            source, sink = os.pipe()
            client = subprocess.Popen(
                ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(hub.port), "-q", "1", "-t",
                 "plant/1/temp", "-l"], stdin=source)
            os.close(source)
            os.write(sink, b"before\n")
            eventually("the first record", lambda: len(hub.records()) == 1)
            self.reload(hub, '\n[[route]]\nfilter = "plant/+/temp"\ntopic = "temps"\n')
            eventually("the new topic", lambda: "temps" in self.topic_names(hub))
            os.write(sink, b"after\n")
            eventually("the record in it", lambda: len(hub.records("temps")) == 1)
            os.close(sink)
            self.assertEqual(client.wait(20), 0)
            self.assertEqual([r["value"] for r in hub.records()], [b"before"])
            self.assertEqual([r["value"] for r in hub.records("temps")], [b"after"])

    def test_a_bad_file_changes_nothing_and_is_reported(self):
        with Hub('\n[[topic]]\nname = "kept"\n') as hub:
            self.reload(hub, '\n[[topic]]\nname = "new"\n[[topic]]\nnam = "typo"\n')
            eventually("the report", lambda: "typo" in hub.log() or "nam" in hub.log())
            self.assertEqual(self.topic_names(hub), {"mqtt", "kept"})
            publish(hub, "mqttv5", "x", "-m", "still up")
            self.reload(hub, '\n[[topic]]\nname = "kept"\n[[topic]]\nname = "new"\n')
            eventually("the new topic", lambda: "new" in self.topic_names(hub))

    def test_limits_change_while_it_runs(self):
        with Hub() as hub:
            hub.mqtt["packet_max"] = "2KiB"
            self.reload(hub, "")
            big = "x" * 3000
            eventually("the smaller packet limit", lambda: self.refused(hub, big))
            publish(hub, "mqttv5", "x", "-m", "small")

    def refused(self, hub, payload):
        done = subprocess.run([runnel(), "publish", "x", "--value", payload, "--port",
                               str(hub.port)], capture_output=True, timeout=30)
        return done.returncode == FAILED


if __name__ == "__main__":
    unittest.main(verbosity=2)
