#include <array>

#include <gmock/gmock.h>

#include "bridge/uplink.h"
#include "storage/log/control_batch.h"
#include "tests/support/log_fixture.h"
#include "tests/unit/bridge/fake_destination.h"

namespace runnel::bridge::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Did = Uplink::Did;

constexpr std::size_t kAll = 1 << 20;

struct LinkUp : ::testing::Test {
  LinkUp() {
    files.open();
    spec.name = "up";
    spec.topics = {"*"};
    connect();
  }

  // A new connection, which asks the cluster where it stands.
  void connect() {
    destination = std::make_unique<FakeDestination>(there);
    uplink = std::make_unique<Uplink>(spec, files.log(), "here", "group", *destination, tally);
  }

  void begin() {
    const auto failure = uplink->begin([&] { return sources; }, remembered);
    ASSERT_FALSE(failure) << failure->text;
  }

  void put(std::uint32_t partition, std::string value, std::string key = "key") {
    log::Group group;
    log::NewRecord record;
    record.key = key;
    record.value = value;
    record.timestamp_ms = files.clock.wall_ms();
    group.append(PartitionId(partition), record);
    ASSERT_EQ(files.log().commit(group), Errc::ok);
  }

  // Until there is nothing more.
  void drain(std::size_t bytes = kAll) {
    for (int i = 0; i < 1000; ++i) {
      const auto did = uplink->step(bytes);
      if (!did && did.error().kind == Failure::Kind::record_refused) {
        const bool early = destination->refuses_early;
        connect();
        destination->refuses_early = early;
        begin();
        continue;
      }
      ASSERT_TRUE(did) << did.error().text;
      if (*did == Did::nothing) return;
    }
    FAIL() << "no end";
  }

  runnel::test::LogFixture files;
  FakeCluster there;
  LinkSpec spec;
  Sources sources{{"t", {PartitionId(1)}}};
  Positions remembered;
  Tally tally;
  std::unique_ptr<FakeDestination> destination;
  std::unique_ptr<Uplink> uplink;
};

TEST_F(LinkUp, SendsWhatThereIsAndWhatComes) {
  put(1, "a");
  put(1, "b");
  begin();
  drain();
  put(1, "c");
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a", "b", "c"));
  EXPECT_EQ(tally.counters.records, 3U);
  EXPECT_EQ(uplink->lag().records, 0U);
}

TEST_F(LinkUp, GoesOnWhereTheDestinationStands) {
  put(1, "a");
  begin();
  drain();
  connect();
  put(1, "b");
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a", "b"));
}

TEST_F(LinkUp, DoesNotRepeatWhatWasCommittedWithoutBeingTold) {
  put(1, "a");
  begin();
  destination->fates = {FakeDestination::Fate::done_but_not_told};
  EXPECT_FALSE(uplink->step(kAll));
  connect();
  begin();
  put(1, "b");
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a", "b"));
}

TEST_F(LinkUp, SendsAgainWhatWasLost) {
  put(1, "a");
  begin();
  destination->fates = {FakeDestination::Fate::lost};
  EXPECT_FALSE(uplink->step(kAll));
  connect();
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a"));
}

TEST_F(LinkUp, GoesByWhatItRemembersWhereTheDestinationHasForgotten) {
  put(1, "a");
  begin();
  drain();
  there.groups.clear();  // Kafka does after a week
  remembered = uplink->positions();
  connect();
  begin();
  put(1, "b");
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a", "b"));
}

TEST_F(LinkUp, BelievesADestinationThatHasLostItsNewestRecords) {
  put(1, "a");
  begin();
  drain();
  const FakeCluster backup = there;
  put(1, "b");
  drain();
  remembered = uplink->positions();
  there = backup;
  connect();
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a", "b"));
}

