// DescribeUserScramCredentials, key 50: which users have SCRAM credentials (KIP-554).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/scram_mechanism.h"

namespace runnel::kafka {

struct DescribeUserScramCredentialsRequest {
  static constexpr Api kApi{
      .key = ApiKey::describe_user_scram_credentials, .min = 0, .max = 0, .flexible = 0};

  struct User {
    Text name;

    void io(auto& f) { f(name); }
  };

  NullableVector<User> users;  // null or empty: all

  void io(auto& f) { f(users); }
};

struct DescribeUserScramCredentialsResponse {
  static constexpr Api kApi = DescribeUserScramCredentialsRequest::kApi;

  struct Credential {
    ScramMechanism mechanism{};
    std::int32_t iterations = 0;

    void io(auto& f) {
      f(mechanism);
      f(iterations);
    }
  };

  struct Result {
    Text user;
    ErrorCode error_code{};
    NullableText error_message;
    Vector<Credential> credential_infos;

    void io(auto& f) {
      f(user);
      f(error_code);
      f(error_message);
      f(credential_infos);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  NullableText error_message;
  Vector<Result> results;

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code);
    f(error_message);
    f(results);
  }
};

}  // namespace runnel::kafka
