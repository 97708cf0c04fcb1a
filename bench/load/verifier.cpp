#include "bench/load/verifier.h"

#include <algorithm>

namespace runnel::bench {

namespace {

// The first gap that ends above `sequence`: the only one that can hold it.
template <class Gaps>
auto gap_near(Gaps& gaps, std::uint64_t sequence) {
  return std::upper_bound(
      gaps.begin(),
      gaps.end(),
      sequence,
      [](std::uint64_t wanted, const auto& gap) { return wanted < gap.end; }
  );
}

}  // namespace

Verifier::Verifier(std::uint32_t first_stream, std::uint32_t streams)
    : first_stream_(first_stream), streams_(streams) {}

Arrival Verifier::out_of_order(Stream& s, std::uint64_t sequence) {
  if (sequence > s.next) {
    s.gaps.push_back({s.next, sequence});
    s.next = sequence + 1;
    ++totals_.distinct;
    return Arrival::after_gap;
  }
  const auto gap = gap_near(s.gaps, sequence);
  if (gap == s.gaps.end() || sequence < gap->from) {
    ++totals_.repeats;
    return Arrival::repeat;
  }
  const Gap above{sequence + 1, gap->end};
  gap->end = sequence;
  if (gap->from == gap->end) {
    if (above.from == above.end) {
      s.gaps.erase(gap);
    } else {
      *gap = above;
    }
  } else if (above.from != above.end) {
    s.gaps.insert(gap + 1, above);
  }
  ++totals_.distinct;
  ++totals_.reordered;
  return Arrival::late;
}

bool Verifier::has(std::uint32_t stream, std::uint64_t sequence) const {
  const Stream& s = streams_[stream - first_stream_];
  if (sequence >= s.next) return false;
  const auto gap = gap_near(s.gaps, sequence);
  return gap == s.gaps.end() || sequence < gap->from;
}

std::uint64_t Verifier::missing(std::uint32_t stream, std::uint64_t sent) const {
  const Stream& s = streams_[stream - first_stream_];
  std::uint64_t missing = sent > s.next ? sent - s.next : 0;
  for (const Gap& gap : s.gaps) {
    if (gap.from < sent) missing += std::min(gap.end, sent) - gap.from;
  }
  return missing;
}

std::uint64_t Verifier::invented(std::uint32_t stream, std::uint64_t sent) const {
  const Stream& s = streams_[stream - first_stream_];
  if (s.next <= sent) return 0;
  std::uint64_t invented = s.next - sent;
  for (const Gap& gap : s.gaps) {
    if (gap.end > sent) invented -= gap.end - std::max(gap.from, sent);
  }
  return invented;
}

}  // namespace runnel::bench
