// What idempotent producers have stored, so that a batch that is sent again is stored once, and where
// their open transactions began, so that readers may wait for the end (KIP-98). Per partition and
// producer id it knows the epoch and the last five batches, as Kafka's brokers do; it is kept as
// state rows, changed in the transaction that stores the batches:
//   p/ partition u32 producer u64 (both big-endian)
//         i16 epoch, i64 hub ms of the last batch, u8 batches, per batch, oldest first: i32 first
//         sequence, i32 last sequence, i64 base offset; while a transaction is open: i64 offset of
//         its first record (little-endian)
//
// The rules, of a batch with sequences [first, last] and an epoch:
//   an unknown producer, or a higher epoch that begins at 0    it is stored
//   it follows the last one (0 follows 2^31 - 1)                it is stored
//   exactly one of the last five                                Verdict::duplicate, with its old offset
//   older than five that are known                              Verdict::forgotten
//   a lower epoch                                               Verdict::fenced
//   anything else                                               Verdict::out_of_order
// A marker is always stored. It closes the producer's transaction in the partition; one with a higher
// epoch makes the producer begin at 0 again.
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
  enum class Marker : std::uint8_t { none, commit, abort };

  std::int64_t id = -1;
  std::int16_t epoch = -1;
  std::int32_t first_sequence = -1;
  std::int32_t records = 0;
  bool transactional = false;     // part of a transaction
  Marker marker = Marker::none;   // its end, and no data

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
    std::optional<Offset> open;  // the first record of its open transaction
  };

  // A transaction that was aborted in a partition. `stable`: the partition's last stable offset
  // behind the marker; whatever is aborted later lies behind it.
  struct Aborted {
    PartitionId partition{};
    std::int64_t producer = 0;
    Offset first{};
    Offset marker{};
    Offset stable{};
  };

  // What one commit changes: judged against, and added to, before it is known to last.
  class Stage {
   public:
    explicit Stage(const Producers& producers) : producers_(producers) {}

    [[nodiscard]] Judgement judge(PartitionId partition, const ProducerStamp& stamp) const;
    // After Verdict::store.
    void store(PartitionId partition, const ProducerStamp& stamp, Offset base, std::int64_t hub_ms);

    [[nodiscard]] const std::map<Name, Entry>& changes() const { return changes_; }
    // By markers of this commit, in the order of these; a transaction without records is not among
    // them.
    [[nodiscard]] const std::vector<Aborted>& aborted() const { return aborted_; }
    [[nodiscard]] std::optional<Offset> first_open(PartitionId partition) const;

   private:
    [[nodiscard]] const Entry* find(const Name& name) const;
    void end(const Name& name, const ProducerStamp& stamp, Offset marker, std::int64_t hub_ms);

    const Producers& producers_;
    std::map<Name, Entry> changes_;
    std::vector<Aborted> aborted_;
  };

  // The commit lasts.
  void apply(const Stage& stage);

  // Where the oldest open transaction of a partition began; nullopt: none is open.
  [[nodiscard]] std::optional<Offset> first_open(PartitionId partition) const;
  // Where this producer's open transaction began there.
  [[nodiscard]] std::optional<Offset> open_since(const Name& name) const;
  // Partitions with open transactions.
  [[nodiscard]] std::vector<PartitionId> partitions_open() const;

  // At start: one row of the state. False when it makes no sense.
  bool load(ByteView row_name, ByteView value);

  // Names of those that have been silent since before `before_ms`, and of the longest silent ones over
  // the number that is kept; they are forgotten here, and their rows are the caller's to remove. One
  // with an open transaction is not forgotten.
  std::vector<Name> forget(std::int64_t before_ms, std::size_t kept_max);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  template <class Visit>  // (const Name&, const Entry&)
  void each(Visit visit) const {
    for (const auto& [name, entry] : entries_) visit(name, entry);
  }

  static Bytes row_name(const Name& name);
  // nullopt: it is the name of no such row.
  static std::optional<Name> name_of(ByteView row_name);
  static Bytes encode(const Entry& entry);

 private:
  void set(const Name& name, const Entry& entry);

  std::map<Name, Entry> entries_;
  std::map<Name, Offset> open_;  // Entry::open of those that have one
};

}  // namespace runnel::log
