#include "hub/broker/sys_tree.h"

#include <map>

#include <gtest/gtest.h>

namespace runnel::broker {
namespace {

using Said = std::map<std::string, std::string>;

Said update(SysTree& tree, const SysFacts& facts, double elapsed_s) {
  Said said;
  tree.update(facts, elapsed_s, [&](std::string_view topic, std::string_view value) {
    EXPECT_TRUE(said.emplace(topic, value).second) << topic << " twice in one update";
  });
  return said;
}

TEST(SysTree, SaysEverythingAtFirstAndThenWhatHasChanged) {
  SysTree tree;
  Counters counters;
  SysFacts facts;
  facts.version = "1.2.3";
  facts.counters = &counters;
  const Said first = update(tree, facts, 0);
  EXPECT_TRUE(first.contains("$SYS/broker/version"));
  EXPECT_EQ(first.at("$SYS/broker/clients/connected"), "0");
  for (const auto& [topic, value] : first) EXPECT_TRUE(topic.starts_with("$SYS/broker/")) << topic;
  EXPECT_TRUE(update(tree, facts, 10).empty());
  facts.clients_connected = 3;
  const Said later = update(tree, facts, 10);
  EXPECT_EQ(later.at("$SYS/broker/clients/connected"), "3");
  EXPECT_FALSE(later.contains("$SYS/broker/version"));
}

TEST(SysTree, LoadsFallWhenNothingComesAnyMore) {
  SysTree tree;
  Counters counters;
  SysFacts facts;
  facts.counters = &counters;
  update(tree, facts, 0);
  counters.messages_received = 600;
  const std::string name = "$SYS/broker/load/messages/received/1min";
  const double high = std::stod(update(tree, facts, 10).at(name));
  EXPECT_GT(high, 0);
  const double low = std::stod(update(tree, facts, 60).at(name));
  EXPECT_LT(low, high);
}

}  // namespace
}  // namespace runnel::broker
