"""Clients have to log in.

    theme_sasl.py CLIENT
"""

import signal

from clients import CLIENTS
from kafka_client import ClientError
from kafka_hub import numbered, support
from matrix import Theme, needs, run

EVERY = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LOGINS = 'runnel_kafka_logins_total{result="%s"}'


class WithUsers(Theme):
    """Users stand in the configuration, their passwords in files beside it."""

    users = {"alice": "in wonderland", "a,b=ü": "p=ss,wörd", "ünlü": "p=ss,wörd"}
    extra = '[[topic]]\nname = "ready"\n'

    @classmethod
    def before_start(cls, the_hub):
        for number, (user, password) in enumerate(cls.users.items()):
            cls.add_user(the_hub, user, password, f"user-{number}")

    @staticmethod
    def add_user(the_hub, user, password, file):
        path = the_hub.directory / file
        path.write_text(password + "\n")
        path.chmod(0o600)
        the_hub.extra += f'[[user]]\nname = "{user}"\npassword_file = "{path}"\n'

    def logged_in(self, mechanism, user="alice", password=None):
        """The client under test, as somebody."""
        client = CLIENTS[self.name](self.hub)
        client.login = [mechanism, user, self.users.get(user) if password is None else password]
        self.addCleanup(client.close)
        return client

    def logins(self, how):
        return self.hub.metrics()[LOGINS % how]

    @staticmethod
    def ask(client):
        """Something small, by which it fails soon if the hub does not serve it."""
        return client.topics() if "topics" in client.can else client.ends("ready", 0)


class Sasl(WithUsers):
    config = {"sasl_mechanisms": list(EVERY)}

    def test_each_mechanism_opens_the_door(self):
        for mechanism in self.client.mechanisms:
            with self.subTest(mechanism=mechanism):
                client = self.logged_in(mechanism)
                topic = f"by-{mechanism}"
                before = self.logins("succeeded")
                client.produce(topic, numbered(20))
                found = client.consume(topic, 0, "earliest", count=20)
                self.assertEqual([r.value for r in found], [r.value for r in numbered(20)])
                self.assertGreater(self.logins("succeeded"), before)
                if "commit" in client.can:
                    client.commit(f"group-{mechanism}", topic, [[0, 7]])
                    (offset, _), = client.committed(f"group-{mechanism}", topic, [0])
                    self.assertEqual(offset, 7)

    def test_names_and_passwords_may_hold_what_the_protocols_use_themselves(self):
        for mechanism in self.client.mechanisms:
            with self.subTest(mechanism=mechanism):
                escapes = self.client.escapes_names or mechanism == "PLAIN"
                self.ask(self.logged_in(mechanism, "a,b=ü" if escapes else "ünlü"))

    def test_a_wrong_password_and_an_unknown_user_stay_outside(self):
        for mechanism in self.client.mechanisms:
            # Some clients try for ten seconds, so that the stranger comes once.
            for user in ("alice", "nobody") if mechanism == EVERY[1] else ("alice",):
                with self.subTest(mechanism=mechanism, user=user):
                    before = self.logins("failed")
                    with self.assertRaises(ClientError):
                        self.ask(self.logged_in(mechanism, user, "in wonderlan"))
                    self.assertGreater(self.logins("failed"), before)
        self.assertIn("login refused", self.hub.log())

    def test_a_client_that_does_not_log_in_stays_outside(self):
        before = self.logins("none")
        try:
            # kafka-python may take a connection that is closed for a cluster without topics.
            self.assertEqual(self.ask(self.client), {})
        except ClientError:
            pass
        self.assertGreater(self.logins("none"), before)

    def test_users_come_and_go_while_the_hub_runs(self):
        mechanism = self.client.mechanisms[-1]
        stays = self.logged_in(mechanism)
        stays.produce("reload", numbered(3))
        before = self.hub.extra
        self.add_user(self.hub, "carol", "new", "carol")
        self.reload()
        self.ask(self.logged_in(mechanism, "carol", "new"))
        stays.produce("reload", numbered(3, 3))
        self.hub.extra = before
        self.reload()
        with self.assertRaises(ClientError):
            self.ask(self.logged_in(mechanism, "carol", "new"))
        self.assertEqual(len(self.hub.records("reload")), 6)

    def reload(self):
        reloads = self.hub.stderr.read_text().count("reloaded")
        (self.hub.directory / "config").write_text(self.hub._config())
        self.hub.process.send_signal(signal.SIGHUP)
        support.eventually(
            "a reload", lambda: self.hub.stderr.read_text().count("reloaded") > reloads)

    @needs("set_password")
    def test_credentials_that_a_client_sets_open_the_door_also_after_a_kill(self):
        admin = self.logged_in("PLAIN")
        admin.set_password("dave", "SCRAM-SHA-512", "first")
        self.ask(self.logged_in("SCRAM-SHA-512", "dave", "first"))
        self.assertIn(["dave", 2], admin.passwords())
        admin.close()
        self.hub.kill()
        self.hub.start()
        self.ask(self.logged_in("SCRAM-SHA-512", "dave", "first"))
        with self.assertRaisesRegex(ClientError, "POLICY_VIOLATION"):
            admin.set_password("alice", "SCRAM-SHA-512", "mine")
        admin.delete_password("dave", "SCRAM-SHA-512")
        with self.assertRaises(ClientError):
            self.ask(self.logged_in("SCRAM-SHA-512", "dave", "first"))


class SaslOfOneKind(WithUsers):
    config = {"sasl_mechanisms": ["SCRAM-SHA-256"]}

    def test_a_mechanism_that_is_not_open_is_refused(self):
        self.ask(self.logged_in("SCRAM-SHA-256"))
        with self.assertRaises(ClientError):
            self.ask(self.logged_in("PLAIN"))


if __name__ == "__main__":
    run(Sasl, SaslOfOneKind)
