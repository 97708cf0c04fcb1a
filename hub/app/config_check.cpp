#include "hub/app/config_check.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "hub/app/link_check.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"
#include "hub/app/units.h"
#include "hub/core/reverse_routes.h"
#include "hub/core/sasl/sasl_limits.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::app {

namespace {

constexpr std::size_t kTopicNameBytesMax = 249;  // Kafka's
constexpr std::size_t kPlaceholdersMax = 9;      // {1} to {9}

class Check {
 public:
  Check(const Config& config, const Lines& lines, ConfigErrors& errors)
      : config_(config), lines_(lines), errors_(errors) {}

  void all() {
    limits();
    doors();
    topics();
    routes();
    users();
    check_hub_name(config_, lines_.of("[hub] name"), errors_);
    check_links(config_, errors_);
  }

 private:
  void wrong(std::uint32_t line, std::string message, std::string suggestion = {}) {
    errors_.push_back({line, std::move(message), std::move(suggestion)});
  }

  // Two options that do not go together, said where the later of them stands. Nothing is said when
  // one of them could not be read: its value is then not what the file says.
  void clash(
      const std::string& name,
      const std::string& other,
      const std::string& what,
      std::uint64_t better_bytes
  ) {
    if (lines_.unread.contains(name) || lines_.unread.contains(other)) return;
    wrong(
        std::max(lines_.of(name), lines_.of(other)),
        name + ": " + what,
        in_quotes(size_text(better_bytes))
    );
  }

  void limits() {
    const auto& storage = config_.storage;
    const auto& mqtt = config_.mqtt;
    const std::string limit = "[storage] limit";
    const std::string generation = "[storage] generation";
    const std::string group = "[storage] group_max";
    const std::string of_generation = " of a generation of " + size_text(storage.generation_bytes);

    const std::uint64_t needed = 2 * storage.generation_bytes + kStoreOverheadBytes;
    if (storage.limit_bytes < needed) {
      clash(
          limit,
          generation,
          size_text(storage.limit_bytes) + " is less than two generations of " +
              size_text(storage.generation_bytes) + " and " + size_text(kStoreOverheadBytes) +
              ": one is written while the other is still read",
          needed
      );
    }
    if (storage.group_max_bytes > storage.generation_bytes / 8) {
      clash(
          group,
          generation,
          size_text(storage.group_max_bytes) + " is more than an eighth" + of_generation,
          storage.generation_bytes / 8
      );
    }
    if (mqtt.packet_max_bytes > storage.group_max_bytes / 2) {
      clash(
          "[mqtt] packet_max",
          group,
          size_text(mqtt.packet_max_bytes) + " is more than half of " + group + " of " +
              size_text(storage.group_max_bytes),
          storage.group_max_bytes / 2
      );
    }
    if (mqtt.retained_max_bytes > storage.generation_bytes / 2) {
      clash(
          "[mqtt] retained_max",
          generation,
          size_text(mqtt.retained_max_bytes) + " is more than half" + of_generation +
              ": what is retained is carried from one to the next",
          storage.generation_bytes / 2
      );
    }
    const auto& kafka = config_.kafka;
    const auto fits = [&](const std::string& name, std::uint64_t bytes) {
      if (kafka.buffers_max_bytes >= bytes) return;
      clash(
          "[kafka] buffers_max",
          name,
          size_text(kafka.buffers_max_bytes) + " is less than " + name + " of " + size_text(bytes),
          bytes
      );
    };
    fits("[kafka] request_max", kafka.request_max_bytes);
    fits("[kafka] fetch_max", kafka.fetch_max_bytes);
  }

  void doors() {
    const Config& c = config_;
    door("mqtt", "listen", c.mqtt.listen, c.mqtt.allow_anonymous_beyond_loopback);
    door(
        "mqtt", "websocket_listen", c.mqtt.websocket_listen, c.mqtt.allow_anonymous_beyond_loopback
    );
    door("http", "listen", c.http.listen, c.http.allow_anonymous_beyond_loopback);
    const bool asks = !c.kafka.sasl_mechanisms.empty();
    door("kafka", "listen", c.kafka.listen, c.kafka.allow_anonymous_beyond_loopback || asks);
  }

