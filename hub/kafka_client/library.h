// librdkafka, owned. For the .cpp files of this folder.
//
// Threads: log lines come from any thread of the library and are dropped; everything else happens
// in the thread that polls.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/kafka_client/lazy.h"
#include "hub/kafka_client/record.h"

namespace runnel::kafka_client {

class Sockets;

template <const auto& Destroy>
struct Release {
  template <class T>
  void operator()(T* pointer) const {
    Destroy(pointer);
  }
};

template <class T, const auto& Destroy>
using Owned = std::unique_ptr<T, Release<Destroy>>;

using OwnedMessage = Owned<rd_kafka_message_t, rd_kafka_message_destroy>;
using OwnedPlaces = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using OwnedEvent = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using OwnedQueue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;

class Library {
 public:
  // Why it cannot be, or nothing.
  std::string make(
      rd_kafka_type_t type,
      const std::vector<std::pair<const char*, std::string>>& settings,
      Sockets* sockets = nullptr  // outlives this; null: the library makes its own
  );

  // The handle goes, with all that the library has open.
  void release() { handle_.reset(); }

  // Null when make() failed.
  [[nodiscard]] rd_kafka_t* handle() const { return handle_.get(); }

  // What the library reported last about its connections; taken.
  struct Trouble {
    std::string text;
    bool not_permitted = false;  // who we are, or what we may
  };

  std::optional<Trouble> trouble() { return std::exchange(trouble_, std::nullopt); }

  // What has become of a record that was sent; called while somebody polls.
  std::function<void(const rd_kafka_message_t&)> on_delivery;

 private:
  static void heard(rd_kafka_t*, int error, const char* reason, void* self);
  static void report(rd_kafka_t*, const rd_kafka_message_t*, void* self);

  Sockets* sockets_ = nullptr;
  std::optional<Trouble> trouble_;
  Owned<rd_kafka_t, rd_kafka_destroy> handle_;
};

using ErrorText = std::array<char, 512>;

// The library's code as a Failure. `text` says more than the code's name, where there is more.
Failure failure_of(rd_kafka_resp_err_t error, const char* text = nullptr);

// "Message size too large": without the library's word for who said it.
std::string plain(std::string_view text);

OwnedPlaces places_of(const std::vector<At>& places);
std::vector<At> places_of(const rd_kafka_topic_partition_list_t& places);

// Bytes that may be missing.
std::optional<std::string> bytes_of(const void* bytes, std::size_t size);

}  // namespace runnel::kafka_client
