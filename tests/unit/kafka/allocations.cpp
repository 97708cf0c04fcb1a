#include "tests/unit/kafka/allocations.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace runnel::kafka {

namespace {

thread_local Allocations allocations;

}  // namespace

Allocations take_allocations() {
  const Allocations out = allocations;
  allocations = {};
  return out;
}

}  // namespace runnel::kafka

void* operator new(std::size_t n) {
  auto& a = runnel::kafka::allocations;
  a.largest_bytes = std::max(a.largest_bytes, n);
  a.total_bytes += n;
  if (void* p = std::malloc(n > 0 ? n : 1)) return p;
  throw std::bad_alloc();
}

void operator delete(void* p) noexcept {
  std::free(p);
}

void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
