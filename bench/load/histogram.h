// Latencies in nanoseconds, in buckets that are exact below 256 and at most 1/128 of their value
// wide above. Fixed size, no allocation per value. Threads: one owner; merge after the owner has
// stopped.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace runnel::bench {

class Histogram {
 public:
  static constexpr unsigned kSubBucketBits = 7;

  void record(std::uint64_t value_ns) {
    const std::uint64_t v = std::min(value_ns, kValueMax);
    ++buckets_[index_of(v)];
    ++count_;
    max_ = std::max(max_, v);
  }

  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  [[nodiscard]] std::uint64_t max() const { return max_; }  // exact

  // The smallest value that `fraction` (0 to 1) of the values do not exceed, rounded up to the end
  // of its bucket, never above max(). 0 when empty.
  [[nodiscard]] std::uint64_t quantile(double fraction) const {
    const double exact = fraction * static_cast<double>(count_);
    std::uint64_t wanted = static_cast<std::uint64_t>(exact);
    if (static_cast<double>(wanted) < exact || wanted == 0) ++wanted;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::min(upper_end_of(i), max_);
    }
    return max_;
  }

 private:
  static constexpr std::uint64_t kSubBuckets = std::uint64_t{1} << kSubBucketBits;
  static constexpr unsigned kValueBits = 42;  // 73 minutes; longer ones count as that
  static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << kValueBits) - 1;
  static constexpr std::size_t kBuckets = (kValueBits - kSubBucketBits + 1) * kSubBuckets;

  static std::size_t index_of(std::uint64_t v) {
    if (v < 2 * kSubBuckets) return static_cast<std::size_t>(v);
    const auto shift = static_cast<unsigned>(std::bit_width(v)) - kSubBucketBits - 1;
    return static_cast<std::size_t>(shift * kSubBuckets + (v >> shift));
  }

  static std::uint64_t upper_end_of(std::size_t index) {
    if (index < 2 * kSubBuckets) return index;
    const auto shift = static_cast<unsigned>(index / kSubBuckets) - 1;
    const std::uint64_t lower = (index - shift * kSubBuckets) << shift;
    return lower + (std::uint64_t{1} << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace runnel::bench
