#include "hub/core/subscription_tree.h"

#include <algorithm>

namespace runnel::core {
namespace {

struct LevelHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view level) const {
    return std::hash<std::string_view>{}(level);
  }
};

// The first level; `end` is set when it was the last.
std::string_view split(std::string_view& rest, bool& end) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  end = slash == std::string_view::npos;
  rest = end ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

}  // namespace

struct SubscriptionTree::Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, LevelHash, std::equal_to<>> children;
  std::unique_ptr<Node> plus;
  std::vector<Entry> here;  // filters that end at this level
  std::vector<Entry> hash;  // filters that go on with `#`

  [[nodiscard]] bool empty() const {
    return children.empty() && plus == nullptr && here.empty() && hash.empty();
  }
};

SubscriptionTree::SubscriptionTree() : root_(std::make_unique<Node>()) {}
SubscriptionTree::~SubscriptionTree() = default;

void SubscriptionTree::add(std::string_view filter, Entry entry) {
  Node* node = root_.get();
  bool end = false;
  std::vector<Entry>* list = nullptr;
  while (!end) {
    const std::string_view level = split(filter, end);
    if (level == "#") {
      list = &node->hash;
      break;
    }
    std::unique_ptr<Node>& next = level == "+" ? node->plus : node->children[std::string(level)];
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
  }
  if (list == nullptr) list = &node->here;
  if (std::find(list->begin(), list->end(), entry) != list->end()) return;
  list->push_back(entry);
  ++size_;
}

void SubscriptionTree::remove(std::string_view filter, Entry entry) {
  struct Step {
    Node* node;
    std::string level;
  };
  std::vector<Step> path;
  Node* node = root_.get();
  bool end = false;
  std::vector<Entry>* list = nullptr;
  while (!end) {
    const std::string_view level = split(filter, end);
    if (level == "#") {
      list = &node->hash;
      break;
    }
    path.push_back({node, std::string(level)});
    if (level == "+") {
      node = node->plus.get();
    } else {
      const auto found = node->children.find(level);
      node = found == node->children.end() ? nullptr : found->second.get();
    }
    if (node == nullptr) return;
  }
  if (list == nullptr) list = &node->here;
  const auto found = std::find(list->begin(), list->end(), entry);
  if (found == list->end()) return;
  *found = list->back();
  list->pop_back();
  --size_;
  while (node->empty() && !path.empty()) {
    const Step step = std::move(path.back());
    path.pop_back();
    if (step.level == "+") {
      step.node->plus.reset();
    } else {
      step.node->children.erase(step.level);
    }
    node = step.node;
  }
}

void SubscriptionTree::match(
    const Node& node,
    std::string_view rest,
    bool end,
    bool wild,
    std::vector<Entry>& out
) {
  // `a/#` matches `a` itself, too.
  if (wild) out.insert(out.end(), node.hash.begin(), node.hash.end());
  if (end) {
    out.insert(out.end(), node.here.begin(), node.here.end());
    return;
  }
  bool last = false;
  const std::string_view level = split(rest, last);
  if (const auto found = node.children.find(level); found != node.children.end()) {
    match(*found->second, rest, last, true, out);
  }
  if (wild && node.plus != nullptr) match(*node.plus, rest, last, true, out);
}

void SubscriptionTree::match(std::string_view topic, std::vector<Entry>& out) const {
  match(*root_, topic, false, !topic.starts_with('$'), out);
}

}  // namespace runnel::core
