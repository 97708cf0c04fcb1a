#include "storage/log/doctor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;
using test::kMiB;
using test::LogFixture;
using test::Random;
using ::testing::Contains;
using ::testing::HasSubstr;

// A closed log of three generations.
void make(LogFixture& f, Random& random) {
  f.open();
  EXPECT_EQ(f.put_state("a", "1"), Errc::ok);
  EXPECT_EQ(f.put_state("b", "2"), Errc::ok);
  f.fill_generations(random, 3);
  EXPECT_EQ(f.commit_random(random, 30, 4000), Errc::ok);
  EXPECT_EQ(f.commit_value(0, std::string(9000, 'x')), Errc::ok);
  f.close();
}

// Changes a generation's rows as no hub would.
void tamper(
    const LogFixture& f, std::uint32_t id, const std::function<Result<void>(WriteTxn&)>& change
) {
  auto env = Env::open(f.file(id), kMiB, Env::Mode::writable);
  ASSERT_TRUE(env);
  auto txn = WriteTxn::begin(**env);
  ASSERT_TRUE(txn);
  ASSERT_TRUE(change(*txn));
  ASSERT_TRUE(txn->commit());
}

std::vector<Position> blocks_of(const LogFixture& f, std::uint32_t id) {
  std::vector<Position> out;
  const auto g = Generation::open(f.dir(), GenerationId(id), Env::Mode::read_only);
  EXPECT_TRUE((*g)->walk_blocks(Position(0), [&](const BlockHead& head, ByteView) {
    out.push_back(head.first);
    return true;
  }));
  return out;
}

void damage_block(const LogFixture& f, std::uint32_t id, Position first, bool in_head) {
  const std::string file = test::read_file(f.file(id));
  for (const std::size_t place : test::find_blocks(file, first)) {
    const auto entries = static_cast<std::size_t>(static_cast<unsigned char>(file[place + 38]));
    const std::size_t batch = kBlockHeadBytes + entries * kBlockEntryBytes;
    test::flip_bit(f.file(id), place + (in_head ? 8 : batch + kBatchHeadBytes));
  }
}

void expect_finding(const LogFixture& f, const std::string& words) {
  const DoctorReport report = examine(f.dir());
  EXPECT_FALSE(report.healthy);
  EXPECT_THAT(report.findings, Contains(HasSubstr(words)));
}

TEST(Doctor, FindsNothingWrongWithAHealthyLog) {
  Random random;
  LogFixture f;
  make(f, random);
  const DoctorReport report = examine(f.dir());
  EXPECT_TRUE(report.healthy);
  EXPECT_TRUE(report.findings.empty()) << report.findings.front();
  EXPECT_FALSE(report.running);
  EXPECT_EQ(report.generations, 3U);
  EXPECT_EQ(report.records, f.model.end());
  EXPECT_EQ(report.partitions, 5U);
  EXPECT_EQ(report.state_rows, 2U);
  EXPECT_EQ(report.damaged_records, 0U);
  EXPECT_EQ(report.disk_bytes, 3 * kMiB);
  EXPECT_GT(report.blocks, 30U);
}

