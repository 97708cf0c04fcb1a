// What groups commit, as a partition that mirrors fetch like others: topic kGroupOffsetsId
// (kafka/messages/fetch.h), partition 0, to be seen in no list of topics. Each record is one committed offset: key
// and value as core/groups/offset_row.h encodes them; no value: it is no more. Of each, the last one alone is there, as in a
// compacted topic. Offsets count changes; they begin higher with every start of the hub, so that whoever
// comes with one of before is given everything anew.
//
// Nothing is kept before somebody has asked; of offsets that are no more, the last kGoneKept.
//
// Threads: one, the io thread.
#pragma once

#include <deque>
#include <map>

#include "hub/core/groups/group_offsets.h"
#include "storage/base/types.h"

namespace runnel::kafka {

class OffsetFeed {
 public:
  explicit OffsetFeed(const core::GroupOffsets& offsets) : offsets_(offsets) {}

  // Somebody wants it. `boot`: of the log.
  void begin(std::uint32_t boot);

  // This offset has changed, durably.
  void changed(const core::OffsetKey& key);

  // Behind the last change.
  [[nodiscard]] Offset end() const { return Offset(next_); }

  // Where to read from for whoever has come as far as `asked`.
  [[nodiscard]] Offset start(Offset asked) const;

  // Batches of one record each, from `from` on: at least one if there is one, about `bytes_max`.
  [[nodiscard]] Bytes read(Offset from, std::size_t bytes_max) const;

 private:
  void forget_gone();

  const core::GroupOffsets& offsets_;
  bool begun_ = false;
  std::int64_t first_ = 0;
  std::int64_t next_ = 0;
  std::map<std::int64_t, core::OffsetKey> changes_;  // the last of each key
  std::map<core::OffsetKey, std::int64_t> places_;   // in changes_
  std::deque<std::int64_t> gone_;                    // places of those that are no more, perhaps
};

}  // namespace runnel::kafka
