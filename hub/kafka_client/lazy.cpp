#include "hub/kafka_client/lazy.h"

#include <dlfcn.h>

#include <atomic>
#include <mutex>

#include "storage/base/error.h"

namespace runnel::kafka_client {

namespace {

constexpr const char* kLibrary = "librdkafka.so.1";
constexpr int kVersionLeast = 0x020000ff;

std::atomic<void*> library = nullptr;

}  // namespace

// Two links may be the first at the same time.
std::string load_library() {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  if (library != nullptr) return {};
  void* found = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (found == nullptr) {
    return std::string("cannot load librdkafka (Debian: librdkafka1): ") + dlerror();
  }
  using Version = int (*)();
  using Text = const char* (*)();
  const auto version = reinterpret_cast<Version>(dlsym(found, "rd_kafka_version"));
  const auto text = reinterpret_cast<Text>(dlsym(found, "rd_kafka_version_str"));
  if (version == nullptr || text == nullptr || version() < kVersionLeast) {
    const std::string which = text == nullptr ? "an unknown version" : text();
    dlclose(found);
    return "librdkafka 2.0 or later is needed, and " + which + " is installed";
  }
  library = found;
  return {};
}

void* address_of(const char* name) {
  void* const loaded = library;
  void* const address = loaded == nullptr ? nullptr : dlsym(loaded, name);
  RUNNEL_CHECK(address != nullptr);
  return address;
}

}  // namespace runnel::kafka_client
