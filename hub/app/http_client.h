// GET from a hub's HTTP door, over one connection that is kept and made anew when it has gone.
// Threads: one.
#pragma once

#include <chrono>
#include <string>

#include "hub/app/connection.h"

namespace runnel::app {

struct HttpResponse {
  unsigned status = 0;
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(Peer peer) : peer_(std::move(peer)) {}

  // Any answer of the hub, whatever its status; a Why when there is none. `patience` is added to
  // the time that an answer may take, for requests that ask the hub to wait.
  OrWhy<HttpResponse> get(const std::string& target, std::chrono::milliseconds patience = {});

  [[nodiscard]] const Peer& peer() const { return peer_; }

 private:
  OrWhy<HttpResponse> exchange(const std::string& request, std::chrono::milliseconds timeout);

  Peer peer_;
  Connection connection_;
};

// One segment of a path: all but letters, digits and -._~ as %XX.
std::string percent_encoded(std::string_view segment);

}  // namespace runnel::app
