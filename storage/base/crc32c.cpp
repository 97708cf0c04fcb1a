#include "storage/base/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace runnel {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

constexpr auto kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t v = i;
    for (int bit = 0; bit < 8; ++bit) v = (v & 1) != 0 ? v >> 1 ^ kPolynomial : v >> 1;
    table[i] = v;
  }
  return table;
}();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_hardware(ByteView bytes, std::uint32_t crc) {
  std::uint64_t state = ~crc;
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto small = static_cast<std::uint32_t>(state);
  for (; n > 0; --n, ++p) small = _mm_crc32_u8(small, static_cast<std::uint8_t>(*p));
  return ~small;
}

bool has_hardware() { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__aarch64__)
__attribute__((target("+crc"))) std::uint32_t crc32c_hardware(ByteView bytes, std::uint32_t crc) {
  std::uint32_t state = ~crc;
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, 8);
    state = __builtin_aarch64_crc32cx(state, word);
  }
  for (; n > 0; --n, ++p) state = __builtin_aarch64_crc32cb(state, static_cast<std::uint8_t>(*p));
  return ~state;
}

bool has_hardware() { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }  // HWCAP_CRC32
#else
std::uint32_t crc32c_hardware(ByteView bytes, std::uint32_t crc) {
  return crc32c_portable(bytes, crc);
}

bool has_hardware() { return false; }
#endif

}  // namespace

std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t previous) {
  std::uint32_t state = ~previous;
  for (const char c : bytes) state = state >> 8 ^ kTable[(state ^ static_cast<std::uint8_t>(c)) & 0xff];
  return ~state;
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t previous) {
  static const bool hardware = has_hardware();
  return hardware ? crc32c_hardware(bytes, previous) : crc32c_portable(bytes, previous);
}

}  // namespace runnel