  void door(
      const std::string& section,
      const std::string& key,
      const std::vector<ListenAddress>& addresses,
      bool allowed
  ) {
    const std::string name = "[" + section + "] " + key;
    const std::string words =
        "if that is what you want, say so with allow_anonymous_beyond_loopback = true in [" +
        section + "]";
    const std::string advice =
        section == "kafka"
            ? ", and nobody is asked who they are; let clients log in with sasl_mechanisms, or " + words
            : ", and this version asks nobody who they are; " + words;
    for (const ListenAddress& address : addresses) {
      if (!allowed && !is_loopback(address)) {
        wrong(
            lines_.of(name), name + ": other machines can reach " + address_text(address) + advice
        );
      }
      if (address.port == 0) continue;
      const auto [place, is_new] = taken_.try_emplace(address_text(address), name);
      if (!is_new) {
        wrong(lines_.of(name), name + ": " + place->first + " is taken by " + place->second);
      }
    }
  }

  void users() {
    std::map<std::string, std::uint32_t> seen;
    for (const User& user : config_.users) {
      if (user.name.empty()) continue;  // said already
      const auto control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
      if (user.name.size() > sasl::kUserBytesMax ||
          std::any_of(user.name.begin(), user.name.end(), control)) {
        wrong(
            user.line,
            "[[user]] name: " + in_quotes(user.name) + " must have at most " +
                std::to_string(sasl::kUserBytesMax) + " bytes and no control characters"
        );
      }
      const auto [first, is_new] = seen.try_emplace(user.name, user.line);
      if (is_new) continue;
      wrong(
          user.line,
          "[[user]] " + in_quotes(user.name) + " is listed already, on line " +
              std::to_string(first->second)
      );
    }
    if (config_.users.size() > kUsersMax) {
      wrong(0, "more than " + std::to_string(kUsersMax) + " users");
    }
  }

  void topics() {
    std::map<std::string, std::uint32_t> seen;
    for (std::size_t i = 0; i < config_.topics.size(); ++i) {
      const Topic& topic = config_.topics[i];
      const std::uint32_t line = lines_.topics.at(i);
      if (topic.name.empty()) continue;  // said already: it is missing or of the wrong kind
      topic_name(line, "[[topic]] name", topic.name);
      const auto [first, is_new] = seen.try_emplace(topic.name, line);
      if (!is_new) {
        wrong(
            line,
            "[[topic]] " + in_quotes(topic.name) + " is listed already, on line " +
                std::to_string(first->second)
        );
      }
    }
    if (topics_of(config_).size() > kTopicsMax) {
      wrong(0, "more than " + std::to_string(kTopicsMax) + " topics");
    }
    if (config_.routes.size() > kRoutesMax) {
      wrong(0, "more than " + std::to_string(kRoutesMax) + " routes");
    }
  }

