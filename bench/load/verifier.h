// What one subscriber has received, held against what it is owed: finds loss, repeats and
// reordering in every stream (one publisher's messages on one MQTT topic, numbered from 0).
//
// Costs nothing per message that arrives in order; keeps 16 bytes per hole in a stream.
// Threads: one owner.
#pragma once

#include <cstdint>
#include <vector>

namespace runnel::bench {

enum class Arrival : std::uint8_t {
  in_order,   // the next of its stream
  after_gap,  // a later one: those between are missing until they come
  late,       // one that was missing: it came after a later one of its stream
  repeat,     // came before
  misrouted,  // of a stream that this subscriber did not ask for
};

class Verifier {
 public:
  // Owed streams: first_stream, first_stream + 1, … (`streams` of them).
  Verifier(std::uint32_t first_stream, std::uint32_t streams);

  Arrival receive(std::uint32_t stream, std::uint64_t sequence) {
    const std::uint32_t index = stream - first_stream_;
    if (index >= streams_.size()) {
      ++totals_.misrouted;
      return Arrival::misrouted;
    }
    Stream& s = streams_[index];
    if (sequence == s.next) [[likely]] {
      ++s.next;
      ++totals_.distinct;
      return Arrival::in_order;
    }
    return out_of_order(s, sequence);
  }

  struct Totals {
    std::uint64_t distinct = 0;   // messages received, each counted once
    std::uint64_t repeats = 0;    // receptions beyond the first
    std::uint64_t reordered = 0;  // first receptions after a later message of the same stream
    std::uint64_t misrouted = 0;
  };

  [[nodiscard]] const Totals& totals() const { return totals_; }

  void count_misrouted() { ++totals_.misrouted; }

  // Whether a message of an owed stream has been received.
  [[nodiscard]] bool has(std::uint32_t stream, std::uint64_t sequence) const;

  // How many of the first `sent` messages of an owed stream are missing.
  [[nodiscard]] std::uint64_t missing(std::uint32_t stream, std::uint64_t sent) const;

  // How many messages of the stream arrived that were never sent (numbers from `sent` on).
  [[nodiscard]] std::uint64_t invented(std::uint32_t stream, std::uint64_t sent) const;

  [[nodiscard]] bool owes(std::uint32_t stream) const {
    return stream - first_stream_ < streams_.size();
  }

 private:
  struct Gap {  // missing: from, …, end - 1
    std::uint64_t from;
    std::uint64_t end;
  };

  struct Stream {
    std::uint64_t next = 0;  // one above the highest received
    std::vector<Gap> gaps;   // ascending, disjoint, all below `next`
  };

  Arrival out_of_order(Stream& s, std::uint64_t sequence);

  std::uint32_t first_stream_;
  std::vector<Stream> streams_;
  Totals totals_;
};

}  // namespace runnel::bench
