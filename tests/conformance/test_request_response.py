"""Request and response as MQTT 5.0 §4.10 describes them, from end to end."""

import unittest

from cases import HubTestCase
from wire import Prop, V5


class RequestResponse(HubTestCase):

    def test_an_answer_finds_its_request(self):
        """[MQTT-3.3.2-15] [MQTT-3.3.2-16]"""
        asking, answering = self.client(V5, "asking"), self.client(V5, "answering")
        asking.subscribe((self.topic("answers/mine"), 1))
        answering.subscribe((self.topic("questions"), 1))
        numbers = [b"\0", b"\x01\xff", b""]
        for number in numbers:
            asking.publish(self.topic("questions"), b"2 + 2", 1, properties=[
                (Prop.RESPONSE_TOPIC, self.topic("answers/mine")),
                (Prop.CORRELATION_DATA, number)])
        for _ in numbers:
            question = answering.message()
            answering.publish(question.get(Prop.RESPONSE_TOPIC), b"4", 1, properties=[
                (Prop.CORRELATION_DATA, question.get(Prop.CORRELATION_DATA))])
        answers = asking.messages(len(numbers))
        self.assertEqual([m.get(Prop.CORRELATION_DATA) for m in answers], numbers)

    def test_a_request_without_response_topic_arrives_without_one(self):
        """[MQTT-3.3.2-15]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 1))
        client.publish(self.topic(), b"x", 1, properties=[(Prop.CORRELATION_DATA, b"alone")])
        found = client.message()
        self.assertIsNone(found.get(Prop.RESPONSE_TOPIC))
        self.assertEqual(found.get(Prop.CORRELATION_DATA), b"alone")

    def test_a_shared_subscription_can_answer_requests(self):
        """[MQTT-3.3.2-15] [MQTT-3.3.2-16]"""
        asking = self.client(V5, "asking")
        asking.subscribe((self.topic("answers"), 1))
        workers = [self.client(V5, f"worker{number}") for number in range(2)]
        for worker in workers:
            worker.subscribe((f"$share/workers/{self.topic('questions')}", 1))
        for number in range(6):
            asking.publish(self.topic("questions"), b"?", 1, properties=[
                (Prop.RESPONSE_TOPIC, self.topic("answers")),
                (Prop.CORRELATION_DATA, bytes([number]))])
        for worker in workers:
            for question in self.everything(worker):
                worker.publish(question.get(Prop.RESPONSE_TOPIC), b"!", 1, properties=[
                    (Prop.CORRELATION_DATA, question.get(Prop.CORRELATION_DATA))])
        answers = asking.messages(6)
        self.assertEqual(sorted(m.get(Prop.CORRELATION_DATA) for m in answers),
                         [bytes([number]) for number in range(6)])

    def test_response_information_may_be_asked_for(self):
        """[MQTT-3.1.2-28]"""
        connack = self.client(V5, properties=[(Prop.REQUEST_RESPONSE_INFO, 1)]).connack
        self.assertEqual(connack.reason, 0)


if __name__ == "__main__":
    unittest.main()
