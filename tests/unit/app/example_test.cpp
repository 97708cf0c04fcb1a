// The documents that are made from the option tables are what the tables say today.
#include "hub/app/example.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "hub/app/config.h"
#include "hub/app/options.h"

namespace runnel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string contents(const std::string& path) {
  std::ifstream in(std::string(RUNNEL_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Takes the # away in front of options and section titles; sentences have a space behind theirs.
std::string uncommented(const std::string& toml) {
  std::istringstream in(toml);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ') line.erase(0, 1);
    out += line + "\n";
  }
  return out;
}

TEST(Example, ThePackagedFileIsWhatCheckConfigPrints) {
  EXPECT_EQ(contents("packaging/runnel.toml"), example_toml())
      << "make it with: runnel check-config --print-defaults > packaging/runnel.toml";
}

TEST(Example, AsItIsItChangesNothing) {
  const LoadedConfig loaded = parse_config(example_toml());
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, Config{});
}

TEST(Example, UncommentedItSaysTheDefaultsAndOneOfEveryList) {
  LoadedConfig loaded = parse_config(uncommented(example_toml()));
  ASSERT_TRUE(loaded) << describe(loaded.error().front(), "example");
  EXPECT_THAT(
      loaded->topics,
      ElementsAre(Topic{
          "temps",
          4,
          std::chrono::hours(24 * 7),
          64 * kMiB,
          static_cast<std::uint32_t>(kMiB),
          TimestampType::create_time})
  );
  EXPECT_THAT(loaded->routes, ElementsAre(Route{"plant/+/temp", "temps", "{1}", 0, "plant/{key}/temp"}));
  ASSERT_EQ(loaded->users.size(), 1U);
  EXPECT_EQ(loaded->users[0].name, "line-3");
  ASSERT_EQ(loaded->links.size(), 1U);
  EXPECT_EQ(loaded->links[0].name, "cloud");
  loaded->links.clear();
  loaded->users.clear();
  loaded->topics.clear();
  loaded->routes.clear();
  loaded->warnings.clear();
  EXPECT_FALSE(loaded->generation_is_derived || loaded->group_max_is_derived);
  loaded->generation_is_derived = loaded->group_max_is_derived = true;
  EXPECT_EQ(*loaded, Config{});
}

TEST(Example, HoldsEveryOption) {
  const std::string text = example_toml();
  for (const auto& option : config_options()) {
    EXPECT_THAT(text, HasSubstr("\n#" + std::string(option.key) + " = "));
    EXPECT_THAT(option.sentence, testing::EndsWith(".")) << option.key;
  }
}

TEST(Example, TheTableInTheOperatorsPageIsTheOneOfTheProgram) {
  EXPECT_THAT(contents("docs/operations.md"), HasSubstr(option_table_markdown()))
      << "make it with: runnel check-config --print-reference";
}

TEST(Example, EveryOptionCanBeReadBackFromItsText) {
  const Config defaults;
  for (const auto& option : config_options()) {
    const Value value = option.get(defaults);
    Config copy;
    option.put(copy, value);
    EXPECT_EQ(copy, defaults) << option.key;
  }
}

}  // namespace
}  // namespace runnel::app
