#include "hub/mqtt/topic_filter.h"

#include <vector>

#include <gtest/gtest.h>

namespace runnel::mqtt {
namespace {

using namespace std::string_literals;

TEST(TopicName, IsAnyTextWithoutWildcards) {
  for (const char* name :
       {"a",
        "/",
        "//",
        "/finance",
        "a/b/c",
        "ACCOUNTS",
        "Accounts payable",
        "$SYS/uptime",
        "température/Zürich",
        " "}) {
    EXPECT_TRUE(valid_topic_name(name)) << name;
  }
}

TEST(TopicName, IsNotEmptyNorTooLong) {
  EXPECT_FALSE(valid_topic_name(""));
  EXPECT_TRUE(valid_topic_name(std::string(65535, 'a')));
  EXPECT_FALSE(valid_topic_name(std::string(65536, 'a')));
}

TEST(TopicName, MayNotHaveAWildcardOrZeroAtAnyPlace) {
  for (std::size_t size = 1; size <= 33; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'+', '#', '\0'}) {
        std::string name(size, 'a');
        name[at] = c;
        EXPECT_FALSE(valid_topic_name(name)) << size << ' ' << at << ' ' << int{c};
        EXPECT_FALSE(valid_topic_name("é" + name)) << size << ' ' << at << ' ' << int{c};
        EXPECT_FALSE(valid_topic_name(name + "é")) << size << ' ' << at << ' ' << int{c};
      }
      std::string name(size, 'a');
      for (const char c : {'*', ',', '"', '$', '\x01', '\x7f'}) {  // neighbours of the wildcards
        name[at] = c;
        EXPECT_TRUE(valid_topic_name(name)) << size << ' ' << at << ' ' << int{c};
      }
    }
  }
}

TEST(TopicFilter, MayHaveWildcardsAsWholeLevels) {
  for (const char* filter :
       {"#",
        "+",
        "/",
        "+/+",
        "/+",
        "+/",
        "sport/#",
        "sport/tennis/#",
        "/#",
        "+/#",
        "sport/+",
        "sport/+/player1",
        "+/tennis/#",
        "a//b",
        "+/+/+",
        "$SYS/#",
        "$SYS/monitor/+",
        "a b/c",
        "é/+"}) {
    EXPECT_TRUE(valid_topic_filter(filter)) << filter;
  }
}

TEST(TopicFilter, MayNotHaveThemElsewhere) {
  for (const char* filter :
       {"",
        "sport/tennis#",
        "sport/tennis/#/ranking",
        "#/a",
        "##",
        "sport+",
        "+a",
        "a+/b",
        "++",
        "#+",
        "+#",
        "a/#b",
        "/+a/",
        "\xff"}) {
    EXPECT_FALSE(valid_topic_filter(filter)) << filter;
  }
  EXPECT_FALSE(valid_topic_filter("a\0b"s));
  EXPECT_TRUE(valid_topic_filter(std::string(65535, 'a')));
  EXPECT_FALSE(valid_topic_filter(std::string(65536, 'a')));
}

TEST(SharedFilter, HasAGroupAndAFilter) {
  const auto shared = parse_shared("$share/consumer1/sport/tennis/+");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->group, "consumer1");
  EXPECT_EQ(shared->filter, "sport/tennis/+");
  const auto finance = parse_shared("$share/consumer1//finance");
  ASSERT_TRUE(finance);
  EXPECT_EQ(finance->group, "consumer1");
  EXPECT_EQ(finance->filter, "/finance");
  const auto all = parse_shared("$share/g/#");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->filter, "#");
}

TEST(SharedFilter, IsRefusedWithoutThem) {
  for (const char* filter :
       {"$share/",
        "$share/g",
        "$share/g/",
        "$share//a",
        "$share/+/a",
        "$share/#/a",
        "$share/a+/b",
        "$share/g/a#",
        "$share/g/#/b",
        "$share",
        "sport/#",
        "share/g/a"}) {
    EXPECT_FALSE(parse_shared(filter)) << filter;
  }
  EXPECT_FALSE(parse_shared("$share/g/" + std::string(65530, 'a')));
  EXPECT_TRUE(parse_shared("$share/g/" + std::string(65526, 'a')));
}

