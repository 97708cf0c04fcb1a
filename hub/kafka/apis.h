// Which APIs are served, from the list of exchanges.h. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "hub/kafka/api.h"

namespace runnel::kafka {

// All of them, by key: what ApiVersions answers.
std::span<const Api> served_apis();

// nullptr: not served.
const Api* find_api(std::int16_t key);

// Whether requests of this API and version can be decoded and answered. Advertised but not served
// are Produce 0 to 2.
bool is_served(std::int16_t key, Version version);

}  // namespace runnel::kafka
