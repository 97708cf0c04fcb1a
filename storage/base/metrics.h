// Numbers for people on call, in Prometheus' words. Counter, Gauge and Histogram may be used from any
// thread; Exposition writes the text format (version 0.0.4).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace runnel {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Buckets are powers of two of a first bound, which keeps one shape for microseconds and for counts.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 16;

  // `first_bound`: upper bound of the first bucket, in the unit of `observe`.
  explicit Histogram(std::uint64_t first_bound) : first_bound_(first_bound) {}

  void observe(std::uint64_t value);

  [[nodiscard]] std::uint64_t bound(std::size_t bucket) const { return first_bound_ << bucket; }
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::uint64_t first_bound_;
  std::array<std::atomic<std::uint64_t>, kBuckets + 1> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

class Exposition {
 public:
  void counter(std::string_view name, std::string_view help, double value, std::string_view labels = {});
  void gauge(std::string_view name, std::string_view help, double value, std::string_view labels = {});
  // `unit`: what one observed unit is in the metric's base unit (1e-6 for microseconds in seconds).
  void histogram(std::string_view name, std::string_view help, const Histogram& h, double unit);

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void sample(std::string_view name, std::string_view type, std::string_view help, std::string_view labels, double value);
  void head(std::string_view name, std::string_view type, std::string_view help);

  std::string out_;
  std::string last_;
};

}  // namespace runnel
