// What a link tells of itself, for those outside this folder. Pure.
#pragma once

#include "bridge/link.h"
#include "hub/core/link_report.h"

namespace runnel::bridge {

core::LinkReport report_of(const LinkStatus& status, std::int64_t wall_ms);

}  // namespace runnel::bridge
