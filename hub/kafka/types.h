// The data types of the Kafka protocol (protocol guide, "Protocol Primitive Types") as C++ has
// them.
//
// Integers and booleans are themselves; an array is a std::vector; what the protocol lets be null
// is a std::optional. Texts and blobs are views: into the frame that was decoded, or into whatever
// the sender of a message keeps alive until it is encoded. Pure values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"

namespace runnel::kafka {

// Of a message of one API. Each API counts its own.
using Version = std::int16_t;

constexpr Version kLatest = std::numeric_limits<Version>::max();

// A string. Whether it is UTF-8 is not looked at.
using Text = std::string_view;
using NullableText = std::optional<Text>;

// Bytes that mean nothing to the codec: records, a consumer's metadata, a SASL token. A type of its
// own, because bytes and strings have lengths of different width.
struct Blob {
  ByteView bytes;

  bool operator==(const Blob&) const = default;
};

using NullableBlob = std::optional<Blob>;

template <class T>
using Vector = std::vector<T>;

template <class T>
using NullableVector = std::optional<std::vector<T>>;

// A topic's identity beside its name. All zeros: none.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const Uuid&) const = default;
};

// Of authorized operations: they were not asked for.
constexpr std::int32_t kNoOperations = std::numeric_limits<std::int32_t>::min();

}  // namespace runnel::kafka
