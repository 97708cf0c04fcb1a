// One simulated run: a hub, some clients, and chance. Afterwards everything is left to come to
// rest, and all promises are checked.
#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/client.h"
#include "tests/support/temp_dir.h"

namespace runnel::simulation {

struct RunOptions {
  std::size_t steps = 3000;
  bool crashes = false;     // of the hub
  bool retirement = false;  // a small ceiling and large payloads
};

class Run {
 public:
  Run(std::uint64_t seed, RunOptions options);

  // Throws Violation.
  void go();

  [[nodiscard]] std::size_t stored() const { return hub_->log().end().value; }

 private:
  [[nodiscard]] HubOptions hub_options();
  void make_clients();
  void make_shares();
  void add(ClientPlan plan);
  void step();
  void step_of(Client& client);
  bool network();
  bool work();
  void rest();
  void check();
  void check_shares() const;
  void check_retained();

  Dice dice_;
  RunOptions options_;
  test::TempDir dir_;
  Ledger ledger_;
  std::unique_ptr<Hub> hub_;
  std::vector<std::unique_ptr<Share>> shares_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace runnel::simulation
