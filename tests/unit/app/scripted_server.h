// A server on loopback that answers each request as the test says, one connection at a time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace runnel::app {

class ScriptedServer {
 public:
  // What to send for what has come, which the answer takes away from `input` as far as it used it;
  // an empty answer waits for more.
  struct Answer {
    std::string bytes;
    bool then_close = false;
  };

  using Script = std::function<Answer(std::string& input)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) == 0 && ::listen(listener_, 16) == 0 &&
        ::getsockname(listener_, generic, &size) == 0) {
      port_ = ntohs(address.sin_port);
    }
    thread_ = std::thread([this] { serve(); });
  }

  ~ScriptedServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    if (const int connection = connection_; connection >= 0) ::shutdown(connection, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    while (!stopping_) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      connection_ = connection;
      ++connections_;
      talk(connection);
      connection_ = -1;
      ::close(connection);
    }
  }

  void talk(int connection) {
    std::string input;
    char buffer[4096];
    while (!stopping_) {
      const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      input.append(buffer, static_cast<std::size_t>(n));
      for (Answer answer = script_(input); !answer.bytes.empty() || answer.then_close;
           answer = script_(input)) {
        ::send(connection, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
        if (answer.then_close) return;
      }
    }
  }

  Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connection_ = -1;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

// Takes one HTTP request away and returns its target; empty while it is not whole.
inline std::string take_request(std::string& input) {
  const auto end = input.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  const auto from = input.find(' ') + 1;
  std::string target = input.substr(from, input.find(' ', from) - from);
  input.erase(0, end + 4);
  return target;
}

inline std::string http_response(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace runnel::app
