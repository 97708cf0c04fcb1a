// The program that is recorded, killed and given failing system calls: writes the groups of a seed
// to a log in ROOT/data, and what became of each to a ledger (ROOT/ledger), always after the
// commit.
//
//   powercut_writer --root ROOT [--groups N] [--seed S] [--reopen-every N] [--reject] [--ledger
//   FILE]
//
// Exit codes: 0 all groups settled; 1 the log failed or did not open, with the reason on standard
// error.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "storage/base/logger.h"
#include "tests/crash/recording.h"
#include "tests/crash/workload.h"

namespace runnel::crash {
namespace {

struct Options {
  std::filesystem::path root, ledger;
  std::size_t groups = 300;
  std::uint64_t seed = 1;
  std::size_t reopen_every = 90;
  bool reject = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--reject") {
      options.reject = true;
      continue;
    }
    if (++i == argc) break;
    if (name == "--root") options.root = argv[i];
    if (name == "--ledger") options.ledger = argv[i];
    if (name == "--groups") options.groups = std::strtoull(argv[i], nullptr, 10);
    if (name == "--seed") options.seed = std::strtoull(argv[i], nullptr, 10);
    if (name == "--reopen-every") options.reopen_every = std::strtoull(argv[i], nullptr, 10);
  }
  if (options.ledger.empty()) options.ledger = options.root / kLedgerName;
  return options;
}

int fail(std::string_view what, Errc code) {
  logger::error("writer", logger::text(what, ": ", describe(code)));
  return 1;
}

int run(const Options& options) {
  logger::set_level(logger::Level::error);
  const int ledger =
      ::open(options.ledger.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (ledger < 0) return fail("ledger", Errc::io_error);
  const SystemClock clock;
  log::LogOptions log_options;
  log_options.dir = options.root / kDataName;
  log_options.limit_bytes = kLimitBytes;
  log_options.generation_bytes = kGenerationBytes;
  log_options.reject_when_full = options.reject;
  std::unique_ptr<log::Log> log;
  std::size_t done = 0;
  for (const MadeGroup& made : make_groups(options.seed, options.groups)) {
    if (done++ % options.reopen_every == 0) {
      log.reset();
      auto opened = log::Log::open(log_options, clock);
      if (!opened) return fail("the log does not open", errc_of(opened.error()));
      log = std::move(*opened);
      log->set_rules(rules());
    }
    if (done % 3 == 0) log->maintain();
    log::Group group;
    made.fill(group);
    const Errc outcome = log->commit(group);
    if (log->failed()) return fail("the log failed", outcome);
    Fate fate;
    fate.records = group.outcome.records == Errc::ok;
    fate.state = group.outcome.state == Errc::ok;
    fate.end = log->end().value;
    fate.first = log->first().value;
    const std::string line = ledger_line(fate);
    if (::write(ledger, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      return fail("ledger", Errc::io_error);
    }
  }
  ::close(ledger);
  return 0;
}

}  // namespace
}  // namespace runnel::crash

int main(int argc, char** argv) {
  return runnel::crash::run(runnel::crash::parse(argc, argv));
}
