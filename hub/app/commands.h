// The commands of the command line but for `serve`. Each does its work, says what there is to say,
// and returns the exit code: 0 done, 1 failed, 2 asked for in a way that cannot be.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hub/app/connection.h"
#include "hub/app/from.h"
#include "hub/mqtt/packet.h"

namespace runnel::app {

struct CheckConfig {
  std::filesystem::path file = {};
  bool json = false;
};

int check_config(const CheckConfig& command);
int print_defaults();
int print_reference();

struct Status {
  Peer http = {};
  bool json = false;
};

int status(const Status& command);

struct Links {
  Peer http = {};
  std::string name = {};  // empty: all of them
  bool json = false;
};

int links(const Links& command);

struct Topics {
  Peer http = {};
  bool json = false;
};

int topics(const Topics& command);

struct Tail {
  Peer http = {};
  std::string topic = {};
  std::optional<std::uint32_t> partition = {};  // unset: all of them
  From from = {};
  std::optional<std::uint64_t> max = {};  // records
  bool follow = false;
  bool json = false;
};

int tail(const Tail& command);

struct Publish {
  Peer mqtt = {};
  std::string topic = {};
  std::optional<std::string> value = {};
  std::optional<std::string> file = {};  // "-": standard input
  bool lines = false;
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  bool retain = false;
};

int publish(const Publish& command);

struct Doctor {
  std::filesystem::path data = {};
  bool json = false;
};

int doctor(const Doctor& command);

}  // namespace runnel::app
