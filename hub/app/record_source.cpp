#include "hub/app/record_source.h"

#include "hub/app/text.h"

namespace runnel::app {

using kafka_client::Header;

std::optional<Header> read_header(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (text.empty() || equals == 0) return std::nullopt;
  if (equals == std::string::npos) return Header{text, std::nullopt};
  return Header{text.substr(0, equals), text.substr(equals + 1)};
}

OrWhy<LineReader> LineReader::make(const KafkaPublish& command) {
  LineReader reader(command);
  for (const std::string& text : command.headers) {
    const auto header = read_header(text);
    if (!header) return Why{"--header: " + in_quotes(text) + " must be NAME=VALUE"};
    reader.headers_.push_back(*header);
  }
  return reader;
}

WantedRecord LineReader::record(std::optional<std::string> value) const {
  WantedRecord wanted;
  wanted.record.key = command_->key;
  wanted.record.value = std::move(value);
  wanted.record.headers = headers_;
  apply(wanted);
  return wanted;
}

OrWhy<WantedRecord> LineReader::read(std::string_view line) const {
  if (command_->json) {
    auto wanted = read_json_line(line);
    if (wanted) apply(*wanted);
    return wanted;
  }
  const std::string& separator = command_->key_separator;
  if (separator.empty()) return record(std::string(line));
  const std::size_t at = line.find(separator);
  if (at == std::string_view::npos)
    return Why{"it has no " + in_quotes(separator) + " behind a key"};
  WantedRecord wanted = record(std::string(line.substr(at + separator.size())));
  wanted.record.key = std::string(line.substr(0, at));
  return wanted;
}

void LineReader::apply(WantedRecord& wanted) const {
  wanted.record.topic = command_->topic;
  if (command_->partition) wanted.partition = command_->partition;
  if (command_->partition_by_key) wanted.partition.reset();
  if (command_->time_ms) wanted.time_ms = command_->time_ms;
  if (command_->time_now) wanted.time_ms.reset();
}

}  // namespace runnel::app
