// Records that own their bytes, made at random, and compared with what was read back.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/record_batch.h"
#include "tests/support/seed.h"

namespace runnel::test {

struct OwnedRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;
  std::int64_t timestamp_ms = 0;

  bool operator==(const OwnedRecord&) const = default;
};

// What a failed comparison prints: sizes, since the bytes are noise.
inline std::ostream& operator<<(std::ostream& out, const OwnedRecord& r) {
  const auto size = [](const std::optional<std::string>& s) {
    return s ? std::to_string(s->size()) : std::string("null");
  };
  return out << "record(key " << size(r.key) << ", value " << size(r.value) << ", "
             << r.headers.size() << " headers, at " << r.timestamp_ms << ")";
}

// Null and empty keys and values, a few headers, timestamps that also go back.
inline OwnedRecord random_record(Random& random, std::size_t value_bytes_max) {
  OwnedRecord r;
  if (!random.one_in(5)) r.key = random.bytes(random.between(0, 20));
  if (!random.one_in(10)) r.value = random.bytes(random.between(0, value_bytes_max));
  for (std::uint64_t n = random.one_in(3) ? random.between(1, 6) : 0; n > 0; --n) {
    r.headers.emplace_back(random.bytes(random.between(1, 9)), random.bytes(random.between(0, 30)));
  }
  r.timestamp_ms =
      1'750'000'000'000 + static_cast<std::int64_t>(random.between(0, 20'000)) - 10'000;
  return r;
}

// A NewRecord whose views point into an OwnedRecord, which must outlive it.
class RecordInput {
 public:
  explicit RecordInput(const OwnedRecord& r) {
    for (const auto& [name, value] : r.headers) headers_.push_back({name, value});
    record_.key = r.key;
    record_.value = r.value;
    record_.headers = headers_;
    record_.timestamp_ms = r.timestamp_ms;
  }

  RecordInput(const RecordInput&) = delete;
  RecordInput& operator=(const RecordInput&) = delete;

  [[nodiscard]] const log::NewRecord& get() const { return record_; }

 private:
  std::vector<log::Header> headers_;
  log::NewRecord record_;
};

inline OwnedRecord owned(const log::RecordView& view) {
  OwnedRecord r;
  if (view.key) r.key = std::string(*view.key);
  if (view.value) r.value = std::string(*view.value);
  log::HeaderReader headers(view);
  for (log::Header h; headers.next(h);) r.headers.emplace_back(h.name, h.value);
  r.timestamp_ms = view.timestamp_ms;
  return r;
}

}  // namespace runnel::test
