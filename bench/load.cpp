// runnel-load: loads any MQTT broker and verifies what it delivers. bench/README.md says how to use
// it.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "bench/load/options.h"
#include "bench/load/report.h"
#include "bench/load/run.h"
#include "bench/load/self_test.h"
#include "bench/load/sink.h"

namespace {

using namespace runnel::bench;

void on_signal(int) {
  Run::stop();
  stop_sink();
}

// One file descriptor per connection and a few of our own.
bool allow_files(unsigned connections) {
  const rlim_t needed = rlim_t{connections} + 64;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= needed) return true;
  limit.rlim_cur = needed;
  if (limit.rlim_max < needed) limit.rlim_max = needed;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return true;
  std::fprintf(
      stderr,
      "cannot have %lu open files: raise the limit (ulimit -n)\n",
      static_cast<unsigned long>(needed)
  );
  return false;
}

int run_load(const Options& options) {
  const unsigned subscribers =
      options.subscribers + options.narrow + (options.offline_session ? 1 : 0);
  if (!allow_files(options.connections + subscribers)) return 1;
  Run run(options);
  Outcome outcome;
  if (!run.execute(outcome)) return 1;
  const std::string report =
      options.json ? json_report(options, outcome) : text_report(options, outcome);
  std::fputs(report.c_str(), stdout);
  return outcome.good() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Parsed parsed = parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  const Options& options = *parsed.options;
  if (options.mode == Mode::self_test) return run_self_test(options.self_test);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  if (options.mode == Mode::sink) return run_sink(options);
  return run_load(options);
}