  void topic_name(std::uint32_t line, const std::string& what, const std::string& name) {
    if (name == "." || name == "..") {
      wrong(line, what + ": " + in_quotes(name) + " is not a name that Kafka allows");
      return;
    }
    if (name.size() > kTopicNameBytesMax) {
      wrong(line, what + ": longer than " + std::to_string(kTopicNameBytesMax) + " characters");
      return;
    }
    std::string better = name;
    for (char& c : better) {
      const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
      if (!legal) c = c == '/' ? '.' : '_';
    }
    if (better == name) return;
    const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20; });
    wrong(
        line,
        what + ": " + in_quotes(name) + " may hold only a-z, A-Z, 0-9, '.', '_' and '-'",
        ascii ? in_quotes(better) : std::string{}
    );
  }

  void routes() {
    std::map<std::string, std::uint32_t> partitions;
    for (const Topic& topic : topics_of(config_)) partitions.emplace(topic.name, topic.partitions);
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      route(config_.routes[i], lines_.routes.at(i), partitions);
    }
  }

  void route(
      const Route& route, std::uint32_t line, const std::map<std::string, std::uint32_t>& partitions
  ) {
    if (!route.topic.empty()) topic_name(line, "[[route]] topic", route.topic);
    if (!route.filter.empty() && filter(route.filter, line)) key(route, line);
    if (route.mqtt_topic) mqtt_topic(*route.mqtt_topic, line);
    if (!route.partition || route.topic.empty()) return;
    const std::uint32_t count = partitions.at(route.topic);
    if (*route.partition >= count) {
      wrong(
          line,
          "[[route]] partition: topic " + in_quotes(route.topic) + " has " + std::to_string(count) +
              (count == 1 ? " partition, 0" : " partitions, 0 to " + std::to_string(count - 1))
      );
    }
  }

  bool filter(const std::string& filter, std::uint32_t line) {
    if (mqtt::is_shared(filter)) {
      wrong(
          line, "[[route]] filter: " + in_quotes(filter) + " is a shared subscription, not a filter"
      );
      return false;
    }
    if (filter == "$SYS" || filter.starts_with("$SYS/")) {
      wrong(
          line,
          "[[route]] filter: " + in_quotes(filter) + " is the hub's own; nobody publishes there"
      );
      return false;
    }
    if (mqtt::valid_topic_filter(filter)) return true;
    wrong(
        line,
        "[[route]] filter: " + in_quotes(filter) +
            " is not an MQTT topic filter: + must be a whole level, and # the whole last one"
    );
    return false;
  }

  // A topic name once its placeholders are filled.
  void mqtt_topic(const std::string& text, std::uint32_t line) {
    constexpr std::array<std::string_view, 3> kNames{"key", "topic", "partition"};
    std::string filled;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const std::size_t end = text[at] == '{' ? text.find('}', at) : at;
      if (text[at] == '}' || end == std::string::npos) {
        wrong(
            line, "[[route]] mqtt_topic: " + in_quotes(text) + " has a brace without its other half"
        );
        return;
      }
      filled.push_back(end == at ? text[at] : 'x');
      if (end == at) continue;
      const std::string name = text.substr(at + 1, end - at - 1);
      at = end;
      if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) continue;
      const auto near = nearest(name, kNames);
      wrong(
          line,
          "[[route]] mqtt_topic: " + in_quotes("{" + name + "}") +
              " is not one of {key}, {topic} and {partition}",
          near.empty() ? std::string{} : "{" + std::string(near) + "}"
      );
    }
    if (core::deliverable_topic(filled)) return;
    wrong(
        line,
        "[[route]] mqtt_topic: " + in_quotes(text) +
            " is no MQTT topic: it may hold neither + nor #, and not begin with $SYS"
    );
  }

  // Every { begins a placeholder that the filter can fill.
  void key(const Route& route, std::uint32_t line) {
    const auto wildcards = static_cast<std::size_t>(std::count_if(
        route.filter.begin(), route.filter.end(), [](char c) { return c == '+' || c == '#'; }
    ));
    for (std::size_t at = route.key.find_first_of("{}"); at != std::string::npos;
         at = route.key.find_first_of("{}", at)) {
      const std::size_t end = route.key.find('}', at);
      if (route.key[at] == '}' || end == std::string::npos) {
        wrong(
            line, "[[route]] key: " + in_quotes(route.key) + " has a brace without its other half"
        );
        return;
      }
      placeholder(route, route.key.substr(at + 1, end - at - 1), wildcards, line);
      at = end + 1;
    }
  }

  void placeholder(
      const Route& route, const std::string& name, std::size_t wildcards, std::uint32_t line
  ) {
    constexpr std::array<std::string_view, 2> kNames{"topic", "client"};
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return;
    const std::string said = in_quotes("{" + name + "}");
    if (name.size() != 1 || name[0] < '1' || name[0] > '9') {
      const auto near = nearest(name, kNames);
      wrong(
          line,
          "[[route]] key: " + said + " is not one of {topic}, {client} and {1} to {" +
              std::to_string(kPlaceholdersMax) + "}",
          near.empty() ? std::string{} : "{" + std::string(near) + "}"
      );
    } else if (static_cast<std::size_t>(name[0] - '0') > wildcards) {
      wrong(
          line,
          "[[route]] key: there is no wildcard for " + said + ": filter " +
              in_quotes(route.filter) + " has " + std::to_string(wildcards)
      );
    }
  }

  const Config& config_;
  const Lines& lines_;
  ConfigErrors& errors_;
  std::map<std::string, std::string> taken_;  // address, by whom
};

}  // namespace

std::uint32_t Lines::of(const std::string& option) const {
  const auto found = options.find(option);
  return found == options.end() ? 0 : found->second;
}

void check_relations(const Config& config, const Lines& lines, ConfigErrors& errors) {
  Check(config, lines, errors).all();
}

}  // namespace runnel::app
