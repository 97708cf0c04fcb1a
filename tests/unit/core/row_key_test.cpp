#include "hub/core/row_key.h"

#include <set>

#include <gtest/gtest.h>

#include "storage/log/group.h"

namespace runnel::core {
namespace {

TEST(RowKey, OfAShortTextIsKindAndText) {
  EXPECT_EQ(row_key("s/", "client"), "s/client");
  EXPECT_EQ(row_key("s/", ""), "s/");
}

TEST(RowKey, OfAnyTextFitsIntoAStateRow) {
  for (std::size_t size = 400; size < 600; ++size) {
    EXPECT_LE(row_key("kind-8-/", Bytes(size, 'x')).size(), log::kStateKeyBytesMax) << size;
  }
  EXPECT_LE(row_key("kind-8-/", Bytes(65'535, 'x')).size(), log::kStateKeyBytesMax);
}

TEST(RowKey, TellsLongTextsApart) {
  std::set<Bytes> keys;
  std::size_t texts = 0;
  for (std::size_t size = 1; size < 2000; ++size, ++texts)
    keys.insert(row_key("r/", Bytes(size, 'x')));
  Bytes text(1000, 'y');
  for (std::size_t at = 0; at < text.size(); ++at, ++texts) {
    text[at] = 'z';
    keys.insert(row_key("r/", text));
    text[at] = 'y';
  }
  EXPECT_EQ(keys.size(), texts);
}

TEST(RowKey, ALongTextIsNoShortOne) {
  const Bytes cut = row_key("r/", Bytes(1000, 'x'));
  // MQTT forbids U+0000 in every text, and the key of a long text has one.
  EXPECT_NE(cut.find('\0'), Bytes::npos);
}

}  // namespace
}  // namespace runnel::core
