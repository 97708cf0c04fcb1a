// What each part of the hub is told of the configuration, in the part's own words. The configuration
// has been checked.
//
// Threads: pure; any thread.
#pragma once

#include <vector>

#include "bridge/link_spec.h"
#include "hub/app/config.h"
#include "hub/broker/limits.h"
#include "hub/core/routes.h"
#include "hub/core/topics.h"
#include "hub/core/users.h"
#include "hub/kafka_broker/limits.h"
#include "storage/log/committer.h"
#include "storage/log/log.h"

namespace runnel::app {

log::LogOptions log_options(const Config& c);
log::CommitLimits commit_limits(const Config& c);
broker::Limits broker_limits(const Config& c);
kafka::Limits kafka_limits(const Config& c);
std::vector<core::TopicSpec> topic_specs(const Config& c);
std::vector<core::RouteSpec> route_specs(const Config& c);
std::vector<bridge::LinkSpec> link_specs(const Config& c);
// With the passwords that the configuration holds.
std::vector<core::UserSpec> user_specs(const Config& c);

}  // namespace runnel::app
