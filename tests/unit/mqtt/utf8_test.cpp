#include <gtest/gtest.h>

#include "hub/mqtt/codec.h"
#include "hub/mqtt/topic_filter.h"
#include "tests/unit/mqtt/wire_bytes.h"

namespace runnel::mqtt {
namespace {

// The same question answered the long way: code points by arithmetic, then the rules of §1.5.4.
bool valid_slowly(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    const std::size_t n = lead < 0x80           ? 1
                          : (lead >> 5) == 0x06 ? 2
                          : (lead >> 4) == 0x0e ? 3
                          : (lead >> 3) == 0x1e ? 4
                                                : 0;
    if (n == 0 || i + n > text.size()) return false;
    std::uint32_t point = n == 1 ? lead : lead & (0xffU >> (n + 1));
    for (std::size_t k = 1; k < n; ++k) {
      const auto byte = static_cast<std::uint8_t>(text[i + k]);
      if ((byte >> 6) != 2) return false;
      point = point << 6 | (byte & 0x3f);
    }
    const std::uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
    if (point < least[n] || point > 0x10ffff) return false;
    if (point >= 0xd800 && point <= 0xdfff) return false;
    i += n;
  }
  return true;
}

Bytes utf8_of(std::uint32_t point) {
  const auto tail = [point](unsigned shift) {
    return static_cast<int>(0x80 | (point >> shift & 0x3f));
  };
  const auto lead = [point](unsigned mark, unsigned shift) {
    return static_cast<int>(mark | point >> shift);
  };
  if (point < 0x80) return bytes({static_cast<int>(point)});
  if (point < 0x800) return bytes({lead(0xc0, 6), tail(0)});
  if (point < 0x10000) return bytes({lead(0xe0, 12), tail(6), tail(0)});
  return bytes({lead(0xf0, 18), tail(12), tail(6), tail(0)});
}

// `text` at every place in a longer ASCII text, so that it meets the eight-byte path in every way.
void expect_everywhere(const Bytes& text, bool valid, const char* what) {
  EXPECT_EQ(valid_utf8(Exact(text).view()), valid) << what << " alone";
  for (std::size_t before = 0; before <= 17; ++before) {
    for (std::size_t after = 0; after <= 17; ++after) {
      const Bytes longer = Bytes(before, 'a') + text + Bytes(after, 'z');
      EXPECT_EQ(valid_utf8(Exact(longer).view()), valid) << what << ' ' << before << ' ' << after;
      EXPECT_EQ(valid_topic_name(Exact(longer).view()), valid) << what << ' ' << before;
    }
  }
}

TEST(Utf8, TakesWhatTheSpecificationAllows) {
  EXPECT_TRUE(valid_utf8(""));
  expect_everywhere("plain", true, "ASCII");
  expect_everywhere(bytes({0x01, 0x1f, 0x7f}), true, "control characters");
  expect_everywhere(bytes({0xc2, 0x80}), true, "U+0080");
  expect_everywhere(bytes({0xdf, 0xbf}), true, "U+07FF");
  expect_everywhere(bytes({0xe0, 0xa0, 0x80}), true, "U+0800");
  expect_everywhere(bytes({0xed, 0x9f, 0xbf}), true, "U+D7FF");
  expect_everywhere(bytes({0xee, 0x80, 0x80}), true, "U+E000");
  expect_everywhere(bytes({0xef, 0xbf, 0xbf}), true, "U+FFFF, a non-character");
  expect_everywhere(bytes({0xf0, 0x90, 0x80, 0x80}), true, "U+10000");
  expect_everywhere(bytes({0xf0, 0xaa, 0x9b, 0x94}), true, "U+2A6D4, the example of §1.5.4");
  expect_everywhere(bytes({0xf4, 0x8f, 0xbf, 0xbf}), true, "U+10FFFF");
}

TEST(Utf8, RefusesWhatIsNotWellFormed) {
  expect_everywhere(bytes({0x00}), false, "U+0000");
  expect_everywhere(bytes({0xc0, 0x80}), false, "U+0000 in two bytes");
  expect_everywhere(bytes({0xc1, 0xbf}), false, "U+007F in two bytes");
  expect_everywhere(bytes({0xe0, 0x9f, 0xbf}), false, "U+07FF in three bytes");
  expect_everywhere(bytes({0xf0, 0x8f, 0xbf, 0xbf}), false, "U+FFFF in four bytes");
  expect_everywhere(bytes({0xed, 0xa0, 0x80}), false, "U+D800");
  expect_everywhere(bytes({0xed, 0xbf, 0xbf}), false, "U+DFFF");
  expect_everywhere(bytes({0xed, 0xa1, 0x8c, 0xed, 0xbe, 0xb4}), false, "a surrogate pair");
  expect_everywhere(bytes({0xf4, 0x90, 0x80, 0x80}), false, "U+110000");
  expect_everywhere(bytes({0xf5, 0x80, 0x80, 0x80}), false, "a lead byte beyond the last plane");
  expect_everywhere(bytes({0xf8, 0x88, 0x80, 0x80, 0x80}), false, "five bytes");
  expect_everywhere(bytes({0xff}), false, "0xFF");
  expect_everywhere(bytes({0x80}), false, "a continuation alone");
  expect_everywhere(bytes({0xc2}), false, "two bytes cut off");
  expect_everywhere(bytes({0xe2, 0x82}), false, "three bytes cut off");
  expect_everywhere(bytes({0xf0, 0x9f, 0x98}), false, "four bytes cut off");
  expect_everywhere(bytes({0xe2, 0x28, 0xa1}), false, "a wrong second byte");
  expect_everywhere(bytes({0xe2, 0x82, 0x28}), false, "a wrong third byte");
  expect_everywhere(bytes({0xf0, 0x9f, 0x98, 0x28}), false, "a wrong fourth byte");
}

TEST(Utf8, TakesEveryCodePointButZeroAndTheSurrogates) {
  for (std::uint32_t point = 0; point <= 0x10ffff; ++point) {
    const bool valid = point != 0 && (point < 0xd800 || point > 0xdfff);
    if (valid_utf8(utf8_of(point)) != valid) ADD_FAILURE() << std::hex << point;
  }
}

TEST(Utf8, AgreesWithTheLongWayOnEverySequenceOfEdgeBytes) {
  const Bytes edges =
      bytes({0x00, 0x01, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2,
             0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff});
  for (const char a : edges) {
    for (const char b : edges) {
      for (const char c : edges) {
        for (const char d : edges) {
          const char text[] = {a, b, c, d};
          const std::string_view view(text, sizeof text);
          if (valid_utf8(view) != valid_slowly(view)) ADD_FAILURE() << testing::PrintToString(view);
        }
      }
    }
  }
}

TEST(Utf8, KeepsTheByteOrderMark) {
  Publish publish;
  const Bytes topic = bytes({0xef, 0xbb, 0xbf}) + "t";  // §1.5.4: U+FEFF is never stripped
  const Bytes body = str(topic);
  EXPECT_EQ(decode_publish(0, body, Version::v3_1_1, publish), Reason::success);
  EXPECT_EQ(publish.topic, topic);
}

}  // namespace
}  // namespace runnel::mqtt
