#include "hub/app/record_text.h"

#include <array>
#include <cstdio>
#include <ctime>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "hub/app/base64.h"
#include "hub/app/record_format.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace json = boost::json;

namespace {

const json::value* member(const json::value& record, std::string_view name) {
  const json::object* object = record.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

// A string, {"base64": …} or null.
std::string bytes_text(const json::value* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (const json::string* text = value->if_string()) return printable(*text);
  const json::value* encoded = member(*value, "base64");
  const json::string* text = encoded == nullptr ? nullptr : encoded->if_string();
  const auto decoded = text == nullptr ? std::nullopt : from_base64(*text);
  return decoded ? printable(*decoded) : json::serialize(*value);
}

}  // namespace

std::string record_line(const json::value& record) {
  const auto plain = [&](std::string_view name) {
    const json::value* value = member(record, name);
    return value == nullptr ? std::string("?") : json::serialize(*value);
  };
  const json::value* time = member(record, "timestamp_ms");
  const bool has_time = time != nullptr && time->is_int64();
  return plain("partition") + "\t" + plain("offset") + "\t" +
         (has_time ? time_text(time->get_int64()) : "?") + "\t" +
         bytes_text(member(record, "key")) + "\t" + bytes_text(member(record, "value"));
}

std::string record_line(const kafka_client::Record& record, bool with_headers) {
  const auto bytes = [](const std::optional<std::string>& maybe) {
    return maybe ? printable(*maybe) : "-";
  };
  const bool timed = record.time_kind != kafka_client::Record::TimeKind::none;
  std::string line = std::to_string(record.partition) + "\t" + std::to_string(record.offset) +
                     "\t" + (timed ? time_text(record.time_ms) : "-") + "\t" + bytes(record.key) +
                     "\t";
  if (with_headers) {
    line += record.headers.empty() ? "-" : printable(headers_text(record.headers));
    line += "\t";
  }
  return line + bytes(record.value);
}

std::string time_text(std::int64_t ms) {
  const std::int64_t fraction = (ms % 1000 + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((ms - fraction) / 1000);
  std::tm utc{};
  if (gmtime_r(&seconds, &utc) == nullptr) return std::to_string(ms);
  std::array<char, 64> text{};
  const std::size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + n, text.size() - n, ".%03dZ", static_cast<int>(fraction));
  return text.data();
}

}  // namespace runnel::app
