// Any message of the Kafka protocol: Filler is a third thing that io() can be given, beside a
// Reader and a Writer, and puts random values into the fields that a version has.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "hub/kafka/wire.h"
#include "tests/support/seed.h"

namespace runnel::kafka {

// Owns the texts and blobs of what it filled.
class Filler : private Fields {
 public:
  Filler(test::Random& random, Version version) : Fields(version, false), random_(random) {}

  template <class T>
  void operator()(T& field, Version since = 0, Version until = kLatest) {
    if (has(since, until)) fill(field);
  }

  template <class T>
  void nullable_from(
      Version version, std::optional<T>& field, Version since = 0, Version until = kLatest
  ) {
    if (!has(since, until)) return;
    if (has(version, kLatest)) {
      fill(field);
    } else {
      fill(field.emplace());
    }
  }

 private:
  void fill(bool& field) { field = random_.one_in(2); }

  // Ends of the range as often as what is between.
  template <Number T>
  void fill(T& field) {
    const T ends[] = {0, -1, 1, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    field = random_.one_in(2) ? ends[random_.between(0, 4)]
                              : static_cast<T>(random_.between(0, ~std::uint64_t{0}));
  }

  template <Enumeration T>
  void fill(T& field) {
    std::underlying_type_t<T> value{};
    fill(value);
    field = static_cast<T>(value);
  }

  void fill(Uuid& field) {
    for (std::uint8_t& byte : field.bytes)
      byte = static_cast<std::uint8_t>(random_.between(0, 255));
  }

  void fill(Text& field) { field = bytes(random_.one_in(200) ? kTextBytesMax : length()); }

  void fill(Blob& field) { field.bytes = bytes(random_.one_in(50) ? 20'000 : length()); }

  template <class T>
  void fill(std::optional<T>& field) {
    field.reset();
    if (!random_.one_in(4)) fill(field.emplace());
  }

  template <class T>
  void fill(std::vector<T>& field) {
    const bool many = std::is_arithmetic_v<T> && random_.one_in(20);
    field.resize(many ? 200 : random_.between(0, 3));
    for (T& element : field) fill(element);
  }

  template <Structure T>
  void fill(T& field) {
    field.io(*this);
  }

  // Around the places where a length takes one byte more.
  std::size_t length() {
    return random_.one_in(10) ? random_.between(120, 300) : random_.between(0, 20);
  }

  ByteView bytes(std::size_t n) { return owned_.emplace_back(random_.bytes(n)); }

  test::Random& random_;
  std::deque<std::string> owned_;
};

}  // namespace runnel::kafka
