// ApiVersions, key 18: what the broker serves (KIP-35, KIP-511).
//
// Its answer always has the first response header, without tags, so that a client can read the
// answer to a version that the broker does not know: error 35 in the form of version 0.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct ApiVersionsRequest {
  static constexpr Api kApi{.key = ApiKey::api_versions, .min = 0, .max = 4, .flexible = 3};

  Text client_software_name;
  Text client_software_version;

  void io(auto& f) {
    f(client_software_name, 3);
    f(client_software_version, 3);
  }
};

struct ApiVersionsResponse {
  static constexpr Api kApi = ApiVersionsRequest::kApi;

  struct Range {
    ApiKey api_key{};
    Version min_version = 0;
    Version max_version = 0;

    void io(auto& f) {
      f(api_key);
      f(min_version);
      f(max_version);
    }
  };

  ErrorCode error_code{};
  Vector<Range> api_keys;
  std::int32_t throttle_time_ms = 0;

  void io(auto& f) {
    f(error_code);
    f(api_keys);
    f(throttle_time_ms, 1);
  }
};

}  // namespace runnel::kafka
