#include "storage/log/page_tree.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using test::kMiB;
using test::Random;
using test::TempDir;
using Rows = std::map<std::string, std::string>;

std::string random_key(Random& random) {
  // Few letters, so that keys share beginnings; some as long as LMDB takes them.
  std::string key(random.one_in(20) ? random.between(200, 500) : random.between(1, 12), 'a');
  for (char& c : key) c = static_cast<char>(random.between('a', 'd'));
  if (random.one_in(3)) key[0] = static_cast<char>(random.between(0x80, 0xff));
  return key;
}

// A file that LMDB wrote in many transactions, and what it holds.
struct Written {
  Written(Random& random, std::size_t transactions, std::size_t value_bytes_max) {
    auto env = Env::open(path, 8 * kMiB, Env::Mode::writable);
    EXPECT_TRUE((*env)->preallocate());  // as all files of the log are
    for (std::size_t t = 0; t < transactions; ++t) {
      auto txn = WriteTxn::begin(**env);
      for (std::uint64_t i = random.between(1, 20); i > 0; --i) {
        const std::string key = random_key(random);
        if (random.one_in(4) && !rows.empty()) {
          const auto gone = rows.lower_bound(key);
          if (gone == rows.end()) continue;
          EXPECT_TRUE(txn->erase(gone->first));
          rows.erase(gone);
        } else {
          rows[key] = random.bytes(random.between(0, random.one_in(10) ? value_bytes_max : 200));
          EXPECT_TRUE(txn->put(key, rows[key]));
        }
      }
      EXPECT_TRUE(txn->commit());
    }
    used = (*env)->used_bytes();
    env->reset();
    bytes = test::read_file(path).substr(0, used);
  }

  TempDir dir;
  std::filesystem::path path = dir.path() / "file.mdb";
  Rows rows;
  std::uint64_t used = 0;
  std::string bytes;
};

Rows walk_all(const PageTree& tree, const std::string& from = "") {
  Rows out;
  const auto walked = tree.walk(from, [&](const PageTree::Row& row) {
    out.emplace(row.key, row.value);
    return true;
  });
  EXPECT_TRUE(walked);
  return out;
}

TEST(PageTree, ReadsWhatLmdbWrote) {
  Random random;
  for (const std::size_t transactions : {0, 1, 5, 50, 400}) {
    const Written w(random, transactions, 20'000);
    const auto tree = PageTree::open(w.bytes);
    ASSERT_TRUE(tree) << transactions;
    EXPECT_EQ(tree->used_bytes(), w.used);
    EXPECT_TRUE(tree->check()) << transactions;
    EXPECT_EQ(walk_all(*tree), w.rows);
    for (const auto& [key, value] : w.rows) {
      const auto got = tree->get(key);
      ASSERT_TRUE(got);
      ASSERT_EQ(*got, value);
    }
  }
}

TEST(PageTree, FindsTheRowAtOrBeforeEveryKey) {
  Random random;
  const Written w(random, 300, 5000);
  const auto tree = PageTree::open(w.bytes);
  ASSERT_TRUE(tree);
  for (int i = 0; i < 3000; ++i) {
    const std::string key = random_key(random);
    const auto found = tree->at_or_before(key);
    auto expected = w.rows.upper_bound(key);
    if (expected == w.rows.begin()) {
      ASSERT_FALSE(found);
      ASSERT_EQ(errc_of(found.error()), Errc::not_found);
      continue;
    }
    --expected;
    ASSERT_TRUE(found);
    ASSERT_EQ(found->key, expected->first);
    ASSERT_EQ(found->value, expected->second);
    const auto exact = tree->get(key);
    ASSERT_EQ(exact.has_value(), expected->first == key);
    if (!exact) {
      ASSERT_EQ(errc_of(exact.error()), Errc::not_found);
    }
    ASSERT_EQ(walk_all(*tree, key), Rows(w.rows.lower_bound(key), w.rows.end()));
  }
}

TEST(PageTree, AWalkEndsWhenItIsTold) {
  Random random;
  const Written w(random, 50, 500);
  std::size_t seen = 0;
  EXPECT_TRUE(PageTree::open(w.bytes)->walk("", [&](const PageTree::Row&) { return ++seen < 7; }));
  EXPECT_EQ(seen, 7U);
}

// Uses every way of reading; the sanitizers see any step outside, the test's time limit any circle.
void read_everything(const std::string& bytes) {
  const auto tree = PageTree::open(bytes);
  if (!tree) return;
  std::string before;
  tree->walk(
          "",
          [&](const PageTree::Row& row) {
            EXPECT_LT(before, row.key);
            before = row.key;
            std::size_t sum = 0;
            for (const char c : row.value) sum += static_cast<unsigned char>(c);
            return sum != ~std::size_t{0};
          }
  ).has_value();
  for (const char* key : {"", "a", "bcd", "\x80", "\xff\xff"}) {
    const auto row = tree->at_or_before(key);
    EXPECT_TRUE(!row || row->key <= ByteView(key));
    const auto value = tree->get(key);
    EXPECT_TRUE(!value || value->size() < bytes.size());
  }
  if (tree->check()) walk_all(*tree);
}

TEST(PageTree, BearsFlippedBitsAnywhere) {
  Random random;
  const Written w(random, 60, 9000);
  for (int i = 0; i < 4000; ++i) {
    std::string bytes = w.bytes;
    for (std::uint64_t n = random.between(1, 3); n > 0; --n) {
      // Mostly where it hurts: in the heads of pages.
      const std::uint64_t page = random.between(0, bytes.size() / 4096 - 1) * 4096;
      const std::uint64_t at = page + random.between(0, random.one_in(3) ? 4095 : 60);
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.between(0, 7)));
    }
    read_everything(bytes);
  }
}

