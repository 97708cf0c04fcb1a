// A writer that differs from the codec's in one thing: it ends every structure with tagged fields
// that nobody knows, as a client of tomorrow might.
#pragma once

#include <optional>
#include <vector>

#include "hub/kafka/wire.h"

namespace runnel::kafka {

class TaggedWriter : private Fields {
 public:
  TaggedWriter(Bytes& out, Version version) : Fields(version, true), out_(out), version_(version) {}

  template <class T>
  void operator()(T& field, Version since = 0, Version until = kLatest) {
    if (has(since, until)) write(field);
  }

  template <class T>
  void nullable_from(
      Version version, std::optional<T>& field, Version since = 0, Version until = kLatest
  ) {
    if (!has(since, until)) return;
    if (field || has(version, kLatest)) {
      write(field);
    } else {
      write(field.emplace());
    }
  }

  // Two fields: number 7 with three bytes, number 300 with none.
  void tags() { out_.append("\x02\x07\x03xyz\xac\x02\x00", 9); }

 private:
  template <class T>
  void write(T& field) {
    Writer(out_, version_, true)(field);
  }

  template <class T>
  void write(std::optional<T>& field) {
    if (field) {
      write(*field);
    } else {
      out_.push_back('\0');
    }
  }

  template <class T>
  void write(std::vector<T>& field) {
    ByteWriter(out_).varint(field.size() + 1);
    for (T& element : field) write(element);
  }

  template <Structure T>

  requires requires(T& field, TaggedWriter& writer) { field.io(writer); }

  void write(T& field) {
    field.io(*this);
    tags();
  }

  Bytes& out_;
  Version version_;
};

}  // namespace runnel::kafka
