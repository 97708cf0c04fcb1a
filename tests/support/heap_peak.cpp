#include "tests/support/heap_peak.h"

#include <malloc.h>

#include <atomic>
#include <cstdint>

#if defined(__has_feature)
#define RUNNEL_HAS_FEATURE(x) __has_feature(x)
#else
#define RUNNEL_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    RUNNEL_HAS_FEATURE(address_sanitizer) || RUNNEL_HAS_FEATURE(thread_sanitizer)
#define RUNNEL_SANITIZED_HEAP 1

// As sanitizer/allocator_interface.h has them, a header that only Clang's packages bring.
extern "C" {
std::size_t __sanitizer_get_allocated_size(const volatile void* p);
int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void*, std::size_t), void (*free_hook)(const volatile void*)
);
}
#endif

namespace {

std::atomic<std::int64_t> g_now{0};
std::atomic<std::int64_t> g_peak{0};

void count(std::int64_t bytes) {
  const std::int64_t now = g_now.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::int64_t peak = g_peak.load(std::memory_order_relaxed);
  while (now > peak && !g_peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

}  // namespace

#ifdef RUNNEL_SANITIZED_HEAP

namespace {

void allocated(const volatile void*, std::size_t bytes) {
  count(static_cast<std::int64_t>(bytes));
}

void freed(const volatile void* p) {
  if (p == nullptr) return;
  count(-static_cast<std::int64_t>(__sanitizer_get_allocated_size(p)));
}

[[maybe_unused]] const int g_installed =
    __sanitizer_install_malloc_and_free_hooks(allocated, freed);

}  // namespace

#else

extern "C" {

void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* p, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* p);
}

namespace {

void* counted(void* p) {
  if (p != nullptr) count(static_cast<std::int64_t>(malloc_usable_size(p)));
  return p;
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  return counted(__libc_malloc(bytes));
}

void* calloc(std::size_t n, std::size_t bytes) {
  return counted(__libc_calloc(n, bytes));
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return counted(__libc_memalign(alignment, bytes));
}

void free(void* p) {
  if (p != nullptr) count(-static_cast<std::int64_t>(malloc_usable_size(p)));
  __libc_free(p);
}

void* realloc(void* p, std::size_t bytes) {
  const auto before = p == nullptr ? 0 : static_cast<std::int64_t>(malloc_usable_size(p));
  void* q = __libc_realloc(p, bytes);
  if (q == nullptr && bytes != 0) return q;  // it failed, and `p` is as it was
  count(-before);
  return counted(q);
}
}

#endif

namespace runnel::test {

HeapPeak::HeapPeak() {
  g_now.store(0, std::memory_order_relaxed);
  g_peak.store(0, std::memory_order_relaxed);
}

std::size_t HeapPeak::bytes() const {
  return static_cast<std::size_t>(g_peak.load(std::memory_order_relaxed));
}

}  // namespace runnel::test
