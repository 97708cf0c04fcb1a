// Which topics here are a mirror's, and what is done to them: they take the batches of their origin as they
// stand there, and no others. What is known is written down (state rows "lm/{topic}": link, origin, the
// topic's id there, the first partition here).
//
// A topic stops to be a mirror when no link of that name is a mirror any more (promote it so), or when it
// is deleted.
//
// Threads: one, the io thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "bridge/copy.h"
#include "hub/core/groups/group_coordinator.h"
#include "hub/core/replicas.h"
#include "hub/core/topics.h"
#include "hub/core/turn.h"

namespace runnel::bridge {

class Mirrors {
 public:
  // All outlive this.
  Mirrors(log::Log& log, core::Topics& topics, core::Replicas& replicas)
      : log_(log), topics_(topics), replicas_(replicas) {}

  // What the log remembers. Before anybody writes.
  Result<void> load();

  // The groups here, and what is to be done when topics stop to be mirrors. All outlive this.
  void serve(
      core::GroupOffsets& offsets,
      const core::GroupCoordinator& groups,
      std::function<void(core::Turn&)> adopt
  );

  // The links that are mirrors, also those that have yet to end: what they have on the way is stored before
  // their topics are anybody else's. Topics of others are this hub's own with the next tick().
  void configure(std::set<std::string> links) { links_ = std::move(links); }

  [[nodiscard]] bool has(std::string_view topic) const { return rows_.contains(topic); }

  // Puts it into this group. Of a compacted topic only as much as there is room for: the end of its
  // partition tells.
  void store(const std::string& link, Copy& copy, core::Turn& turn);
  // What came of it. `copy` is the same.
  static void settle(Copy& copy, const log::Group::Outcome& outcome);

  // Goes up whenever a topic becomes a mirror's, or ceases to be one.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  void tick(core::Turn& turn);

 private:
  struct Row {
    std::string link;
    std::string origin;
    Bytes id;
    PartitionId first{};
  };

  static Bytes encode(const Row& row);
  static std::optional<Row> decode(ByteView value);
  [[nodiscard]] std::string refusal(const std::string& link, const Copy& copy, const Copy::Topic& topic) const;
  void make(const std::string& link, const Copy& copy, const Copy::Topic& topic, core::Turn& turn);
  void commit(const Copy::Committed& committed, core::Turn& turn);
  [[nodiscard]] bool admits(PartitionId partition, const Bytes& batch, core::Turn& turn) const;
  void forget_gone(core::Turn& turn);
  void tell();

  log::Log& log_;
  core::Topics& topics_;
  core::Replicas& replicas_;
  core::GroupOffsets* offsets_ = nullptr;
  const core::GroupCoordinator* groups_ = nullptr;
  std::function<void(core::Turn&)> adopt_;
  std::set<std::string> links_;
  std::map<std::string, Row, std::less<>> rows_;
  std::uint64_t topic_changes_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace runnel::bridge
