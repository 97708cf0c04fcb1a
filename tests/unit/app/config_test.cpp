#include "hub/app/config.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>

#include "tests/unit/app/config_errors.h"

namespace runnel::app {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Config, AnEmptyFileGivesTheDefaults) {
  EXPECT_EQ(config_of(""), Config{});
  EXPECT_EQ(config_of("[mqtt]\n[storage]\n"), Config{});
}

TEST(Config, TheDefaultsAreThoseOfTheContract) {
  const Config config;
  EXPECT_THAT(config.mqtt.listen, ElementsAre(ListenAddress{"127.0.0.1", 1883}));
  EXPECT_THAT(config.mqtt.websocket_listen, IsEmpty());
  EXPECT_THAT(config.http.listen, ElementsAre(ListenAddress{"127.0.0.1", 8090}));
  EXPECT_THAT(config.kafka.listen, ElementsAre(ListenAddress{"127.0.0.1", 9092}));
  EXPECT_EQ(config.storage.dir, "./runnel-data");
  EXPECT_EQ(config.storage.limit_bytes, kGiB);
  EXPECT_EQ(config.storage.generation_bytes, 64 * kMiB);
  EXPECT_EQ(config.storage.on_full, OnFull::discard_oldest);
  EXPECT_EQ(config.storage.retention, std::nullopt);
  EXPECT_EQ(config.mqtt.session_expiry_max, std::nullopt);
  EXPECT_EQ(config.mqtt.packet_max_bytes, kMiB);
}

