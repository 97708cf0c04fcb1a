// What the API says of links. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "hub/core/link_report.h"
#include "storage/base/metrics.h"

namespace runnel::net {

// {"links": [...]}, as docs/http-api.md has it.
std::string links_json(const std::vector<core::LinkReport>& links);

void link_metrics(const std::vector<core::LinkReport>& links, Exposition& out);

}  // namespace runnel::net
