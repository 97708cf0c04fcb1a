// The one file that knows TOML: it turns nodes into Raw values, and the tables of options.h into
// what may stand where.
#include "hub/app/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "hub/app/config_check.h"
#include "hub/app/link_check.h"
#include "hub/app/options.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"
#include "hub/app/user_files.h"

namespace runnel::app {

namespace {

std::uint32_t line_of(const toml::node& node) {
  return node.source().begin.line;
}

std::uint32_t line_of(const toml::key& key) {
  return key.source().begin.line;
}

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list of something else";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    default:
      return "something else";
  }
}

Raw raw_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* list = node.as_array()) {
    std::vector<RawText> texts;
    for (const toml::node& element : *list) {
      const auto* text = element.as_string();
      if (text == nullptr) return RawOther{kind_of(node)};
      texts.push_back({text->get(), line_of(element)});
    }
    return texts;
  }
  return RawOther{kind_of(node)};
}

class Parser {
 public:
  LoadedConfig parse(std::string_view text) {
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
      const toml::parse_error& error = parsed.error();
      return ConfigErrors{
          {error.source().begin.line, "not TOML: " + printable(error.description()), {}}};
    }
    for (const auto& [key, node] : parsed.table()) top_level(key, node);
    scale_defaults();
    for (std::size_t i = 0; i < config_.users.size(); ++i) config_.users[i].line = user_lines_[i];
    for (std::size_t i = 0; i < config_.links.size(); ++i) config_.links[i].line = link_lines_[i];
    check_relations(config_, lines_, errors_);
    if (errors_.empty()) {
      return std::move(config_);
    }
    std::stable_sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) {
      return a.line < b.line;
    });
    return std::move(errors_);
  }

 private:
  void wrong(std::uint32_t line, std::string message, std::string suggestion = {}) {
    errors_.push_back({line, std::move(message), std::move(suggestion)});
  }

  void top_level(const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    if (name == "topic") return list(key, node, topic_options(), config_.topics, lines_.topics);
    if (name == "route") return list(key, node, route_options(), config_.routes, lines_.routes);
    if (name == "user") return list(key, node, user_options(), config_.users, user_lines_);
    if (name == "link") return list(key, node, link_options(), config_.links, link_lines_);
    const auto is_section = [&](const Section& section) { return section.name == name; };
    if (!std::any_of(sections().begin(), sections().end(), is_section)) {
      return unknown_at_top(key, node);
    }
    if (const auto* table = node.as_table()) return section(name, *table);
    wrong(line_of(key), in_quotes(name) + " is a section", "[" + std::string(name) + "]");
  }

  void unknown_at_top(const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    if (!node.is_table() && !node.is_array_of_tables()) {
      return wrong(
          line_of(key), in_quotes(name) + " stands outside of a section", home_of(name, {})
      );
    }
    std::vector<std::string_view> names{"topic", "route", "user", "link"};
    for (const Section& section : sections()) names.push_back(section.name);
    const std::string_view near = nearest(name, names);
    const bool list = near == "topic" || near == "route" || near == "user" || near == "link";
    std::string suggestion;
    if (!near.empty()) {
      suggestion = list ? "[[" + std::string(near) + "]]" : "[" + std::string(near) + "]";
    }
    wrong(line_of(key), "unknown section " + in_quotes(name), std::move(suggestion));
  }

  // The full name of an option called `key`, elsewhere than in `section`; empty when there is none.
  static std::string home_of(std::string_view key, std::string_view section) {
    for (const auto& option : config_options()) {
      if (option.key == key && option.section != section) return name_of(option);
    }
    return {};
  }

  void section(std::string_view name, const toml::table& table) {
    for (const auto& [key, node] : table) {
      const Option<Config>* found = nullptr;
      std::vector<std::string_view> names;
      for (const auto& option : config_options()) {
        if (option.section != name) continue;
        names.push_back(option.key);
        if (option.key == key.str()) found = &option;
      }
      if (found == nullptr) {
        const std::string_view near = nearest(key.str(), names);
        wrong(
            line_of(key),
            "unknown key " + in_quotes(key.str()) + " in [" + std::string(name) + "]",
            near.empty() ? home_of(key.str(), name) : std::string(near)
        );
        continue;
      }
      lines_.options[name_of(*found)] = line_of(key);
      if (!put(*found, node, line_of(key), config_)) lines_.unread.insert(name_of(*found));
    }
  }

  template <class Owner>
  bool put(const Option<Owner>& option, const toml::node& node, std::uint32_t line, Owner& owner) {
    const std::size_t errors_before = errors_.size();
    const Value value = read_value(option, raw_of(node), line, errors_);
    if (errors_.size() != errors_before) return false;
    option.put(owner, value);
    return true;
  }

  // Also what only has an end of its own: password_file for password.
  static std::string_view meant_by(
      std::string_view key, const std::vector<std::string_view>& names
  ) {
    const std::string_view near = nearest(key, names);
    if (!near.empty()) return near;
    const auto longer = std::find_if(names.begin(), names.end(), [&](std::string_view name) {
      return name.starts_with(key) && name.substr(key.size()).starts_with('_');
    });
    return longer == names.end() ? std::string_view{} : *longer;
  }

  // [[topic]], [[route]], [[user]] and [[link]].
  template <class Owner>
  void list(
      const toml::key& key,
      const toml::node& node,
      std::span<const Option<Owner>> options,
      std::vector<Owner>& owners,
      std::vector<std::uint32_t>& lines
  ) {
    const std::string title = "[[" + std::string(key.str()) + "]]";
    const auto* array = node.as_array();
    if (array == nullptr || (!array->empty() && !node.is_array_of_tables())) {
      return wrong(line_of(key), in_quotes(key.str()) + " is a list of sections", title);
    }
    for (const toml::node& element : *array) {
      owners.push_back(one_of_list(title, *element.as_table(), options));
      lines.push_back(line_of(element));
    }
  }

  template <class Owner>
  Owner one_of_list(
      const std::string& title, const toml::table& table, std::span<const Option<Owner>> options
  ) {
    Owner owner;
    std::vector<std::string_view> names;
    for (const auto& option : options) {
      names.push_back(option.key);
      const auto found = table.find(option.key);
      if (found != table.end()) {
        put(option, found->second, line_of(found->first), owner);
      } else if (option.required) {
        wrong(line_of(table), title + " has no " + std::string(option.key));
      }
    }
    for (const auto& [key, node] : table) {
      if (std::find(names.begin(), names.end(), key.str()) != names.end()) continue;
      wrong(
          line_of(key),
          "unknown key " + in_quotes(key.str()) + " in " + title,
          std::string(meant_by(key.str(), names))
      );
    }
    return owner;
  }

  // Sizes that the file does not name follow those that it does: a small ceiling alone is a whole
  // configuration.
  void scale_defaults() {
    Config::Storage& s = config_.storage;
    const auto follow = [this](const std::string& name, auto& value, std::uint64_t least, std::uint64_t bound) {
      using Size = std::remove_reference_t<decltype(value)>;
      if (lines_.of(name) != 0 || value <= bound) return;
      value = static_cast<Size>(std::max(least, bound));
    };
    const auto unnamed = [this](const std::string& name) { return lines_.of(name) == 0; };
    config_.generation_is_derived = unnamed("[storage] generation");
    config_.group_max_is_derived = unnamed("[storage] group_max");
    const std::uint64_t eighth = s.limit_bytes / 8 / kMiB * kMiB;
    follow("[storage] generation", s.generation_bytes, 16 * kMiB, eighth);
    follow("[storage] group_max", s.group_max_bytes, 64 * kKiB, s.generation_bytes / 8);
    follow("[kafka] message_max", config_.kafka.message_max_bytes, kKiB, s.group_max_bytes / 2);
    follow("[mqtt] packet_max", config_.mqtt.packet_max_bytes, kKiB, s.group_max_bytes / 2);
    follow("[mqtt] retained_max", config_.mqtt.retained_max_bytes, 0, s.generation_bytes / 2);
  }

  Config config_;
  Lines lines_;
  std::vector<std::uint32_t> user_lines_;
  std::vector<std::uint32_t> link_lines_;
  ConfigErrors errors_;
};