TEST(Config, ReadsEveryOption) {
  const Config config = config_of(R"(
[mqtt]
listen = ["0.0.0.0:1884", "[::]:1884"]
websocket_listen = ["localhost:8083"]
allow_anonymous_beyond_loopback = true
connections_max = 10
packet_max = "64KiB"
receive_maximum = 20
inflight_max = 30
topic_alias_max = 0
keep_alive_max = "1m"
session_expiry_max = "7d"
sessions_max = 11
subscriptions_max = 12
retained_max = "1MiB"
outbound_buffer_max = "8KiB"
sys_interval = "0s"
[http]
listen = []
allow_anonymous_beyond_loopback = true
[kafka]
listen = ["127.0.0.1:0"]
allow_anonymous_beyond_loopback = true
[storage]
dir = "/var/lib/x"
limit = "2GiB"
generation = "32MiB"
retention = "36h"
on_full = "reject"
commit_interval = "250us"
group_max = "128KiB"
[log]
level = "debug"
[[topic]]
name = "temps"
partitions = 4
retention = "7d"
retention_bytes = "64MiB"
message_max = "2MiB"
timestamp_type = "LogAppendTime"
[[route]]
filter = "plant/+/temp"
topic = "temps"
key = "{1}"
partition = 3
)");
  EXPECT_THAT(
      config.mqtt.listen, ElementsAre(ListenAddress{"0.0.0.0", 1884}, ListenAddress{"::", 1884})
  );
  EXPECT_THAT(config.mqtt.websocket_listen, ElementsAre(ListenAddress{"127.0.0.1", 8083}));
  EXPECT_TRUE(config.mqtt.allow_anonymous_beyond_loopback);
  EXPECT_EQ(config.mqtt.connections_max, 10U);
  EXPECT_EQ(config.mqtt.packet_max_bytes, 64 * kKiB);
  EXPECT_EQ(config.mqtt.receive_maximum, 20);
  EXPECT_EQ(config.mqtt.inflight_max, 30);
  EXPECT_EQ(config.mqtt.topic_alias_max, 0);
  EXPECT_EQ(config.mqtt.keep_alive_max, seconds(60));
  EXPECT_EQ(config.mqtt.session_expiry_max, hours(7 * 24));
  EXPECT_EQ(config.mqtt.sessions_max, 11U);
  EXPECT_EQ(config.mqtt.subscriptions_max, 12U);
  EXPECT_EQ(config.mqtt.retained_max_bytes, kMiB);
  EXPECT_EQ(config.mqtt.outbound_buffer_max_bytes, 8 * kKiB);
  EXPECT_EQ(config.mqtt.sys_interval, seconds(0));
  EXPECT_THAT(config.http.listen, IsEmpty());
  EXPECT_THAT(config.kafka.listen, ElementsAre(ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(config.storage.dir, "/var/lib/x");
  EXPECT_EQ(config.storage.limit_bytes, 2 * kGiB);
  EXPECT_EQ(config.storage.generation_bytes, 32 * kMiB);
  EXPECT_EQ(config.storage.retention, hours(36));
  EXPECT_EQ(config.storage.on_full, OnFull::reject);
  EXPECT_EQ(config.storage.commit_interval, std::chrono::microseconds(250));
  EXPECT_EQ(config.storage.group_max_bytes, 128 * kKiB);
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_THAT(
      config.topics,
      ElementsAre(Topic{
          "temps",
          4,
          hours(7 * 24),
          64 * kMiB,
          static_cast<std::uint32_t>(2 * kMiB),
          TimestampType::log_append_time})
  );
  EXPECT_THAT(config.routes, ElementsAre(Route{"plant/+/temp", "temps", "{1}", 3}));
}

TEST(Config, SaysTheLineOfAnUnknownKeyAndWhatWasMeant) {
  EXPECT_THAT(
      errors_of("[mqtt]\n\nconections_max = 5\n"),
      ElementsAre(
          "f.toml:3: unknown key \"conections_max\" in [mqtt]; did you mean connections_max?"
      )
  );
  EXPECT_THAT(
      errors_of("[storage]\nretention_max = \"1d\"\n"),
      ElementsAre("f.toml:2: unknown key \"retention_max\" in [storage]; did you mean retention?")
  );
}

TEST(Config, AKeyInTheWrongPlaceIsToldWhereItBelongs) {
  EXPECT_THAT(
      errors_of("[mqtt]\ncommit_interval = \"5ms\"\n"),
      ElementsAre("f.toml:2: unknown key \"commit_interval\" in [mqtt]; "
                  "did you mean [storage] commit_interval?")
  );
  EXPECT_THAT(
      errors_of("listen = [\"127.0.0.1:1883\"]\n"),
      ElementsAre("f.toml:1: \"listen\" stands outside of a section; did you mean [mqtt] listen?")
  );
}

TEST(Config, AWordThatIsNearNothingGetsNoSuggestion) {
  EXPECT_THAT(
      errors_of("[mqtt]\npassword_file = \"x\"\n"),
      ElementsAre("f.toml:2: unknown key \"password_file\" in [mqtt]")
  );
}

TEST(Config, UnknownSectionsAreErrors) {
  EXPECT_THAT(
      errors_of("[storge]\n[[topics]]\nname = \"a\"\n"),
      ElementsAre(
          "f.toml:1: unknown section \"storge\"; did you mean [storage]?",
          "f.toml:2: unknown section \"topics\"; did you mean [[topic]]?"
      )
  );
}

TEST(Config, ASectionAndAListOfSectionsAreNotMistakenForEachOther) {
  EXPECT_THAT(
      errors_of("[topic]\nname = \"a\"\n"),
      ElementsAre("f.toml:1: \"topic\" is a list of sections; did you mean [[topic]]?")
  );
  EXPECT_THAT(
      errors_of("[[mqtt]]\n"), ElementsAre("f.toml:1: \"mqtt\" is a section; did you mean [mqtt]?")
  );
  EXPECT_THAT(
      errors_of("route = [1, 2]\n"),
      ElementsAre("f.toml:1: \"route\" is a list of sections; did you mean [[route]]?")
  );
}

TEST(Config, ValuesOfTheWrongKindAreToldApart) {
  EXPECT_THAT(
      errors_of(R"([mqtt]
listen = "127.0.0.1:1883"
connections_max = "100"
packet_max = 65536
keep_alive_max = 60
receive_maximum = 1.5
allow_anonymous_beyond_loopback = "yes"
websocket_listen = [8083]
[log]
level = 3
)"),
      ElementsAre(
          "f.toml:2: [mqtt] listen: expected a list of addresses such as [\"127.0.0.1:1883\"], "
          "found text; did you mean [\"127.0.0.1:1883\"]?",
          "f.toml:3: [mqtt] connections_max: expected a whole number, found text; did you mean "
          "100?",
          "f.toml:4: [mqtt] packet_max: expected a size in quotes such as \"64MiB\", found a "
          "number "
          "without a unit; did you mean \"64KiB\"?",
          "f.toml:5: [mqtt] keep_alive_max: expected a duration in quotes such as \"5ms\", found a "
          "number without a unit; did you mean \"60s\"?",
          "f.toml:6: [mqtt] receive_maximum: expected a whole number, found a number with a "
          "fraction",
          "f.toml:7: [mqtt] allow_anonymous_beyond_loopback: expected true or false, found text; "
          "did you mean true?",
          "f.toml:8: [mqtt] websocket_listen: expected a list of addresses such as "
          "[\"127.0.0.1:1883\"], found a list of something else",
          "f.toml:10: [log] level: expected debug, info, warn or error, found a number without a "
          "unit"
      )
  );
}

TEST(Config, ValuesOutOfRangeAreToldTheRange) {
  EXPECT_THAT(
      errors_of(R"([mqtt]
receive_maximum = 0
inflight_max = 65536
connections_max = -1
keep_alive_max = "1d"
[storage]
generation = "8MiB"
commit_interval = "1m"
)"),
      ElementsAre(
          "f.toml:2: [mqtt] receive_maximum: must be 1 to 65535",
          "f.toml:3: [mqtt] inflight_max: must be 1 to 65535",
          "f.toml:4: [mqtt] connections_max: must be 1 to 1000000",
          "f.toml:5: [mqtt] keep_alive_max: must be 0s to 65535s",
          "f.toml:7: [storage] generation: must be 16MiB to 1GiB",
          "f.toml:8: [storage] commit_interval: must be 0ms to 10s"
      )
  );
}

TEST(Config, DurationsThatMqttCountsInSecondsMustBeWholeSeconds) {
  EXPECT_THAT(
      errors_of("[mqtt]\nkeep_alive_max = \"1500ms\"\n"),
      ElementsAre("f.toml:2: [mqtt] keep_alive_max: must be whole seconds")
  );
  EXPECT_EQ(config_of("[mqtt]\nkeep_alive_max = \"2000ms\"\n").mqtt.keep_alive_max, seconds(2));
}

TEST(Config, OnlySomeDurationsMayBeNever) {
  EXPECT_EQ(config_of("[storage]\nretention = \"never\"\n").storage.retention, std::nullopt);
  EXPECT_THAT(
      errors_of("[mqtt]\nsys_interval = \"never\"\n[storage]\nretention = \"nevr\"\n"),
      ElementsAre(
          "f.toml:2: [mqtt] sys_interval: cannot be \"never\"; did you mean \"0s\"?",
          "f.toml:4: [storage] retention: \"nevr\" must be a whole number and a unit, such as "
          "\"5ms\"; did you mean \"never\"?"
      )
  );
}

TEST(Config, ChoicesAreSpeltOutAndSuggested) {
  EXPECT_THAT(
      errors_of("[storage]\non_full = \"discard_oldest\"\n[log]\nlevel = \"warning\"\n"),
      ElementsAre(
          "f.toml:2: [storage] on_full: \"discard_oldest\" is not discard-oldest or reject; did "
          "you "
          "mean \"discard-oldest\"?",
          "f.toml:4: [log] level: \"warning\" is not debug, info, warn or error"
      )
  );
}

TEST(Config, AllThatIsWrongIsSaidAtOnceInTheOrderOfLines) {
  EXPECT_THAT(
      errors_of("[storage]\nlimit = \"1MB\"\nfoo = 1\n[mqtt]\nreceive_maximum = 0\n"
                "[[route]]\nfilter = \"a#\"\ntopic = \"x\"\n"),
      ElementsAre(
          HasSubstr("f.toml:2: [storage] limit: must be"),
          HasSubstr("f.toml:3: unknown key"),
          HasSubstr("f.toml:5: [mqtt] receive_maximum"),
          HasSubstr("f.toml:6: [[route]] filter")
      )
  );
}

TEST(Config, WhatIsNotTomlIsToldWithItsLine) {
  EXPECT_THAT(errors_of("[mqtt]\nlisten = \n"), ElementsAre(HasSubstr("f.toml:2: not TOML: ")));
  EXPECT_THAT(
      errors_of("[mqtt]\nconnections_max = 1\nconnections_max = 2\n"),
      ElementsAre(HasSubstr("f.toml:3: not TOML: "))
  );
  EXPECT_THAT(errors_of(std::string("a = \"\xff\"\n")), ElementsAre(HasSubstr("not TOML")));
}

TEST(Config, ReadsTheKafkaDoor) {
  const Config config = config_of(
      "[kafka]\nlisten = [\"127.0.0.1:19092\"]\nadvertised = \"gateway.local:9092\"\n"
      "message_max = \"256KiB\"\nauto_create_topics = false\ndefault_partitions = 4\n"
  );
  EXPECT_THAT(config.warnings, IsEmpty());
  EXPECT_THAT(config.kafka.listen, ElementsAre(ListenAddress{"127.0.0.1", 19092}));
  EXPECT_EQ(config.kafka.advertised, "gateway.local:9092");
  EXPECT_EQ(config.kafka.message_max_bytes, 256U << 10);
  EXPECT_FALSE(config.kafka.auto_create_topics);
  EXPECT_EQ(config.kafka.default_partitions, 4U);
}

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "runnel-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }

  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::filesystem::path write(std::string_view text) const {
    const auto path = dir_ / "runnel.toml";
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path dir_;
};

TEST_F(ConfigFile, IsReadAndItsErrorsCarryItsName) {
  EXPECT_EQ(load_config(write("[log]\nlevel = \"warn\"\n"))->log.level, LogLevel::warn);
  const auto path = write("[log]\nlevle = \"warn\"\n");
  const LoadedConfig loaded = load_config(path);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(
      describe(loaded.error().front(), path),
      path.string() + ":2: unknown key \"levle\" in [log]; did you mean level?"
  );
}

TEST_F(ConfigFile, ThatCannotBeReadIsAnErrorOfTheWholeFile) {
  const auto why = [](const std::filesystem::path& path) {
    const LoadedConfig loaded = load_config(path);
    return loaded ? std::string("loaded") : describe(loaded.error().front(), "f.toml");
  };
  EXPECT_EQ(why(dir_ / "absent.toml"), "f.toml: cannot read the file: No such file or directory");
  EXPECT_EQ(why(dir_), "f.toml: cannot read the file: it is a directory");
  EXPECT_EQ(
      why(write(std::string(kConfigBytesMax + 1, '#'))),
      "f.toml: cannot read the file: it is larger than 1MiB"
  );
}

}  // namespace
}  // namespace runnel::app
