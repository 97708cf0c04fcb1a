// What a log ought to hold: every record that was committed, in the order of positions. Compares
// itself with a real log through all of the log's ways of reading.
#pragma once

#include <map>
#include <vector>

#include "storage/log/log.h"
#include "tests/support/records.h"

namespace runnel::test {

class LogModel {
 public:
  struct Entry {
    PartitionId partition{};
    Offset offset{};
    OwnedRecord record;
  };

  // Puts a record into `group`, and remembers it until accept() or refuse().
  void append(log::Group& group, PartitionId partition, OwnedRecord record) {
    group.append(partition, RecordInput(record).get());
    auto lane = pending_.begin();
    while (lane != pending_.end() && lane->first != partition) ++lane;
    if (lane == pending_.end()) lane = pending_.insert(lane, {partition, {}});
    lane->second.push_back(std::move(record));
  }

  // The group was committed: its records follow, partition by partition in order of first use.
  void accept() {
    for (auto& [partition, records] : pending_) {
      for (OwnedRecord& r : records) {
        places_[partition].push_back(entries_.size());
        const auto offset = static_cast<std::int64_t>(places_[partition].size()) - 1;
        entries_.push_back({partition, Offset(offset), std::move(r)});
      }
    }
    pending_.clear();
  }

  void refuse() { pending_.clear(); }

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  [[nodiscard]] std::size_t end() const { return entries_.size(); }

  // Fails the running test unless `log` holds exactly the records of the model from its first
  // position on.
  void expect_same(const log::Log& log) const {
    ASSERT_EQ(log.end().value, entries_.size());
    expect_positions(log);
    for (const auto& [partition, places] : places_) {
      SCOPED_TRACE("partition " + std::to_string(partition.value));
      expect_partition(log, partition, places);
    }
  }

 private:
  void expect_positions(const log::Log& log) const {
    Position at = log.first();
    while (at < log.end()) {
      const auto block = log.read_block(at);
      ASSERT_TRUE(block) << "position " << at.value << ": " << block.error().message();
      ASSERT_EQ((*block)->damaged(), 0U);
      for (; at < (*block)->end(); ++at.value) {
        const auto index = static_cast<std::uint32_t>(at.value - (*block)->first().value);
        const auto record = (*block)->record(index);
        ASSERT_TRUE(record) << "position " << at.value;
        const Entry& expected = entries_[at.value];
        ASSERT_EQ((*block)->partition(index), expected.partition) << "position " << at.value;
        ASSERT_EQ(record->offset, expected.offset) << "position " << at.value;
        ASSERT_EQ(owned(*record), expected.record) << "position " << at.value;
      }
    }
  }

  void expect_partition(
      const log::Log& log, PartitionId partition, const std::vector<std::size_t>& places
  ) const {
    // The log start is the first record of the partition that is still in the log.
    std::size_t first = 0;
    while (first < places.size() && places[first] < log.first().value) ++first;
    const log::PartitionRange range = log.range(partition);
    ASSERT_EQ(range.log_start.value, static_cast<std::int64_t>(first));
    ASSERT_EQ(range.high_watermark.value, static_cast<std::int64_t>(places.size()));
    Offset next = range.log_start;
    while (next < range.high_watermark) {
      const auto fetched = log.fetch(partition, next, 100'000);
      ASSERT_TRUE(fetched) << "offset " << next.value << ": " << fetched.error().message();
      ASSERT_EQ(fetched->damaged, 0U);
      ASSERT_FALSE(fetched->batches.empty());
      expect_batches(fetched->batches, places, next);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  // Walks whole batches; moves `next` behind the last record.
  void expect_batches(ByteView bytes, const std::vector<std::size_t>& places, Offset& next) const {
    bool first = true;
    while (!bytes.empty()) {
      ByteReader head(bytes);
      head.be64();
      const std::size_t size = head.be32() + std::size_t{12};
      ASSERT_LE(size, bytes.size());
      const auto batch = log::BatchView::parse(bytes.substr(0, size), true);
      ASSERT_TRUE(batch);
      if (first) {
        ASSERT_LE(batch->base_offset(), next);
        ASSERT_GT(batch->base_offset().value + batch->records(), next.value);
      } else {
        ASSERT_EQ(batch->base_offset(), next);
      }
      first = false;
      next = batch->base_offset();
      std::size_t at = log::BatchView::first_record();
      for (std::uint32_t i = 0; i < batch->records(); ++i, ++next.value) {
        const auto record = batch->record_at(at);
        ASSERT_TRUE(record);
        ASSERT_EQ(record->offset, next);
        ASSERT_EQ(owned(*record), entries_[places[static_cast<std::size_t>(next.value)]].record);
      }
      ASSERT_EQ(at, size);
      bytes.remove_prefix(size);
    }
  }

  std::vector<std::pair<PartitionId, std::vector<OwnedRecord>>> pending_;
  std::vector<Entry> entries_;
  std::map<PartitionId, std::vector<std::size_t>> places_;
};

}  // namespace runnel::test
