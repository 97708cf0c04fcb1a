// How long to wait before the next try: between the least and three times the last wait, by chance,
// never more than the most ("decorrelated jitter"), so that a thousand gateways whose server comes back
// do not come at once. Also after tries that succeed and are thrown out soon: only what has lasted
// begins anew.
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace runnel::bridge {

class Backoff {
 public:
  using Ms = std::chrono::milliseconds;

  Backoff(Ms least, Ms most, std::uint64_t seed) : least_(least), most_(most), last_(least), random_(seed) {}

  Ms next() {
    const auto high = std::max(least_.count() + 1, 3 * last_.count());
    last_ = Ms(std::uniform_int_distribution<Ms::rep>(least_.count(), high)(random_));
    last_ = std::min(last_, most_);
    return last_;
  }

  // It has gone well for as long as `lasted`.
  void went_well(Ms lasted) {
    if (lasted >= most_) last_ = least_;
  }

 private:
  Ms least_;
  Ms most_;
  Ms last_;
  std::mt19937_64 random_;
};

}  // namespace runnel::bridge
