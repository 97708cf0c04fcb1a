// What must hold between options: addresses, limits, topics and routes.
#include <string>

#include <gmock/gmock.h>

#include "hub/app/config.h"
#include "tests/unit/app/config_errors.h"

namespace runnel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ConfigCheck, ABadListenAddressIsNamedByItsOwnLine) {
  EXPECT_THAT(
      errors_of("[mqtt]\nlisten = [\n  \"127.0.0.1:1883\",\n  \"gateway:1883\",\n  \"1884\",\n]\n"),
      ElementsAre(
          "f.toml:4: [mqtt] listen: \"gateway:1883\": the address must be numeric, such as "
          "\"127.0.0.1:1883\" or \"[::1]:1883\"",
          "f.toml:5: [mqtt] listen: \"1884\" must be ADDRESS:PORT, such as \"127.0.0.1:1883\" or "
          "\"[::1]:1883\"; did you mean \"127.0.0.1:1884\"?"
      )
  );
}

TEST(ConfigCheck, ListeningBeyondLoopbackMustBeAskedForInWords) {
  EXPECT_THAT(
      errors_of("[mqtt]\nlisten = [\"0.0.0.0:1883\"]\n"),
      ElementsAre(
          "f.toml:2: [mqtt] listen: other machines can reach 0.0.0.0:1883, and this version asks "
          "nobody who they are; if that is what you want, say so with "
          "allow_anonymous_beyond_loopback = true in [mqtt]"
      )
  );
  EXPECT_THAT(errors_of("[mqtt]\nwebsocket_listen = [\"192.168.1.5:8083\"]\n").size(), 1U);
  EXPECT_THAT(errors_of("[http]\nlisten = [\"[::]:8090\"]\n").size(), 1U);
  EXPECT_THAT(errors_of("[kafka]\nlisten = [\"10.0.0.1:9092\"]\n").size(), 1U);
  EXPECT_THAT(
      errors_of("[mqtt]\nlisten = [\"0.0.0.0:1883\"]\nallow_anonymous_beyond_loopback = true\n"),
      IsEmpty()
  );
  EXPECT_THAT(
      errors_of("[mqtt]\nlisten = [\"127.0.0.2:1883\", \"[::1]:1883\", \"localhost:1884\"]\n"),
      IsEmpty()
  );
}

TEST(ConfigCheck, PermissionForOneDoorDoesNotOpenAnother) {
  EXPECT_THAT(
      errors_of(
          "[mqtt]\nallow_anonymous_beyond_loopback = true\n[http]\nlisten = [\"0.0.0.0:80\"]\n"
      ),
      ElementsAre(HasSubstr("f.toml:4: [http] listen: other machines can reach 0.0.0.0:80"))
  );
}

TEST(ConfigCheck, TwoDoorsCannotShareAnAddress) {
  EXPECT_THAT(
      errors_of("[http]\nlisten = [\"localhost:1883\"]\n"),
      ElementsAre("f.toml:2: [http] listen: 127.0.0.1:1883 is taken by [mqtt] listen")
  );
  EXPECT_THAT(
      errors_of("[mqtt]\nlisten = [\"127.0.0.1:0\"]\nwebsocket_listen = [\"127.0.0.1:0\"]\n"),
      IsEmpty()
  );
}

TEST(ConfigCheck, LimitsThatDoNotFitEachOtherAreRefusedWithTheFigureThatFits) {
  EXPECT_THAT(
      errors_of("[storage]\nlimit = \"100MiB\"\ngeneration = \"64MiB\"\n"),
      ElementsAre("f.toml:3: [storage] limit: 100MiB is less than two generations of 64MiB and "
                  "1MiB: one is "
                  "written while the other is still read; did you mean \"129MiB\"?")
  );
  EXPECT_THAT(
      errors_of("[storage]\n\ngroup_max = \"9MiB\"\n"),
      ElementsAre("f.toml:3: [storage] group_max: 9MiB is more than an eighth of a generation of "
                  "64MiB; did "
                  "you mean \"8MiB\"?")
  );
  EXPECT_THAT(
      errors_of("[mqtt]\npacket_max = \"3MiB\"\n"),
      ElementsAre(
          "f.toml:2: [mqtt] packet_max: 3MiB is more than half of [storage] group_max of 4MiB; did "
          "you mean \"2MiB\"?"
      )
  );
  EXPECT_THAT(
      errors_of("[mqtt]\nretained_max = \"40MiB\"\n"),
      ElementsAre(HasSubstr("[mqtt] retained_max: 40MiB is more than half of a generation of 64MiB")
      )
  );
}

