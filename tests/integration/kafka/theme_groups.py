"""Consumer groups under load: members come, are killed and leave, the hub restarts.

    theme_groups.py CLIENT
"""

import threading
import time

from kafka_hub import Record, support
from matrix import Theme, needs, run

PARTITIONS = 6


class Load:
    """Records with a number each, in all partitions, until told to stop."""

    def __init__(self, client, topic):
        self.client, self.topic, self.sent = client, topic, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            self.client.produce(self.topic, [
                Record(value=b"%d" % (self.sent + p), partition=p) for p in range(PARTITIONS)],
                idempotent=True)
            self.sent += PARTITIONS
            time.sleep(0.02)

    def stop(self):
        self._stop.set()
        self._thread.join()


class Members:
    """Members of one group, and what all of them have read."""

    def __init__(self, test, topic, group):
        self.test, self.topic, self.group = test, topic, group
        self.all = []

    def add(self, *properties):
        member = self.test.client.member(self.topic, self.group, *properties)
        self.test.addCleanup(member.kill)
        self.all.append(member)
        member.records = []
        member.given = None
        member.assignments = 0
        member.reader = threading.Thread(target=self._read, args=(member,), daemon=True)
        member.reader.start()
        return member

    @staticmethod
    def _read(member):
        while (line := member.line(patience_s=120)) is not None:
            words = line.split()
            if words[:1] == [b"A"]:
                member.given = int(words[1])
                member.assignments += 1
            elif words[:1] == [b"R"]:
                value = words[-1].decode().removeprefix("x")
                member.records.append((int(words[1]), int(words[2]), int(bytes.fromhex(value))))

    def values(self):
        return {record[2] for member in self.all for record in member.records}

    def shares(self, alive):
        return sorted(member.given or 0 for member in alive)


class Groups(Theme):
    extra = f'[[topic]]\nname = "load"\npartitions = {PARTITIONS}\n'

    @staticmethod
    def numbered(numbers):
        return [Record(value=b"%d" % n, partition=n % 2) for n in numbers]

    def settled(self, members, alive, shares):
        support.eventually(
            f"shares {shares}", lambda: members.shares(alive) == shares, patience_s=30)

    def test_nothing_is_lost_when_members_come_and_are_killed_under_load(self):
        load = Load(self.reference, "load")
        self.addCleanup(load.stop)
        members = Members(self, "load", "busy")
        one = members.add()
        self.settled(members, [one], [6])
        two = members.add()
        self.settled(members, [one, two], [3, 3])
        two.kill()  # SIGKILL: the hub finds out by the session timeout
        three = members.add()
        self.settled(members, [one, three], [3, 3])
        load.stop()
        support.eventually(
            "every record read", lambda: members.values() == set(range(load.sent)), patience_s=30)
        for member in (one, three):
            member.stop()

    def test_a_group_goes_on_where_it_committed_after_a_restart_of_the_hub(self):
        topic, group = "resumed", "resuming"
        self.reference.create_topic(topic, 2)
        self.reference.produce(topic, self.numbered(range(100)))
        members = Members(self, topic, group)
        first = members.add()
        support.eventually("100 records", lambda: len(members.values()) == 100)
        support.eventually("all committed", lambda: self.committed(group, topic) == [50, 50])
        first.stop()
        self.hub.kill()
        self.hub.start()
        self.assertEqual(self.committed(group, topic), [50, 50])
        self.reference.produce(topic, self.numbered(range(100, 120)))
        second = members.add()
        support.eventually("the 20 new", lambda: len(second.records) >= 20)
        self.assertEqual(sorted(value for _, _, value in second.records), list(range(100, 120)))

    def committed(self, group, topic):
        return [c and c[0] for c in self.reference.committed(group, topic, [0, 1])]

    def test_a_member_goes_on_when_the_hub_restarts_under_it(self):
        topic = "underneath"
        self.reference.create_topic(topic, 2)
        members = Members(self, topic, "stays")
        members.add()
        self.reference.produce(topic, self.numbered(range(50)))
        support.eventually("50 records", lambda: len(members.values()) == 50)
        self.hub.kill()
        self.hub.start()
        self.reference.produce(topic, self.numbered(range(50, 100)))
        support.eventually("100 records", lambda: len(members.values()) == 100, patience_s=40)

    @needs("properties")
    def test_a_cooperative_group_shares_without_loss(self):
        topic = "cooperative"
        self.reference.create_topic(topic, 2)
        members = Members(self, topic, "cooperative")
        strategy = "partition.assignment.strategy=cooperative-sticky"
        one = members.add(strategy)
        self.reference.produce(topic, self.numbered(range(100)))
        support.eventually("100 records", lambda: len(members.values()) == 100)
        two = members.add(strategy)
        support.eventually("a share for the second", lambda: two.given, patience_s=30)
        self.reference.produce(topic, self.numbered(range(100, 200)))
        support.eventually("200 records", lambda: len(members.values()) == 200)
        for member in (one, two):
            self.assertEqual(sum(value >= 100 for _, _, value in member.records), 50)
        self.assertEqual(len(one.records), 150)  # its own partition was not taken from it

    @needs("properties")
    def test_a_static_member_that_comes_back_in_time_disturbs_nobody(self):
        topic = "static"
        self.reference.create_topic(topic, 2)
        members = Members(self, topic, "static")
        one, two = members.add("group.instance.id=one"), members.add("group.instance.id=two")
        self.settled(members, [one, two], [1, 1])
        before = one.assignments
        two.kill()
        again = members.add("group.instance.id=two")
        self.settled(members, [one, again], [1, 1])
        self.reference.produce(topic, self.numbered(range(50)))
        support.eventually("50 records", lambda: len(members.values()) == 50)
        self.assertEqual(one.assignments, before)


if __name__ == "__main__":
    run(Groups)
