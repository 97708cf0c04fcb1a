// What every payload begins with, so that a subscriber can tell who published it, as what number,
// and when. Host byte order: publisher and subscriber are one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>

namespace runnel::bench {

struct Stamp {
  std::uint32_t run = 0;       // tells this run's messages from what an earlier one left behind
  std::uint32_t stream = 0;    // one publisher's messages on one MQTT topic
  std::uint64_t sequence = 0;  // from 0, dense within the stream
  std::uint64_t sent_ns = 0;   // CLOCK_MONOTONIC
};

constexpr std::size_t kStampBytes = sizeof(Stamp);
static_assert(kStampBytes == 24);

inline void write_stamp(char* payload, const Stamp& stamp) {
  std::memcpy(payload, &stamp, kStampBytes);
}

// False when the payload is too short to hold one.
inline bool read_stamp(std::string_view payload, Stamp& stamp) {
  if (payload.size() < kStampBytes) return false;
  std::memcpy(&stamp, payload.data(), kStampBytes);
  return true;
}

inline std::uint64_t monotonic_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace runnel::bench
