// Which Reason may stand in which packet (MQTT 5.0 §2.4, table 2-6), and the return codes of 3.1.1.
// Internal to the codec. Pure; any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "hub/mqtt/codec.h"
#include "hub/mqtt/packet.h"

namespace runnel::mqtt {

// A set of Reasons, for codes below 0x40 and from 0x80 to 0xBF, which are all that there are.
class ReasonSet {
 public:
  constexpr ReasonSet(std::initializer_list<Reason> reasons) {
    for (const Reason r : reasons)
      word(static_cast<std::uint8_t>(r)) |= bit(static_cast<std::uint8_t>(r));
  }

  [[nodiscard]] constexpr bool contains(std::uint8_t code) const {
    if ((code & 0x40) != 0) return false;
    return ((code < 0x80 ? successes_ : failures_) & bit(code)) != 0;
  }

 private:
  static constexpr std::uint64_t bit(std::uint8_t code) {
    return std::uint64_t{1} << (code & 0x3f);
  }

  constexpr std::uint64_t& word(std::uint8_t code) { return code < 0x80 ? successes_ : failures_; }

  std::uint64_t successes_ = 0;
  std::uint64_t failures_ = 0;
};

// The Reasons that a packet of this type may carry. What only one side may say in a DISCONNECT is
// told apart by `sender`.
ReasonSet reasons_of(PacketType type, Sender sender = Sender::client);

// 3.1.1 §3.2.2.3. nullopt: a code it does not have.
std::optional<Reason> reason_of_return_code(std::uint8_t code);

// The same table the other way, with the nearest code for reasons that only 5.0 has. nullopt: no
// code says anything like it.
std::optional<std::uint8_t> return_code_of(Reason reason);

}  // namespace runnel::mqtt
