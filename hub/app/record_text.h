// A record as one line for people. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include <boost/json/fwd.hpp>

#include "hub/kafka_client/record.h"

namespace runnel::app {

// Partition, offset, time, key, value, with tabs between. A null is "-"; bytes that are not UTF-8,
// and control characters, are escaped. From the HTTP API or from Kafka; of the latter on demand
// with headers before the value: "a=1,b=2", one without a value as its name alone, "-" for none.
std::string record_line(const boost::json::value& record);
std::string record_line(const kafka_client::Record& record, bool with_headers);

// "2024-05-01T12:00:00.250Z"; milliseconds since 1970.
std::string time_text(std::int64_t ms);

}  // namespace runnel::app
