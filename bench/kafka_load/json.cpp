#include "bench/kafka_load/json.h"

#include <cstdio>

namespace runnel::bench {

Json& Json::field(std::string_view name, std::string_view value) {
  if (!body_.empty()) body_ += ',';
  body_.append("\"").append(name).append("\":").append(value);
  return *this;
}

Json& Json::count(std::string_view name, std::uint64_t value) {
  return field(name, std::to_string(value));
}

Json& Json::number(std::string_view name, double value) {
  char digits[64];
  std::snprintf(digits, sizeof digits, "%.6f", value);
  return field(name, digits);
}

Json& Json::flag(std::string_view name, bool value) {
  return field(name, value ? "true" : "false");
}

Json& Json::text(std::string_view name, std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return field(name, quoted + '"');
}

Json& Json::object(std::string_view name, const Json& value) {
  return field(name, value.str());
}

Json latency_json(const Histogram& h) {
  const auto us = [&](double fraction) { return static_cast<double>(h.quantile(fraction)) / 1e3; };
  Json out;
  out.count("count", h.count()).number("p50", us(0.5)).number("p90", us(0.9));
  out.number("p99", us(0.99)).number("p999", us(0.999));
  out.number("max", static_cast<double>(h.max()) / 1e3);
  return out;
}

}  // namespace runnel::bench
