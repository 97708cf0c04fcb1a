// How much memory this test program has asked for, in the calling thread.
#pragma once

#include <cstddef>

namespace runnel::kafka {

struct Allocations {
  std::size_t largest_bytes = 0;
  std::size_t total_bytes = 0;  // freed or not
};

// Since the last call.
Allocations take_allocations();

}  // namespace runnel::kafka
