// The peer of a draining link: librdkafka's producer with its defaults for safety (idempotent, acks=all),
// sending records of one size as fast as the library takes them. Prints the seconds from the first
// record to the last acknowledgement.
//
//   plain_producer BOOTSTRAP TOPIC PARTITIONS RECORDS VALUE_BYTES CODEC [HEADERS]
//
// HEADERS: 1 to give each record the headers that a link gives it.
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

bool failed = false;

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char why[256];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
    std::fprintf(stderr, "%s\n", why);
    std::exit(2);
  }
}

rd_kafka_headers_t* link_headers(long number) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(3);
  const std::string offset = std::to_string(number);
  const auto add = [&](const char* name, const std::string& value) {
    rd_kafka_header_add(headers, name, -1, value.data(), static_cast<ssize_t>(value.size()));
  };
  add("hub.origin", "edge");
  add("hub.partition", "0");
  add("hub.offset", offset);
  return headers;
}

// What a sensor says: digits that change, words that do not.
std::string value_of(long number, std::size_t bytes) {
  std::string value = "{\"seq\":" + std::to_string(number) + ",\"temp\":" + std::to_string(number * 7919 % 4000);
  while (value.size() + 1 < bytes) value += ",\"unit\":\"C\",\"quality\":" + std::to_string(number * 31 % 977);
  value.resize(bytes - 1);
  return value + "}";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) return 2;
  const std::string topic = argv[2];
  const int partitions = std::atoi(argv[3]);
  const long records = std::atol(argv[4]);
  const auto bytes = static_cast<std::size_t>(std::atol(argv[5]));
  const bool headers = argc > 7 && std::atoi(argv[7]) != 0;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "enable.idempotence", "true");
  set(conf, "compression.codec", argv[6]);
  set(conf, "batch.size", "524288");
  set(conf, "linger.ms", "5");
  set(conf, "queue.buffering.max.messages", "1000000");
  set(conf, "queue.buffering.max.kbytes", "262144");
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void*) {
    failed = failed || m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  char why[256];
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (producer == nullptr) return 2;
  const auto begun = std::chrono::steady_clock::now();
  for (long i = 0; i < records;) {
    const std::string value = value_of(i, bytes);
    const std::string key = "sensor-" + std::to_string(i % 100);
    rd_kafka_vu_t fields[6] = {};
    fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    fields[0].u.cstr = topic.c_str();
    fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    fields[1].u.i32 = static_cast<int32_t>(i % 100 % partitions);
    fields[2].vtype = RD_KAFKA_VTYPE_KEY;
    fields[2].u.mem = {const_cast<char*>(key.data()), key.size()};
    fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
    fields[3].u.mem = {const_cast<char*>(value.data()), value.size()};
    fields[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[4].u.i = RD_KAFKA_MSG_F_COPY;
    fields[5].vtype = RD_KAFKA_VTYPE_HEADERS;
    fields[5].u.headers = headers ? link_headers(i) : nullptr;
    rd_kafka_error_t* error = rd_kafka_produceva(producer, fields, headers ? 6 : 5);
    if (error == nullptr) {
      ++i;
      if (i % 1000 == 0) rd_kafka_poll(producer, 0);
      continue;
    }
    if (headers) rd_kafka_headers_destroy(fields[5].u.headers);
    const bool full = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    rd_kafka_error_destroy(error);
    if (!full) return 1;
    rd_kafka_poll(producer, 10);
  }
  while (rd_kafka_flush(producer, 1000) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  rd_kafka_destroy(producer);
  std::printf("%.6f\n", took.count());
  return failed ? 1 : 0;
}
