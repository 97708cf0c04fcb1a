// Which subscriptions want a topic. A tree of levels: a match visits, per level of the topic, the
// child of that name and the child `+` of every node it has reached, so its cost goes with the
// filters that match in part, not with the number of subscriptions.
//
// Subscribers are named by pointers that the tree never follows. Threads: one, the io thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace runnel::core {

class SubscriptionTree {
 public:
  // `owner` has the subscription; `which` tells its subscriptions apart. Adding the same twice is
  // one entry.
  struct Entry {
    void* owner = nullptr;
    std::uint32_t which = 0;

    bool operator==(const Entry&) const = default;
  };

  SubscriptionTree();
  ~SubscriptionTree();

  // `filter` is valid and has no $share prefix.
  void add(std::string_view filter, Entry entry);
  void remove(std::string_view filter, Entry entry);

  // Appends the entries whose filters match. Topics that begin with `$` match no filter that begins
  // with a wildcard (MQTT 5.0 §4.7.2).
  void match(std::string_view topic, std::vector<Entry>& out) const;

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Node;

  static void match(const Node& node, std::string_view rest, bool end, bool wild, std::vector<Entry>& out);

  std::unique_ptr<Node> root_;
  std::size_t size_ = 0;
};

}  // namespace runnel::core
