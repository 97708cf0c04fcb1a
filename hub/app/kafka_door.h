// Which Kafka door a command goes to, as whom, and what to say when it does not open.
//
// Threads: one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/app/connection.h"
#include "hub/kafka_client/client.h"

namespace runnel::app {

// What the command line says about it.
struct DoorOptions {
  std::string bootstrap = {};  // as given, or empty
  std::string config = {};     // a hub's configuration, whose [kafka] listen is meant
  std::string user = {};
  std::string password_file = {};
  std::string mechanism = "SCRAM-SHA-256";
};

// "gateway", "gateway:9092", "[::1]:9092", several with commas between. nullopt: none of these.
std::optional<std::vector<Peer>> read_bootstrap(std::string_view text);

// --bootstrap, else the environment's RUNNEL_BOOTSTRAP, else the first [kafka] listen of --config,
// else 127.0.0.1:9092. A Why is bad usage.
OrWhy<kafka_client::Door> door_of(const DoorOptions& options);

// Connects, within a few seconds. Otherwise a sentence that names the address.
std::optional<std::string> reach(kafka_client::Client& client, const kafka_client::Door& door);

// "the hub has no topic …", with the nearest of those that it has.
std::string no_such_topic(const std::string& name, const std::vector<kafka_client::Topic>& topics);

// nullptr: there is none of this name.
const kafka_client::Topic* find_topic(
    const std::vector<kafka_client::Topic>& topics, const std::string& name
);

// "cannot delete …: " and why; for what the hub does not serve, that it does not.
std::string cannot(const std::string& what, const kafka_client::Failure& failure);

}  // namespace runnel::app
