// A record as one JSON object in one line, and back, so that what `runnel tail --json` writes is
// what `runnel publish --json` reads (docs/operations.md has the members).
//
// Keys, values, and names and values of headers are strings where they are valid UTF-8,
// {"base64":"…"} where they are not, null where there is none.
//
// Threads: pure; any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/app/connection.h"
#include "hub/kafka_client/record.h"

namespace runnel::app {

std::string json_line(const kafka_client::Record& record);

// What a line says about a record that is to be written. The topic and offset that it may name are
// where the record was, not where it goes.
struct WantedRecord {
  kafka_client::Record record;
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> time_ms;
};

// A Why says what is wrong with the line. `value` must be there; all else may be missing. A member
// that we do not know is an error, so that a misspelt one does not get lost.
OrWhy<WantedRecord> read_json_line(std::string_view line);

}  // namespace runnel::app
