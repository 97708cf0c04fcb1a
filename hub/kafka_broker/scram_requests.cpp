// SCRAM credentials of users, seen and set by clients (KIP-554). The client stretches the password:
// neither it nor the hub sends it anywhere.
#include <algorithm>
#include <map>
#include <set>

#include "hub/core/sasl/sasl_limits.h"
#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"
#include "storage/base/logger.h"

namespace runnel::kafka {
namespace {

using Alter = AlterUserScramCredentialsRequest;

constexpr std::int32_t kSettableIterationsMax = 16'384;  // Kafka's

struct Refusal {
  ErrorCode code = ErrorCode::none;
  Text message;
};

std::optional<sasl::Hash> hash_of(ScramMechanism mechanism) {
  if (mechanism == ScramMechanism::sha_256) return sasl::Hash::sha_256;
  if (mechanism == ScramMechanism::sha_512) return sasl::Hash::sha_512;
  return std::nullopt;
}

Refusal name_refusal(const core::Users& users, Text name, ScramMechanism mechanism) {
  const auto control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (name.empty() || name.size() > sasl::kUserBytesMax ||
      std::any_of(name.begin(), name.end(), control)) {
    return {
        ErrorCode::unacceptable_credential,
        "a user's name has 1 to 255 bytes, none of them a control character"};
  }
  if (!hash_of(mechanism))
    return {ErrorCode::unsupported_sasl_mechanism, "unknown SCRAM mechanism"};
  if (users.is_configured(name)) {
    return {
        ErrorCode::policy_violation,
        "this user stands in the hub's configuration file, and is changed there only"};
  }
  return {};
}

Refusal refusal_of(const core::Users& users, const Alter::Deletion& d) {
  if (const Refusal r = name_refusal(users, d.name, d.mechanism); r.code != ErrorCode::none)
    return r;
  const auto* const known = users.find_scram(d.name);
  if (known != nullptr && known->contains(*hash_of(d.mechanism))) return {};
  return {ErrorCode::resource_not_found, "there is no such credential"};
}

Refusal refusal_of(const core::Users& users, const Alter::Upsertion& u) {
  if (const Refusal r = name_refusal(users, u.name, u.mechanism); r.code != ErrorCode::none)
    return r;
  const auto bad = [](Text why) { return Refusal{ErrorCode::unacceptable_credential, why}; };
  if (u.iterations < static_cast<std::int32_t>(sasl::kIterationsMin))
    return bad("too few iterations");
  if (u.iterations > kSettableIterationsMax) return bad("too many iterations");
  if (u.salt.bytes.empty() || u.salt.bytes.size() > sasl::kSaltBytesMax) {
    return bad("a salt has 1 to 256 bytes");
  }
  if (u.salted_password.bytes.size() != sasl::hash_bytes(*hash_of(u.mechanism))) {
    return bad("a salted password is as long as the mechanism's hash");
  }
  return {};
}

// What becomes of each user of a request, in the order in which they first appear.
class Outcomes {
 public:
  void add(Text user, const Refusal& refusal) {
    const auto [place, fresh] = places_.try_emplace(user, list_.size());
    if (fresh) list_.push_back({user, ErrorCode::none, std::nullopt});
    auto& result = list_[place->second];
    if (refusal.code == ErrorCode::none || result.error_code != ErrorCode::none) return;
    result.error_code = refusal.code;
    result.error_message = refusal.message;
  }

  [[nodiscard]] bool sound(Text user) const {
    const auto found = places_.find(user);
    return found != places_.end() && list_[found->second].error_code == ErrorCode::none;
  }

  [[nodiscard]] const auto& list() const { return list_; }

