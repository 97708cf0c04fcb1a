// Runs a test over every API in every version that is served.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "hub/kafka/exchanges.h"

namespace runnel::kafka {

// Calls `f.template operator()<Message>(version)`.
template <class Message, class F>
void for_each_version(const char* what, F&& f) {
  for (Version v = Message::kApi.oldest_served(); v <= Message::kApi.max; ++v) {
    SCOPED_TRACE(
        "key " + std::to_string(static_cast<int>(Message::kApi.key)) + ", version " +
        std::to_string(v) + ", " + what
    );
    f.template operator()<Message>(v);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

template <class F>
void for_each_request(F&& f) {
  for_each_exchange([&]<class Exchange>() {
    for_each_version<typename Exchange::Request>("request", f);
  });
}

template <class F>
void for_each_message(F&& f) {
  for_each_request(f);
  for_each_exchange([&]<class Exchange>() {
    for_each_version<typename Exchange::Response>("response", f);
  });
}

}  // namespace runnel::kafka
