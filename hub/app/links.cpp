#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/commands.h"
#include "hub/app/console.h"
#include "hub/app/hub_api.h"
#include "hub/app/text.h"
#include "hub/app/units.h"

namespace runnel::app {

namespace json = boost::json;

namespace {

std::string text_of(const json::object& link, std::string_view name) {
  const json::value* value = link.if_contains(name);
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? printable(value->get_string()) : json::serialize(*value);
}

double number_of(const json::object& link, std::string_view name) {
  const json::value* value = link.if_contains(name);
  if (value == nullptr || !value->is_number()) return 0;
  boost::system::error_code ec;
  const auto number = value->to_number<double>(ec);
  return ec ? 0 : number;
}

std::string size_of(const json::object& link, std::string_view name) {
  return rough_size(static_cast<std::uint64_t>(std::max(number_of(link, name), 0.0)));
}

std::string behind(const json::object& link) {
  if (number_of(link, "lag_records") == 0) return "0";
  return text_of(link, "lag_records") + " (" + size_of(link, "lag_bytes") + ", " +
         rough_duration(std::chrono::seconds(static_cast<std::int64_t>(number_of(link, "lag_s")))) + ")";
}

void print_all(const json::array& links) {
  std::vector<std::vector<std::string>> rows{{"LINK", "", "STATE", "BEHIND", "SENT", "WIRE", "GAPS", "DELIVERY"}};
  for (const json::value& value : links) {
    const json::object& link = value.as_object();
    rows.push_back(
        {text_of(link, "name"), text_of(link, "direction"), text_of(link, "state"), behind(link),
         text_of(link, "records"), size_of(link, "wire_bytes"), text_of(link, "gap_records"), text_of(link, "delivery")}
    );
  }
  print_table(rows, "llllrrrl");
}

// Mirrors that follow this hub, and what they leave to be wished for.
void print_mirrors(const json::object& answer) {
  const json::value* mirrors = answer.if_contains("mirrors");
  if (mirrors != nullptr && mirrors->is_array() && !mirrors->get_array().empty()) {
    print_line("");
    std::vector<std::vector<std::string>> rows{{"MIRRORED BY", "IN STEP", "BEHIND", "HEARD"}};
    for (const json::value& value : mirrors->get_array()) {
      const json::object& mirror = value.as_object();
      const auto silent = std::chrono::seconds(static_cast<std::int64_t>(number_of(mirror, "silent_s")));
      rows.push_back(
          {text_of(mirror, "name"), text_of(mirror, "in_step") + " of " + text_of(mirror, "partitions"),
           text_of(mirror, "lag_records"), rough_duration(silent) + " ago"}
      );
    }
    print_table(rows, "lrrr");
  }
  const json::value* topics = answer.if_contains("short_of_replicas");
  if (topics == nullptr || !topics->is_array()) return;
  for (const json::value& topic : topics->get_array()) {
    if (topic.is_string()) print_line("topic " + printable(topic.get_string()) + ": too few mirrors are in step");
  }
}

void print_one(const json::object& link) {
  std::vector<std::vector<std::string>> rows{
      {"link", text_of(link, "name") + " (" + text_of(link, "direction") + ")"},
      {"state", text_of(link, "state")},
  };
  const auto add = [&](const char* title, std::string text) {
    if (!text.empty()) rows.push_back({title, std::move(text)});
  };
  add("why", text_of(link, "why"));
  add("delivery", text_of(link, "delivery"));
  add("other side", text_of(link, "destination"));
  add("behind", behind(link));
  add("sent", text_of(link, "records") + " records in " + text_of(link, "transactions") + " transactions");
  add("wire", size_of(link, "wire_bytes"));
  if (!text_of(link, "day_bytes_left").empty()) add("left today", size_of(link, "day_bytes_left"));
  for (const auto& [title, name] : {std::pair{"kept back", "kept_back"}, {"refused", "refused"}, {"unreadable", "unreadable"}, {"gaps", "gap_records"}}) {
    if (number_of(link, name) > 0) add(title, text_of(link, name) + " records");
  }
  for (const char* list : {"troubles", "last_gaps"}) {
    const json::value* values = link.if_contains(list);
    if (values == nullptr || !values->is_array()) continue;
    for (const json::value& value : values->get_array()) {
      if (const json::object* gap = value.if_object()) {
        add("gap", text_of(*gap, "topic") + " partition " + text_of(*gap, "partition") + " offsets " +
                       text_of(*gap, "first_offset") + " to " + text_of(*gap, "last_offset") + ": " + text_of(*gap, "why"));
      } else if (value.is_string()) {
        add("trouble", printable(value.get_string()));
      }
    }
  }
  print_table(rows, "ll");
}

}  // namespace

int links(const Links& command) {
  const auto answer = HubApi(command.http).links();
  if (!answer) return failed(answer.error().message);
  const json::value* list = answer->if_contains("links");
  if (list == nullptr || !list->is_array()) return failed("the answer is not that of a hub");
  json::array found;
  for (const json::value& link : list->get_array()) {
    if (!link.is_object()) return failed("the answer is not that of a hub");
    if (command.name.empty() || text_of(link.get_object(), "name") == command.name) found.push_back(link);
  }
  if (!command.name.empty() && found.empty()) {
    return failed("the hub has no link " + in_quotes(command.name));
  }
  if (command.json && command.name.empty()) {
    print_line(json::serialize(*answer));
  } else if (command.json) {
    print_line(json::serialize(json::object{{"links", std::move(found)}}));
  } else if (!command.name.empty()) {
    print_one(found.front().get_object());
  } else {
    found.empty() ? print_line("there are no links") : print_all(found);
    print_mirrors(*answer);
  }
  return flushed(kExitOk);
}

}  // namespace runnel::app
