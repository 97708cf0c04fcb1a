// Commands of the command line that have a file of their own: what they take and what runs then.
//
// Each adds its options to `sub` and, when the command is parsed, sets `run` to what is to be done.
//
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "hub/app/connection.h"
#include "hub/app/kafka_door.h"

namespace runnel::app {

using Run = std::function<int()>;

void add_tail(CLI::App& sub, Run& run);
void add_publish(CLI::App& sub, Run& run);
void add_topics(CLI::App& sub, Run& run);
void add_groups(CLI::App& sub, Run& run);

void add_json(CLI::App& sub, bool& json, const std::string& what = "Print JSON, for scripts");

// `peer` is set from --http alone; the environment is for whoever calls http_from_environment().
CLI::Option* add_http(CLI::App& sub, Peer& peer, const std::string& what);

// RUNNEL_HTTP, if it is set. Throws CLI::ValidationError.
std::optional<Peer> http_from_environment();

// --bootstrap, --config, --user, --password-file, --sasl-mechanism.
void add_door(CLI::App& sub, DoorOptions& door);

// The HTTP door, if that is what was asked for: by --http, or by RUNNEL_HTTP where nothing speaks
// of a Kafka door. Throws CLI::ValidationError when one of `kafka_only` was given, too.
std::optional<Peer> http_instead_of_kafka(
    const CLI::App& sub, const Peer& given, const std::vector<std::string>& kafka_only
);

}  // namespace runnel::app
