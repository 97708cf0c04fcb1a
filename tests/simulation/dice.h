// The chance of one simulated run: everything that happens in it follows from the seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>

namespace runnel::simulation {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  // Between `low` and `high`, both included.
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(engine_);
  }

  // True once in `n` times on average.
  bool one_in(std::size_t n) { return between(1, n) == 1; }

  template <class List>
  auto& pick(List& list) {
    return list[between(0, list.size() - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

// A promise of the hub was broken. Ends the run.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& promise) {
  if (!holds) throw Violation(promise);
}

}  // namespace runnel::simulation
