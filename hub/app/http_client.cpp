#include "hub/app/http_client.h"

#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "storage/base/bytes.h"

namespace runnel::app {

namespace http = boost::beast::http;

namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5000};
constexpr std::chrono::milliseconds kAnswerTimeout{10'000};
constexpr std::uint64_t kBodyBytesMax = 256 * 1024 * 1024;

}  // namespace

OrWhy<HttpResponse> HttpClient::get(const std::string& target, std::chrono::milliseconds patience) {
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + peer_text(peer_) +
                              "\r\nUser-Agent: runnel/" RUNNEL_VERSION
                              "\r\nAccept: application/json\r\n\r\n";
  if (connection_.is_open()) {
    // The hub may have closed a connection that was idle; that is no failure of this request.
    auto answer = exchange(request, kAnswerTimeout + patience);
    if (answer) return answer;
    connection_.close();
  }
  connection_ = Connection();
  if (auto failed = connection_.open(peer_, kConnectTimeout)) return *failed;
  auto answer = exchange(request, kAnswerTimeout + patience);
  if (!answer) connection_.close();
  return answer;
}

OrWhy<HttpResponse> HttpClient::exchange(
    const std::string& request, std::chrono::milliseconds timeout
) {
  if (auto failed = connection_.write(request, timeout)) return *failed;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kBodyBytesMax);
  parser.eager(true);
  Bytes unread;
  while (!parser.is_done()) {
    const auto bytes = connection_.read(timeout);
    if (!bytes) return bytes.error();
    boost::system::error_code ec;
    if (bytes->empty()) {
      if (parser.got_some()) parser.put_eof(ec);  // it stops the program otherwise
      if (ec || !parser.is_done())
        return Why{"the connection was closed in the middle of an answer"};
      break;
    }
    unread.append(*bytes);
    const std::size_t used = parser.put(boost::asio::buffer(unread), ec);
    unread.erase(0, used);
    if (ec && ec != http::error::need_more) return Why{"not an HTTP answer (" + ec.message() + ")"};
  }
  auto message = parser.release();
  if (!message.keep_alive()) connection_.close();
  return HttpResponse{message.result_int(), std::move(message.body())};
}

std::string percent_encoded(std::string_view segment) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0x0FU];
    }
  }
  return out;
}

}  // namespace runnel::app
