#include "hub/core/groups/group_offsets.h"

#include <gmock/gmock.h>

#include "hub/core/groups/subscription.h"
#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using End = GroupOffsets::TransactionEnd;
using Tie = log::Group::Tie;

class GroupOffsetsTest : public GroupHub {
 protected:
  GroupError put_pending(
      std::int64_t producer, const std::string& group, const std::string& topic, std::int64_t offset
  ) {
    const GroupOffsets::Entry entry{topic, 0, offset, 3, "txn"};
    GroupTurn t = turn();
    return offsets().commit_pending(producer, group, {&entry, 1}, t).at(0);
  }

  bool end(std::int64_t producer, End how, Tie tie = Tie::none) {
    GroupTurn t = turn();
    return offsets().end_transaction(producer, how, tie, t);
  }

  // "topic/partition=offset", with a star where a transaction is open.
  std::vector<std::string> lines(const std::string& group) {
    std::vector<std::string> out;
    offsets().each(
        group,
        [&](ByteView topic, std::int32_t partition, const CommittedOffset* o, bool unstable) {
          out.push_back(
              std::string(topic) + "/" + std::to_string(partition) + "=" +
              (o == nullptr ? "none" : std::to_string(o->offset)) + (unstable ? "*" : "")
          );
        }
    );
    return out;
  }
};

TEST_F(GroupOffsetsTest, WhatWasNeverCommittedIsNotThere) {
  EXPECT_EQ(offsets().find("g", "t", 0), nullptr);
  EXPECT_FALSE(offsets().unstable("g", "t", 0));
  EXPECT_FALSE(offsets().has("g"));
  EXPECT_THAT(lines("g"), IsEmpty());
}

TEST_F(GroupOffsetsTest, ACommitIsSeenWhenItIsDurable) {
  EXPECT_EQ(put_offset("g", "t", 0, 5, "where I am"), GroupError::none);
  EXPECT_EQ(offset("g", "t", 0), -1);
  EXPECT_TRUE(offsets().has("g"));
  commit();
  const CommittedOffset* o = offsets().find("g", "t", 0);
  ASSERT_NE(o, nullptr);
  EXPECT_EQ(o->offset, 5);
  EXPECT_EQ(o->leader_epoch, 3);
  EXPECT_EQ(o->metadata, "where I am");
  EXPECT_EQ(o->committed_hub_ms, hub_ms());
}

TEST_F(GroupOffsetsTest, ACommitThatCouldNotBeStoredWasNone) {
  put_offset("g", "t", 0, 5);
  commit();
  put_offset("g", "t", 0, 6);
  put_offset("g", "t", 1, 7);
  broken = true;
  commit();
  EXPECT_EQ(offset("g", "t", 0), 5);
  EXPECT_EQ(offset("g", "t", 1), -1);
  EXPECT_EQ(offsets().entries(), 1U);
}

TEST_F(GroupOffsetsTest, CommitsOnTheirWaySettleInOrder) {
  put_offset("g", "t", 0, 5);
  log::Group first = take_filling();
  put_offset("g", "t", 0, 6);
  put_offset("g", "t", 0, 7);
  log::Group second = take_filling();
  ASSERT_EQ(log().log().commit(first), Errc::ok);
  settle(first);
  EXPECT_EQ(offset("g", "t", 0), 5);
  ASSERT_EQ(log().log().commit(second), Errc::ok);
  settle(second);
  EXPECT_EQ(offset("g", "t", 0), 7);
  start();
  EXPECT_EQ(offset("g", "t", 0), 7);
}

TEST_F(GroupOffsetsTest, ADeletionTakesWhatIsStillOnItsWay) {
  put_offset("g", "t", 0, 5);
  log::Group first = take_filling();
  GroupTurn t = turn();
  EXPECT_EQ(offsets().erase_group("g", t), 1U);
  log::Group second = take_filling();
  ASSERT_EQ(log().log().commit(first), Errc::ok);
  settle(first);
  EXPECT_EQ(offset("g", "t", 0), 5);
  ASSERT_EQ(log().log().commit(second), Errc::ok);
  settle(second);
  EXPECT_EQ(offset("g", "t", 0), -1);
  EXPECT_FALSE(offsets().has("g"));
  start();
  EXPECT_EQ(offset("g", "t", 0), -1);
}

