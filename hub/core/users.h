// Who may come in, and how the hub knows them again: users of the configuration, and users whose
// SCRAM credentials somebody set over Kafka (AlterUserScramCredentials). Doors ask here; passwords
// are not kept. Of a user of the configuration there is a keyed hash of the password, under a key
// that lives as long as the process, and a credential for each SCRAM mechanism; of the others a
// state row:
//   u/{name}   u8 1, name counted, varint n, n × (u8 1: SHA-256, 2: SHA-512; u32 iterations; salt,
//              stored key, server key, counted)
//
// Where both know a name, the configuration's counts. Threads: one, the io thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/sasl/accounts.h"
#include "hub/core/sasl/mechanism.h"
#include "storage/log/group.h"
#include "storage/log/log.h"

namespace runnel::core {

constexpr std::size_t kStoredUsersMax = 1000;

// A user of the configuration: a password, or credentials made from one.
struct UserSpec {
  std::string name;
  Bytes password;                                  // empty: there are credentials
  std::vector<sasl::ScramCredential> credentials;  // one for a mechanism
  std::vector<sasl::Mechanism> mechanisms;         // which may be used; empty: all
};

class Users final : public sasl::Accounts {
 public:
  Users();

  // Reads the stored users. A row that cannot be understood is reported and left aside.
  Result<void> load(const log::Log& log);

  // These take the place of all that were configured before. Takes milliseconds for each password
  // that is new.
  void configure(const std::vector<UserSpec>& specs);

  [[nodiscard]] bool has_password(ByteView user, ByteView password) const override;
  [[nodiscard]] Scram scram(ByteView user, sasl::Hash hash) const override;

  [[nodiscard]] bool exists(ByteView user) const;
  [[nodiscard]] bool is_configured(ByteView user) const;

  [[nodiscard]] std::size_t stored() const { return stored_.size(); }

  // Users by name, with the mechanisms that they have credentials for.
  using Credentials = std::map<sasl::Hash, sasl::ScramCredential>;

  [[nodiscard]] std::map<std::string, Credentials, std::less<>> all_scram() const;
  // nullptr: there is no such user, or none with a credential.
  [[nodiscard]] const Credentials* find_scram(ByteView user) const;

  // Of stored users; what they do should be told when the group is durable.
  void set(ByteView user, sasl::ScramCredential credential, log::Group& group);
  void erase(ByteView user, sasl::Hash hash, log::Group& group);

 private:
  struct Configured {
    Bytes password;      // its keyed hash; empty: the user has credentials only
    bool plain = false;  // may show the password itself
    Credentials scram;
  };

  Configured made_from(const UserSpec& spec, const Configured* before) const;
  void write(const std::string& user, log::Group& group) const;

  Bytes key_;
  std::map<std::string, Configured, std::less<>> configured_;
  std::map<std::string, Credentials, std::less<>> stored_;
};

}  // namespace runnel::core
