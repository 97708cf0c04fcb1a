// The records that `runnel publish` is to write, one after the other, from where they come.
//
// Threads: one.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "hub/app/connection.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/record_json.h"

namespace runnel::app {

// "name=value", "name=" (empty), "name" (null). nullopt: without a name.
std::optional<kafka_client::Header> read_header(const std::string& text);

// Makes records of lines. Pure but for "now".
class LineReader {
 public:
  // A Why is bad usage.
  static OrWhy<LineReader> make(const KafkaPublish& command);

  // A line of the input without its newline, as --lines or --json have it; a Why says what is
  // wrong with it. The record goes where the command says.
  [[nodiscard]] OrWhy<WantedRecord> read(std::string_view line) const;

  // The record whose value this is, or has none.
  [[nodiscard]] WantedRecord record(std::optional<std::string> value) const;

 private:
  explicit LineReader(const KafkaPublish& command) : command_(&command) {}

  void apply(WantedRecord& wanted) const;

  const KafkaPublish* command_;
  std::vector<kafka_client::Header> headers_;
};

}  // namespace runnel::app
