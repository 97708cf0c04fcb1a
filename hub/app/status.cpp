#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/commands.h"
#include "hub/app/console.h"
#include "hub/app/hub_api.h"
#include "hub/app/text.h"
#include "hub/app/topic_table.h"
#include "hub/app/units.h"

namespace runnel::app {

namespace json = boost::json;

namespace {

// A member as text.
std::string text_of(const json::object& status, std::string_view name) {
  const json::value* value = status.if_contains(name);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text != nullptr) return printable(*text);
  return value == nullptr ? "?" : json::serialize(*value);
}

std::uint64_t number_of(const json::object& status, std::string_view name) {
  const json::value* value = status.if_contains(name);
  if (value == nullptr || !value->is_number()) return 0;
  boost::system::error_code ec;
  const auto number = value->to_number<std::int64_t>(ec);
  return ec || number < 0 ? 0 : static_cast<std::uint64_t>(number);
}

bool is_healthy(const json::object& status) {
  const json::value* value = status.if_contains("healthy");
  return value != nullptr && value->is_bool() && value->get_bool();
}

void print_status(const json::object& status) {
  const auto uptime = std::chrono::seconds(number_of(status, "uptime_s"));
  print_line(
      "runnel " + text_of(status, "version") + ", " +
      (is_healthy(status) ? "healthy" : "NOT HEALTHY") + ", up " + rough_duration(uptime)
  );
  std::vector<std::vector<std::string>> rows;
  for (const char* name :
       {"connections",
        "sessions",
        "subscriptions",
        "retained",
        "accepted",
        "stored",
        "expired",
        "discarded",
        "refused",
        "generations"}) {
    if (status.contains(name)) rows.push_back({name, text_of(status, name)});
  }
  if (number_of(status, "damaged_generations") != 0) {
    rows.push_back({"damaged", text_of(status, "damaged_generations") + " generations set aside"});
  }
  const std::uint64_t disk = number_of(status, "disk_bytes");
  const std::uint64_t limit = number_of(status, "disk_limit_bytes");
  std::string disk_text = rough_size(disk) + " of " + rough_size(limit);
  if (limit != 0) disk_text += " (" + std::to_string(disk * 100 / limit) + " %)";
  rows.push_back({"disk", disk_text});
  if (const json::value* clock = status.if_contains("clock_synchronized")) {
    const bool synchronized = clock->is_bool() && clock->get_bool();
    rows.push_back({"clock", synchronized ? "synchronized" : "not synchronized"});
  }
  print_table(rows, "ll");
}

}  // namespace

int status(const Status& command) {
  const auto answer = HubApi(command.http).status();
  if (!answer) return failed(answer.error().message);
  if (command.json) {
    print_line(json::serialize(*answer));
  } else {
    print_status(*answer);
  }
  return flushed(is_healthy(*answer) ? kExitOk : kExitFailed);
}

int topics(const Topics& command) {
  const auto answer = HubApi(command.http).topics();
  if (!answer) return failed(answer.error().message);
  print_topics(*answer, command.json);
  return flushed(kExitOk);
}

}  // namespace runnel::app
