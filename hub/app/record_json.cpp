#include "hub/app/record_json.h"

#include <array>
#include <limits>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/base64.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"
#include "hub/mqtt/codec.h"

namespace runnel::app {

namespace json = boost::json;
using kafka_client::Header;
using kafka_client::Record;

namespace {

constexpr std::array<std::string_view, 8> kMembers{
    "topic", "partition", "offset", "timestamp_ms", "timestamp_type", "key", "value", "headers"};

json::value bytes_json(std::string_view bytes) {
  if (mqtt::valid_utf8(bytes)) return json::string(bytes);
  return json::object{{"base64", to_base64(bytes)}};
}

json::value bytes_json(const std::optional<std::string>& bytes) {
  return bytes ? bytes_json(std::string_view(*bytes)) : json::value(nullptr);
}

std::string_view name_of(Record::TimeKind kind) {
  switch (kind) {
    case Record::TimeKind::create:
      return "create";
    case Record::TimeKind::append:
      return "append";
    case Record::TimeKind::none:
      break;
  }
  return "none";
}

using MaybeBytes = std::optional<std::string>;

// False: neither a string, nor base64, nor null.
bool read_bytes(const json::value& value, MaybeBytes& out) {
  out.reset();
  if (value.is_null()) return true;
  if (const json::string* text = value.if_string()) {
    out.emplace(text->data(), text->size());
    return true;
  }
  const json::object* object = value.if_object();
  const json::value* encoded =
      object != nullptr && object->size() == 1 ? object->if_contains("base64") : nullptr;
  const json::string* text = encoded == nullptr ? nullptr : encoded->if_string();
  if (text == nullptr) return false;
  out = from_base64({text->data(), text->size()});
  return out.has_value();
}

bool read_header(const json::value& value, Header& out) {
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2) return false;
  MaybeBytes name;
  if (!read_bytes((*pair)[0], name) || !name || !read_bytes((*pair)[1], out.value)) return false;
  out.name = std::move(*name);
  return true;
}

constexpr const char* kNoBytes = R"( must be a string, {"base64":"…"} or null)";

std::optional<Why> read_headers(const json::value& value, std::vector<Header>& out) {
  if (const json::object* object = value.if_object()) {
    for (const auto& member : *object) {
      Header& header = out.emplace_back(Header{std::string(member.key()), {}});
      if (!read_bytes(member.value(), header.value)) {
        return Why{"header " + in_quotes(header.name) + kNoBytes};
      }
    }
    return std::nullopt;
  }
  const json::array* list = value.if_array();
  if (list == nullptr) return Why{"headers must be a list of [name, value]"};
  for (const json::value& entry : *list) {
    if (!read_header(entry, out.emplace_back())) {
      return Why{"header " + std::to_string(out.size()) + " must be [name, value]"};
    }
  }
  return std::nullopt;
}

template <class Number>
std::optional<Why> read_number(const json::value& value, const char* name, Number& out) {
  const std::int64_t* number = value.if_int64();
  if (number == nullptr || *number < 0 || *number > std::numeric_limits<Number>::max()) {
    return Why{std::string(name) + " must be a number that is not negative"};
  }
  out = static_cast<Number>(*number);
  return std::nullopt;
}

std::optional<Why> read_member(std::string_view name, const json::value& value, WantedRecord& out) {
  Record& record = out.record;
  if (name == "value" && !read_bytes(value, record.value))
    return Why{std::string("value") + kNoBytes};
  if (name == "key" && !read_bytes(value, record.key)) return Why{std::string("key") + kNoBytes};
  if (name == "headers") return read_headers(value, record.headers);
  if (name == "partition") return read_number(value, "partition", out.partition.emplace());
  if (name == "timestamp_ms" && !value.is_null()) {
    return read_number(value, "timestamp_ms", out.time_ms.emplace());
  }
  for (const std::string_view known : kMembers) {
    if (name == known) return std::nullopt;
  }
  const std::string_view near = nearest(name, kMembers);
  return Why{
      "there is no member " + in_quotes(name) +
      (near.empty() ? std::string{} : "; did you mean " + std::string(near) + "?")};
}

}  // namespace

std::string json_line(const Record& record) {
  json::array headers;
  for (const Header& header : record.headers) {
    headers.push_back(json::array{
        bytes_json(std::string_view(header.name)), bytes_json(header.value)});
  }
  const bool timed = record.time_kind != Record::TimeKind::none;
  return json::serialize(json::object{
      {"topic", record.topic},
      {"partition", record.partition},
      {"offset", record.offset},
      {"timestamp_ms", timed ? json::value(record.time_ms) : json::value(nullptr)},
      {"timestamp_type", name_of(record.time_kind)},
      {"key", bytes_json(record.key)},
      {"value", bytes_json(record.value)},
      {"headers", std::move(headers)},
  });
}

OrWhy<WantedRecord> read_json_line(std::string_view line) {
  boost::system::error_code ec;
  const json::value parsed = json::parse(line, ec);
  if (ec) return Why{"it is not JSON: " + ec.message()};
  const json::object* object = parsed.if_object();
  if (object == nullptr) return Why{"it is no JSON object"};
  if (!object->contains("value")) {
    return Why{R"(it has no "value" (null, if that is what is meant))"};
  }
  WantedRecord wanted;
  for (const auto& member : *object) {
    if (auto why = read_member(member.key(), member.value(), wanted)) return *why;
  }
  return wanted;
}

}  // namespace runnel::app
