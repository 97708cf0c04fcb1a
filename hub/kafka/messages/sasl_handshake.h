// SaslHandshake, key 17: the client names a SASL mechanism (KIP-43, KIP-152).
//
// After version 0 the next frames are bare tokens, an int32 length each and no header; after
// version 1 they come in SaslAuthenticate.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct SaslHandshakeRequest {
  static constexpr Api kApi{.key = ApiKey::sasl_handshake, .min = 0, .max = 1};

  Text mechanism;

  void io(auto& f) { f(mechanism); }
};

struct SaslHandshakeResponse {
  static constexpr Api kApi = SaslHandshakeRequest::kApi;

  ErrorCode error_code{};
  Vector<Text> mechanisms;

  void io(auto& f) {
    f(error_code);
    f(mechanisms);
  }
};

}  // namespace runnel::kafka
