#include "hub/broker/feed.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runnel::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kBlockRecords = 10;

log::BlockPtr block_at(std::uint64_t first) {
  log::BatchBuilder batch;
  for (std::uint32_t i = 0; i < kBlockRecords; ++i) {
    log::NewRecord record;
    record.value = "v";
    batch.append(record);
  }
  batch.seal(Offset(static_cast<std::int64_t>(first)));
  log::BlockBuilder builder;
  builder.add(
      PartitionId(0), Offset(static_cast<std::int64_t>(first)), kBlockRecords, batch.bytes()
  );
  return *log::Block::make(builder.finish(Position(first), 0, {}, 1), true);
}

// A log of blocks of ten records, read when the test answers.
class ScriptedReader final : public BlockReader {
 public:
  void read(Position position) override {
    ASSERT_FALSE(asked.has_value()) << "one read at a time";
    asked = position;
    reads.push_back(position.value);
  }

  void seek(const Seek&) override { FAIL() << "a feed does not seek"; }

  [[nodiscard]] Position first() const override { return Position(first_position); }

  [[nodiscard]] Position skip_damaged(Position position) const override {
    return Position((position.value / kBlockRecords + 1) * kBlockRecords);
  }

  [[nodiscard]] std::shared_ptr<const log::Trims> trims() const override { return hidden; }

  std::shared_ptr<log::Trims> hidden;
  std::optional<Position> asked;
  std::vector<std::uint64_t> reads;
  std::uint64_t first_position = 0;
};

// Takes what is offered, up to a number of records.
class Reader final : public LogReader {
 public:
  bool offer(const log::BlockPtr& block, std::uint32_t index, Turn&) override {
    if (taken.size() >= room) return false;
    taken.push_back(block->first().value + index);
    return true;
  }

  [[nodiscard]] bool ready() const override { return taken.size() < room; }

  void missed(std::uint64_t records) override { lost += records; }

  void trimmed(std::uint64_t records) override {
    for (std::uint64_t i = 0; i < records; ++i) gone.push_back(cursor().value + i);
  }

  std::vector<std::uint64_t> taken;
  std::vector<std::uint64_t> gone;
  std::size_t room = 1000;
  std::uint64_t lost = 0;
};

class FeedTest : public ::testing::Test, protected Feed::Fanout {
 protected:
  FeedTest() : feed_(reader_, *this, Position(100), 0) {}

  void place(Reader& reader, std::uint64_t position) {
    feed_.place(reader, Position(position));
    feed_.want(reader);
  }

  // Lets the feed run until it has nothing more to do; `damaged` blocks cannot be read.
  void run(const std::vector<std::uint64_t>& damaged = {}) {
    for (int i = 0; i < 1000; ++i) {
      const bool more = feed_.run(turn_);
      if (!more && !reader_.asked) return;
      if (reader_.asked) answer(damaged);
    }
    FAIL() << "the feed does not come to rest";
  }

  void answer(const std::vector<std::uint64_t>& damaged = {}) {
    const Position position = *std::exchange(reader_.asked, std::nullopt);
    const std::uint64_t first = position.value / kBlockRecords * kBlockRecords;
    if (std::find(damaged.begin(), damaged.end(), first) != damaged.end()) {
      return feed_.answer(position, Errc::damaged, turn_);
    }
    if (position < reader_.first()) return feed_.answer(position, Errc::not_found, turn_);
    feed_.answer(position, block_at(first), turn_);
  }

  static std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> out;
    for (; from < to; ++from) out.push_back(from);
    return out;
  }

  bool anybody() const override { return true; }

  void fan_out(const log::BlockPtr& block, std::uint32_t index, Turn&) override {
    fanned_out_.push_back(block->first().value + index);
  }

  ScriptedReader reader_;
  std::vector<std::uint64_t> fanned_out_;
  log::Group group_;
  Turn turn_{group_, 1000, {}, 0, 0};
  Feed feed_;
};

TEST_F(FeedTest, AReaderAtTheHeadIsTailing) {
  Reader reader;
  place(reader, 100);
  EXPECT_TRUE(reader.tailing());
  run();
  EXPECT_THAT(reader_.reads, IsEmpty());
}

TEST_F(FeedTest, NewBlocksAreFannedOutAndMoveTheHead) {
  feed_.offer(block_at(100), turn_);
  EXPECT_EQ(feed_.head(), Position(110));
  EXPECT_EQ(fanned_out_, range(100, 110));
}

TEST_F(FeedTest, AReaderThatIsBehindIsOfferedEverythingOnce) {
  Reader reader;
  place(reader, 33);
  EXPECT_FALSE(reader.tailing());
  run();
  EXPECT_EQ(reader.taken, range(33, 100));
  EXPECT_TRUE(reader.tailing());
  EXPECT_EQ(reader.lost, 0U);
}

TEST_F(FeedTest, ReadersThatWaitForTheSameBlockAreServedByOneRead) {
  std::vector<Reader> readers(50);
  for (std::size_t i = 0; i < readers.size(); ++i) place(readers[i], 50 + i % 10);
  run();
  EXPECT_EQ(reader_.reads.size(), 5U);
  for (std::size_t i = 0; i < readers.size(); ++i)
    EXPECT_EQ(readers[i].taken, range(50 + i % 10, 100));
}

