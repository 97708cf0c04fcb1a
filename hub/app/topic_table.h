// Topics and their offsets on standard output: for people, or as the HTTP API has them.
//
// Threads: one.
#pragma once

#include <vector>

#include "hub/app/hub_api.h"

namespace runnel::app {

void print_topics(const std::vector<TopicInfo>& topics, bool as_json);

}  // namespace runnel::app
