// The commands that go over the Kafka door. As commands.h has it: each does its work, says what
// there is to say, and returns the exit code.
//
// Threads: one; librdkafka's behind it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/app/from.h"
#include "hub/app/kafka_door.h"

namespace runnel::app {

struct KafkaTail {
  DoorOptions door = {};
  std::string topic = {};
  std::optional<std::int32_t> partition = {};  // unset: all of them
  From from = {};
  std::optional<From> until = {};           // what is at or behind it is not read
  std::optional<std::uint64_t> count = {};  // records printed
  bool follow = false;
  std::optional<std::string> key = {};  // only records with this key
  bool json = false;
  bool headers = false;
  std::string format = {};  // empty: a line for people
  std::string group = {};   // empty: none; else `from` is for partitions without a commit
  bool read_committed = true;
};

int kafka_tail(const KafkaTail& command);

struct KafkaPublish {
  DoorOptions door = {};
  std::string topic = {};
  std::optional<std::string> value = {};
  std::optional<std::string> file = {};  // "-": standard input
  bool null = false;                     // one record with a null value
  bool lines = false;
  bool json = false;  // lines as `runnel tail --json` writes them
  std::optional<std::string> key = {};
  std::string key_separator = {};         // of lines; empty: none
  std::vector<std::string> headers = {};  // "name=value", or "name" for a null
  std::optional<std::int32_t> partition = {};
  bool partition_by_key = false;  // whatever a JSON line says
  std::optional<std::int64_t> time_ms = {};
  bool time_now = false;  // whatever a JSON line says
};

int kafka_publish(const KafkaPublish& command);

struct KafkaTopics {
  enum class Action : std::uint8_t {
    list,
    describe,
    create,
    remove,
    add_partitions,
    configs,
    trim
  };

  DoorOptions door = {};
  Action action = Action::list;
  bool json = false;
  std::vector<std::string> names = {};  // of all but list; one, but for remove
  std::int32_t partitions = -1;         // -1: as the hub has it
  std::int32_t replication = -1;
  std::vector<std::string> set = {};  // "name=value"
  std::vector<std::string> unset = {};
  std::optional<std::int32_t> partition = {};  // of trim; unset: all of them
  From before = {};
};

int kafka_topics(const KafkaTopics& command);

struct Groups {
  enum class Action : std::uint8_t { list, describe, remove, reset };

  DoorOptions door = {};
  Action action = Action::list;
  bool json = false;
  std::vector<std::string> names = {};  // of all but list; one, but for remove
  std::string topic = {};               // of reset
  std::optional<std::int32_t> partition = {};
  From to = {};
  bool dry_run = false;
};

int groups(const Groups& command);

// "name=value" in two. nullopt: there is no '=', or nothing before it.
std::optional<std::pair<std::string, std::string>> read_pair(const std::string& text);

}  // namespace runnel::app
