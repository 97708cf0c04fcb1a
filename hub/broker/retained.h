// The retained messages (MQTT 5.0 §3.3.1.3): at most one per MQTT topic. Kept in memory, bounded in
// bytes, and as state rows "r/{topic}", written in the commit that holds the message itself.
// Threads: one, the io thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "hub/broker/stored_message.h"
#include "storage/log/group.h"
#include "storage/log/log.h"

namespace runnel::broker {

class Retained {
 public:
  Result<void> load(const log::Log& log);

  // Whether a message of this size would keep within the bound.
  [[nodiscard]] bool fits(const Message& message, std::size_t bytes_max) const;

  // Writes the row; memory follows with apply(), when the commit is done. An empty payload removes.
  static void write(const Message& message, const StoredPtr& stored, log::Group& group);

  // `stored` nullptr removes.
  void apply(const std::string& topic, StoredPtr stored);

  // Calls `visit` for every retained message that a filter (no $share) matches.
  void match(std::string_view filter, const std::function<void(const StoredPtr&)>& visit) const;

  [[nodiscard]] StoredPtr find(std::string_view topic) const;
  // Removes what has expired by `hub_ms`, in memory and on disk.
  void expire(std::int64_t hub_ms, log::Group& group);

  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::map<std::string, StoredPtr, std::less<>> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace runnel::broker
