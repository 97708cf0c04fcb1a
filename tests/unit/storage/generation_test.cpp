#include "storage/log/generation.h"

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using test::kMiB;
using test::Random;
using test::TempDir;

struct Written {
  Position first{};
  BlockEntry entry;
};

class GenerationTest : public ::testing::Test {
 protected:
  [[nodiscard]] const std::filesystem::path& dir() const { return dir_.path(); }

  std::shared_ptr<Generation> create(
      const Generation::Head& head = {},
      const PartitionEnds& starts = {},
      const Generation* previous = nullptr
  ) {
    auto made = Generation::create(dir(), kMiB, head, starts, previous);
    EXPECT_TRUE(made);
    return made ? *made : nullptr;
  }

  std::shared_ptr<Generation> open(std::uint32_t id, Env::Mode mode = Env::Mode::read_only) {
    auto opened = Generation::open(dir(), GenerationId(id), mode);
    EXPECT_TRUE(opened);
    return opened ? *opened : nullptr;
  }

  // Writes a block with one batch for each partition of `partitions`, as the log does.
  void write_block(Generation& g, const std::vector<std::uint32_t>& partitions, std::size_t bytes) {
    BlockBuilder builder;
    PartitionEnds ends = g.ends();
    for (const std::uint32_t p : partitions) {
      const Offset base = ends[PartitionId(p)];
      BatchBuilder batch;
      NewRecord record;
      const std::string value(bytes, 'v');
      record.value = value;
      batch.append(record);
      batch.append(record);
      batch.seal(base);
      builder.add(PartitionId(p), base, 2, batch.bytes());
      ends[PartitionId(p)] = Offset(base.value + 2);
    }
    const Position first = g.end();
    hub_ms_ += 10;
    auto block = Block::make(builder.finish(first, hub_ms_, {hub_ms_ + 5, true}, 3), true);
    ASSERT_TRUE(block);
    auto txn = WriteTxn::begin(g.env());
    ASSERT_TRUE(txn);
    ASSERT_TRUE(txn->append(block_key(first), (*block)->bytes()));
    ASSERT_TRUE(txn->commit());
    g.committed({*block});
    for (const BlockEntry& e : (*block)->head().entries) written_.push_back({first, e});
  }

  void put(Generation& g, ByteView key, ByteView value) {
    auto txn = WriteTxn::begin(g.env());
    ASSERT_TRUE(txn);
    ASSERT_TRUE(txn->put(key, value));
    ASSERT_TRUE(txn->commit());
  }

  // For every record ever written: walking on from seek() meets it.
  void expect_seek_finds_all(const Generation& g) {
    for (const Written& w : written_) {
      for (std::int64_t i = 0; i < 2; ++i) {
        const Position from = g.seek(w.entry.partition, Offset(w.entry.base.value + i));
        ASSERT_LE(from, w.first);
        ASSERT_TRUE(g.read_block(from));
      }
    }
  }

  TempDir dir_;
  std::vector<Written> written_;
  std::int64_t hub_ms_ = 1000;
};

TEST_F(GenerationTest, KeepsItsHeadAndStarts) {
  Generation::Head head;
  head.id = GenerationId(7);
  head.first = Position(1234);
  head.hub_ms = 55;
  head.wall = {66, true};
  head.boot = 4;
  const PartitionEnds starts = {
      {PartitionId(0), Offset(3)}, {PartitionId(70'000), Offset(1LL << 40)}};
  create(head, starts).reset();
  const auto g = open(7);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->id(), GenerationId(7));
  EXPECT_EQ(g->head().first, Position(1234));
  EXPECT_EQ(g->head().boot, 4U);
  EXPECT_EQ(g->last_mark().hub_ms, 55);
  EXPECT_EQ(g->last_mark().wall.ms, 66);
  EXPECT_TRUE(g->last_mark().wall.synchronized);
  EXPECT_EQ(g->starts(), starts);
  EXPECT_EQ(g->ends(), starts);
  EXPECT_EQ(g->end(), Position(1234));
  EXPECT_FALSE(g->sealed());
}

TEST_F(GenerationTest, IsOnePreallocatedFileAndLeavesNothingElse) {
  const auto g = create();
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir())) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names, (std::set<std::string>{"0000000001.mdb", "0000000001.mdb-lock"}));

  struct stat st {};

  ASSERT_EQ(::stat(Generation::file(dir(), GenerationId(1)).c_str(), &st), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(st.st_size), kMiB);
  EXPECT_GE(static_cast<std::uint64_t>(st.st_blocks) * 512, kMiB);
}

