// The HTTP door: reads requests, hands them to a handler, writes the answers. Bounded in connections,
// head and body. Threads: the io thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

namespace runnel::net {

struct HttpRequest {
  std::string method;
  std::string path;                                     // decoded, without the query
  std::map<std::string, std::string, std::less<>> query;  // decoded
};

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// Answers once, at once or later, on the io thread.
using HttpReply = std::function<void(HttpAnswer)>;
using HttpHandler = std::function<void(const HttpRequest&, HttpReply)>;

constexpr std::size_t kHttpConnectionsMax = 64;
constexpr std::size_t kHttpHeadBytesMax = 16 * 1024;

class HttpDoor {
 public:
  HttpDoor(boost::asio::io_context& io, HttpHandler handler);

  void serve(boost::asio::ip::tcp::socket socket);
  // Ends every connection.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// "a%20b" to "a b"; nothing else is changed. For tests.
std::string percent_decode(std::string_view text);

}  // namespace runnel::net