TEST(ConfigCheck, LimitsThatJustFitAreAccepted) {
  EXPECT_THAT(
      errors_of("[storage]\nlimit = \"129MiB\"\ngeneration = \"64MiB\"\ngroup_max = \"8MiB\"\n"),
      IsEmpty()
  );
  EXPECT_THAT(errors_of("[mqtt]\npacket_max = \"2MiB\"\nretained_max = \"32MiB\"\n"), IsEmpty());
  EXPECT_THAT(
      errors_of("[kafka]\nbuffers_max = \"7MiB\"\n"),
      ElementsAre(HasSubstr("[kafka] buffers_max: 7MiB is less than [kafka] request_max of 8MiB"))
  );
  EXPECT_THAT(
      errors_of("[kafka]\nfetch_max = \"64MiB\"\n"),
      ElementsAre(HasSubstr("f.toml:2: [kafka] buffers_max: 32MiB is less than [kafka] fetch_max of 64MiB"))
  );
  EXPECT_THAT(
      errors_of("[storage]\ngeneration = \"16MiB\"\nlimit = \"33MiB\"\ngroup_max = \"2MiB\"\n"),
      IsEmpty()
  );
}

TEST(ConfigCheck, SizesThatAreNotNamedFollowThoseThatAre) {
  const auto small = parse_config("[storage]\nlimit = \"64MiB\"\n");
  ASSERT_TRUE(small);
  EXPECT_EQ(small->storage.generation_bytes, 16 * kMiB);
  EXPECT_EQ(small->storage.group_max_bytes, 2 * kMiB);
  EXPECT_EQ(small->mqtt.packet_max_bytes, 1 * kMiB);
  EXPECT_EQ(small->mqtt.retained_max_bytes, 8 * kMiB);
  const auto large = parse_config("[storage]\nlimit = \"10GiB\"\n");
  ASSERT_TRUE(large);
  EXPECT_EQ(large->storage.generation_bytes, 64 * kMiB);
  EXPECT_EQ(large->storage.group_max_bytes, 4 * kMiB);
}

TEST(ConfigCheck, ALimitThatCouldNotBeReadIsNotComparedWithOthers) {
  EXPECT_THAT(
      errors_of("[storage]\ngeneration = \"256M\"\nlimit = \"600MiB\"\ngroup_max = \"16MiB\"\n"),
      ElementsAre(
          "f.toml:2: [storage] generation: \"256M\" has an unknown unit: use one of B, KiB, MiB, "
          "GiB, TiB, KB, MB, GB, TB; did you mean \"256MiB\"?"
      )
  );
}

TEST(ConfigCheck, TopicNamesFollowKafkasRule) {
  EXPECT_THAT(
      errors_of("[[topic]]\nname = \"plant/temps\"\n"),
      ElementsAre("f.toml:1: [[topic]] name: \"plant/temps\" may hold only a-z, A-Z, 0-9, '.', '_' "
                  "and '-'; "
                  "did you mean \"plant.temps\"?")
  );
  EXPECT_THAT(errors_of("[[topic]]\nname = \"..\"\n").size(), 1U);
  EXPECT_THAT(errors_of("[[topic]]\nname = \"\"\n").size(), 1U);
  EXPECT_THAT(errors_of("[[topic]]\nname = \"tempér\"\n").size(), 1U);
  const std::string longest(249, 'a');
  EXPECT_THAT(errors_of("[[topic]]\nname = \"" + longest + "\"\n"), IsEmpty());
  EXPECT_THAT(errors_of("[[topic]]\nname = \"" + longest + "a\"\n").size(), 1U);
  EXPECT_THAT(errors_of("[[topic]]\nname = \"A-z_0.9\"\n"), IsEmpty());
}

TEST(ConfigCheck, ATopicIsListedOnce) {
  EXPECT_THAT(
      errors_of("[[topic]]\nname = \"a\"\n\n[[topic]]\nname = \"a\"\npartitions = 2\n"),
      ElementsAre("f.toml:4: [[topic]] \"a\" is listed already, on line 1")
  );
}

TEST(ConfigCheck, TopicsAndRoutesNeedTheirNames) {
  EXPECT_THAT(
      errors_of("[[topic]]\npartitions = 2\n[[route]]\nkey = \"x\"\n"),
      ElementsAre(
          "f.toml:1: [[topic]] has no name",
          "f.toml:3: [[route]] has no filter",
          "f.toml:3: [[route]] has no topic"
      )
  );
}

TEST(ConfigCheck, UnknownKeysInsideListsAreErrors) {
  EXPECT_THAT(
      errors_of("[[topic]]\nname = \"a\"\npartition = 2\n"),
      ElementsAre("f.toml:3: unknown key \"partition\" in [[topic]]; did you mean partitions?")
  );
}