TEST_F(FeedTest, BlocksAreReadInRisingOrderAndThenFromTheLowest) {
  Reader far;
  Reader near;
  place(far, 80);
  feed_.run(turn_);
  ASSERT_EQ(reader_.asked, Position(80));
  place(near, 70);  // comes while the elevator is above it
  run();
  EXPECT_THAT(reader_.reads, ElementsAre(80, 90, 70, 80, 90));
  EXPECT_EQ(near.taken, range(70, 100));
  EXPECT_EQ(far.taken, range(80, 100));
}

TEST_F(FeedTest, AReaderThatIsFullStopsAndGoesOnWhereItWas) {
  Reader reader;
  reader.room = 15;
  place(reader, 60);
  run();
  EXPECT_EQ(reader.taken, range(60, 75));
  EXPECT_EQ(reader.cursor(), Position(75));
  EXPECT_FALSE(reader.tailing());
  feed_.want(reader);  // it is full still
  run();
  EXPECT_EQ(reader.taken.size(), 15U);
  reader.room = 1000;
  feed_.want(reader);
  run();
  EXPECT_EQ(reader.taken, range(60, 100));
}

// Blocks of this test are of one partition, whose offsets are positions.
TEST_F(FeedTest, WhatWasTrimmedIsOfferedToNobody) {
  Reader reader;
  reader_.hidden = std::make_shared<log::Trims>();
  reader_.hidden->apply(PartitionId(0), {Offset(47), log::TrimReason::deleted}, 47);
  place(reader, 33);
  run();
  EXPECT_EQ(reader.taken, range(47, 100));
  EXPECT_EQ(reader.gone, range(33, 47));
  EXPECT_EQ(reader.lost, 0U);
  EXPECT_TRUE(reader.tailing());
}

TEST_F(FeedTest, WhatIsTrimmedBeforeItIsFannedOutReachesNobody) {
  reader_.hidden = std::make_shared<log::Trims>();
  reader_.hidden->apply(PartitionId(0), {Offset(104), log::TrimReason::deleted}, 104);
  feed_.offer(block_at(100), turn_);
  EXPECT_EQ(feed_.head(), Position(110));
  EXPECT_EQ(fanned_out_, range(104, 110));
}

TEST_F(FeedTest, ALateReaderGoesOnWhereTheLogBeginsAndIsToldWhatItMissed) {
  Reader reader;
  reader_.first_position = 40;
  place(reader, 3);
  run();
  EXPECT_EQ(reader.lost, 37U);
  EXPECT_EQ(reader.taken, range(40, 100));
  EXPECT_TRUE(reader.tailing());
}

TEST_F(FeedTest, ABlockThatIsRetiredWhileItIsReadIsMissed) {
  Reader reader;
  place(reader, 12);
  feed_.run(turn_);
  ASSERT_EQ(reader_.asked, Position(12));
  reader_.first_position = 60;
  run();
  EXPECT_EQ(reader.lost, 48U);
  EXPECT_EQ(reader.taken, range(60, 100));
}

TEST_F(FeedTest, ADamagedBlockIsSkippedAndCounted) {
  Reader before;
  Reader inside;
  place(before, 20);
  place(inside, 34);
  run({30, 50});
  EXPECT_EQ(before.lost, 20U);
  EXPECT_EQ(inside.lost, 6U + 10U);
  EXPECT_EQ(before.taken.size(), 60U);
  EXPECT_EQ(inside.taken, [] {
    auto out = range(40, 50);
    const auto rest = range(60, 100);
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
  }());
}

TEST_F(FeedTest, AReaderThatWentAwayIsOfferedNothing) {
  Reader stays;
  {
    Reader goes;
    place(goes, 20);
    place(stays, 20);
    feed_.run(turn_);
    feed_.forget(goes);
  }
  run();
  EXPECT_EQ(stays.taken, range(20, 100));
}

TEST_F(FeedTest, OneThatFellBehindReadsOnFromThere) {
  Reader reader;
  place(reader, 100);
  feed_.offer(block_at(100), turn_);
  feed_.fall_behind(reader, Position(104));
  feed_.want(reader);
  run();
  EXPECT_EQ(reader.taken, range(104, 110));
  EXPECT_TRUE(reader.tailing());
}

TEST_F(FeedTest, ABlockThatIsRememberedIsNotReadAgain) {
  Feed feed(reader_, *this, Position(100), 1 << 20);
  feed.offer(block_at(100), turn_);
  Reader reader;
  feed.place(reader, Position(100));
  feed.want(reader);
  while (feed.run(turn_)) continue;
  EXPECT_EQ(reader.taken, range(100, 110));
  EXPECT_THAT(reader_.reads, IsEmpty());
}

TEST_F(FeedTest, PlacedBehindMeansBehindAlsoAtTheHead) {
  Reader reader;
  feed_.place_behind(reader, Position(100));
  EXPECT_FALSE(reader.tailing());
  feed_.want(reader);
  EXPECT_TRUE(reader.tailing());
}

}  // namespace
}  // namespace runnel::broker