 private:
  Vector<AlterUserScramCredentialsResponse::Result> list_;
  std::map<Text, std::size_t> places_;  // in it
};

Outcomes judge(const core::Users& users, const Alter& request) {
  constexpr Refusal kTwice{
      ErrorCode::duplicate_resource, "a credential cannot be altered twice in one request"};
  Outcomes out;
  std::set<std::pair<Text, ScramMechanism>> seen;
  const auto add = [&](const auto& change) {
    const bool first = seen.emplace(change.name, change.mechanism).second;
    out.add(change.name, first ? refusal_of(users, change) : kTwice);
  };
  for (const auto& d : request.deletions) add(d);
  std::size_t stored = users.stored();
  std::set<Text> added;
  for (const auto& u : request.upsertions) {
    add(u);
    if (users.exists(u.name) || !added.insert(u.name).second) continue;
    if (++stored > core::kStoredUsersMax) {
      out.add(u.name, {ErrorCode::policy_violation, "there are too many users"});
    }
  }
  return out;
}

void say(const Context& c, std::string_view what, Text user) {
  const std::string& by = c.connection.login().user;
  logger::info(
      "kafka",
      logger::text(
          "SCRAM credential of ",
          user,
          " ",
          what,
          " by ",
          by.empty() ? "nobody" : by,
          " at ",
          c.connection.endpoints().peer
      )
  );
}

}  // namespace

void handle(const Context& c, const AlterUserScramCredentialsRequest& request) {
  core::Users& users = c.broker.users();
  const Outcomes outcomes = judge(users, request);
  for (const auto& d : request.deletions) {
    if (!outcomes.sound(d.name)) continue;
    users.erase(d.name, *hash_of(d.mechanism), c.turn.group);
    say(c, "removed", d.name);
  }
  for (const auto& u : request.upsertions) {
    if (!outcomes.sound(u.name)) continue;
    const sasl::Hash hash = *hash_of(u.mechanism);
    const auto iterations = static_cast<std::uint32_t>(u.iterations);
    users.set(
        u.name,
        sasl::derive_from_salted(hash, u.salted_password.bytes, u.salt.bytes, iterations),
        c.turn.group
    );
    say(c, "set", u.name);
  }
  if (!request.deletions.empty()) c.broker.review_logins_after(c.turn);
  AlterUserScramCredentialsResponse response;
  response.results = outcomes.list();
  AlterUserScramCredentialsResponse failed = response;
  for (auto& result : failed.results) {
    if (result.error_code != ErrorCode::none) continue;
    result.error_code = ErrorCode::kafka_storage_error;
    result.error_message = "the change could not be made durable";
  }
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const DescribeUserScramCredentialsRequest& request) {
  using Described = DescribeUserScramCredentialsResponse;
  const auto all = c.broker.users().all_scram();
  const auto described = [](Text name, const core::Users::Credentials& credentials) {
    Described::Result out;
    out.user = name;
    for (const auto& [hash, credential] : credentials) {
      out.credential_infos.push_back(
          {hash == sasl::Hash::sha_256 ? ScramMechanism::sha_256 : ScramMechanism::sha_512,
           static_cast<std::int32_t>(credential.iterations)}
      );
    }
    return out;
  };
  Described response;
  if (!request.users || request.users->empty()) {
    for (const auto& [name, credentials] : all) {
      response.results.push_back(described(name, credentials));
    }
    return c.broker.answer(c.call, response);
  }
  std::map<Text, int> asked;
  for (const auto& user : *request.users) ++asked[user.name];
  for (const auto& [name, times] : asked) {
    const auto found = all.find(name);
    Described::Result refused;
    refused.user = name;
    if (times > 1) {
      refused.error_code = ErrorCode::duplicate_resource;
      refused.error_message = "a user cannot be described twice in one request";
      response.results.push_back(std::move(refused));
    } else if (found == all.end()) {
      refused.error_code = ErrorCode::resource_not_found;
      refused.error_message = "there is no such user with SCRAM credentials";
      response.results.push_back(std::move(refused));
    } else {
      response.results.push_back(described(found->first, found->second));
    }
  }
  c.broker.answer(c.call, response);
}

}  // namespace runnel::kafka
