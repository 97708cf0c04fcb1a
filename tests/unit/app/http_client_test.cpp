#include "hub/app/http_client.h"

#include <gmock/gmock.h>

#include "hub/app/hub_api.h"
#include "tests/unit/app/scripted_server.h"

namespace runnel::app {
namespace {

using testing::HasSubstr;

Peer local(std::uint16_t port) {
  return {"127.0.0.1", port};
}

TEST(Peer, IsAHostAndAPort) {
  EXPECT_EQ(peer_text(*read_peer("127.0.0.1:8090")), "127.0.0.1:8090");
  EXPECT_EQ(peer_text(*read_peer("gateway:80")), "gateway:80");
  EXPECT_EQ(peer_text(*read_peer("[::1]:8090")), "[::1]:8090");
  EXPECT_EQ(read_peer("[::1]:8090")->host, "::1");
  EXPECT_EQ(peer_text(*read_peer("http://gateway:8090/")), "gateway:8090");
  for (const char* bad :
       {"",
        "gateway",
        "gateway:",
        ":8090",
        "gateway:0",
        "gateway:65536",
        "gateway:80x",
        "::1:8090",
        "https://gateway:1",
        "gateway/x:1"}) {
    EXPECT_FALSE(read_peer(bad)) << bad;
  }
}

TEST(PercentEncoding, KeepsTopicNamesAndEscapesTheRest) {
  EXPECT_EQ(percent_encoded("A-z_0.9"), "A-z_0.9");
  EXPECT_EQ(percent_encoded("a/b c?\xC3\xA4"), "a%2Fb%20c%3F%C3%A4");
}

TEST(HttpClient, KeepsOneConnectionForManyRequests) {
  ScriptedServer server([](std::string& input) -> ScriptedServer::Answer {
    const std::string target = take_request(input);
    return {target.empty() ? "" : http_response(target), false};
  });
  HttpClient client(local(server.port()));
  for (const char* target : {"/a", "/b", "/c"}) {
    const auto response = client.get(target);
    ASSERT_TRUE(response) << response.error().text;
    EXPECT_EQ(response->status, 200U);
    EXPECT_EQ(response->body, target);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, ConnectsAgainWhenTheServerHasClosed) {
  ScriptedServer server([](std::string& input) -> ScriptedServer::Answer {
    const std::string target = take_request(input);
    if (target.empty()) return {};
    return {http_response(target), true};
  });
  HttpClient client(local(server.port()));
  for (const char* target : {"/a", "/b", "/c"}) {
    const auto response = client.get(target);
    ASSERT_TRUE(response) << response.error().text;
    EXPECT_EQ(response->body, target);
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, ReadsChunkedBodiesAndBodiesThatEndWithTheConnection) {
  ScriptedServer server([](std::string& input) -> ScriptedServer::Answer {
    const std::string target = take_request(input);
    if (target == "/chunked") {
      return {
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
          false};
    }
    if (target == "/close") return {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", true};
    return {};
  });
  HttpClient client(local(server.port()));
  EXPECT_EQ(client.get("/chunked")->body, "abcde");
  EXPECT_EQ(client.get("/close")->body, "to the end");
}

TEST(HttpClient, PassesOnWhateverStatusComes) {
  ScriptedServer server([](std::string& input) -> ScriptedServer::Answer {
    if (take_request(input).empty()) return {};
    return {http_response("{\"error\":\"no\"}", "404 Not Found"), false};
  });
  const auto response = HttpClient(local(server.port())).get("/x");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404U);
}

TEST(HttpClient, SaysWhyThereIsNoAnswer) {
  std::uint16_t closed_port = 0;
  {
    ScriptedServer gone([](std::string&) { return ScriptedServer::Answer{}; });
    closed_port = gone.port();
  }
  EXPECT_EQ(HttpClient(local(closed_port)).get("/").error().text, "connection refused");

  ScriptedServer torn([](std::string& input) -> ScriptedServer::Answer {
    if (take_request(input).empty()) return {};
    return {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true};
  });
  EXPECT_EQ(
      HttpClient(local(torn.port())).get("/").error().text,
      "the connection was closed in the middle of an answer"
  );

  ScriptedServer other([](std::string& input) -> ScriptedServer::Answer {
    if (take_request(input).empty()) return {};
    return {"SSH-2.0-OpenSSH\r\n\r\n", false};
  });
  EXPECT_THAT(
      HttpClient(local(other.port())).get("/").error().text, HasSubstr("not an HTTP answer")
  );
}

TEST(HubApi, FailuresSayWhoAnsweredWhat) {
  const auto answering = [](std::string body, std::string status) {
    return [=](std::string& input) -> ScriptedServer::Answer {
      if (take_request(input).empty()) return {};
      return {http_response(body, status), false};
    };
  };
  ScriptedServer refusing(answering("{\"error\":\"no topic \\\"x\\\"\"}", "404 Not Found"));
  const auto refused = HubApi(local(refusing.port())).status();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ApiFailure::Kind::refused);
  EXPECT_EQ(refused.error().message, "the hub answered 404: no topic \"x\"");

  for (const char* odd :
       {"",
        "hello",
        "[]",
        "{}",
        "{\"topics\":[{}]}",
        "{\"topics\":3}",
        "{\"topics\":[{\"name\":\"a\",\"partitions\":[{\"partition\":\"0\"}]}]}"}) {
    ScriptedServer server(answering(odd, "200 OK"));
    const auto topics = HubApi(local(server.port())).topics();
    ASSERT_FALSE(topics) << odd;
    EXPECT_THAT(topics.error().message, HasSubstr("is not a runnel hub")) << odd;
  }
}

}  // namespace
}  // namespace runnel::app
