#include "hub/app/reload.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/unit/app/config_errors.h"

namespace runnel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> changes(const Config& running, const Config& next) {
  std::vector<std::string> out;
  for (const ConfigError& error : restart_only_changes(running, next)) out.push_back(error.message);
  return out;
}

TEST(Reload, LimitsRoutesUsersAddedTopicsAndTheLogLevelChangeLive) {
  const Config next = config_of(R"(
[mqtt]
connections_max = 5
packet_max = "64KiB"
inflight_max = 1
session_expiry_max = "1d"
sys_interval = "1s"
[kafka]
sasl_mechanisms = ["PLAIN"]
[storage]
limit = "2GiB"
retention = "1d"
on_full = "reject"
commit_interval = "5ms"
[log]
level = "debug"
[[topic]]
name = "new"
partitions = 4
[[route]]
filter = "a/#"
topic = "other"
[[user]]
name = "alice"
password_file = "alice"
)");
  EXPECT_THAT(changes(Config{}, next), IsEmpty());
}

TEST(Reload, ListenersAndTheShapeOfTheStoreNeedARestart) {
  const Config next = config_of(R"(
[mqtt]
listen = ["127.0.0.1:1884"]
websocket_listen = ["127.0.0.1:8083"]
[http]
listen = []
[kafka]
listen = []
[storage]
dir = "elsewhere"
generation = "32MiB"
group_max = "2MiB"
)");
  EXPECT_THAT(
      changes(Config{}, next),
      ElementsAre(
          "[mqtt] listen: a change from [\"127.0.0.1:1883\"] to [\"127.0.0.1:1884\"] needs a "
          "restart",
          "[mqtt] websocket_listen: a change from [] to [\"127.0.0.1:8083\"] needs a restart",
          "[http] listen: a change from [\"127.0.0.1:8090\"] to [] needs a restart",
          "[kafka] listen: a change from [\"127.0.0.1:9092\"] to [] needs a restart",
          "[storage] dir: a change from \"./runnel-data\" to \"elsewhere\" needs a restart",
          "[storage] generation: a change from \"64MiB\" to \"32MiB\" needs a restart",
          "[storage] group_max: a change from \"4MiB\" to \"2MiB\" needs a restart"
      )
  );
}

TEST(Reload, PartitionsAreAddedLiveAndNeverTakenAway) {
  const Config one = config_of("[[route]]\nfilter = \"#\"\ntopic = \"a\"\n");
  const Config two = config_of("[[topic]]\nname = \"a\"\npartitions = 2\n");
  EXPECT_THAT(changes(one, two), IsEmpty());
  EXPECT_THAT(
      changes(two, one),
      ElementsAre("[[topic]] \"a\": 2 partitions cannot become 1: they can be added, not taken away"
      )
  );
}

TEST(Reload, ARouteMayGoAwayWithTheTopicThatItMade) {
  const Config running = config_of("[[route]]\nfilter = \"#\"\ntopic = \"a\"\n");
  EXPECT_THAT(changes(running, Config{}), IsEmpty());
}

class ReloadFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "runnel-reload-XXXXXX").string();
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

TEST_F(ReloadFile, GivesTheWholeNewConfigOrNothing) {
  const auto good = reload_config(Config{}, write("[mqtt]\nconnections_max = 7\n"));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->mqtt.connections_max, 7U);

  const auto bad =
      reload_config(Config{}, write("[mqtt]\nconnections_max = 7\nlisten = [\"127.0.0.1:1\"]\n"));
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().front().message, HasSubstr("needs a restart"));

  EXPECT_FALSE(reload_config(Config{}, write("[mqtt]\nnonsense = 7\n")));
}

TEST_F(ReloadFile, TheCeilingMayGrowAndShrinkWhereItAloneIsNamed) {
  const Config running = config_of("[storage]\nlimit = \"256MiB\"\n");
  const auto grown = reload_config(running, write("[storage]\nlimit = \"1GiB\"\n"));
  ASSERT_TRUE(grown) << grown.error().front().message;
  EXPECT_EQ(grown->storage.limit_bytes, 1U << 30);
  EXPECT_EQ(grown->storage.generation_bytes, running.storage.generation_bytes);
  EXPECT_TRUE(reload_config(*grown, write("[storage]\nlimit = \"256MiB\"\n")));
  EXPECT_FALSE(reload_config(config_of(""), write("[storage]\nlimit = \"64MiB\"\n")))
      << "there is no room for generations of that size";
}

TEST_F(ReloadFile, ATopicThatIsNoLongerListedStaysWithAWarning) {
  const Config running = config_of("[[topic]]\nname = \"a\"\n[[topic]]\nname = \"b\"\n");
  const auto next = reload_config(running, write("[[topic]]\nname = \"b\"\n"));
  ASSERT_TRUE(next);
  EXPECT_THAT(
      next->warnings,
      ElementsAre("[[topic]] \"a\" is no longer listed; it stays, and its records stay until "
                  "retention removes them")
  );
}

TEST_F(ReloadFile, ADataDirectoryFromTheCommandLineStays) {
  Config running;
  running.storage.dir = "/given";
  running.dir_from_command_line = true;
  const auto next = reload_config(running, write("[storage]\ndir = \"/in-the-file\"\n"));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->storage.dir, "/given");
  EXPECT_TRUE(next->dir_from_command_line);
}

}  // namespace
}  // namespace runnel::app
