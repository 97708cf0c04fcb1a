#include "bench/kafka_load/setup.h"

#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <thread>

#include "bench/kafka_load/socket.h"
#include "bench/kafka_load/wire.h"
#include "bench/load/stamp.h"

namespace runnel::bench {

namespace {

constexpr std::uint64_t kTopicPatienceNs = 10'000'000'000;
constexpr auto kTopicPause = std::chrono::milliseconds(20);

}  // namespace

void set_up_topic(const KafkaOptions& o) {
  const Fd fd = connect_to(o.host, o.port);
  const auto wanted = static_cast<std::int32_t>(o.partitions);
  const auto made = read_create_topic_answer(ask(fd.get(), create_topic_request(o.topic, wanted)));
  if (!made) fail("CreateTopics: no answer of Kafka's");
  if (*made != 0 && *made != kTopicAlreadyExists) {
    fail("CreateTopics: error " + std::to_string(*made));
  }
  const std::uint64_t deadline = monotonic_ns() + kTopicPatienceNs;
  while (true) {
    const auto found = read_metadata_answer(ask(fd.get(), metadata_request(o.topic)));
    if (!found) fail("Metadata: no answer of Kafka's");
    if (found->error == 0 && found->partitions == wanted) return;
    if (monotonic_ns() > deadline) {
      fail(
          "Metadata: error " + std::to_string(found->error) + ", " +
          std::to_string(found->partitions) + " partitions"
      );
    }
    std::this_thread::sleep_for(kTopicPause);
  }
}

std::int64_t end_offset(int fd, std::string_view topic, std::int32_t partition) {
  const auto answer = read_end_offset_answer(ask(fd, end_offset_request(topic, partition)));
  if (!answer) fail("ListOffsets: no answer of Kafka's");
  if (answer->error != 0) fail("ListOffsets: error " + std::to_string(answer->error));
  return answer->offset;
}

void say_phase(const KafkaOptions& options, const char* name) {
  if (options.progress) std::fprintf(stderr, "phase %s\n", name);
}

double cpu_seconds_used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace runnel::bench
