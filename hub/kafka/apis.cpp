#include "hub/kafka/apis.h"

#include <algorithm>
#include <array>

#include "hub/kafka/exchanges.h"

namespace runnel::kafka {

namespace {

constexpr auto kApis = []<class... Each>(Exchanges<Each...>) {
  return std::array{Each::kApi...};
}(ServedExchanges{});

static_assert(
    std::adjacent_find(
        kApis.begin(), kApis.end(), [](const Api& a, const Api& b) { return a.key >= b.key; }
    ) == kApis.end(),
    "by key, each once"
);

}  // namespace

std::span<const Api> served_apis() {
  return kApis;
}

const Api* find_api(std::int16_t key) {
  const auto* const api =
      std::lower_bound(kApis.begin(), kApis.end(), key, [](const Api& a, std::int16_t wanted) {
        return static_cast<std::int16_t>(a.key) < wanted;
      });
  if (api == kApis.end() || static_cast<std::int16_t>(api->key) != key) return nullptr;
  return api;
}

bool is_served(std::int16_t key, Version version) {
  const Api* const api = find_api(key);
  return api != nullptr && api->serves(version);
}

}  // namespace runnel::kafka
