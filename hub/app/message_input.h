// What a person or another program hands to `runnel publish`: the contents of a file, or the lines
// of standard input. Threads: one.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "hub/app/connection.h"

namespace runnel::app {

// "-": all of standard input.
OrWhy<std::string> contents_of(const std::string& file);

// Standard input, line by line, without newlines. The last one may lack it.
class InputLines {
 public:
  InputLines();

  // Blocks; nullopt at the end.
  std::optional<std::string> next();

  // next() will not block.
  bool at_hand();

  // Whether something has come within `wait`; the end counts as something.
  bool wait(std::chrono::milliseconds wait);
};

}  // namespace runnel::app
