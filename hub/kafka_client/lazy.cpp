#include "hub/kafka_client/lazy.h"

#include <dlfcn.h>

#include "storage/base/error.h"

namespace runnel::kafka_client {

namespace {

constexpr const char* kLibrary = "librdkafka.so.1";

void* library = nullptr;

}  // namespace

std::string load_library() {
  if (library == nullptr) library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return {};
  return std::string("cannot load librdkafka (Debian: librdkafka1): ") + dlerror();
}

void* address_of(const char* name) {
  void* address = library == nullptr ? nullptr : dlsym(library, name);
  RUNNEL_CHECK(address != nullptr);
  return address;
}

}  // namespace runnel::kafka_client