TEST_F(GenerationTest, TakesStateAndRetirementOverFromTheOneBeforeAndNoBlocks) {
  const auto one = create();
  write_block(*one, {1, 2}, 100);
  put(*one, state_key("session/a"), "one");
  put(*one, state_key("session/b"), std::string(10'000, 'b'));
  Retired retired;
  retired.oldest = GenerationId(1);
  retired.expired = 12;
  retired.discarded = 34;
  put(*one, kRetiredKey, retired.encode());
  Generation::Head head;
  head.id = GenerationId(2);
  head.first = one->end();
  const auto two = create(head, one->ends(), one.get());
  ASSERT_NE(two, nullptr);
  const auto txn = ReadTxn::begin(two->env());
  ASSERT_TRUE(txn);
  EXPECT_EQ(*txn->get(state_key("session/a")), "one");
  EXPECT_EQ(txn->get(state_key("session/b"))->size(), 10'000U);
  const auto taken = Retired::decode(*txn->get(kRetiredKey));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->expired, 12U);
  EXPECT_EQ(taken->discarded, 34U);
  EXPECT_FALSE(two->read_block(one->head().first));
  EXPECT_EQ(two->end(), Position(4));
}

TEST_F(GenerationTest, IsNotMadeWhenTheStateOfTheOneBeforeDoesNotFit) {
  const auto one = create();
  for (int i = 0; i < 18; ++i)
    put(*one, state_key("s" + std::to_string(i)), std::string(50'000, 's'));
  Generation::Head head;
  head.id = GenerationId(2);
  const auto two = Generation::create(dir(), kMiB / 2, head, {}, one.get());
  ASSERT_FALSE(two);
  EXPECT_EQ(errc_of(two.error()), Errc::log_full);
  EXPECT_FALSE(std::filesystem::exists(Generation::file(dir(), GenerationId(2))));
  EXPECT_FALSE(std::filesystem::exists(dir() / "0000000002.mdb.new"));
}

TEST_F(GenerationTest, AnUnsealedOneFindsEverythingAgainByAWalk) {
  auto g = create();
  for (std::uint32_t i = 0; i < 60; ++i) write_block(*g, {i % 3, 10 + i % 20}, 2000);
  const PartitionEnds ends = g->ends();
  const Position end = g->end();
  g.reset();
  g = open(1, Env::Mode::writable);
  EXPECT_EQ(g->ends(), ends);
  EXPECT_EQ(g->end(), end);
  EXPECT_EQ(g->last_mark().hub_ms, hub_ms_);
  EXPECT_EQ(g->boot(), 3U);
  EXPECT_FALSE(g->sealed());
  expect_seek_finds_all(*g);
}

TEST_F(GenerationTest, ASealedOneReadsItsIndexAndKnowsTheSame) {
  Random random;
  auto g = create();
  for (std::uint32_t i = 0; i < 90; ++i) {
    write_block(*g, {i % 3, 10 + i % 20}, random.between(10, 3000));
  }
  const PartitionEnds ends = g->ends();
  const Position end = g->end();
  const auto mark = g->last_mark();
  std::map<std::pair<std::uint32_t, std::int64_t>, Position> sought;
  for (const auto& w : written_) {
    sought[{w.entry.partition.value, w.entry.base.value}] =
        g->seek(w.entry.partition, w.entry.base);
  }
  ASSERT_TRUE(g->seal());
  EXPECT_TRUE(g->sealed());
  expect_seek_finds_all(*g);
  g.reset();
  g = open(1);
  EXPECT_TRUE(g->sealed());
  EXPECT_EQ(g->ends(), ends);
  EXPECT_EQ(g->end(), end);
  EXPECT_EQ(g->boot(), 3U);
  EXPECT_EQ(g->last_mark().hub_ms, mark.hub_ms);
  EXPECT_EQ(g->last_mark().wall.ms, mark.wall.ms);
  expect_seek_finds_all(*g);
  for (const auto& [what, position] : sought) {
    EXPECT_EQ(g->seek(PartitionId(what.first), Offset(what.second)), position);
  }
}

TEST_F(GenerationTest, TheIndexIsSparse) {
  const auto g = create();
  for (std::uint32_t i = 0; i < 200; ++i) write_block(*g, {0}, 1000);
  std::set<Position> entries;
  for (const auto& w : written_) entries.insert(g->seek(PartitionId(0), w.entry.base));
  // 400 KB at an entry per 32 KiB.
  EXPECT_GE(entries.size(), 8U);
  EXPECT_LE(entries.size(), 16U);
}

TEST_F(GenerationTest, SeekOfAnUnknownPartitionLeadsToTheEnd) {
  const auto g = create();
  write_block(*g, {0}, 100);
  EXPECT_EQ(g->seek(PartitionId(99), Offset(0)), g->end());
}

TEST_F(GenerationTest, ReadBlockFindsTheBlockOfEveryPosition) {
  Generation::Head head;
  head.first = Position(1000);
  const auto g = create(head);
  for (std::uint32_t i = 0; i < 20; ++i) write_block(*g, {i % 3, 5}, 50);
  for (std::uint64_t p = 1000; p < g->end().value; ++p) {
    const auto bytes = g->read_block(Position(p));
    ASSERT_TRUE(bytes);
    EXPECT_EQ(BlockHead::parse(*bytes)->first.value, 1000 + (p - 1000) / 4 * 4);
  }
  const auto before = g->read_block(Position(999));
  ASSERT_FALSE(before);
  EXPECT_EQ(errc_of(before.error()), Errc::not_found);
}

TEST_F(GenerationTest, WalksBlocksInOrderUntilToldToStop) {
  const auto g = create();
  for (int i = 0; i < 10; ++i) write_block(*g, {0, 1}, 10);
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(g->walk_blocks(Position(9), [&](const BlockHead& head, ByteView value) {
    EXPECT_TRUE(Block::make(Bytes(value), false));
    seen.push_back(head.first.value);
    return seen.size() < 3;
  }));
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{12, 16, 20}));
}

TEST_F(GenerationTest, AFileThatIsNotOneIsDamaged) {
  const auto expect_damaged = [&](const std::string& bytes) {
    const auto path = Generation::file(dir(), GenerationId(3));
    for (const auto mode : {Env::Mode::writable, Env::Mode::read_only}) {
      test::write_file(path, bytes);
      const auto opened = Generation::open(dir(), GenerationId(3), mode);
      ASSERT_FALSE(opened);
      EXPECT_EQ(errc_of(opened.error()), Errc::damaged) << bytes.size() << " bytes";
    }
  };
  create().reset();
  const std::string sound = test::read_file(Generation::file(dir(), GenerationId(1)));
  expect_damaged("");
  expect_damaged("short");
  expect_damaged(std::string(kMiB, '\0'));
  expect_damaged(std::string(kMiB, 'x'));
  expect_damaged(sound.substr(0, 100));
  expect_damaged(sound.substr(0, 4096));
  expect_damaged(sound.substr(0, 2 * 4096));
  expect_damaged(sound);  // sound, but under another's number
}

TEST_F(GenerationTest, AFileCutShortAnywhereIsDamagedAndNotACrash) {
  auto g = create();
  for (std::uint32_t i = 0; i < 40; ++i) write_block(*g, {i % 3}, 5000);
  const std::uint64_t used = g->env().used_bytes();
  g.reset();
  const auto path = Generation::file(dir(), GenerationId(1));
  const std::string sound = test::read_file(path);
  for (std::uint64_t n = used - 4096; n > 4096; n -= 9 * 4096 + 77) {
    test::write_file(path, sound.substr(0, n));
    const auto opened = Generation::open(dir(), GenerationId(1), Env::Mode::read_only);
    ASSERT_FALSE(opened);
    EXPECT_EQ(errc_of(opened.error()), Errc::damaged) << n;
  }
  // Without the part that was never used, nothing is missing.
  test::write_file(path, sound.substr(0, used));
  ASSERT_NE(open(1), nullptr);
}

TEST_F(GenerationTest, AFileThatIsMissingIsNotFound) {
  const auto opened = Generation::open(dir(), GenerationId(9), Env::Mode::read_only);
  ASSERT_FALSE(opened);
  EXPECT_EQ(errc_of(opened.error()), Errc::not_found);
}

TEST_F(GenerationTest, AFlippedBitInItsOwnRowsIsNotedAndNeverBelieved) {
  const PartitionEnds starts = {{PartitionId(0), Offset(4)}};
  auto g = create({}, starts);
  for (int i = 0; i < 30; ++i) write_block(*g, {0, 1}, 4000);
  const PartitionEnds ends = g->ends();
  const Position end = g->end();
  ASSERT_TRUE(g->seal());
  Bytes start_key = "\x02";
  ByteWriter(start_key).be32(0);
  Bytes index_key = "\x04";
  ByteWriter(index_key).be32(0);
  for (const Bytes& key : {Bytes("\x01"), start_key, index_key, Bytes("\x05")}) {
    const Bytes sound(*ReadTxn::begin(g->env())->get(key));
    for (std::size_t bit = 0; bit < sound.size() * 8; bit += 5) {
      Bytes flipped = sound;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      put(*g, key, flipped);
      g.reset();
      const auto opened = Generation::open(dir(), GenerationId(1), Env::Mode::writable);
      const std::string where = "row " + std::to_string(key[0]) + " bit " + std::to_string(bit);
      if (key[0] < 4) {
        EXPECT_FALSE(opened) << where;
      } else {
        // The index and the seal only repeat what the blocks say.
        ASSERT_TRUE(opened) << where;
        EXPECT_EQ((*opened)->ends(), ends) << where;
        EXPECT_EQ((*opened)->end(), end) << where;
      }
      // Mend it for the next round.
      auto env = opened ? nullptr
                        : std::move(*Env::open(
                              Generation::file(dir(), GenerationId(1)), kMiB, Env::Mode::writable
                          ));
      auto txn = WriteTxn::begin(opened ? (*opened)->env() : *env);
      ASSERT_TRUE(txn->put(key, sound));
      ASSERT_TRUE(txn->commit());
      if (opened) g = *opened;
      env.reset();
      if (g == nullptr) g = open(1, Env::Mode::writable);
    }
  }
}

}  // namespace
}  // namespace runnel::log
