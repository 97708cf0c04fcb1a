// Where the answer to a request goes, and in which version it is written. Outlives the request's
// bytes, and the connection: an answer to one that is gone goes nowhere. A pure value.
#pragma once

#include <cstdint>

#include "hub/kafka/types.h"

namespace runnel::kafka {

struct Call {
  std::uint64_t connection = 0;
  std::uint64_t slot = 0;
  std::int32_t correlation_id = 0;
  Version version = 0;
};

}  // namespace runnel::kafka
