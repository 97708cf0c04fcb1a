// A shared subscription (MQTT 5.0 §4.8.2): one reader of the log, whose messages go to one member
// each, in turn, to members that can take them. A group whose members are all busy or away keeps a
// cursor, as a session does.
//
// QoS 1 messages that a member had in flight when its session ended go to another member; QoS 2
// messages do not ([MQTT-4.8.2-5]).
//
// State row "g/{share name}/{filter}": u8 1, name and filter counted, u64 cursor, u8 tailing, varint
// count and u64 positions that are owed again. Threads: one, the io thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "hub/broker/session.h"

namespace runnel::broker {

class SharedGroup final : public LogReader {
 public:
  SharedGroup(Broker& broker, std::string key, std::string filter);
  ~SharedGroup() override;

  [[nodiscard]] const std::string& key() const { return key_; }        // "{share name}/{filter}"
  [[nodiscard]] const std::string& filter() const { return filter_; }
  [[nodiscard]] bool empty() const { return members_.empty(); }
  [[nodiscard]] bool persistent() const;

  void join(Session& session, std::uint32_t which);
  void leave(Session& session);

  // A message that a member will not acknowledge any more.
  void owe_again(Position position);

  // A member can take messages again, or a new one came.
  void wake();

  // Hands a message to a member. False: nobody can take it now.
  bool hand_out(const log::BlockPtr& block, std::uint32_t index, const Message& message, Turn& turn);

  bool offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) override;
  [[nodiscard]] bool ready() const override;
  void missed(std::uint64_t records) override;
  void position_changed() override { dirty_ = true; }

  void mark_dirty() { dirty_ = true; }
  [[nodiscard]] bool dirty() const { return dirty_; }
  // Writes its row, and those of members that have moved.
  void save(Turn& turn);
  void restore(Position cursor, std::set<Position> owed);
  void erase_row(Turn& turn);

 private:
  // Reads what is owed again, beside the group's own reading.
  class Again final : public LogReader {
   public:
    explicit Again(SharedGroup& group) : group_(group) {}
    bool offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) override;
    [[nodiscard]] bool ready() const override;
    void missed(std::uint64_t records) override;
    void trimmed(std::uint64_t records) override { missed(records); }
    [[nodiscard]] Position next_wanted(Position from) const override;

   private:
    SharedGroup& group_;
  };

  struct Member {
    Session* session;
    std::uint32_t which;
  };

  Broker& broker_;
  std::string key_;
  std::string filter_;
  std::vector<Member> members_;
  std::size_t turn_ = 0;
  std::set<Position> owed_;
  Again again_;
  bool dirty_ = false;
};

}  // namespace runnel::broker
