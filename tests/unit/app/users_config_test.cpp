// [[user]] and the files of their secrets.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "hub/app/config.h"
#include "hub/app/user_files.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/app/config_errors.h"

namespace runnel::app {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kCredential =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(ConfigUsers, AreReadInTheOrderOfTheFile) {
  const Config config = config_of(
      "[[user]]\nname = \"alice\"\npassword_file = \"a\"\n"
      "[[user]]\nname = \"bob\"\npassword_file = \"/b\"\nmechanisms = [\"PLAIN\"]\n"
  );
  ASSERT_EQ(config.users.size(), 2U);
  EXPECT_EQ(config.users[0], (User{"alice", "a", {}, 1, {}, {}}));
  EXPECT_EQ(config.users[1], (User{"bob", "/b", {"PLAIN"}, 4, {}, {}}));
}

TEST(ConfigUsers, WhatIsWrongWithThemIsSaidWithTheirLine) {
  EXPECT_THAT(
      errors_of("[[user]]\nname = \"alice\"\n"),
      ElementsAre("f.toml:1: [[user]] has no password_file")
  );
  EXPECT_THAT(
      errors_of("[[user]]\nname = \"a\"\npassword_file = \"x\"\n[[user]]\nname = \"a\"\n"
                "password_file = \"y\"\n"),
      ElementsAre("f.toml:4: [[user]] \"a\" is listed already, on line 1")
  );
  EXPECT_THAT(
      errors_of("[[user]]\nname = \"a\\nb\"\npassword_file = \"x\"\n"),
      ElementsAre(HasSubstr("f.toml:1: [[user]] name: \"a\\nb\" must have at most 255 bytes"))
  );
  EXPECT_THAT(
      errors_of("[[user]]\nname = \"a\"\npassword = \"secret\"\npassword_file = \"x\"\n"),
      ElementsAre("f.toml:3: unknown key \"password\" in [[user]]; did you mean password_file?")
  );
  EXPECT_THAT(
      errors_of("[[users]]\nname = \"a\"\n"),
      ElementsAre("f.toml:1: unknown section \"users\"; did you mean [[user]]?")
  );
}

TEST(ConfigUsers, MechanismsAreNamedAsSaslNamesThem) {
  EXPECT_THAT(
      errors_of("[kafka]\nsasl_mechanisms = [\n\"PLAIN\",\n\"SCRAM-SHA-265\",\n\"PLAIN\",\n]\n"),
      ElementsAre(
          "f.toml:4: [kafka] sasl_mechanisms: \"SCRAM-SHA-265\" is not PLAIN, SCRAM-SHA-256 or "
          "SCRAM-SHA-512; did you mean \"SCRAM-SHA-256\"?",
          "f.toml:5: [kafka] sasl_mechanisms: \"PLAIN\" stands there twice"
      )
  );
  EXPECT_THAT(
      errors_of("[kafka]\nsasl_mechanisms = \"PLAIN\"\n"),
      ElementsAre("f.toml:2: [kafka] sasl_mechanisms: expected a list such as [\"PLAIN\"], found "
                  "text; did you mean [\"PLAIN\"]?")
  );
}

TEST(ConfigUsers, WhereClientsLogInOtherMachinesMayReachTheDoor) {
  EXPECT_THAT(
      errors_of("[kafka]\nlisten = [\"0.0.0.0:9092\"]\n"),
      ElementsAre(HasSubstr("let clients log in with sasl_mechanisms"))
  );
  EXPECT_THAT(
      errors_of("[kafka]\nlisten = [\"0.0.0.0:9092\"]\nsasl_mechanisms = [\"SCRAM-SHA-256\"]\n"),
      IsEmpty()
  );
  EXPECT_THAT(
      errors_of("[mqtt]\nlisten = [\"0.0.0.0:1883\"]\n[kafka]\nsasl_mechanisms = [\"PLAIN\"]\n")
          .size(),
      1U
  ) << "MQTT still asks nobody";
}

class UserFiles : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text, unsigned mode = 0600) {
    std::ofstream(dir_.path() / name, std::ios::binary) << text;
    fs::permissions(dir_.path() / name, static_cast<fs::perms>(mode));
  }

  // The configuration as the program loads it.
  LoadedConfig load(const std::string& toml) {
    write("runnel.toml", toml);
    return load_config(dir_.path() / "runnel.toml");
  }

  LoadedConfig load_user(const std::string& secret) {
    write("secret", secret);
    return load("[[user]]\nname = \"alice\"\npassword_file = \"secret\"\n");
  }

  std::string error_of(const std::string& secret) {
    const LoadedConfig loaded = load_user(secret);
    if (loaded) return {};
    EXPECT_EQ(loaded.error().at(0).line, 1U);
    return loaded.error().at(0).message;
  }

  test::TempDir dir_;
};

