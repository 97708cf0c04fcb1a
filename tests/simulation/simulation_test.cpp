// The whole broker in one thread, from one seed: the real Broker and the real log, with clients,
// the network, the commit thread and the hub's death in the hands of chance.
//
// RUNNEL_SEED repeats one run of each kind; RUNNEL_SIMULATION_RUNS asks for that many of each.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "storage/base/logger.h"
#include "tests/simulation/run.h"

namespace runnel::simulation {
namespace {

constexpr std::uint64_t kRuns = 60;

// Commits to memory cost nothing; whether they last is for other tests.
const bool kSetUp = [] {
  logger::set_level(logger::Level::error);
  if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
  return true;
}();

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

void run_all(const RunOptions& options) {
  ASSERT_TRUE(kSetUp);
  const std::uint64_t first = number("RUNNEL_SEED", 1);
  const std::uint64_t runs =
      std::getenv("RUNNEL_SEED") != nullptr ? 1 : number("RUNNEL_SIMULATION_RUNS", kRuns);
  std::size_t stored = 0;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    try {
      Run run(seed, options);
      run.go();
      stored += run.stored();
    } catch (const Violation& violation) {
      ADD_FAILURE() << "RUNNEL_SEED=" << seed << ": " << violation.what();
    }
  }
  EXPECT_GT(stored, runs * options.steps / 50) << "the runs did not do enough to show anything";
}

TEST(Simulation, KeepsItsPromisesWhileClientsComeAndGo) {
  run_all({});
}

TEST(Simulation, KeepsItsPromisesWhenTheHubCrashes) {
  run_all({.crashes = true});
}

TEST(Simulation, KeepsItsPromisesAtTheCeiling) {
  run_all({.retirement = true});
}

TEST(Simulation, KeepsItsPromisesWhenTheHubCrashesAtTheCeiling) {
  run_all({.crashes = true, .retirement = true});
}

}  // namespace
}  // namespace runnel::simulation
