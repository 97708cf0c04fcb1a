"""The clients of the matrix by their names in the tests."""

from libraries import Confluent, KafkaJs, Platformatic, PythonKafka
from programs import Kcat, LibrdkafkaC, LibrdkafkaCpp

CLIENTS = {
    "python_kafka": PythonKafka, "confluent": Confluent, "kcat": Kcat, "kafkajs": KafkaJs,
    "platformatic": Platformatic, "librdkafka_c": LibrdkafkaC, "librdkafka_cpp": LibrdkafkaCpp,
}
