// runnel-kafka-load: loads a Kafka broker, verifies what it keeps, and is the peer that shows what
// disk and loopback cost alone. bench/README.md says how to use it.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "bench/kafka_load/append_peer.h"
#include "bench/kafka_load/bytes_peer.h"
#include "bench/kafka_load/consume.h"
#include "bench/kafka_load/options.h"
#include "bench/kafka_load/produce.h"
#include "bench/kafka_load/socket.h"
#include "bench/kafka_load/wait.h"

namespace {

using namespace runnel::bench;

// One per connection and a few of our own.
void allow_files(unsigned connections) {
  const rlim_t needed = rlim_t{connections} + 64;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= needed) return;
  limit.rlim_cur = needed;
  if (limit.rlim_max < needed) limit.rlim_max = needed;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    fail("too few open files: raise the limit (ulimit -n)");
}

bool run(const KafkaOptions& o, Json& report) {
  switch (o.mode) {
    case KafkaMode::consume:
      return run_consume(o, report);
    case KafkaMode::wait:
      return run_wait(o, report);
    default:
      return run_produce(o, report);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const KafkaParsed parsed = parse_kafka_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  const KafkaOptions& options = *parsed.options;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    allow_files(options.mode == KafkaMode::wait ? options.consumers : options.connections);
    if (options.mode == KafkaMode::append_peer) return run_append_peer(options);
    if (options.mode == KafkaMode::bytes_peer) return run_bytes_peer(options);
    Json report;
    const bool good = run(options, report);
    std::printf("%s\n", report.str().c_str());
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
