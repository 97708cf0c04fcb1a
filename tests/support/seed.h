// Randomness that can be repeated: one seed for the whole process, taken from RUNNEL_SEED when that
// is set, and printed with every failure inside the life of a Random.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace runnel::test {

inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* given = std::getenv("RUNNEL_SEED")) return std::strtoull(given, nullptr, 10);
    std::random_device device;
    return static_cast<unsigned long long>(device());
  }();
  return value;
}

// Every Random starts from the same seed, so that a test gives the same numbers alone and in
// company.
class Random {
 public:
  Random() : engine_(seed()), trace_(__FILE__, __LINE__, "RUNNEL_SEED=" + std::to_string(seed())) {}

  // Between `low` and `high`, both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(engine_);
  }

  // True once in `n` times on average.
  bool one_in(std::uint64_t n) { return between(1, n) == 1; }

  std::string bytes(std::size_t n) {
    std::string out(n, '\0');
    for (char& c : out) c = static_cast<char>(engine_());
    return out;
  }

 private:
  std::mt19937_64 engine_;
  ::testing::ScopedTrace trace_;
};

}  // namespace runnel::test
