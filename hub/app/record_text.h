// A record of the HTTP API as one line for people. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include <boost/json/fwd.hpp>

namespace runnel::app {

// Partition, offset, time, key, value, with tabs between. A null is "-"; bytes that are not UTF-8,
// and control characters, are escaped.
std::string record_line(const boost::json::value& record);

// "2024-05-01T12:00:00.250Z"; milliseconds since 1970.
std::string time_text(std::int64_t ms);

}  // namespace runnel::app