TEST_F(GroupOffsetsTest, OffsetsSurviveTheLogsReopening) {
  put_offset("g", "t", 0, 5, "metadata", std::chrono::hours(1));
  put_offset("g", "t", 1'000'000, 1LL << 60);
  put_offset("g", "u", 0, 0);
  put_offset("h", "t", 0, -1);
  commit();
  const CommittedOffset before = *offsets().find("g", "t", 0);
  start();
  EXPECT_EQ(*offsets().find("g", "t", 0), before);
  EXPECT_THAT(lines("g"), ElementsAre("t/0=5", "t/1000000=1152921504606846976", "u/0=0"));
  EXPECT_THAT(lines("h"), ElementsAre("t/0=-1"));
  EXPECT_EQ(offsets().entries(), 4U);
}

TEST_F(GroupOffsetsTest, LongAndOddNamesAreToldApart) {
  const std::string longer(30'000, 'g');
  const std::vector<std::string> names{
      longer + "1", longer + "2", "", "a/b", "a", std::string("nul\0nul", 7), "a/b/t/1"};
  std::int64_t next = 0;
  for (const std::string& g : names) {
    for (const std::string& t : {std::string("t"), std::string("b"), std::string(249, 't')}) {
      for (const std::int32_t p : {0, 1, 11}) {
        EXPECT_EQ(put_offset(g, t, p, next++), GroupError::none);
      }
    }
    commit();
  }
  start();
  next = 0;
  for (const std::string& g : names) {
    for (const std::string& t : {std::string("t"), std::string("b"), std::string(249, 't')}) {
      for (const std::int32_t p : {0, 1, 11}) EXPECT_EQ(offset(g, t, p), next++) << g << t << p;
    }
  }
}

TEST_F(GroupOffsetsTest, OneEntryThatIsRefusedLeavesTheOthers) {
  const std::string large(4097, 'm');
  const std::vector<GroupOffsets::Entry> entries{
      {"t", 0, 1, -1, ""},
      {"t", 1, 2, -1, large},
      {"", 0, 3, -1, ""},
      {"a/b", 0, 4, -1, ""},
      {"t", 2, 5, -1, ByteView(large).substr(1)}};
  GroupTurn t = turn();
  EXPECT_THAT(
      offsets().commit("g", entries, std::nullopt, t),
      ElementsAre(
          GroupError::none,
          GroupError::offset_metadata_too_large,
          GroupError::invalid_topic,
          GroupError::invalid_topic,
          GroupError::none
      )
  );
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=1", "t/2=5"));
}

TEST_F(GroupOffsetsTest, NothingIsPutIntoTheLogForNothing) {
  put_offset("g", "a/b", 0, 4);
  GroupTurn t = turn();
  EXPECT_EQ(offsets().erase_group("g", t), 0U);
  EXPECT_EQ(offsets().erase("g", "t", 0, t), 0U);
  EXPECT_EQ(offsets().erase_topic("t", t), 0U);
  EXPECT_FALSE(end(1, End::commit));
  EXPECT_TRUE(take_filling().empty());
}

TEST_F(GroupOffsetsTest, PartitionsAndTopicsAreDeletedOnTheirOwn) {
  for (const char* g : {"g", "h"}) {
    for (const char* t : {"t", "u"}) {
      put_offset(g, t, 0, 5);
      put_offset(g, t, 1, 6);
    }
  }
  commit();
  GroupTurn t = turn();
  EXPECT_EQ(offsets().erase("g", "t", 1, t), 1U);
  EXPECT_EQ(offsets().erase_topic("u", t), 4U);
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=5"));
  EXPECT_THAT(lines("h"), ElementsAre("t/0=5", "t/1=6"));
  start();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=5"));
  EXPECT_THAT(lines("h"), ElementsAre("t/0=5", "t/1=6"));
}

TEST_F(GroupOffsetsTest, EntriesHaveABound) {
  offset_limits.entries_max = 3;
  offset_limits.group_entries_max = 2;
  start();
  EXPECT_EQ(put_offset("g", "t", 0, 1), GroupError::none);
  EXPECT_EQ(put_offset("g", "t", 1, 1), GroupError::none);
  EXPECT_EQ(put_offset("g", "t", 2, 1), GroupError::invalid_commit_offset_size);
  EXPECT_EQ(put_offset("h", "t", 0, 1), GroupError::none);
  EXPECT_EQ(put_offset("i", "t", 0, 1), GroupError::invalid_commit_offset_size);
  EXPECT_EQ(put_offset("g", "t", 0, 2), GroupError::none) << "what is there may go on";
  commit();
  GroupTurn t = turn();
  offsets().erase_group("g", t);
  commit();
  EXPECT_EQ(put_offset("i", "t", 0, 1), GroupError::none);
}

TEST_F(GroupOffsetsTest, BytesHaveABound) {
  offset_limits.bytes_max = 10'000;
  start();
  std::size_t taken = 0;
  while (put_offset("g", "t", 0, static_cast<std::int64_t>(taken), std::string(1000, 'm')) ==
         GroupError::none) {
    ASSERT_LT(++taken, 20U);
  }
  EXPECT_GE(taken, 5U);
  commit();
  EXPECT_EQ(put_offset("g", "t", 0, 5, std::string(1000, 'm')), GroupError::none);
}

TEST_F(GroupOffsetsTest, TheSumOfBytesIsThatOfWhatIsThere) {
  put_offset("g", "t", 0, 1, "metadata");
  put_pending(4, "g", "t", 2);
  put_pending(4, "h", "t", 2);
  commit();
  put_offset("g", "t", 0, 1, "other metadata");
  end(4, End::commit);
  commit();
  GroupTurn t = turn();
  offsets().erase_topic("t", t);
  commit();
  EXPECT_EQ(offsets().entries(), 0U);
  EXPECT_EQ(offsets().bytes(), 0U);
}

// --- transactions ---

TEST_F(GroupOffsetsTest, WhatATransactionCommitsIsSeenWhenItsEndIsDurable) {
  put_offset("g", "t", 0, 5);
  put_pending(4, "g", "t", 6);
  put_pending(4, "g", "u", 7);
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=5*", "u/0=none*"));
  EXPECT_TRUE(offsets().unstable("g", "t", 0));
  EXPECT_TRUE(end(4, End::commit));
  EXPECT_TRUE(offsets().unstable("g", "t", 0)) << "not durable yet";
  EXPECT_EQ(offset("g", "t", 0), 5);
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=6", "u/0=7"));
  EXPECT_EQ(offsets().find("g", "t", 0)->metadata, "txn");
  start();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=6", "u/0=7"));
}

TEST_F(GroupOffsetsTest, WhatAnAbortedTransactionCommittedIsDropped) {
  put_offset("g", "t", 0, 5);
  put_pending(4, "g", "t", 6);
  put_pending(4, "g", "u", 7);
  commit();
  EXPECT_TRUE(end(4, End::abort));
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=5"));
  EXPECT_EQ(offsets().entries(), 1U);
  start();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=5"));
}

TEST_F(GroupOffsetsTest, AnOpenTransactionOutlivesTheProcess) {
  put_pending(4, "g", "t", 6);
  put_pending(5, "g", "t", 8);
  commit();
  start();
  EXPECT_THAT(offsets().pending_producers(), ElementsAre(4, 5));
  EXPECT_THAT(lines("g"), ElementsAre("t/0=none*"));
  end(4, End::commit);
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=6*"));
  end(5, End::abort);
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=6"));
  EXPECT_THAT(offsets().pending_producers(), IsEmpty());
  start();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=6"));
}

TEST_F(GroupOffsetsTest, TheLastWordOfATransactionCounts) {
  put_pending(4, "g", "t", 6);
  put_pending(4, "g", "t", 7);
  end(4, End::commit);
  commit();
  EXPECT_EQ(offset("g", "t", 0), 7);
  EXPECT_FALSE(end(4, End::commit)) << "it has nothing any more";
}

TEST_F(GroupOffsetsTest, WhenTheMarkersAreRefusedTheTransactionIsStillOpen) {
  put_pending(4, "g", "t", 6);
  commit();
  EXPECT_TRUE(end(4, End::commit, Tie::records));
  log::Group group = take_filling();
  ASSERT_EQ(group.tickets().size(), 1U);
  EXPECT_TRUE(group.tickets()[0].needs_records);
  group.outcome.records = Errc::log_full;
  settle(group);
  EXPECT_THAT(lines("g"), ElementsAre("t/0=none*"));
  EXPECT_TRUE(end(4, End::commit, Tie::records));
  commit();
  EXPECT_THAT(lines("g"), ElementsAre("t/0=6"));
}

TEST_F(GroupOffsetsTest, ADeletedGroupOrTopicHasNothingPending) {
  put_pending(4, "g", "t", 6);
  put_pending(4, "h", "u", 7);
  put_pending(4, "i", "v", 8);
  commit();
  GroupTurn t = turn();
  EXPECT_EQ(offsets().erase_group("g", t), 1U);
  EXPECT_EQ(offsets().erase_topic("u", t), 1U);
  EXPECT_EQ(offsets().erase("i", "v", 0, t), 1U);
  commit();
  EXPECT_FALSE(end(4, End::commit));
  EXPECT_EQ(offsets().entries(), 0U);
  start();
  EXPECT_EQ(offsets().entries(), 0U);
}

TEST_F(GroupOffsetsTest, AnOffsetWithATransactionOpenDoesNotExpire) {
  put_offset("g", "t", 0, 5);
  put_pending(4, "g", "t", 6);
  commit();
  advance(std::chrono::hours(24 * 8));
  EXPECT_EQ(offset("g", "t", 0), 5);
  end(4, End::abort);
  commit();
  advance(std::chrono::minutes(10));
  EXPECT_EQ(offset("g", "t", 0), -1);
}

TEST_F(GroupOffsetsTest, NoCutRowIsAnOffset) {
  put_offset("g", "t", 0, 5, "metadata");
  put_pending(4, "g", "t", 6);
  commit();
  for (const bool pending : {false, true}) {
    const auto rows = log().state(pending ? "op/" : "o/");
    ASSERT_EQ(rows.size(), 1U);
    const std::string row = rows.begin()->second;
    EXPECT_TRUE(decode_offset_row(pending, row));
    for (std::size_t size = 0; size < row.size(); ++size) {
      EXPECT_FALSE(decode_offset_row(pending, ByteView(row).substr(0, size))) << size;
    }
    EXPECT_FALSE(decode_offset_row(pending, row + "!"));
  }
}

// --- subscriptions ---

TEST(Subscription, TopicsStandBehindTheVersion) {
  const std::string row("\0\3\0\0\0\2\0\1t\0\2uv and more", 22);
  ASSERT_TRUE(subscribed_topics(row));
  EXPECT_THAT(*subscribed_topics(row), ElementsAre("t", "uv"));
  for (std::size_t size = 0; size < 13; ++size) {
    EXPECT_FALSE(subscribed_topics(ByteView(row).substr(0, size))) << size;
  }
  EXPECT_FALSE(subscribed_topics(std::string("\0\0\xff\xff\xff\xff\0\0", 8)));
}

TEST(Subscription, IsTheSameWhenItsTopicsAre) {
  const std::string one("\0\1\0\0\0\1\0\1t", 9);
  const std::string two("\0\1\0\0\0\1\0\1u", 9);
  EXPECT_TRUE(same_subscription("consumer", one, one + "owned"));
  EXPECT_FALSE(same_subscription("consumer", one, two));
  EXPECT_FALSE(same_subscription("connect", one, one + "owned"));
  EXPECT_TRUE(same_subscription("connect", "?", "?"));
  EXPECT_FALSE(same_subscription("consumer", "?", "!"));
}

}  // namespace
}  // namespace runnel::core::test
