#include "hub/core/users.h"

#include <gtest/gtest.h>

#include "hub/core/user_row.h"
#include "tests/support/log_fixture.h"

namespace runnel::core {
namespace {

using sasl::Hash;
using sasl::Mechanism;

sasl::ScramCredential credential_of(Hash hash, ByteView password) {
  return sasl::derive(hash, password, "salty", 4096);
}

class UsersTest : public ::testing::Test {
 protected:
  // As after a start.
  Users loaded() {
    Users users;
    EXPECT_TRUE(users.load(fixture_.reopen()));
    return users;
  }

  template <class Change>
  void commit(Change&& change) {
    log::Group group;
    change(group);
    EXPECT_EQ(fixture_.log().commit(group), Errc::ok);
  }

  test::LogFixture fixture_;
};

TEST_F(UsersTest, OfTheConfigurationShowTheirPasswordOrProveIt) {
  Users users;
  users.configure({{"alice", "in wonderland", {}, {}}});
  EXPECT_TRUE(users.exists("alice"));
  EXPECT_TRUE(users.has_password("alice", "in wonderland"));
  EXPECT_FALSE(users.has_password("alice", "in wonderlan"));
  EXPECT_FALSE(users.has_password("bob", "in wonderland"));
  for (const Hash hash : {Hash::sha_256, Hash::sha_512}) {
    const auto [credential, known] = users.scram("alice", hash);
    EXPECT_TRUE(known);
    EXPECT_EQ(credential, sasl::derive(hash, "in wonderland", credential.salt, 4096));
  }
}

TEST_F(UsersTest, LogInByTheirMechanismsOnly) {
  Users users;
  users.configure(
      {{"plain", "p", {}, {Mechanism::plain}},
       {"scram", "p", {}, {Mechanism::scram_sha_512}},
       {"file", "", {credential_of(Hash::sha_256, "p")}, {}},
       {"nothing", "", {credential_of(Hash::sha_256, "p")}, {Mechanism::scram_sha_512}}}
  );
  const auto ways = [&](ByteView name) {
    std::string out;
    if (users.has_password(name, "p")) out += "plain ";
    if (users.scram(name, Hash::sha_256).known) out += "256 ";
    if (users.scram(name, Hash::sha_512).known) out += "512 ";
    return out;
  };
  EXPECT_EQ(ways("plain"), "plain ");
  EXPECT_EQ(ways("scram"), "512 ");
  EXPECT_EQ(ways("file"), "256 ");
  EXPECT_EQ(ways("nothing"), "");
}

TEST_F(UsersTest, ThatDoNotExistAreAskedWithASaltThatStays) {
  Users users;
  users.configure({{"alice", "p", {}, {}}});
  const auto [credential, known] = users.scram("nobody", Hash::sha_256);
  EXPECT_FALSE(known);
  EXPECT_EQ(credential.salt.size(), users.scram("alice", Hash::sha_256).credential.salt.size());
  EXPECT_EQ(credential.iterations, users.scram("alice", Hash::sha_256).credential.iterations);
  EXPECT_EQ(users.scram("nobody", Hash::sha_256).credential, credential);
  EXPECT_NE(users.scram("other", Hash::sha_256).credential.salt, credential.salt);
}

TEST_F(UsersTest, ANewConfigurationTakesThePlaceOfTheOldAndKeepsWhatDidNotChange) {
  Users users;
  users.configure({{"stays", "p", {}, {}}, {"changes", "p", {}, {}}, {"goes", "p", {}, {}}});
  const auto before = users.scram("stays", Hash::sha_256).credential;
  users.configure({{"stays", "p", {}, {}}, {"changes", "q", {}, {}}, {"comes", "p", {}, {}}});
  EXPECT_EQ(users.scram("stays", Hash::sha_256).credential, before) << "salt and all";
  EXPECT_FALSE(users.has_password("changes", "p"));
  EXPECT_TRUE(users.has_password("changes", "q"));
  const auto changed = users.scram("changes", Hash::sha_256).credential;
  EXPECT_EQ(changed, sasl::derive(Hash::sha_256, "q", changed.salt, 4096));
  EXPECT_FALSE(users.exists("goes"));
  EXPECT_FALSE(users.has_password("goes", "p"));
  EXPECT_TRUE(users.has_password("comes", "p"));
}

TEST_F(UsersTest, StoredOnesOutliveTheProcess) {
  Users users = loaded();
  commit([&](log::Group& group) {
    users.set("carol", credential_of(Hash::sha_256, "a"), group);
    users.set("carol", credential_of(Hash::sha_512, "b"), group);
    users.set("dave", credential_of(Hash::sha_256, "c"), group);
  });
  const Users again = loaded();
  EXPECT_EQ(again.all_scram(), users.all_scram());
  EXPECT_EQ(again.all_scram().size(), 2U);
  EXPECT_EQ(again.scram("carol", Hash::sha_512).credential, credential_of(Hash::sha_512, "b"));
  EXPECT_FALSE(again.has_password("carol", "a")) << "nobody knows its password";
}

TEST_F(UsersTest, AStoredOneGoesWithItsLastCredential) {
  Users users = loaded();
  commit([&](log::Group& group) {
    users.set("carol", credential_of(Hash::sha_256, "a"), group);
    users.set("carol", credential_of(Hash::sha_512, "b"), group);
  });
  commit([&](log::Group& group) { users.erase("carol", Hash::sha_256, group); });
  EXPECT_FALSE(loaded().scram("carol", Hash::sha_256).known);
  EXPECT_TRUE(loaded().exists("carol"));
  commit([&](log::Group& group) { users.erase("carol", Hash::sha_512, group); });
  EXPECT_FALSE(users.exists("carol"));
  EXPECT_FALSE(loaded().exists("carol"));
}

TEST_F(UsersTest, TheConfigurationGoesBeforeWhatIsStored) {
  Users users = loaded();
  commit([&](log::Group& group) { users.set("erin", credential_of(Hash::sha_256, "old"), group); });
  users.configure({{"erin", "new", {}, {Mechanism::plain}}});
  EXPECT_FALSE(users.scram("erin", Hash::sha_256).known);
  EXPECT_TRUE(users.has_password("erin", "new"));
  users.configure({});
  EXPECT_TRUE(users.scram("erin", Hash::sha_256).known) << "it was only covered";
}

TEST_F(UsersTest, ARowThatCannotBeUnderstoodCostsItselfOnly) {
  Users users = loaded();
  commit([&](log::Group& group) {
    users.set("carol", credential_of(Hash::sha_256, "a"), group);
    group.put_state("u/dave", "nonsense");
  });
  const Users again = loaded();
  EXPECT_TRUE(again.exists("carol"));
  EXPECT_FALSE(again.exists("dave"));
}

TEST(UserRow, HasTheBytesOfTheStoragePage) {
  sasl::ScramCredential c{Hash::sha_256, 4096, "sa", Bytes(32, 'S'), Bytes(32, 'V')};
  const Bytes expected = Bytes("\x01\x02yo\x01\x01\x00\x10\x00\x00\x02sa\x20", 14) +
                         Bytes(32, 'S') + "\x20" + Bytes(32, 'V');
  const Bytes row = encode_user_row("yo", {{c.hash, c}});
  EXPECT_EQ(row, expected);
  EXPECT_EQ(user_row_name("yo"), "u/yo");
  const auto read = decode_user_row(row);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "yo");
  EXPECT_EQ(read->credentials.at(Hash::sha_256), c);
}

TEST(UserRow, CutAnywhereIsNone) {
  const Bytes row = encode_user_row("yo", {{Hash::sha_512, credential_of(Hash::sha_512, "p")}});
  for (std::size_t i = 0; i < row.size(); ++i) EXPECT_FALSE(decode_user_row(row.substr(0, i))) << i;
  EXPECT_FALSE(decode_user_row(row + "x"));
}

}  // namespace
}  // namespace runnel::core
