#include "bench/load/options.h"

#include <iostream>

#include <CLI/CLI.hpp>

#ifndef RUNNEL_VERSION
#define RUNNEL_VERSION "unknown"
#endif

namespace runnel::bench {

namespace {

constexpr int kExitUsage = 2;

void add_connection_options(CLI::App& app, Options& o, std::string& protocol) {
  app.add_option("--host", o.host, "broker")->capture_default_str()->group("Connection");
  app.add_option("--port", o.port, "its TCP port")->capture_default_str()->group("Connection");
  app.add_option("--protocol", protocol, "MQTT version")
      ->check(CLI::IsMember({"3.1.1", "5"}))
      ->capture_default_str()
      ->group("Connection");
  app.add_option(
         "--client-id", o.client_id, "client ids are ID-p<n>, ID-s<n>, ID-i<n> and ID-offline"
  )
      ->capture_default_str()
      ->group("Connection");
  app.add_flag("--persistent", o.persistent, "keep sessions (clean start off); they stay behind")
      ->group("Connection");
  app.add_option("--keep-alive", o.keep_alive_s, "seconds; 0: none")
      ->capture_default_str()
      ->group("Connection");
  app.add_option("--connect-burst", o.connect_burst, "connections opened at once, per thread")
      ->check(CLI::Range(1U, kConnectionsMax))
      ->capture_default_str()
      ->group("Connection");
  app.add_option("--connect-timeout", o.connect_timeout_s, "seconds for all of them to be up")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Connection");
  app.add_option("--threads", o.threads, "threads; connections are spread over them")
      ->check(CLI::Range(1U, kThreadsMax))
      ->capture_default_str()
      ->group("Connection");
}

void add_load_options(CLI::App& app, Options& o) {
  app.add_option("-c,--connections", o.connections, "publishers")
      ->check(CLI::Range(1U, kConnectionsMax))
      ->capture_default_str()
      ->group("Load");
  app.add_option("-w,--window", o.window, "publishes in flight per connection; QoS 0: per write")
      ->check(CLI::Range(1U, kWindowMax))
      ->capture_default_str()
      ->group("Load");
  app.add_option("-q,--qos", o.qos, "0, 1 or 2")
      ->check(CLI::Range(0, 2))
      ->capture_default_str()
      ->group("Load");
  app.add_option("-b,--payload", o.payload_bytes, "bytes, 24 (the stamp) or more")
      ->check(CLI::Range(kStampBytes, kPayloadBytesMax))
      ->capture_default_str()
      ->group("Load");
  app.add_option("--prefix", o.prefix, "MQTT topics are PREFIX/<n>")
      ->capture_default_str()
      ->group("Load");
  app.add_option("--topics", o.topics_per_connection, "MQTT topics of its own per connection")
      ->check(CLI::Range(1U, kTopicsMax))
      ->capture_default_str()
      ->group("Load");
  app.add_option("-s,--seconds", o.seconds, "how long; 10 unless --messages is given")
      ->check(CLI::NonNegativeNumber)
      ->group("Load");
  app.add_option("-m,--messages", o.messages, "how many in all; with --seconds: whichever is first")
      ->group("Load");
  app.add_option("--warmup", o.warmup_s, "seconds before measuring begins")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group("Load");
  app.add_option("--rate", o.rate, "messages/s in all; latency then counts from when each was due")
      ->check(CLI::NonNegativeNumber)
      ->group("Load");
}

void add_subscriber_options(CLI::App& app, Options& o) {
  app.add_option("--subscribe", o.subscribers, "live subscribers of PREFIX/#, verified")
      ->check(CLI::Range(0U, kConnectionsMax))
      ->group("Subscribers");
  app.add_flag(
         "--offline-session", o.offline_session, "a session that is away during the load, verified"
  )
      ->group("Subscribers");
  app.add_option("--narrow", o.narrow, "N subscribers, one MQTT topic each, N topics, verified")
      ->check(CLI::Range(1U, kConnectionsMax))
      ->group("Subscribers");
  app.add_option("--subscribe-qos", o.subscribe_qos, "of all of these")
      ->check(CLI::Range(0, 2))
      ->capture_default_str()
      ->group("Subscribers");
  app.add_option("--receive-maximum", o.receive_maximum, "of subscribers, MQTT 5 only; 0: not sent")
      ->group("Subscribers");
  app.add_option("--hold", o.hold_s, "seconds between the load and the offline session's return")
      ->check(CLI::NonNegativeNumber)
      ->group("Subscribers");
  app.add_option(
         "--drain-timeout",
         o.drain_timeout_s,
         "seconds without progress after which to stop waiting"
  )
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Subscribers");
}

// What CLI11's checks cannot say of one option alone; empty when all is well.
std::string complaint(const Options& o) {
  if (o.topics() > kTopicsMax) return "too many MQTT topics";
  if (o.narrow > 0 && o.narrow < o.connections) {
    return "--narrow needs at least as many MQTT topics as there are connections";
  }
  if (o.narrow > 0 && o.subscribers > 0) return "--narrow and --subscribe exclude each other";
  if (o.seconds == 0 && o.messages == 0 && o.mode != Mode::idle) {
    return "--seconds 0 needs --messages";
  }
  return {};
}

}  // namespace

Parsed parse_options(int argc, char** argv) {
  Options o;
  std::string protocol = "3.1.1";
  unsigned idle = 0;
  bool sink = false;
  CLI::App app{
      "Loads an MQTT broker and verifies what it delivers. Exit code 0: all came up and what was "
      "owed arrived, in order; 1: not so; 2: bad usage."};
  app.set_version_flag("--version", "runnel-load " RUNNEL_VERSION);
  add_connection_options(app, o, protocol);
  add_load_options(app, o);
  add_subscriber_options(app, o);
  auto* idle_option = app.add_option("--idle", idle, "only hold N connections for --seconds")
                          ->check(CLI::Range(1U, kConnectionsMax))
                          ->group("Other modes");
  auto* sink_option =
      app.add_flag("--sink", sink, "be a broker that acknowledges at once and forgets")
          ->group("Other modes");
  auto* test_option =
      app.add_option("--self-test", o.self_test, "prove that part of this tool works")
          ->check(CLI::IsMember({"wire", "histogram", "verifier", "subscriber"}))
          ->group("Other modes");
  idle_option->excludes(sink_option, test_option);
  sink_option->excludes(test_option);
  app.add_flag("--json", o.json, "one JSON object on stdout");
  app.add_flag("--progress", o.progress, "a line on stderr when a phase begins or ends");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return {std::nullopt, app.exit(e) == 0 ? 0 : kExitUsage};
  }

  o.protocol = protocol == "5" ? Protocol::v5 : Protocol::v311;
  if (idle > 0) {
    o.mode = Mode::idle;
    o.connections = idle;
  } else if (sink) {
    o.mode = Mode::sink;
  } else if (!o.self_test.empty()) {
    o.mode = Mode::self_test;
  }
  if (o.messages > 0 && app.count("--seconds") == 0) o.seconds = 0;
  if (const std::string words = complaint(o); !words.empty()) {
    std::cerr << words << "\nRun with --help for more information.\n";
    return {std::nullopt, kExitUsage};
  }
  return {std::move(o), 0};
}

}  // namespace runnel::bench