TEST_F(LinkUp, BeginsWhereItIsTold) {
  put(1, "a");
  files.clock.advance(std::chrono::hours(1));
  const std::int64_t noon = files.clock.wall_ms();
  put(1, "b");
  spec.start = {LinkSpec::Start::Kind::time, noon};
  connect();
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("b"));
  there = {};
  spec.start = {LinkSpec::Start::Kind::latest, 0};
  remembered[source_partition(sources[0], 0)] = Offset(2);  // what was the latest when the link was made
  connect();
  begin();
  put(1, "c");
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("c"));
}

TEST_F(LinkUp, LosesNothingOfATopicThatWasMadeAfterIt) {
  put(1, "a");
  spec.start = {LinkSpec::Start::Kind::latest, 0};
  connect();
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a"));
}

TEST_F(LinkUp, GoesThroughALogOfWhichItSendsNothingInSteps) {
  spec.relay = false;
  files.options.limit_bytes = 128 * runnel::test::kMiB;
  files.close();
  files.open();
  connect();
  const std::string large(400'000, 'x');
  for (int i = 0; i < 60; ++i) {
    log::Group group;
    const std::array headers{log::Header{"hub.origin", "elsewhere"}};
    log::NewRecord record;
    record.value = large;
    record.headers = headers;
    group.append(PartitionId(1), record);
    ASSERT_EQ(files.log().commit(group), Errc::ok);
  }
  begin();
  const auto did = uplink->step(kAll);
  ASSERT_TRUE(did);
  EXPECT_EQ(*did, Did::moved);
  EXPECT_GT(uplink->positions().begin()->second, Offset(0));
  EXPECT_LT(uplink->positions().begin()->second, Offset(60));
  drain();
  EXPECT_EQ(tally.counters.kept_back, 60U);
}

TEST_F(LinkUp, TellsTheDestinationLaterHowFarItCameWithoutSending) {
  put(1, "a");
  log::Group group;
  group.append_marker(PartitionId(2), {5, 0, false, 0, files.clock.wall_ms()});
  ASSERT_EQ(files.log().commit(group), Errc::ok);
  sources = {{"t", {PartitionId(1), PartitionId(2)}}};
  begin();
  drain();
  put(1, "b");
  drain();
  const Positions told = from_committed(there.groups.at("group"));
  EXPECT_EQ(told.at(source_partition(sources[0], 1)), Offset(1));
}

TEST_F(LinkUp, SendsUrgentTopicsFirst) {
  sources = {{"alarms", {PartitionId(2)}}, {"temps", {PartitionId(1)}}, {"warnings", {PartitionId(3)}}};
  spec.priority = {"alarms", "warn*"};
  spec.destination = "all";
  there.topics["all"].resize(1);
  for (int i = 0; i < 5; ++i) {
    put(1, "t" + std::to_string(i));
    put(2, "a" + std::to_string(i));
    put(3, "w" + std::to_string(i));
  }
  begin();
  drain(60);  // two or three at a time
  const auto words = there.words("all");
  ASSERT_EQ(words.size(), 15U);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(words[i][0], "awt"[i / 5]) << i;
}

TEST_F(LinkUp, LetsEveryPartitionOfARankHaveItsTurn) {
  sources = {{"t", {PartitionId(1), PartitionId(2)}}};
  for (int i = 0; i < 200; ++i) put(1, std::string(1000, 'x'));
  put(2, "b");
  begin();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(uplink->step(2000));
  EXPECT_THAT(there.words("t", 1), ElementsAre("b"));
}

TEST_F(LinkUp, KeepsPartitionsWhereThereAreAsMany) {
  sources = {{"t", {PartitionId(1), PartitionId(2), PartitionId(3)}}};
  for (std::uint32_t p = 1; p <= 3; ++p) put(p, "v" + std::to_string(p), "same key");
  begin();
  drain();
  for (std::size_t p = 0; p < 3; ++p) EXPECT_THAT(there.words("t", p), ElementsAre("v" + std::to_string(p + 1)));
}

TEST_F(LinkUp, PutsAKeyIntoOnePartitionWhereThereAreOthers) {
  sources = {{"t", {PartitionId(1), PartitionId(2), PartitionId(3)}}};
  there.topics["t"].resize(2);
  for (int i = 0; i < 30; ++i) put(1 + static_cast<std::uint32_t>(i) % 3, std::to_string(i), "key " + std::to_string(i % 3));
  begin();
  drain(100);
  std::map<std::string, std::size_t> home;
  std::map<std::string, int> last;
  for (std::size_t p = 0; p < 2; ++p) {
    for (const Arrived& a : there.topics["t"][p]) {
      const auto [at, is_new] = home.try_emplace(*a.key, p);
      EXPECT_EQ(at->second, p);
      const int n = std::stoi(*a.value);
      EXPECT_TRUE(is_new || last[*a.key] < n);
      last[*a.key] = n;
    }
  }
  EXPECT_EQ(tally.counters.records, 30U);
  connect();
  begin();
  drain();
  EXPECT_EQ(tally.counters.records, 30U) << "the positions of three partitions at two places";
}

TEST_F(LinkUp, CountsWhatRetentionTookAndSaysWhich) {
  files.options.limit_bytes = 4 * runnel::test::kMiB;
  files.close();
  files.open();
  connect();
  begin();
  for (int i = 0; i < 200; ++i) put(1, std::string(50'000, 'x'));
  const Offset start = files.log().range(PartitionId(1)).log_start;
  ASSERT_GT(start, Offset(0));
  drain();
  EXPECT_EQ(tally.counters.gaps, static_cast<std::uint64_t>(start.value));
  ASSERT_EQ(tally.gaps.size(), 1U);
  EXPECT_EQ(tally.gaps[0].first, Offset(0));
  EXPECT_EQ(tally.gaps[0].last, Offset(start.value - 1));
  EXPECT_EQ(tally.counters.records, 200U - tally.counters.gaps);
  there.groups.clear();
  connect();
  begin();
  drain();
  EXPECT_EQ(tally.counters.gaps, static_cast<std::uint64_t>(start.value)) << "counted once";
}

TEST_F(LinkUp, DoesNotStopAtARecordThatTheDestinationNeverTakes) {
  there.refuses = [](const Arrived& a) { return a.word() == "poison"; };
  for (int i = 0; i < 10; ++i) put(1, i == 6 ? "poison" : std::to_string(i));
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("0", "1", "2", "3", "4", "5", "7", "8", "9"));
  EXPECT_EQ(tally.counters.refused, 1U);
  ASSERT_EQ(tally.gaps.size(), 1U);
  EXPECT_EQ(tally.gaps[0].first, Offset(6));
  EXPECT_EQ(tally.gaps[0].last, Offset(6));
}

TEST_F(LinkUp, DoesNotStopAtSuchARecordThatIsRefusedWhileMoreIsSent) {
  there.refuses = [](const Arrived& a) { return a.word() == "poison"; };
  for (int i = 0; i < 10; ++i) put(1, i == 6 ? "poison" : std::to_string(i));
  begin();
  destination->refuses_early = true;
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("0", "1", "2", "3", "4", "5", "7", "8", "9"));
  EXPECT_EQ(tally.counters.refused, 1U);
}

TEST_F(LinkUp, SendsNothingOfAbortedTransactionsAndIsNotBehindForTheirMarkers) {
  put(1, "a");
  log::Group group;
  group.append_marker(PartitionId(1), {5, 0, false, 0, files.clock.wall_ms()});
  ASSERT_EQ(files.log().commit(group), Errc::ok);
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a"));
  EXPECT_EQ(uplink->lag().records, 0U);
}

TEST_F(LinkUp, MarksWhatWaitedForTheLink) {
  put(1, "old");
  begin();
  drain();
  put(1, "fresh");
  drain();
  put(1, "late");
  uplink->age();
  uplink->age();
  drain();
  const auto& got = there.topics["t"][0];
  EXPECT_TRUE(got[0].headers.contains("hub.historical"));
  EXPECT_FALSE(got[1].headers.contains("hub.historical"));
  EXPECT_TRUE(got[2].headers.contains("hub.historical"));
}

TEST_F(LinkUp, SendsOtherTopicsWhenOneCannotBeMade) {
  sources = {{"forbidden", {PartitionId(2)}}, {"t", {PartitionId(1)}}};
  put(1, "a");
  put(2, "b");
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a"));
  EXPECT_EQ(uplink->troubles().size(), 1U);
}

TEST_F(LinkUp, RefusesToSendToItself) {
  there.id = "here";
  EXPECT_TRUE(uplink->begin([&] { return sources; }, {}));
}

TEST_F(LinkUp, RefusesMorePositionsThanKafkaKeeps) {
  spec.destination = "all";
  there.topics["all"].resize(1);
  sources.clear();
  for (int i = 0; i < 200; ++i) {
    sources.push_back({"a-topic-with-a-name-of-" + std::to_string(i), {PartitionId(static_cast<std::uint32_t>(i))}});
  }
  EXPECT_TRUE(uplink->begin([&] { return sources; }, {}));
}

TEST_F(LinkUp, BeginsAnewWithATopicThatWasMadeAgain) {
  put(1, "a");
  put(1, "b");
  begin();
  drain();
  sources = {{"t", {PartitionId(2)}}};
  put(2, "c");
  ASSERT_FALSE(uplink->set_sources(sources));
  drain();
  connect();
  begin();
  drain();
  EXPECT_THAT(there.words("t"), ElementsAre("a", "b", "c"));
}

TEST_F(LinkUp, TakesTopicsThatComeLater) {
  begin();
  sources.push_back({"u", {PartitionId(2)}});
  put(2, "b");
  ASSERT_FALSE(uplink->set_sources(sources));
  drain();
  EXPECT_THAT(there.words("u"), ElementsAre("b"));
}

TEST_F(LinkUp, SaysHowFarItIsBehind) {
  put(1, "a");
  const std::int64_t first = files.clock.wall_ms();
  files.clock.advance(std::chrono::seconds(10));
  put(1, "b");
  begin();
  const auto lag = uplink->lag();
  EXPECT_EQ(lag.records, 2U);
  EXPECT_GT(lag.bytes, 100U);
  EXPECT_EQ(lag.oldest_ms, first);
}

// Whatever becomes of the connections: each record once, in order, in its partition.
TEST_F(LinkUp, IsExactlyOnceOverAnyFailures) {
  runnel::test::Random random;
  sources = {{"t", {PartitionId(1), PartitionId(2)}}, {"u", {PartitionId(3)}}};
  spec.destination = "all";
  there.topics["all"].resize(2);
  std::map<std::uint32_t, int> next;
  bool connected = false;
  for (int round = 0; round < 3000; ++round) {
    if (random.between(0, 2) == 0) {
      const auto p = static_cast<std::uint32_t>(random.between(1, 3));
      put(p, std::to_string(p) + ":" + std::to_string(next[p]++), "p" + std::to_string(p));
    }
    if (!connected) {
      connect();
      begin();
      connected = true;
      using Fate = FakeDestination::Fate;
      for (auto n = random.between(0, 5); n > 0; --n) destination->fates.push_back(Fate::done);
      destination->fates.push_back(random.between(0, 1) == 0 ? Fate::lost : Fate::done_but_not_told);
    }
    connected = static_cast<bool>(uplink->step(random.between(1, 100)));
  }
  connect();
  begin();
  drain();
  std::map<std::string, int> seen;
  for (const auto& partition : there.topics["all"]) {
    for (const Arrived& a : partition) {
      const std::string word = a.word();
      EXPECT_EQ(word, word.substr(0, 2) + std::to_string(seen[word.substr(0, 1)]++));
    }
  }
  for (const auto& [p, count] : next) EXPECT_EQ(seen[std::to_string(p)], count);
}

}  // namespace
}  // namespace runnel::bridge::test
