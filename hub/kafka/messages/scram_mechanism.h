// The SCRAM mechanisms, as the credential APIs number them (KIP-554).
#pragma once

#include <cstdint>

namespace runnel::kafka {

// In requests any value may come.
enum class ScramMechanism : std::int8_t { unknown = 0, sha_256 = 1, sha_512 = 2 };

}  // namespace runnel::kafka