TEST(Doctor, FindsNothingWrongAfterRetirementAndExpiry) {
  using namespace std::chrono_literals;
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  f.options.retention = 1h;
  f.open();
  while (f.log().totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  f.clock.advance(2h);
  f.log().maintain();
  ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  const Log::Totals totals = f.log().totals();
  f.close();
  const DoctorReport report = examine(f.dir());
  EXPECT_TRUE(report.healthy) << report.findings.front();
  EXPECT_EQ(report.discarded, totals.discarded);
  EXPECT_EQ(report.expired, totals.expired);
  EXPECT_EQ(report.records, totals.stored);
}

TEST(Doctor, FindsNothingWrongWithAnEmptyLog) {
  LogFixture f;
  f.open();
  f.close();
  EXPECT_TRUE(examine(f.dir()).healthy);
}

TEST(Doctor, ChangesNothing) {
  Random random;
  LogFixture f;
  make(f, random);
  damage_block(f, 2, blocks_of(f, 2)[3], true);
  std::map<std::string, std::string> before;
  for (const auto& e : fs::directory_iterator(f.dir()))
    before[e.path()] = test::read_file(e.path());
  examine(f.dir());
  std::map<std::string, std::string> after;
  for (const auto& e : fs::directory_iterator(f.dir())) after[e.path()] = test::read_file(e.path());
  EXPECT_TRUE(before == after);
}

TEST(Doctor, FindsADirectoryWithoutALog) {
  LogFixture f;
  expect_finding(f, "cannot read");
  fs::create_directories(f.dir());
  expect_finding(f, "no log");
}

TEST(Doctor, FindsAFlippedBitInABatch) {
  Random random;
  LogFixture f;
  make(f, random);
  damage_block(f, 1, blocks_of(f, 1)[4], false);
  expect_finding(f, "wrong checksum");
  const DoctorReport report = examine(f.dir());
  EXPECT_EQ(report.findings.size(), 1U);
  EXPECT_GT(report.damaged_records, 0U);
}

TEST(Doctor, FindsAFlippedBitInABlockHead) {
  Random random;
  LogFixture f;
  make(f, random);
  const auto blocks = blocks_of(f, 2);
  damage_block(f, 2, blocks[4], true);
  expect_finding(f, "the head of the block at position " + std::to_string(blocks[4].value));
  EXPECT_EQ(examine(f.dir()).damaged_records, blocks[5].value - blocks[4].value);
}

TEST(Doctor, FindsAFlippedBitInTheLastBlockOfAll) {
  Random random;
  LogFixture f;
  make(f, random);
  damage_block(f, 3, blocks_of(f, 3).back(), true);
  expect_finding(f, "the head of the block at position");
}

TEST(Doctor, FindsAMissingBlock) {
  Random random;
  LogFixture f;
  make(f, random);
  const auto blocks = blocks_of(f, 2);
  tamper(f, 2, [&](WriteTxn& txn) { return txn.erase(block_key(blocks[5])); });
  expect_finding(f, "a hole between positions " + std::to_string(blocks[5].value));
}

TEST(Doctor, FindsABlockUnderAnothersKey) {
  Random random;
  LogFixture f;
  make(f, random);
  const auto blocks = blocks_of(f, 2);
  const auto moved =
      (*Generation::open(f.dir(), GenerationId(2), Env::Mode::read_only))->read_block(blocks[5]);
  ASSERT_TRUE(moved);
  tamper(f, 2, [&](WriteTxn& txn) { return txn.put(block_key(blocks[6]), *moved); });
  expect_finding(f, "says it is");
}

TEST(Doctor, FindsAMissingGeneration) {
  Random random;
  LogFixture f;
  make(f, random);
  fs::remove(f.file(2));
  expect_finding(f, "begins at position");
}

TEST(Doctor, FindsAMissingOldestGeneration) {
  Random random;
  LogFixture f;
  make(f, random);
  fs::remove(f.file(1));
  expect_finding(f, "is not stored");
}

TEST(Doctor, FindsAGenerationThatCannotBeOpened) {
  Random random;
  LogFixture f;
  make(f, random);
  test::write_file(f.file(2), std::string(kMiB, 'z'));
  expect_finding(f, "generation 2 cannot be opened");
  make(f, random);
  fs::resize_file(f.file(3), kMiB / 8);
  expect_finding(f, "generation 3 cannot be opened");
}

TEST(Doctor, FindsAGenerationThatWasSetAside) {
  Random random;
  LogFixture f;
  make(f, random);
  test::write_file(f.file(2), std::string(kMiB, 'z'));
  f.open();
  f.close();
  expect_finding(f, "0000000002.mdb.damaged");
  EXPECT_GT(examine(f.dir()).damaged_records, 0U);
}

TEST(Doctor, FindsCountersThatDoNotAddUp) {
  Random random;
  LogFixture f;
  make(f, random);
  Retired wrong;
  wrong.discarded = 1;
  tamper(f, 3, [&](WriteTxn& txn) { return txn.put(kRetiredKey, wrong.encode()); });
  expect_finding(f, "is not stored");
}

TEST(Doctor, FindsAFlippedBitInTheIndex) {
  Random random;
  LogFixture f;
  make(f, random);
  Bytes key = "\x04";
  ByteWriter(key).be32(2);
  Bytes index;
  {
    const auto g = Generation::open(f.dir(), GenerationId(1), Env::Mode::read_only);
    index = *ReadTxn::begin((*g)->env())->get(key);
  }
  index[index.size() - 7] = static_cast<char>(index[index.size() - 7] ^ 4);
  tamper(f, 1, [&](WriteTxn& txn) { return txn.put(key, index); });
  expect_finding(f, "index");
}

TEST(Doctor, LeavesAFileAloneThatOnlyWaitsForItsUnlinking) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  f.open();
  f.fill_generations(random, 2);
  const auto kept = f.dir().parent_path() / "kept";
  fs::copy_file(f.file(1), kept);
  while (f.log().totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  f.close();
  fs::rename(kept, f.file(1));
  EXPECT_TRUE(examine(f.dir()).healthy);
}

// The hub in another process, writing and retiring while the doctor reads.
TEST(Doctor, FindsNothingWrongWithALogThatARunningHubHolds) {
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t hub = ::fork();
  if (hub == 0) {
    ::alarm(60);
    Random random;
    f.open();
    while (f.log().totals().discarded == 0) f.commit_random(random, 10, 4000);
    if (::write(ready[1], "r", 1) != 1) ::_exit(2);
    for (;;) f.commit_random(random, 10, 4000);
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  std::uint64_t last = 0;
  for (int i = 0; i < 40; ++i) {
    const DoctorReport report = examine(f.dir());
    EXPECT_TRUE(report.running);
    EXPECT_TRUE(report.healthy) << report.findings.front();
    EXPECT_GT(report.records, 0U);
    EXPECT_GE(report.discarded, last);
    last = report.discarded;
  }
  EXPECT_GT(last, 0U);
  ::kill(hub, SIGKILL);
  int status = 0;
  ::waitpid(hub, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      << "the hub must have run all along";
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace runnel::log