TEST_F(UserFiles, HoldAPasswordOnOneLine) {
  for (const std::string end : {"", "\n", "\r\n"}) {
    const LoadedConfig loaded = load_user(" p=ss \t wörd " + end);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->users.at(0).password, " p=ss \t wörd ");
    EXPECT_THAT(loaded->users.at(0).credentials, IsEmpty());
    EXPECT_THAT(loaded->warnings, IsEmpty());
  }
}

TEST_F(UserFiles, HoldCredentialsOneALine) {
  const LoadedConfig loaded = load_user(kCredential + "\r\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->users.at(0).password, "");
  EXPECT_THAT(loaded->users.at(0).credentials, ElementsAre(kCredential));
}

TEST_F(UserFiles, MayBeNamedByAnAbsolutePath) {
  write("secret", "p");
  const std::string path = (dir_.path() / "secret").string();
  ASSERT_TRUE(load("[[user]]\nname = \"a\"\npassword_file = \"" + path + "\"\n"));
}

TEST_F(UserFiles, ThatHoldSomethingElseAreErrorsWithTheLineOfTheUser) {
  EXPECT_THAT(error_of(""), HasSubstr("/secret\" is empty"));
  EXPECT_THAT(error_of("\n"), HasSubstr("is empty"));
  EXPECT_THAT(error_of("one\ntwo\n"), HasSubstr("more than one line"));
  EXPECT_THAT(error_of(std::string("a\0b", 3)), HasSubstr("zero byte"));
  EXPECT_THAT(error_of(std::string(1025, 'a')), HasSubstr("more than 1024 bytes"));
  EXPECT_THAT(error_of(std::string(5000, 'a')), HasSubstr("larger than 4KiB"));
  EXPECT_THAT(error_of("SCRAM-SHA-256$what"), HasSubstr("not SCRAM-SHA-256$ITERATIONS"));
  EXPECT_THAT(error_of(kCredential + "\npassword\n"), HasSubstr("not SCRAM-SHA-256$ITERATIONS"));
  EXPECT_THAT(error_of(kCredential + "\n" + kCredential), HasSubstr("two credentials"));
  const auto none = load("\n[[user]]\nname = \"a\"\npassword_file = \"none\"\n");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().at(0).line, 2U);
  EXPECT_THAT(none.error().at(0).message, HasSubstr("cannot be read: No such file"));
  const auto folder = load("[[user]]\nname = \"a\"\npassword_file = \".\"\n");
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().at(0).message, HasSubstr("is a directory"));
}

TEST_F(UserFiles, OpenToOthersAreAWarning) {
  for (const unsigned mode : {0640U, 0604U, 0666U}) {
    write("secret", "p", mode);
    const auto loaded = load("[[user]]\nname = \"alice\"\npassword_file = \"secret\"\n");
    ASSERT_TRUE(loaded);
    EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("open to others than its owner")));
  }
}

TEST_F(UserFiles, WarnOfUsersThatCannotLogInAndOfADoorWithoutUsers) {
  const std::string door = "[kafka]\nsasl_mechanisms = [\"SCRAM-SHA-512\"]\n";
  const auto nobody = load(door);
  ASSERT_TRUE(nobody);
  EXPECT_THAT(nobody->warnings, ElementsAre(HasSubstr("there is no [[user]]")));
  const std::string user = "[[user]]\nname = \"alice\"\npassword_file = \"secret\"\n";
  write("secret", kCredential);
  EXPECT_THAT(
      load(door + user)->warnings, ElementsAre(HasSubstr("\"alice\" cannot log in over Kafka"))
  );
  write("secret", "p");
  EXPECT_THAT(load(door + user)->warnings, IsEmpty());
  EXPECT_THAT(
      load(door + user + "mechanisms = [\"PLAIN\"]\n")->warnings,
      ElementsAre(HasSubstr("\"alice\" cannot log in over Kafka"))
  );
}

TEST_F(UserFiles, WarnOfPasswordsThatCrossANetwork) {
  write("secret", "p");
  const std::string user = "[[user]]\nname = \"alice\"\npassword_file = \"secret\"\n";
  const auto warnings = [&](const std::string& listen, const std::string& mechanism) {
    return load(
               "[kafka]\nlisten = [\"" + listen + "\"]\nsasl_mechanisms = [\"" + mechanism +
               "\"]\n" + user
    )
        ->warnings;
  };
  EXPECT_THAT(warnings("0.0.0.0:9092", "PLAIN"), ElementsAre(HasSubstr("PLAIN shows passwords")));
  EXPECT_THAT(warnings("127.0.0.1:9092", "PLAIN"), IsEmpty());
  EXPECT_THAT(warnings("0.0.0.0:9092", "SCRAM-SHA-256"), IsEmpty());
}

TEST_F(UserFiles, AreForgottenWhenTheyAreTold) {
  LoadedConfig loaded = load_user("p");
  forget_passwords(*loaded);
  EXPECT_EQ(loaded->users.at(0).password, "");
}

}  // namespace
}  // namespace runnel::app