TEST(SharedFilter, IsKnownByItsPrefix) {
  EXPECT_TRUE(is_shared("$share/g/a"));
  EXPECT_TRUE(is_shared("$share/"));
  EXPECT_FALSE(is_shared("$share"));
  EXPECT_FALSE(is_shared("$shared/g/a"));
  EXPECT_FALSE(is_shared("a/$share/g"));
}

struct Match {
  const char* filter;
  const char* topic;
  bool expected;
};

// §4.7.1 to §4.7.3, with the examples there.
const Match kMatches[] = {
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/tennis/player1/#", "sport/tennis/player10", false},
    {"sport/tennis/player1/#", "sport/tennis", false},
    {"sport/#", "sport", true},
    {"sport/#", "sport/", true},
    {"sport/#", "sports", false},
    {"#", "sport/tennis", true},
    {"#", "/", true},
    {"#", "a", true},
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"sport/+", "sport", false},
    {"sport/+", "sport/", true},
    {"sport/+/player1", "sport/tennis/player1", true},
    {"sport/+/player1", "sport//player1", true},
    {"+", "finance", true},
    {"+", "/finance", false},
    {"+/+", "/finance", true},
    {"/+", "/finance", true},
    {"+/tennis/#", "sport/tennis", true},
    {"+/tennis/#", "sport/tennis/a/b", true},
    {"+/+/+", "a/b", false},
    {"+/#", "a", true},
    {"/#", "/", true},
    {"/#", "a", false},
    {"a//b", "a//b", true},
    {"a//b", "a/b", false},
    {"a/+/b", "a//b", true},
    {"/", "/", true},
    {"/", "//", false},
    {"a/", "a", false},
    {"a", "a/", false},
    {"a", "a", true},
    {"a", "A", false},
    {"ab", "a", false},
    {"a", "ab", false},
    {"Accounts payable", "Accounts payable", true},
    {"#", "$SYS/monitor", false},
    {"+/monitor/Clients", "$SYS/monitor/Clients", false},
    {"+", "$SYS", false},
    {"+/#", "$SYS/a", false},
    {"$SYS/#", "$SYS/monitor", true},
    {"$SYS/#", "$SYS", true},
    {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
    {"$SYS/+/Clients", "$SYS/monitor/Clients", true},
    {"a/#", "a/$b", true},
    {"a/+", "a/$b", true},
};

TEST(TopicFilter, MatchesAsTheSpecificationSays) {
  for (const Match& m : kMatches) {
    EXPECT_EQ(matches(m.filter, m.topic), m.expected) << m.filter << " on " << m.topic;
  }
}

std::vector<std::string> levels(std::string_view text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '/') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

// The rules of §4.7 in so many words, for short texts.
bool matches_by_levels(std::string_view filter, std::string_view topic) {
  const auto f = levels(filter);
  const auto t = levels(topic);
  if (topic.starts_with('$') && (f[0] == "+" || f[0] == "#")) return false;
  for (std::size_t i = 0; i < f.size(); ++i) {
    if (f[i] == "#") return i <= t.size();
    if (i >= t.size() || (f[i] != "+" && f[i] != t[i])) return false;
  }
  return f.size() == t.size();
}

// All texts over `alphabet` with 1 to `size_max` characters.
std::vector<std::string> texts(std::string_view alphabet, std::size_t size_max) {
  std::vector<std::string> out;
  std::vector<std::string> last{""};
  for (std::size_t size = 1; size <= size_max; ++size) {
    std::vector<std::string> longer;
    for (const std::string& text : last) {
      for (const char c : alphabet) longer.push_back(text + c);
    }
    out.insert(out.end(), longer.begin(), longer.end());
    last = std::move(longer);
  }
  return out;
}

TEST(TopicFilter, AgreesWithComparingLevelByLevelOnAllShortTexts) {
  const std::vector<std::string> topics = texts("ab/$", 4);
  std::size_t compared = 0;
  for (const std::string& filter : texts("ab/+#$", 4)) {
    if (!valid_topic_filter(filter)) continue;
    for (const std::string& topic : topics) {
      ++compared;
      if (matches(filter, topic) != matches_by_levels(filter, topic)) {
        ADD_FAILURE() << filter << " on " << topic;
      }
    }
  }
  EXPECT_GT(compared, 100'000U);
}

}  // namespace
}  // namespace runnel::mqtt
