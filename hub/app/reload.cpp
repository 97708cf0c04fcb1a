#include "hub/app/reload.h"

#include <algorithm>

#include "hub/app/options.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

const Topic* find(const std::vector<Topic>& topics, const std::string& name) {
  const auto found = std::find_if(topics.begin(), topics.end(), [&](const Topic& topic) {
    return topic.name == name;
  });
  return found == topics.end() ? nullptr : &*found;
}

// Sizes that neither file names were derived when the hub started, and stay while it runs, unless the new
// ceiling has no room for them.
void keep_derived_sizes(const Config& running, Config& next) {
  constexpr std::uint64_t kGenerationsLeast = 3;
  const Config::Storage& was = running.storage;
  if (next.storage.limit_bytes < kGenerationsLeast * was.generation_bytes) return;
  if (running.generation_is_derived && next.generation_is_derived) {
    next.storage.generation_bytes = was.generation_bytes;
  }
  if (running.group_max_is_derived && next.group_max_is_derived) {
    next.storage.group_max_bytes = was.group_max_bytes;
  }
}

}  // namespace

LoadedConfig reload_config(const Config& running, const std::filesystem::path& file) {
  LoadedConfig next = load_config(file);
  if (!next) return next;
  if (running.dir_from_command_line) {
    next->storage.dir = running.storage.dir;
    next->dir_from_command_line = true;
  }
  keep_derived_sizes(running, *next);
  ConfigErrors errors = restart_only_changes(running, *next);
  if (!errors.empty()) return errors;
  for (const Topic& topic : running.topics) {
    if (find(next->topics, topic.name) != nullptr) continue;
    next->warnings.push_back(
        "[[topic]] " + in_quotes(topic.name) +
        " is no longer listed; it stays, and its records stay until retention removes them"
    );
  }
  return next;
}

ConfigErrors restart_only_changes(const Config& running, const Config& next) {
  ConfigErrors errors;
  for (const Option<Config>& option : config_options()) {
    if (option.change == Change::live) continue;
    const std::string was = toml_text(option, option.get(running));
    const std::string now = toml_text(option, option.get(next));
    if (was != now) {
      errors.push_back(
          {0, name_of(option) + ": a change from " + was + " to " + now + " needs a restart", {}}
      );
    }
  }
  const std::vector<Topic> next_topics = topics_of(next);
  for (const Topic& topic : topics_of(running)) {
    const Topic* same = find(next_topics, topic.name);
    if (same == nullptr || same->partitions >= topic.partitions) continue;
    errors.push_back(
        {0,
         "[[topic]] " + in_quotes(topic.name) + ": " + std::to_string(topic.partitions) +
             " partitions cannot become " + std::to_string(same->partitions) +
             ": they can be added, not taken away",
         {}}
    );
  }
  return errors;
}

}  // namespace runnel::app
