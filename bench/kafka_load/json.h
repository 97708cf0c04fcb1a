// One flat JSON object, built field by field; objects in it come ready made.
//
// Threads: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load/histogram.h"

namespace runnel::bench {

class Json {
 public:
  Json& count(std::string_view name, std::uint64_t value);
  Json& number(std::string_view name, double value);
  Json& flag(std::string_view name, bool value);
  Json& text(std::string_view name, std::string_view value);
  Json& object(std::string_view name, const Json& value);

  [[nodiscard]] std::string str() const { return "{" + body_ + "}"; }

 private:
  Json& field(std::string_view name, std::string_view value);

  std::string body_;
};

// count, p50, p90, p99, p999 and max of a histogram of nanoseconds, in microseconds.
Json latency_json(const Histogram& histogram);

}  // namespace runnel::bench
