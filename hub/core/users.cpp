#include "hub/core/users.h"

#include <algorithm>
#include <array>

#include "hub/core/sasl/sasl_limits.h"
#include "hub/core/user_row.h"
#include "storage/base/logger.h"

namespace runnel::core {
namespace {

using sasl::Hash;
using sasl::Mechanism;
using sasl::ScramCredential;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSaltBytes = 16;
constexpr std::array kHashes{Hash::sha_256, Hash::sha_512};

constexpr Mechanism mechanism_of(Hash hash) {
  return hash == Hash::sha_256 ? Mechanism::scram_sha_256 : Mechanism::scram_sha_512;
}

bool may_use(const UserSpec& spec, Mechanism mechanism) {
  return spec.mechanisms.empty() ||
         std::find(spec.mechanisms.begin(), spec.mechanisms.end(), mechanism) !=
             spec.mechanisms.end();
}

}  // namespace

Users::Users() : key_(sasl::random_bytes(kKeyBytes)) {}

Result<void> Users::load(const log::Log& log) {
  return log.each_state(kUserKind, [&](ByteView, ByteView value) {
    auto row = decode_user_row(value);
    if (row) {
      stored_.insert_or_assign(std::move(row->name), std::move(row->credentials));
    } else {
      logger::warn("users", "the row of a stored user cannot be understood: set it again");
    }
  });
}

// A password that has not changed is not stretched again, and keeps its salts: `before` has them.
Users::Configured Users::made_from(const UserSpec& spec, const Configured* before) const {
  Configured out;
  for (const ScramCredential& c : spec.credentials) {
    if (may_use(spec, mechanism_of(c.hash))) out.scram.insert_or_assign(c.hash, c);
  }
  if (spec.password.empty()) return out;
  out.password = sasl::hmac(Hash::sha_256, key_, spec.password);
  out.plain = may_use(spec, Mechanism::plain);
  const bool same = before != nullptr && before->password == out.password;
  for (const Hash hash : kHashes) {
    if (!may_use(spec, mechanism_of(hash))) continue;
    const auto kept = same ? before->scram.find(hash) : Credentials::const_iterator();
    if (same && kept != before->scram.end()) {
      out.scram.insert(*kept);
    } else {
      const Bytes salt = sasl::random_bytes(kSaltBytes);
      out.scram.emplace(hash, sasl::derive(hash, spec.password, salt, sasl::kIterationsMin));
    }
  }
  return out;
}

void Users::configure(const std::vector<UserSpec>& specs) {
  std::map<std::string, Configured, std::less<>> next;
  for (const UserSpec& spec : specs) {
    const auto before = configured_.find(spec.name);
    next.emplace(
        spec.name, made_from(spec, before == configured_.end() ? nullptr : &before->second)
    );
  }
  configured_ = std::move(next);
}

bool Users::has_password(ByteView user, ByteView password) const {
  const Bytes given = sasl::hmac(Hash::sha_256, key_, password);
  const auto found = configured_.find(user);
  const bool may = found != configured_.end() && found->second.plain;
  return sasl::same(given, may ? found->second.password : key_) && may;  // always compares
}

sasl::Accounts::Scram Users::scram(ByteView user, Hash hash) const {
  Bytes made_up = sasl::hmac(hash, key_, Bytes("salt of ").append(user));
  const Bytes salt = made_up.substr(0, kSaltBytes);
  const Credentials* const known = find_scram(user);
  const auto found = known == nullptr ? Credentials::const_iterator() : known->find(hash);
  if (known != nullptr && found != known->end()) return {found->second, true};
  return {{hash, sasl::kIterationsMin, salt, made_up, made_up}, false};
}

bool Users::exists(ByteView user) const {
  return is_configured(user) || stored_.contains(user);
}

bool Users::is_configured(ByteView user) const {
  return configured_.contains(user);
}

const Users::Credentials* Users::find_scram(ByteView user) const {
  const auto configured = configured_.find(user);
  const Credentials* found = nullptr;
  if (configured != configured_.end()) {
    found = &configured->second.scram;
  } else if (const auto stored = stored_.find(user); stored != stored_.end()) {
    found = &stored->second;
  }
  return found == nullptr || found->empty() ? nullptr : found;
}

std::map<std::string, Users::Credentials, std::less<>> Users::all_scram() const {
  auto out = stored_;
  for (const auto& [name, user] : configured_) out.insert_or_assign(name, user.scram);
  std::erase_if(out, [](const auto& user) { return user.second.empty(); });
  return out;
}

void Users::set(ByteView user, ScramCredential credential, log::Group& group) {
  const auto place = stored_.try_emplace(std::string(user)).first;
  const Hash hash = credential.hash;
  place->second.insert_or_assign(hash, std::move(credential));
  write(place->first, group);
}

void Users::erase(ByteView user, Hash hash, log::Group& group) {
  const auto found = stored_.find(user);
  if (found == stored_.end() || found->second.erase(hash) == 0) return;
  write(found->first, group);
  if (found->second.empty()) stored_.erase(found);
}

void Users::write(const std::string& user, log::Group& group) const {
  const Credentials& credentials = stored_.find(user)->second;
  if (credentials.empty()) {
    group.erase_state(user_row_name(user));
  } else {
    group.put_state(user_row_name(user), encode_user_row(user, credentials));
  }
}

}  // namespace runnel::core
