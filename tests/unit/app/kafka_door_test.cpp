#include "hub/app/kafka_door.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "hub/app/kafka_commands.h"
#include "hub/app/record_source.h"
#include "tests/support/temp_dir.h"

namespace runnel::app {
namespace {

using testing::HasSubstr;

std::string bootstrap_of(const DoorOptions& options) {
  unsetenv("RUNNEL_BOOTSTRAP");
  const auto door = door_of(options);
  return door ? door->bootstrap : "wrong: " + door.error().text;
}

std::string written(const test::TempDir& dir, const char* name, const char* text) {
  const auto path = dir.path() / name;
  std::ofstream(path) << text;
  return path.string();
}

TEST(Door, IsWhatIsSaidElseTheConfigElseTheEnvironmentElseTheDefault) {
  const test::TempDir dir;
  const std::string config =
      written(dir, "c.toml", "[kafka]\nlisten = [\"127.0.0.1:7001\", \"127.0.0.1:7002\"]\n");
  EXPECT_EQ(bootstrap_of({}), "127.0.0.1:9092");
  EXPECT_EQ(bootstrap_of({.config = config}), "127.0.0.1:7001");
  EXPECT_EQ(bootstrap_of({.bootstrap = "a", .config = config}), "a:9092");
  EXPECT_EQ(bootstrap_of({.bootstrap = "a:1,b,[::1]:2"}), "a:1,b:9092,[::1]:2");
  setenv("RUNNEL_BOOTSTRAP", "gateway:7", 1);
  EXPECT_EQ(door_of({})->bootstrap, "gateway:7");
  EXPECT_EQ(door_of({.config = config})->bootstrap, "127.0.0.1:7001");
  EXPECT_EQ(door_of({.bootstrap = "b:8"})->bootstrap, "b:8");
  unsetenv("RUNNEL_BOOTSTRAP");
}

TEST(Door, OfAConfigThatListensEverywhereIsHere) {
  const test::TempDir dir;
  const auto with = [&](const std::string& listen) {
    const std::string text =
        "[kafka]\nallow_anonymous_beyond_loopback = true\nlisten = " + listen + "\n";
    return bootstrap_of({.config = written(dir, "c.toml", text.c_str())});
  };
  EXPECT_EQ(with(R"(["0.0.0.0:7001"])"), "127.0.0.1:7001");
  EXPECT_EQ(with(R"(["[::]:7001"])"), "[::1]:7001");
  EXPECT_THAT(with("[]"), HasSubstr("no Kafka door"));
  EXPECT_THAT(with(R"(["127.0.0.1:0"])"), HasSubstr("say --bootstrap"));
  EXPECT_THAT(with("7"), HasSubstr("c.toml:3"));
}

TEST(Door, ReadsThePasswordFromTheFirstLineOfAFile) {
  const test::TempDir dir;
  const auto door = door_of(
      {.bootstrap = "a", .user = "u", .password_file = written(dir, "p", "pass word\r\nmore\n")}
  );
  ASSERT_TRUE(door) << door.error().text;
  EXPECT_EQ(door->user, "u");
  EXPECT_EQ(door->password, "pass word");
  EXPECT_EQ(door->mechanism, "SCRAM-SHA-256");
}

TEST(Door, RefusesAUserWithoutAPasswordAndAFileWithoutOne) {
  const test::TempDir dir;
  EXPECT_THAT(bootstrap_of({.user = "u"}), HasSubstr("go together"));
  EXPECT_THAT(bootstrap_of({.password_file = "p"}), HasSubstr("go together"));
  EXPECT_THAT(
      bootstrap_of({.user = "u", .password_file = written(dir, "p", "")}), HasSubstr("is empty")
  );
  EXPECT_THAT(
      bootstrap_of({.user = "u", .password_file = (dir.path() / "none").string()}),
      HasSubstr("No such file")
  );
}

TEST(ReadBootstrap, RefusesWhatIsNoAddress) {
  for (const char* bad : {"", ",", "a:1,", "a:b", "a:0", "a:70000", "::1", ":9092"}) {
    EXPECT_FALSE(read_bootstrap(bad)) << bad;
  }
}

TEST(NoSuchTopic, NamesTheNearestOrAFew) {
  EXPECT_EQ(
      no_such_topic("temp", {{"mqtt", {}}, {"temps", {}}}),
      "the hub has no topic \"temp\"; did you mean temps?"
  );
  EXPECT_EQ(
      no_such_topic("else", {{"mqtt", {}}, {"temps", {}}}),
      "the hub has no topic \"else\"; it has mqtt, temps"
  );
  EXPECT_EQ(no_such_topic("x", {}), "the hub has no topic \"x\", nor any other");
  EXPECT_THAT(
      no_such_topic("else", std::vector<kafka_client::Topic>(11, {"long-name", {}})),
      HasSubstr("long-name, …")
  );
}

TEST(Cannot, SaysThatAHubDoesNotServeSomething) {
  using kafka_client::Failure;
  EXPECT_EQ(
      cannot("delete \"t\"", {Failure::Kind::unsupported, "why"}),
      "cannot delete \"t\": this hub does not serve that (why)"
  );
  EXPECT_EQ(cannot("delete \"t\"", {Failure::Kind::refused, "why"}), "cannot delete \"t\": why");
}

TEST(ReadPair, WantsANameAndAnEqualsSign) {
  EXPECT_EQ(read_pair("a=b=c"), (std::pair<std::string, std::string>{"a", "b=c"}));
  EXPECT_EQ(read_pair("a="), (std::pair<std::string, std::string>{"a", ""}));
  EXPECT_FALSE(read_pair("a"));
  EXPECT_FALSE(read_pair("=b"));
}

TEST(ReadHeader, TellsEmptyFromNull) {
  using kafka_client::Header;
  EXPECT_EQ(read_header("a=b=c"), (Header{"a", "b=c"}));
  EXPECT_EQ(read_header("a="), (Header{"a", ""}));
  EXPECT_EQ(read_header("a"), (Header{"a", std::nullopt}));
  EXPECT_FALSE(read_header(""));
  EXPECT_FALSE(read_header("=b"));
}

TEST(LineReader, MakesRecordsOfLines) {
  KafkaPublish command;
  command.topic = "t";
  command.key = "k";
  command.headers = {"a=1", "b"};
  command.partition = 2;
  command.time_ms = 7;
  const auto wanted = LineReader::make(command)->read("line");
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->record.topic, "t");
  EXPECT_EQ(wanted->record.key, "k");
  EXPECT_EQ(wanted->record.value, "line");
  EXPECT_EQ(wanted->record.headers.size(), 2U);
  EXPECT_EQ(wanted->partition, 2);
  EXPECT_EQ(wanted->time_ms, 7);
}

TEST(LineReader, CutsKeysOffAtTheFirstSeparator) {
  KafkaPublish command;
  command.key_separator = ": ";
  const auto reader = LineReader::make(command);
  EXPECT_EQ(reader->read("k: v: w")->record.key, "k");
  EXPECT_EQ(reader->read("k: v: w")->record.value, "v: w");
  EXPECT_EQ(reader->read(": ")->record.key, "");
  EXPECT_FALSE(reader->read("k:v"));
}

TEST(LineReader, KeepsPlaceAndTimeOfAJsonLineUnlessToldOtherwise) {
  constexpr const char* kLine = R"({"topic":"was","partition":1,"timestamp_ms":5,"value":"v"})";
  KafkaPublish command;
  command.topic = "copy";
  command.json = true;
  auto wanted = LineReader::make(command)->read(kLine);
  EXPECT_EQ(wanted->record.topic, "copy");
  EXPECT_EQ(wanted->partition, 1);
  EXPECT_EQ(wanted->time_ms, 5);
  command.partition_by_key = true;
  command.time_now = true;
  wanted = LineReader::make(command)->read(kLine);
  EXPECT_FALSE(wanted->partition);
  EXPECT_FALSE(wanted->time_ms);
  command = {.json = true, .partition = 3, .time_ms = 9};
  wanted = LineReader::make(command)->read(kLine);
  EXPECT_EQ(wanted->partition, 3);
  EXPECT_EQ(wanted->time_ms, 9);
}

}  // namespace
}  // namespace runnel::app