TEST(ConfigCheck, ARouteToATopicThatIsNotListedMakesItWithOnePartition) {
  const Config config = config_of(
      "[[topic]]\nname = \"a\"\npartitions = 3\n"
      "[[route]]\nfilter = \"x/#\"\ntopic = \"b\"\n"
      "[[route]]\nfilter = \"y/#\"\ntopic = \"b\"\n"
  );
  EXPECT_THAT(topics_of(config), ElementsAre(Topic{"a", 3}, Topic{"b", 1}, Topic{"mqtt", 1}));
}

TEST(ConfigCheck, TheDefaultTopicMayBeListedWithMorePartitions) {
  const Config config = config_of("[[topic]]\nname = \"mqtt\"\npartitions = 8\n");
  EXPECT_THAT(topics_of(config), ElementsAre(Topic{"mqtt", 8}));
}

TEST(ConfigCheck, ARoutesPartitionMustExist) {
  EXPECT_THAT(
      errors_of("[[topic]]\nname = \"a\"\npartitions = 3\n"
                "[[route]]\nfilter = \"#\"\ntopic = \"a\"\npartition = 3\n"),
      ElementsAre("f.toml:4: [[route]] partition: topic \"a\" has 3 partitions, 0 to 2")
  );
  EXPECT_THAT(
      errors_of("[[route]]\nfilter = \"#\"\ntopic = \"new\"\npartition = 1\n"),
      ElementsAre("f.toml:1: [[route]] partition: topic \"new\" has 1 partition, 0")
  );
}

TEST(ConfigCheck, RouteFiltersAreMqttTopicFilters) {
  const auto with_filter = [](const std::string& filter) {
    return errors_of("[[route]]\nfilter = \"" + filter + "\"\ntopic = \"a\"\n");
  };
  for (const char* good : {"#", "+", "a/+/b/#", "/a", "$device/#", "a b"}) {
    EXPECT_THAT(with_filter(good), IsEmpty()) << good;
  }
  for (const char* bad : {"a/#/b", "a+", "a/b#", "$share/g/a", "$SYS/#", "$SYS"}) {
    EXPECT_THAT(with_filter(bad), ElementsAre(HasSubstr("f.toml:1: [[route]] filter:"))) << bad;
  }
}

TEST(ConfigCheck, TheWayBackOfARouteIsAnMqttTopic) {
  const auto with = [](const std::string& text) {
    return errors_of(
        "[[route]]\nfilter = \"plant/#\"\ntopic = \"a\"\nmqtt_topic = \"" + text + "\"\n"
    );
  };
  for (const char* good : {"plant/{key}", "{topic}/{partition}/{key}", "fixed"}) {
    EXPECT_THAT(with(good), IsEmpty()) << good;
  }
  EXPECT_THAT(
      with("{keys}"),
      ElementsAre(
          "f.toml:1: [[route]] mqtt_topic: \"{keys}\" is not one of {key}, {topic} and {partition}; "
          "did you mean {key}?"
      )
  );
  for (const char* bad : {"", "a/+", "#", "$SYS/x", "{key", "key}", "{1}", "{}"}) {
    EXPECT_THAT(with(bad), testing::Not(IsEmpty())) << bad;
  }
}

TEST(ConfigCheck, RouteKeysMayOnlyNameWhatTheFilterGives) {
  const auto with_key = [](const std::string& key) {
    return errors_of(
        "[[route]]\nfilter = \"plant/+/temp/#\"\ntopic = \"a\"\nkey = \"" + key + "\"\n"
    );
  };
  for (const char* good : {"{topic}", "{client}-{1}/{2}", "fixed", "{2}{1}"}) {
    EXPECT_THAT(with_key(good), IsEmpty()) << good;
  }
  EXPECT_THAT(
      with_key("{3}"),
      ElementsAre("f.toml:1: [[route]] key: there is no wildcard for \"{3}\": filter "
                  "\"plant/+/temp/#\" has 2")
  );
  EXPECT_THAT(
      with_key("{topics}"),
      ElementsAre(
          "f.toml:1: [[route]] key: \"{topics}\" is not one of {topic}, {client} and {1} to "
          "{9}; did you mean {topic}?"
      )
  );
  for (const char* bad : {"{0}", "{10}", "{}", "{topic", "topic}", "{{topic}}", "}{"}) {
    EXPECT_THAT(with_key(bad), testing::Not(IsEmpty())) << bad;
  }
}

}  // namespace
}  // namespace runnel::app
