// Administration of topics and consumer groups.
//
// Threads: as Client.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hub/kafka_client/client.h"

namespace runnel::kafka_client {

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;   // -1: as the cluster has it
  std::int32_t replication = -1;  // likewise
  std::map<std::string, std::string> configs;
};

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // unset: the cluster keeps it to itself
  bool is_default = true;            // not set for this topic
  bool read_only = false;
};

struct GroupSummary {
  std::string name;
  std::string state;  // "Stable", "Empty", …
};

struct GroupMember {
  std::string id;
  std::string client_id;
  std::string instance_id;  // empty: not a static member
  std::string host;
  std::vector<At> assignment;
};

struct GroupDescription {
  std::string name;
  std::string state;     // "Dead": there is no such group
  std::string assignor;  // may be empty
  std::string coordinator;
  std::vector<GroupMember> members;
};

class Admin final : public Client {
 public:
  explicit Admin(const Door& door);

  std::optional<Failure> create(const NewTopic& topic);
  std::optional<Failure> delete_topic(const std::string& name);

  // `total`: how many there are to be, with those that there are.
  std::optional<Failure> add_partitions(const std::string& topic, std::size_t total);

  // In the order of their names.
  Answer<std::vector<ConfigEntry>> configs(const std::string& topic);

  // Sets these, and puts back to its default what is not among them and was set before.
  std::optional<Failure> replace_configs(
      const std::string& topic, const std::map<std::string, std::string>& configs
  );

  // Deletes the records before each place; kLatest: all that there are. Returns where each
  // partition begins now.
  Answer<std::vector<At>> delete_records(const std::vector<At>& before);

  // In the order of their names.
  Answer<std::vector<GroupSummary>> groups();

  Answer<GroupDescription> group(const std::string& name);

  // What a group has committed, in the order of topics and partitions.
  Answer<std::vector<At>> committed(const std::string& group);

  // Refused with not_empty while the group has members.
  std::optional<Failure> commit(const std::string& group, const std::vector<At>& offsets);

  std::optional<Failure> delete_group(const std::string& name);
};

}  // namespace runnel::kafka_client
