// What is said to a Kafka cluster, and heard from it, as plain values.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/system/result.hpp>

namespace runnel::kafka_client {

// Why something did not work.
struct Failure {
  enum class Kind : std::uint8_t {
    unreachable,    // nobody answered in time; another try may succeed
    refused,        // the cluster, or the library on its behalf, said no
    unknown_topic,  // also: no such partition
    unsupported,    // the cluster does not serve what was asked for
    not_empty,      // the group has members
    unknown_group,
    record_refused,  // the cluster will never take one of the records
    already_there,  // the topic that was to be made
    fenced,         // somebody else writes under our transactional id now
  };

  Kind kind = Kind::refused;
  std::string text;  // a clause for people, without a full stop
};

// A boost result wants to know what value() throws on an error. Nobody here calls that.
[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location&);

template <class T>
using Answer = boost::system::result<T, Failure>;

// Where the cluster is, and who asks.
struct Door {
  std::string bootstrap;  // "host:port", several with commas between
  std::string user;       // empty: nobody is asked
  std::string password;
  std::string mechanism = "SCRAM-SHA-256";
  bool tls = false;
  std::string ca_file;           // empty: those of the system
  std::string certificate_file;  // ours; empty: we show none
  std::string key_file;

  bool operator==(const Door&) const = default;
};

struct Header {
  std::string name;
  std::optional<std::string> value;

  bool operator==(const Header&) const = default;
};

struct Record {
  enum class TimeKind : std::uint8_t { none, create, append };

  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t time_ms = 0;  // since 1970; meaningless with TimeKind::none
  TimeKind time_kind = TimeKind::create;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<Header> headers;  // in order, with repeats

  bool operator==(const Record&) const = default;
};

// A place in a partition.
struct At {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;

  bool operator==(const At&) const = default;
};

// A position that a group has committed, with the text that stands beside it.
struct CommittedAt {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string text;

  bool operator==(const CommittedAt&) const = default;
};

struct Partition {
  std::int32_t id = 0;
  std::int32_t leader = -1;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> in_sync;
};

struct Topic {
  std::string name;
  std::vector<Partition> partitions;  // in the order of their numbers
};

}  // namespace runnel::kafka_client
