#include "storage/base/metrics.h"

#include <cmath>
#include <cstdio>

namespace runnel {
namespace {

std::string number(double v) {
  char text[40];
  if (v == std::floor(v) && std::fabs(v) < 9e15) {
    std::snprintf(text, sizeof text, "%.0f", v);
  } else {
    std::snprintf(text, sizeof text, "%.9g", v);
  }
  return text;
}

}  // namespace

void Histogram::observe(std::uint64_t value) {
  std::size_t bucket = 0;
  while (bucket < kBuckets && value > bound(bucket)) ++bucket;
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Exposition::head(std::string_view name, std::string_view type, std::string_view help) {
  if (last_ == name) return;  // further label sets of one metric share its head
  last_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out_.append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(
    std::string_view name,
    std::string_view type,
    std::string_view help,
    std::string_view labels,
    double value
) {
  head(name, type, help);
  out_.append(name);
  if (!labels.empty()) out_.append("{").append(labels).append("}");
  out_.append(" ").append(number(value)).append("\n");
}

void Exposition::counter(
    std::string_view name,
    std::string_view help,
    double value,
    std::string_view labels
) {
  sample(name, "counter", help, labels, value);
}

void Exposition::gauge(
    std::string_view name,
    std::string_view help,
    double value,
    std::string_view labels
) {
  sample(name, "gauge", help, labels, value);
}

void Exposition::histogram(
    std::string_view name,
    std::string_view help,
    const Histogram& h,
    double unit
) {
  head(name, "histogram", help);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= Histogram::kBuckets; ++i) {
    total += h.count(i);
    const std::string le =
        i < Histogram::kBuckets ? number(static_cast<double>(h.bound(i)) * unit) : "+Inf";
    out_.append(name).append("_bucket{le=\"").append(le).append("\"} ");
    out_.append(std::to_string(total)).append("\n");
  }
  out_.append(name).append("_sum ").append(number(static_cast<double>(h.sum()) * unit));
  out_.append("\n").append(name).append("_count ").append(std::to_string(total)).append("\n");
}

}  // namespace runnel
