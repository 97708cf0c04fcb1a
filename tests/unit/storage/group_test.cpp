#include "storage/log/group.h"

#include <gtest/gtest.h>

#include "tests/support/records.h"

namespace runnel::log {
namespace {

using test::OwnedRecord;
using test::RecordInput;

NewRecord record(ByteView value) {
  NewRecord r;
  r.value = value;
  return r;
}

std::vector<std::string> values(Group::Batch& batch) {
  batch.builder.seal(Offset(0));
  const auto view = BatchView::parse(batch.builder.bytes(), true);
  std::vector<std::string> out;
  std::size_t at = BatchView::first_record();
  for (std::uint32_t i = 0; i < view->records(); ++i) out.emplace_back(*view->record_at(at)->value);
  return out;
}

TEST(Group, ANewOneIsEmpty) {
  const Group group;
  EXPECT_TRUE(group.empty());
  EXPECT_FALSE(group.urgent());
  EXPECT_EQ(group.bytes(), 0U);
}

TEST(Group, PutsTheRecordsOfAPartitionIntoOneBatchInTheirOrder) {
  Group group;
  group.append(PartitionId(5), record("a"));
  group.append(PartitionId(2), record("b"));
  group.append(PartitionId(5), record("c"));
  const auto batches = group.batches();
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0]->partition, PartitionId(5)) << "partitions come in order of first use";
  EXPECT_EQ(values(*batches[0]), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(batches[1]->partition, PartitionId(2));
  EXPECT_EQ(values(*batches[1]), std::vector<std::string>{"b"});
  EXPECT_EQ(group.records(), 3U);
}

TEST(Group, BeginsAnotherBatchBeforeABlockWouldGrowBeyondItsTarget) {
  Group group;
  const std::string value(1000, 'v');
  for (int i = 0; i < 200; ++i) group.append(PartitionId(0), record(value));
  group.append(PartitionId(1), record("other"));
  const auto batches = group.batches();
  ASSERT_GT(batches.size(), 3U);
  std::uint32_t records = 0;
  for (const Group::Batch* batch : batches) {
    EXPECT_LE(batch->builder.size() + kBlockHeadBytes + kBlockEntryBytes, kBlockBytesTarget);
    records += batch->builder.records();
  }
  EXPECT_EQ(records, 201U);
  EXPECT_EQ(batches.back()->partition, PartitionId(1)) << "batches of a partition stand together";
}

TEST(Group, ARecordLargerThanABlockIsABatchOfItsOwn) {
  Group group;
  const std::string large(3 * kBlockBytesTarget, 'x');
  group.append(PartitionId(0), record("small"));
  group.append(PartitionId(0), record(large));
  group.append(PartitionId(0), record("after"));
  const auto batches = group.batches();
  ASSERT_EQ(batches.size(), 3U);
  EXPECT_EQ(values(*batches[1]), std::vector<std::string>{large});
  EXPECT_EQ(values(*batches[2]), std::vector<std::string>{"after"});
}

TEST(Group, TheLastWordOnAStateRowCounts) {
  Group group;
  group.put_state("a", "1");
  group.put_state("a", "22", Group::Tie::records);
  group.put_state("b", "3");
  group.erase_state("b");
  ASSERT_EQ(group.state().size(), 2U);
  EXPECT_EQ(group.state().at("a").value, "22");
  EXPECT_EQ(group.state().at("a").tie, Group::Tie::records);
  EXPECT_EQ(group.state().at("b").value, std::nullopt);
  EXPECT_EQ(group.state().at("b").tie, Group::Tie::none);
  EXPECT_EQ(group.bytes(), 1U + 2U + 1U) << "what was overwritten does not weigh any more";
}

TEST(Group, CountsWhatItHolds) {
  Group group;
  NewRecord r = record("12345");
  r.key = "key";
  group.append(PartitionId(0), r);
  EXPECT_EQ(group.payload_bytes(), 5U) << "the values alone";
  EXPECT_EQ(group.bytes(), group.batches()[0]->builder.size() + kBlockEntryBytes);
  const std::size_t before = group.bytes();
  group.put_state("name", "value");
  EXPECT_EQ(group.bytes(), before + 9);
}

TEST(Group, TicketsKeepTheirOrder) {
  Group group;
  for (std::uint32_t i = 0; i < 10; ++i) group.wait({.owner = 1, .tag = i});
  EXPECT_FALSE(group.empty());
  ASSERT_EQ(group.tickets().size(), 10U);
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(group.tickets()[i].tag, i);
}

TEST(Group, AClearedOneIsAsGoodAsNew) {
  Group group;
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(group.empty());
    EXPECT_EQ(group.records(), 0U);
    EXPECT_EQ(group.bytes(), 0U);
    EXPECT_EQ(group.payload_bytes(), 0U);
    EXPECT_FALSE(group.urgent());
    EXPECT_TRUE(group.batches().empty());
    EXPECT_TRUE(group.outcome.blocks.empty());
    const std::string value(5000, 'v');
    for (std::uint32_t i = 0; i < 300; ++i) group.append(PartitionId(i % 20), record(value));
    group.put_state("s", "t");
    group.wait({});
    group.hurry();
    group.outcome.records = Errc::log_full;
    EXPECT_TRUE(group.urgent());
    std::uint32_t records = 0;
    for (const Group::Batch* batch : group.batches()) records += batch->builder.records();
    EXPECT_EQ(records, 300U);
    group.clear();
    EXPECT_EQ(group.outcome.records, Errc::ok);
  }
}

TEST(GroupDeathTest, AStateKeyThatLmdbCouldNotHoldIsABug) {
  Group group;
  group.put_state(std::string(kStateKeyBytesMax, 'k'), "");
  EXPECT_DEATH(group.put_state(std::string(kStateKeyBytesMax + 1, 'k'), ""), "broken invariant");
  EXPECT_DEATH(group.put_state("", "v"), "broken invariant");
}

}  // namespace
}  // namespace runnel::log