TEST(PageTree, BearsNoiseInPlaceOfAPage) {
  Random random;
  const Written w(random, 60, 9000);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = w.bytes;
    const std::uint64_t page = random.between(0, bytes.size() / 4096 - 1) * 4096;
    if (random.one_in(2)) {
      bytes.replace(page, 4096, random.bytes(4096));
    } else {
      bytes.replace(
          page, 4096, bytes.substr(random.between(0, bytes.size() / 4096 - 1) * 4096, 4096)
      );
    }
    read_everything(bytes);
  }
}

TEST(PageTree, BearsAFileThatEndsAnywhere) {
  Random random;
  const Written w(random, 30, 9000);
  for (std::size_t n = 0; n < w.bytes.size(); n += n < 300 ? 1 : 509) {
    EXPECT_FALSE(PageTree::open(w.bytes.substr(0, n))) << n;
  }
}

bool sound(const std::string& bytes) {
  const auto tree = PageTree::open(bytes);
  return tree && tree->check();
}

TEST(PageTree, ChecksThatNoPageIsUsedTwice) {
  Random random;
  const Written w(random, 200, 200);
  ASSERT_TRUE(sound(w.bytes));
  std::size_t refused = 0;
  for (std::uint64_t page = 2 * 4096; page < w.bytes.size(); page += 4096) {
    if (w.bytes[page + 10] != 1) continue;  // not a branch
    const auto pointer = [&](std::size_t i) {
      const auto low = static_cast<unsigned char>(w.bytes[page + 16 + 2 * i]);
      const auto high = static_cast<unsigned char>(w.bytes[page + 17 + 2 * i]);
      return page + low + high * 256U;
    };
    Bytes self;
    ByteWriter(self).le32(static_cast<std::uint32_t>(page / 4096));
    std::string circle = w.bytes;
    circle.replace(pointer(1), 4, self);
    read_everything(circle);
    std::string twins = w.bytes;
    twins.replace(pointer(1), 4, w.bytes.substr(pointer(0), 4));
    read_everything(twins);
    // A branch that LMDB has replaced since stands in the file too, and does not matter.
    EXPECT_EQ(sound(circle), sound(twins));
    if (!sound(circle)) ++refused;
  }
  EXPECT_GT(refused, 0U);
}

// What check() lets through, LMDB can work on.
TEST(PageTree, LmdbWorksOnWhateverTheCheckLetsThrough) {
  Random random;
  const Written w(random, 60, 3000);
  std::size_t passed = 0;
  for (int i = 0; i < 400; ++i) {
    std::string bytes = w.bytes;
    const std::uint64_t page = random.between(0, bytes.size() / 4096 - 1) * 4096;
    const std::uint64_t at = page + random.between(0, random.one_in(3) ? 4095 : 60);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.between(0, 7)));
    test::write_file(w.path, bytes);
    if (!Env::check(w.path)) continue;
    ++passed;
    auto env = Env::open(w.path, 8 * kMiB, Env::Mode::writable);
    if (!env) continue;
    for (int t = 0; t < 5; ++t) {
      auto txn = WriteTxn::begin(**env);
      ASSERT_TRUE(txn);
      for (int k = 0; k < 10; ++k) {
        const std::string key = random_key(random);
        ASSERT_TRUE(txn->put(key, random.bytes(random.between(0, 3000))));
        ASSERT_TRUE(txn->erase(random_key(random)));
      }
      ASSERT_TRUE(txn->commit());
    }
  }
  EXPECT_GT(passed, 50U);
}

}  // namespace
}  // namespace runnel::log
