#include "hub/app/text.h"

#include <gtest/gtest.h>

namespace runnel::app {
namespace {

TEST(Text, PrintableKeepsValidUtf8) {
  EXPECT_EQ(printable("21.5 °C"), "21.5 °C");
  EXPECT_EQ(printable("\xF0\x9F\x8C\xA1"), "\xF0\x9F\x8C\xA1");
  EXPECT_EQ(printable(""), "");
}

TEST(Text, PrintableKeepsARecordOnOneLine) {
  EXPECT_EQ(printable("a\nb\tc\rd\\e"), "a\\nb\\tc\\rd\\\\e");
}

TEST(Text, PrintableDoesNotLetARecordSteerTheTerminal) {
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable(std::string("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");
}

TEST(Text, PrintableSpellsOutBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\xFF\xFE"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xC0\x80"), "\\xc0\\x80");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xF5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
  EXPECT_EQ(printable("a\xE2\x82"), "a\\xe2\\x82");
}

TEST(Text, QuotesCutLongTextBetweenCharacters) {
  EXPECT_EQ(in_quotes("short"), "\"short\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(64, 'x') + "…\"");
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "ä";
  umlauts.insert(0, "x");
  const std::string cut = in_quotes(umlauts);
  EXPECT_EQ(cut.find("\\x"), std::string::npos);
}

}  // namespace
}  // namespace runnel::app
