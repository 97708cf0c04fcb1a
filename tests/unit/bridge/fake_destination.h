// A Kafka cluster in memory, as a link sees it: what was committed is there, and what was not is not.
// It can be told to fail, and to fail so that nobody knows what became of a commit.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bridge/destination.h"

namespace runnel::bridge::test {

struct Arrived {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;

  [[nodiscard]] std::string word() const { return value.value_or("(null)"); }
};

// What outlives a connection.
struct FakeCluster {
  std::string id = "id-there";
  std::map<std::string, std::vector<std::vector<Arrived>>> topics;  // by partition
  std::map<std::string, std::vector<CommittedAt>> groups;
  bool transactions = true;
  std::function<bool(const Arrived&)> refuses = [](const Arrived&) { return false; };

  [[nodiscard]] std::vector<std::string> words(const std::string& topic, std::size_t partition = 0) const {
    std::vector<std::string> out;
    for (const Arrived& a : topics.at(topic).at(partition)) out.push_back(a.word());
    return out;
  }
};

class FakeDestination final : public Destination {
 public:
  explicit FakeDestination(FakeCluster& cluster) : cluster_(cluster) {}

  // What the next commits do; then they succeed.
  enum class Fate { done, lost, done_but_not_told };
  std::deque<Fate> fates;
  std::size_t commits = 0;
  bool refuses_early = false;

  std::optional<Failure> begin_life() override {
    if (!cluster_.transactions) return Failure{Failure::Kind::unsupported, "no transactions"};
    return std::nullopt;
  }
  std::string cluster_id() override { return cluster_.id; }
  [[nodiscard]] bool keeps_positions() const override { return true; }
  Answer<std::vector<CommittedAt>> committed(const std::string& group) override {
    const auto found = cluster_.groups.find(group);
    if (found == cluster_.groups.end()) return Failure{Failure::Kind::unknown_group, "no such group"};
    return found->second;
  }
  Answer<std::map<std::string, std::size_t>> topics() override {
    std::map<std::string, std::size_t> out;
    for (const auto& [name, partitions] : cluster_.topics) out[name] = partitions.size();
    return out;
  }
  std::optional<Failure> create(const std::string& topic, std::int32_t partitions) override {
    if (topic == "forbidden") return Failure{Failure::Kind::refused, "not here"};
    cluster_.topics[topic].resize(static_cast<std::size_t>(partitions));
    return std::nullopt;
  }
  std::optional<Failure> begin() override {
    open_.clear();
    return std::nullopt;
  }
  std::optional<Failure> send(
      const std::string& topic, std::int32_t partition, const Outgoing& record
  ) override {
    Arrived a;
    if (record.key) a.key = std::string(*record.key);
    if (record.value) a.value = std::string(*record.value);
    for (const auto& h : record.headers) a.headers[std::string(h.name)] = std::string(h.value.value_or(""));
    // As a cluster that answers while more is sent.
    const bool ended = refuses_early && !open_.empty() && cluster_.refuses(open_.back().record);
    if (ended) return Failure{Failure::Kind::record_refused, "too large"};
    open_.push_back({topic, partition, std::move(a)});
    return std::nullopt;
  }
  std::optional<Failure> commit(
      const std::string& group, const std::vector<CommittedAt>& positions
  ) override {
    ++commits;
    for (const auto& [topic, partition, record] : open_) {
      if (cluster_.refuses(record)) return Failure{Failure::Kind::record_refused, "too large"};
    }
    Fate fate = Fate::done;
    if (!fates.empty()) {
      fate = fates.front();
      fates.pop_front();
    }
    if (fate != Fate::lost) apply(group, positions);
    if (fate != Fate::done) return Failure{Failure::Kind::unreachable, "the connection broke"};
    return std::nullopt;
  }

 private:
  struct Sent {
    std::string topic;
    std::int32_t partition;
    Arrived record;
  };

  void apply(const std::string& group, const std::vector<CommittedAt>& positions) {
    for (Sent& s : open_) {
      cluster_.topics.at(s.topic).at(static_cast<std::size_t>(s.partition)).push_back(std::move(s.record));
    }
    open_.clear();
    auto& known = cluster_.groups[group];
    for (const CommittedAt& at : positions) {
      std::erase_if(known, [&](const CommittedAt& k) { return k.topic == at.topic && k.partition == at.partition; });
      known.push_back(at);
    }
  }

  FakeCluster& cluster_;
  std::vector<Sent> open_;
};

}  // namespace runnel::bridge::test
