// AlterUserScramCredentials, key 51: sets and removes SCRAM credentials (KIP-554).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/scram_mechanism.h"

namespace runnel::kafka {

struct AlterUserScramCredentialsRequest {
  static constexpr Api kApi{
      .key = ApiKey::alter_user_scram_credentials, .min = 0, .max = 0, .flexible = 0};

  struct Deletion {
    Text name;
    ScramMechanism mechanism{};

    void io(auto& f) {
      f(name);
      f(mechanism);
    }
  };

  struct Upsertion {
    Text name;
    ScramMechanism mechanism{};
    std::int32_t iterations = 0;
    Blob salt;
    Blob salted_password;

    void io(auto& f) {
      f(name);
      f(mechanism);
      f(iterations);
      f(salt);
      f(salted_password);
    }
  };

  Vector<Deletion> deletions;
  Vector<Upsertion> upsertions;

  void io(auto& f) {
    f(deletions);
    f(upsertions);
  }
};

struct AlterUserScramCredentialsResponse {
  static constexpr Api kApi = AlterUserScramCredentialsRequest::kApi;

  struct Result {
    Text user;
    ErrorCode error_code{};
    NullableText error_message;

    void io(auto& f) {
      f(user);
      f(error_code);
      f(error_message);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Result> results;

  void io(auto& f) {
    f(throttle_time_ms);
    f(results);
  }
};

}  // namespace runnel::kafka
