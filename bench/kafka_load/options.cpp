#include "bench/kafka_load/options.h"

#include <CLI/CLI.hpp>

#include "bench/load/stamp.h"

#ifndef RUNNEL_VERSION
#define RUNNEL_VERSION "unknown"
#endif

namespace runnel::bench {

namespace {

constexpr int kExitUsage = 2;

CLI::App* add_produce(CLI::App& app, KafkaOptions& o) {
  CLI::App* p = app.add_subcommand("produce", "produce with acks=all, and measure the answers");
  p->add_option("-c,--connections", o.connections, "connection n produces to partition n modulo P")
      ->check(CLI::Range(1U, kKafkaConnectionsMax))
      ->capture_default_str();
  p->add_option("-f,--in-flight", o.in_flight, "requests in flight per connection")
      ->check(CLI::Range(1U, kInFlightMax))
      ->capture_default_str();
  p->add_option("-r,--record", o.record_bytes, "bytes of a value, 24 (the stamp) or more")
      ->check(CLI::Range(kStampBytes, kRecordBytesMax))
      ->capture_default_str();
  p->add_option("-b,--batch", o.batch_bytes, "bytes that a batch may have; 0: single records")
      ->check(CLI::Range(std::size_t{0}, kRecordBytesMax))
      ->capture_default_str();
  p->add_option("-s,--seconds", o.seconds, "how long; 5 unless --records is given")
      ->check(CLI::NonNegativeNumber);
  p->add_option("-m,--records", o.records, "how many in all, rounded up to whole batches");
  p->add_option("--warmup", o.warmup_s, "seconds before measuring begins")
      ->check(CLI::NonNegativeNumber);
  p->add_flag("--no-setup", o.no_setup, "make no topic: for append-peer");
  p->add_flag("--verify", o.verify, "then read everything: lost, repeated, reordered?");
  return p;
}

CLI::App* add_consume(CLI::App& app, KafkaOptions& o) {
  CLI::App* p = app.add_subcommand("consume", "read the topic from its start to its end");
  p->add_option("--max-bytes", o.max_bytes, "of a fetch")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  auto* raw = p->add_option(
      "--raw", o.raw_bytes, "read that many bytes from a bytes-peer, --max-bytes at a time"
  );
  p->callback([&o, raw] { o.raw = raw->count() > 0; });
  return p;
}

CLI::App* add_wait(CLI::App& app, KafkaOptions& o) {
  CLI::App* p = app.add_subcommand(
      "wait", "consumers that wait at the end of the log, and then all read it at once"
  );
  p->add_option("-n,--consumers", o.consumers, "consumer n reads partition n modulo P")
      ->check(CLI::Range(1U, kKafkaConnectionsMax))
      ->capture_default_str();
  p->add_option("--max-wait", o.max_wait_ms, "of a fetch, in ms")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  p->add_option("--max-bytes", o.max_bytes, "of a fetch")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  p->add_option("-s,--seconds", o.seconds, "of waiting")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  p->add_option("--read-seconds", o.read_seconds, "of reading, from the start again and again")
      ->check(CLI::NonNegativeNumber);
  return p;
}

CLI::App* add_peers(CLI::App& app, KafkaOptions& o, CLI::App*& bytes_peer) {
  CLI::App* p = app.add_subcommand(
      "append-peer", "a server that only appends produced batches to a file, flushes and answers"
  );
  p->add_option("--file", o.file, "made anew; without one nothing is written");
  p->add_option(
      "--laid-out",
      o.laid_out_bytes,
      "write the file full of zeros first, and then over it in turns"
  );
  bytes_peer = app.add_subcommand("bytes-peer", "a server that only sends bytes of a file");
  bytes_peer->add_option("--file", o.file, "to send")->required()->check(CLI::ExistingFile);
  bytes_peer->add_flag("--copy", o.copy, "with read and write; without it with sendfile");
  return p;
}

}  // namespace

KafkaParsed parse_kafka_options(int argc, char** argv) {
  KafkaOptions o;
  CLI::App app{
      "Loads a Kafka broker and verifies what it keeps; prints one JSON object. Exit code 0: all "
      "was "
      "answered and right; 1: not so; 2: bad usage."};
  app.set_version_flag("--version", "runnel-kafka-load " RUNNEL_VERSION);
  app.fallthrough();
  app.require_subcommand(1);
  app.add_option("--host", o.host, "IPv4 address of the broker")->capture_default_str();
  app.add_option("--port", o.port, "its TCP port, or the port to listen on")->capture_default_str();
  app.add_option("--topic", o.topic, "made when it is missing")->capture_default_str();
  app.add_option("-p,--partitions", o.partitions, "that it has, or is made with")
      ->check(CLI::Range(1U, kKafkaConnectionsMax))
      ->capture_default_str();
  app.add_flag("--progress", o.progress, "a line on stderr when a phase begins or ends");
  const CLI::App* produce = add_produce(app, o);
  const CLI::App* consume = add_consume(app, o);
  const CLI::App* wait = add_wait(app, o);
  CLI::App* bytes_peer = nullptr;
  const CLI::App* append_peer = add_peers(app, o, bytes_peer);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return {std::nullopt, app.exit(e) == 0 ? 0 : kExitUsage};
  }
  if (produce->parsed() && o.records > 0 && produce->count("--seconds") == 0) o.seconds = 0;
  if (consume->parsed()) o.mode = KafkaMode::consume;
  if (wait->parsed()) o.mode = KafkaMode::wait;
  if (append_peer->parsed()) o.mode = KafkaMode::append_peer;
  if (bytes_peer->parsed()) o.mode = KafkaMode::bytes_peer;
  return {std::move(o), 0};
}

}  // namespace runnel::bench
