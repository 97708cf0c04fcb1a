// What the API says of links, and of mirrors that follow this hub. Pure; the io thread.
#pragma once

#include <string>
#include <vector>

#include "hub/core/link_report.h"
#include "hub/core/replicas.h"
#include "storage/base/metrics.h"

namespace runnel::net {

// {"links": [...], "mirrors": [...], "short_of_replicas": [...]}, as docs/http-api.md has it.
std::string links_json(
    const std::vector<core::LinkReport>& links, const core::Replicas& replicas, Instant now
);

void link_metrics(const std::vector<core::LinkReport>& links, Exposition& out);
void mirror_metrics(const core::Replicas& replicas, Instant now, Exposition& out);

}  // namespace runnel::net
