#include "hub/broker/retained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/mqtt/topic_filter.h"
#include "tests/support/log_fixture.h"

namespace runnel::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

Message message(std::string_view topic, std::string_view payload) {
  Message m;
  m.topic = topic;
  m.payload = payload;
  m.retain = true;
  return m;
}

std::vector<std::string> match(const Retained& retained, std::string_view filter) {
  std::vector<std::string> topics;
  retained.match(filter, [&](const StoredPtr& stored) {
    topics.emplace_back(stored->message().topic);
  });
  return topics;
}

void keep(Retained& retained, const Message& m, std::int64_t hub_ms = 0) {
  retained.apply(std::string(m.topic), StoredMessage::make(m, hub_ms));
}

TEST(Retained, IsTheLastMessageOfItsTopic) {
  Retained retained;
  keep(retained, message("a", "1"));
  keep(retained, message("a", "2"));
  EXPECT_EQ(retained.size(), 1U);
  ASSERT_NE(retained.find("a"), nullptr);
  EXPECT_EQ(retained.find("a")->message().payload, "2");
  retained.apply("a", nullptr);
  EXPECT_EQ(retained.find("a"), nullptr);
  EXPECT_EQ(retained.size(), 0U);
  EXPECT_EQ(retained.bytes(), 0U);
}

TEST(Retained, AgreesWithTryingEveryTopic) {
  test::Random random;
  Retained retained;
  std::vector<std::string> topics;
  const auto path = [&](bool filter) {
    std::string out = random.one_in(12) ? "$" : "";
    const std::uint64_t levels = random.between(1, 4);
    for (std::uint64_t i = 0; i < levels; ++i) {
      if (i > 0) out += '/';
      if (filter && i + 1 == levels && out != "$" && random.one_in(3)) return out + '#';
      if (filter && out != "$" && random.one_in(3)) {
        out += '+';
      } else {
        out += std::string(random.between(0, 2), static_cast<char>('a' + random.between(0, 1)));
      }
    }
    return out.empty() ? std::string("a") : out;
  };
  for (int i = 0; i < 300; ++i) topics.push_back(path(false));
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  for (const std::string& topic : topics) keep(retained, message(topic, "x"));
  std::size_t found = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string filter = path(true);
    ASSERT_TRUE(mqtt::valid_topic_filter(filter)) << filter;
    std::vector<std::string> expected;
    for (const std::string& topic : topics) {
      if (mqtt::matches(filter, topic)) expected.push_back(topic);
    }
    found += expected.size();
    ASSERT_THAT(match(retained, filter), UnorderedElementsAreArray(expected)) << filter;
  }
  EXPECT_GT(found, 3000U);
}

TEST(Retained, AHashMatchesTheParentAndNotItsNamesakes) {
  Retained retained;
  for (const char* topic : {"a", "a/b", "ab", "a!", "a/"}) keep(retained, message(topic, "x"));
  EXPECT_THAT(match(retained, "a/#"), UnorderedElementsAreArray({"a", "a/", "a/b"}));
}

TEST(Retained, IsBoundedInBytes) {
  Retained retained;
  EXPECT_TRUE(retained.fits(message("a", std::string(500, 'x')), 1000));
  EXPECT_FALSE(retained.fits(message("a", std::string(1000, 'x')), 1000));
  keep(retained, message("a", std::string(700, 'x')));
  EXPECT_FALSE(retained.fits(message("b", std::string(500, 'x')), 1000));
  EXPECT_TRUE(retained.fits(message("a", std::string(500, 'x')), 1000)) << "it replaces the other";
  EXPECT_TRUE(retained.fits(message("b", ""), 1)) << "removing needs no room";
}

TEST(Retained, WhatFitsKeepsWithinTheBound) {
  test::Random random;
  Retained retained;
  for (int i = 0; i < 2000; ++i) {
    const Message m = message(random.one_in(2) ? "a" : "some/longer/topic", "");
    std::string payload(random.between(1, 900), 'x');
    Message with = m;
    with.payload = payload;
    if (!retained.fits(with, 1000)) continue;
    keep(retained, with);
    ASSERT_LE(retained.bytes(), 1000U);
  }
  EXPECT_GT(retained.size(), 0U);
}

TEST(Retained, OutlivesTheProcess) {
  test::LogFixture fixture;
  log::Group group;
  const std::string longer(2000, 't');
  fixture.open();
  for (const std::string& topic : {std::string("a"), std::string("b"), longer}) {
    const Message m = message(topic, "1");
    Retained::write(m, StoredMessage::make(m, 5), group);
  }
  Retained::write(message("b", ""), nullptr, group);
  ASSERT_EQ(fixture.log().commit(group), Errc::ok);
  Retained retained;
  ASSERT_TRUE(retained.load(fixture.reopen()));
  EXPECT_THAT(match(retained, "#"), ElementsAre("a", longer));
  EXPECT_EQ(retained.find("a")->accepted_hub_ms(), 5);
}

TEST(Retained, ExpiresInMemoryAndOnDisk) {
  test::LogFixture fixture;
  Retained retained;
  log::Group group;
  for (const char* topic : {"stays", "goes"}) {
    Message m = message(topic, "1");
    if (m.topic == "goes") m.properties.expiry_s = 10;
    const StoredPtr stored = StoredMessage::make(m, 1000);
    Retained::write(m, stored, group);
    retained.apply(topic, stored);
  }
  ASSERT_EQ(fixture.open().commit(group), Errc::ok);
  log::Group later;
  retained.expire(10'999, later);
  EXPECT_TRUE(later.empty());
  EXPECT_EQ(retained.size(), 2U);
  retained.expire(11'000, later);
  EXPECT_THAT(match(retained, "#"), ElementsAre("stays"));
  ASSERT_EQ(fixture.log().commit(later), Errc::ok);
  Retained back;
  ASSERT_TRUE(back.load(fixture.reopen()));
  EXPECT_THAT(match(back, "#"), ElementsAre("stays"));
  EXPECT_EQ(back.bytes(), retained.bytes());
}

}  // namespace
}  // namespace runnel::broker
