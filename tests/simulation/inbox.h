// What one session has been given, and the promises about that: of a live session, of one that
// comes back, and of one whose hub has crashed meanwhile.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>

#include "tests/simulation/ledger.h"

namespace runnel::simulation {

class Inbox {
 public:
  explicit Inbox(bool ordered) : ordered_(ordered) {}

  // A message has come, and is no QoS 2 repeat that its packet id gives away. `life` is the hub's.
  // One that is not owed was stored before its subscription was acknowledged, and may come late
  // when the hub crashes.
  void got(const Sent& sent, const mqtt::Publish& publish, std::uint32_t life, bool owed);

  [[nodiscard]] std::size_t count(const std::string& id) const;

  [[nodiscard]] const std::set<std::string>& retained() const { return retained_; }

 private:
  struct Got {
    std::size_t times = 0;
    std::size_t originals = 0;  // without DUP, in this life of the hub
    std::uint32_t life = 0;
  };

  bool ordered_;
  std::map<std::string, Got> got_;
  std::set<std::string> retained_;  // ids that came with RETAIN
  std::map<std::tuple<Stream, mqtt::QoS>, Position> last_;
};

// What came out of a shared subscription, over all its members.
struct Share {
  std::string filter{};
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  std::map<std::string, std::set<std::string>> members_of{};  // by message
};

}  // namespace runnel::simulation
