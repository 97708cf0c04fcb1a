// Messages as bytes. Internal to the codec: included by what instantiates it, not by those who only
// use messages. Pure; any thread.
//
// A message and every structure in it has one template, io(auto& f), that names its fields in their
// order on the wire. It is their schema: Reader and Writer are two things that can be put in for f
// (the tests have a third, which fills messages with anything). Inside of io():
//   f(field), f(field, since), f(field, since, until)   the versions that have the field
//   f.nullable_from(version, field[, since[, until]])   an optional that may be null only from then
//   on
//
// From an API's first flexible version on, lengths are varints of one more than the length (0:
// null) and every structure ends with a section of tagged fields. We know none of these: they are
// skipped when read, and written as an empty section. Before that, the length of a text is an
// int16, that of a blob or an array an int32, and a negative one means null.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "hub/kafka/types.h"
#include "storage/base/bytes.h"

namespace runnel::kafka {

// Of a text, whatever its encoding (the protocol's generator has the same bound).
constexpr std::size_t kTextBytesMax = 32'767;

// Of all arrays of one message that is read. An element may take one byte on the wire and a hundred
// in memory: this bounds what a frame can make of itself.
constexpr std::size_t kElementsMax = 100'000;

// What a Reader and a Writer know of the message.
class Fields {
 public:
  Fields(Version version, bool flexible) : version_(version), flexible_(flexible) {}

  [[nodiscard]] bool has(Version since, Version until) const {
    return version_ >= since && version_ <= until;
  }

  [[nodiscard]] bool flexible() const { return flexible_; }

 private:
  Version version_;
  bool flexible_;
};

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

template <class T>
concept Enumeration = std::is_enum_v<T>;

// A structure of a message; the other classes have overloads of their own.
template <class T>
concept Structure = std::is_class_v<T>;

// Reads fields out of a body. Never reads past its end, and never allocates more than the bytes
// that are there pay for: arrays grow as their elements come. After anything malformed ok() is
// false, and stays so, and the fields have any values; ask once, at the end.
class Reader : private Fields {
 public:
  Reader(ByteView body, Version version, bool flexible) : Fields(version, flexible), in_(body) {}

  [[nodiscard]] bool ok() const { return in_.ok(); }

  [[nodiscard]] ByteView rest() const { return in_.rest(); }

  template <class T>
  void operator()(T& field, Version since = 0, Version until = kLatest) {
    if (has(since, until)) read(field);
  }

  template <class T>
  void nullable_from(
      Version version, std::optional<T>& field, Version since = 0, Version until = kLatest
  ) {
    if (!has(since, until)) return;
    read(field);
    if (!field && !has(version, kLatest)) in_.fail();
  }

  // Skips the tagged fields that end a structure.
  void tags();

 private:
  // The plain ones are not inline: hundreds of fields are read, and a call is all that each needs.
  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  std::optional<std::size_t> text_length();  // nullopt: null
  std::optional<std::size_t> length();       // of a blob or an array
  std::optional<std::size_t> compact_length();
  std::optional<std::size_t> count();  // length() of an array, if the packet can pay for it
  bool read_unless_null(Text& field);
  bool read_unless_null(Blob& field);
  void read(Uuid& field);

  void read(bool& field) { field = u8() != 0; }

  template <Number T>
  void read(T& field) {
    if constexpr (sizeof(T) == 1) field = static_cast<T>(u8());
    if constexpr (sizeof(T) == 2) field = static_cast<T>(u16());
    if constexpr (sizeof(T) == 4) field = static_cast<T>(u32());
    if constexpr (sizeof(T) == 8) field = static_cast<T>(u64());
  }

  template <Enumeration T>
  void read(T& field) {
    std::underlying_type_t<T> value{};
    read(value);
    field = static_cast<T>(value);
  }

  template <Structure T>
  void read(T& field) {
    field.io(*this);
    tags();
  }

  // What has a length: null fails here, and is allowed below.
  void read(Text& field) { required(field); }

  void read(Blob& field) { required(field); }

  template <class T>
  void read(std::vector<T>& field) {
    required(field);
  }

  template <class T>
  void read(std::optional<T>& field) {
    field.emplace();
    if (!read_unless_null(*field)) field.reset();
  }

  template <class T>
  void required(T& field) {
    if (!read_unless_null(field)) in_.fail();
  }

  template <class T>
  bool read_unless_null(std::vector<T>& field) {
    field.clear();
    const auto n = count();
    if (!n) return false;
    for (std::size_t i = 0; i < *n && ok(); ++i) read(field.emplace_back());
    return true;
  }

  ByteReader in_;
  std::size_t elements_left_ = kElementsMax;
};

// Writes fields behind the bytes of `out`. Whatever a message holds can be written: null where the
// version has no null is written as what is empty, and a text of more than kTextBytesMax (a message
// for people that a handler put together) is cut there.
class Writer : private Fields {
 public:
  Writer(Bytes& out, Version version, bool flexible) : Fields(version, flexible), out_(out) {}

  template <class T>
  void operator()(const T& field, Version since = 0, Version until = kLatest) {
    if (has(since, until)) write(field);
  }

  template <class T>
  void nullable_from(
      Version version, const std::optional<T>& field, Version since = 0, Version until = kLatest
  ) {
    if (!has(since, until)) return;
    if (field || has(version, kLatest)) {
      write(field);
    } else {
      write(T{});
    }
  }

  // An empty section of tagged fields.
  void tags();

  // A whole message, or a structure in it. io() serves readers too and so cannot be const; with a
  // Writer it changes nothing.
  template <class T>
  void message(const T& value) {
    const_cast<T&>(value).io(*this);
    tags();
  }

 private:
  void u8(std::uint8_t value);
  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void u64(std::uint64_t value);
  void length(std::size_t n);  // of a blob or an array
  void write(const Text& field);
  void write(const Blob& field);
  void write(const Uuid& field);

  void write(bool field) { u8(field ? 1 : 0); }

  template <Number T>
  void write(T field) {
    if constexpr (sizeof(T) == 1) u8(static_cast<std::uint8_t>(field));
    if constexpr (sizeof(T) == 2) u16(static_cast<std::uint16_t>(field));
    if constexpr (sizeof(T) == 4) u32(static_cast<std::uint32_t>(field));
    if constexpr (sizeof(T) == 8) u64(static_cast<std::uint64_t>(field));
  }

  template <Enumeration T>
  void write(T field) {
    write(static_cast<std::underlying_type_t<T>>(field));
  }

  template <Structure T>
  void write(const T& field) {
    message(field);
  }

  template <class T>
  void write(const std::vector<T>& field) {
    length(field.size());
    for (const T& element : field) write(element);
  }

  template <class T>
  void write(const std::optional<T>& field) {
    if (field) {
      write(*field);
    } else if (flexible()) {
      u8(0);
    } else {
      write(NullLength<T>{-1});
    }
  }

  // The width of a length before flexible versions.
  template <class T>
  using NullLength = std::conditional_t<std::same_as<T, Text>, std::int16_t, std::int32_t>;

  ByteWriter out_;
};

}  // namespace runnel::kafka