ConfigErrors cannot_read(const std::string& why) {
  return {{0, "cannot read the file: " + why, {}}};
}

}  // namespace

LoadedConfig parse_config(std::string_view toml) {
  return Parser().parse(toml);
}

LoadedConfig read_config(const std::filesystem::path& file) {
  std::error_code ec;
  if (std::filesystem::is_directory(file, ec)) return cannot_read("it is a directory");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return cannot_read(std::strerror(errno));
  std::string text(kConfigBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return cannot_read(std::strerror(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kConfigBytesMax) return cannot_read("it is larger than 1MiB");
  return parse_config(text);
}

LoadedConfig load_config(const std::filesystem::path& file) {
  LoadedConfig config = read_config(file);
  if (!config) return config;
  ConfigErrors errors;
  read_user_files(*config, file.parent_path(), errors);
  read_link_files(*config, file.parent_path(), errors);
  if (!errors.empty()) return errors;
  return config;
}

std::string describe(const ConfigError& error, const std::filesystem::path& file) {
  std::string out = file.string();
  if (error.line != 0) out += ":" + std::to_string(error.line);
  out += ": " + error.message;
  if (!error.suggestion.empty()) out += "; did you mean " + error.suggestion + "?";
  return out;
}

std::vector<Topic> topics_of(const Config& config) {
  std::vector<Topic> all = config.topics;
  std::set<std::string_view> names;
  for (const Topic& topic : config.topics) names.insert(topic.name);
  for (const Route& route : config.routes) {
    if (!route.topic.empty() && names.insert(route.topic).second) all.push_back({route.topic, 1});
  }
  if (!names.contains(kDefaultTopic)) all.push_back({std::string(kDefaultTopic), 1});
  return all;
}

}  // namespace runnel::app
