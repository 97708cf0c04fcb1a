// The SASL mechanisms that the hub can ask for, by their registered names. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "hub/core/sasl/crypto.h"

namespace runnel::sasl {

enum class Mechanism : std::uint8_t { plain, scram_sha_256, scram_sha_512 };

// In the order of the enumerators.
constexpr std::array<std::string_view, 3> kMechanismNames{
    "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

constexpr std::string_view name_of(Mechanism mechanism) {
  return kMechanismNames[static_cast<std::size_t>(mechanism)];
}

constexpr std::optional<Mechanism> mechanism_of(std::string_view name) {
  for (std::size_t i = 0; i < kMechanismNames.size(); ++i) {
    if (kMechanismNames[i] == name) return static_cast<Mechanism>(i);
  }
  return std::nullopt;
}

// What a SCRAM mechanism hashes with; nullopt: it is none.
constexpr std::optional<Hash> hash_of(Mechanism mechanism) {
  if (mechanism == Mechanism::scram_sha_256) return Hash::sha_256;
  if (mechanism == Mechanism::scram_sha_512) return Hash::sha_512;
  return std::nullopt;
}

}  // namespace runnel::sasl
