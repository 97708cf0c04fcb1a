// All links of a hub, as its turns see them: they are told of topics and of what commits brought, and
// what they know is written down (state rows "lk/{link}"), so that retention knows what they need before
// they have reached anybody.
//
// Threads: one, the io thread; each link has one of its own behind it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/link.h"
#include "bridge/mirrors.h"
#include "hub/core/link_report.h"
#include "hub/core/service.h"
#include "hub/core/topics.h"

namespace runnel::bridge {

class Links final : public core::Service {
 public:
  // All outlive this.
  // `poke` makes a turn of the io thread; it is called from others.
  Links(
      log::Log& log,
      core::Topics& topics,
      Mirrors& mirrors,
      const Clock& clock,
      std::function<void()> poke
  );

  // What the log remembers of links. To be called once, before configure(). `name`: what others call
  // this hub; `log_id`: what no other log has, under which destinations keep how far links have come.
  Result<void> load(std::string name, std::string log_id);

  // These links and no others. What has not changed goes on; a link that has ends first and begins
  // anew.
  void configure(std::vector<LinkSpec> specs, std::size_t record_bytes_max);

  [[nodiscard]] std::vector<core::LinkReport> reports() const;
  // The same as MQTT topics below $SYS/hub/links/, and their values.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> sys() const;

  // --- core::Service; links have no streams ---
  std::unique_ptr<core::Stream> open(void*, core::Endpoints, Instant) override { return nullptr; }
  std::vector<core::Stream*> take_ready() override { return {}; }
  std::vector<core::Stream*> take_resumed() override { return {}; }
  void committed(const log::Group& group, core::Turn& turn) override;
  void tick(core::Turn& turn) override;
  bool run(core::Turn& turn) override;
  void end(core::Turn&) override {}
  void shut_down(core::Turn& turn) override;

 private:
  struct Entry {
    LinkSpec spec;               // as it should be
    std::unique_ptr<Link> link;  // null: its predecessor has not ended yet
    Memory memory;               // as it is written down
    std::optional<Instant> written;
    bool is_other = false;       // than before the reload: what it covers now is to be pinned again
    std::optional<Parcel> parcel;  // that waits for room in a group
    std::shared_ptr<Copy> storing;  // that is in one
  };

  void end(Entry& entry);
  void start_what_may();
  void tell_sources();
  void tell_mirrors();
  void hold();
  [[nodiscard]] std::uint64_t behind(const Entry& entry) const;
  void pin_start(const LinkSpec& spec, const Sources& sources, Positions& positions) const;
  bool store(Entry& entry, core::Turn& turn);
  bool store_copy(Entry& entry, core::Turn& turn);
  void settle(const log::Group& group);
  void forget_gone(const LinkSpec& spec, Positions& positions) const;
  void write_down(Entry& entry, core::Turn& turn);
  [[nodiscard]] Sources sources_of(const LinkSpec& spec) const;

  log::Log& log_;
  core::Topics& topics_;
  Mirrors& mirrors_;
  std::uint64_t numbers_ = 0;
  Surroundings around_;
  std::map<std::string, Memory> remembered_;  // of links that are not at work
  std::map<std::string, Entry> entries_;
  std::vector<std::unique_ptr<Link>> ending_;
  std::uint64_t topic_changes_ = 0;
  std::uint64_t mirror_changes_ = 0;
};

}  // namespace runnel::bridge
