// SaslAuthenticate, key 36: one token of the SASL mechanism each way (KIP-152, KIP-368).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct SaslAuthenticateRequest {
  static constexpr Api kApi{.key = ApiKey::sasl_authenticate, .min = 0, .max = 2, .flexible = 2};

  Blob auth_bytes;

  void io(auto& f) { f(auth_bytes); }
};

struct SaslAuthenticateResponse {
  static constexpr Api kApi = SaslAuthenticateRequest::kApi;

  ErrorCode error_code{};
  NullableText error_message;
  Blob auth_bytes;
  std::int64_t session_lifetime_ms = 0;  // 0: no need to authenticate again

  void io(auto& f) {
    f(error_code);
    f(error_message);
    f(auth_bytes);
    f(session_lifetime_ms, 1);
  }
};

}  // namespace runnel::kafka
