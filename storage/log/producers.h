// What idempotent producers have stored, so that a batch that is sent again is stored once (KIP-98).
// Per partition and producer id it knows the epoch and the last five batches, as Kafka's brokers do;
// it is kept as state rows, changed in the transaction that stores the batches:
//   p/ partition u32 producer u64 (both big-endian)
//         i16 epoch, i64 hub ms of the last batch, u8 batches, per batch, oldest first: i32 first
//         sequence, i32 last sequence, i64 base offset (little-endian)
//
// The rules, of a batch with sequences [first, last] and an epoch:
//   an unknown producer, or a higher epoch that begins at 0    it is stored
//   it follows the last one (0 follows 2^31 - 1)                it is stored
//   exactly one of the last five                                Verdict::duplicate, with its old offset
//   older than those                                            Verdict::forgotten
//   a lower epoch                                               Verdict::fenced
//   anything else                                               Verdict::out_of_order
//
// Threads: the commit thread.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/base/types.h"

namespace runnel::log {

constexpr ByteView kProducerKind = "p/";

// What a batch says of its producer; `id` is -1 for one that is not idempotent.
struct ProducerStamp {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
  std::int32_t first_sequence = -1;
  std::int32_t records = 0;

  [[nodiscard]] std::int32_t last_sequence() const;
};

class Producers {
 public:
  enum class Verdict { store, duplicate, forgotten, fenced, out_of_order };

  struct Judgement {
    Verdict verdict = Verdict::store;
    Offset base{};  // of a duplicate
  };

  struct Name {
    PartitionId partition{};
    std::int64_t producer = 0;
    auto operator<=>(const Name&) const = default;
  };

  struct Entry {
    struct Batch {
      std::int32_t first = 0;
      std::int32_t last = 0;
      Offset base{};
    };

    static constexpr std::size_t kBatches = 5;

    std::int16_t epoch = 0;
    std::int64_t hub_ms = 0;
    std::array<Batch, kBatches> batches{};  // oldest first
    std::uint8_t count = 0;
  };

  // What one commit changes: judged against, and added to, before it is known to last.
  class Stage {
   public:
    explicit Stage(const Producers& producers) : producers_(producers) {}

    [[nodiscard]] Judgement judge(PartitionId partition, const ProducerStamp& stamp) const;
    // After Verdict::store.
    void store(PartitionId partition, const ProducerStamp& stamp, Offset base, std::int64_t hub_ms);

    [[nodiscard]] const std::map<Name, Entry>& changes() const { return changes_; }

   private:
    [[nodiscard]] const Entry* find(const Name& name) const;

    const Producers& producers_;
    std::map<Name, Entry> changes_;
  };

  // The commit lasts.
  void apply(const Stage& stage);

  // At start: one row of the state. False when it makes no sense.
  bool load(ByteView row_name, ByteView value);

  // Names of those that have been silent since before `before_ms`, and of the longest silent ones over
  // the number that is kept; they are forgotten here, and their rows are the caller's to remove.
  std::vector<Name> forget(std::int64_t before_ms, std::size_t kept_max);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  static Bytes row_name(const Name& name);
  // nullopt: it is the name of no such row.
  static std::optional<Name> name_of(ByteView row_name);
  static Bytes encode(const Entry& entry);

 private:
  std::map<Name, Entry> entries_;
};

}  // namespace runnel::log
