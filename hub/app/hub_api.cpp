#include "hub/app/hub_api.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "hub/app/text.h"

namespace runnel::app {

namespace json = boost::json;

namespace {

// Members of a JSON object, where a missing or odd one makes the whole answer odd.
class Fields {
 public:
  explicit Fields(const json::value& value) : object_(value.if_object()) {}

  std::int64_t number(std::string_view name) {
    const json::value* value = member(name);
    boost::system::error_code ec;
    const auto number = value != nullptr && value->is_number() ? value->to_number<std::int64_t>(ec)
                                                               : std::int64_t{0};
    odd_ = odd_ || value == nullptr || !value->is_number() || ec;
    return number;
  }

  std::string text(std::string_view name) {
    const json::value* value = member(name);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    odd_ = odd_ || text == nullptr;
    return text == nullptr ? std::string{} : std::string(*text);
  }

  const json::array& array(std::string_view name) {
    static const json::array kNone;
    const json::value* value = member(name);
    const json::array* array = value == nullptr ? nullptr : value->if_array();
    odd_ = odd_ || array == nullptr;
    return array == nullptr ? kNone : *array;
  }

  [[nodiscard]] bool odd() const { return odd_ || object_ == nullptr; }

 private:
  [[nodiscard]] const json::value* member(std::string_view name) const {
    return object_ == nullptr ? nullptr : object_->if_contains(name);
  }

  const json::object* object_;
  bool odd_ = false;
};

ApiFailure odd_answer(const Peer& peer) {
  return {
      ApiFailure::Kind::refused,
      0,
      "what answers at " + peer_text(peer) + " is not a runnel hub of this kind"};
}

// What the hub gave as its reason: {"error":"…"}, or the text itself.
std::string reason_in(const std::string& body) {
  boost::system::error_code ec;
  const json::value value = json::parse(body, ec);
  Fields fields(value);
  const std::string error = fields.text("error");
  const std::string text = !ec && !fields.odd() ? error : body.substr(0, body.find('\n'));
  return text.empty() ? std::string{} : ": " + printable(text);
}

}  // namespace

Answer<json::object> HubApi::ask(const std::string& target, std::chrono::milliseconds patience) {
  auto response = http_.get(target, patience);
  if (!response) {
    return ApiFailure{
        ApiFailure::Kind::unreachable,
        0,
        "cannot reach the hub at " + peer_text(http_.peer()) + ": " + response.error().text +
            "; is `runnel serve` running?"};
  }
  if (response->status != 200) {
    return ApiFailure{
        ApiFailure::Kind::refused,
        response->status,
        "the hub answered " + std::to_string(response->status) + reason_in(response->body)};
  }
  boost::system::error_code ec;
  json::value value = json::parse(response->body, ec);
  if (ec || !value.is_object()) return odd_answer(http_.peer());
  return std::move(value.get_object());
}

Answer<json::object> HubApi::status() {
  return ask("/api/v1/status");
}

Answer<json::object> HubApi::links() {
  return ask("/api/v1/links");
}

Answer<std::vector<TopicInfo>> HubApi::topics() {
  auto answer = ask("/api/v1/topics");
  if (!answer) return answer.error();
  const json::value value(std::move(*answer));
  Fields fields(value);
  std::vector<TopicInfo> topics;
  for (const json::value& element : fields.array("topics")) {
    Fields topic(element);
    TopicInfo info{topic.text("name"), {}};
    for (const json::value& part : topic.array("partitions")) {
      Fields partition(part);
      info.partitions.push_back(
          {static_cast<std::uint32_t>(partition.number("partition")),
           partition.number("log_start_offset"),
           partition.number("high_watermark")}
      );
      if (partition.odd()) return odd_answer(http_.peer());
    }
    if (topic.odd()) return odd_answer(http_.peer());
    topics.push_back(std::move(info));
  }
  if (fields.odd()) return odd_answer(http_.peer());
  return topics;
}

Answer<Records> HubApi::records(const RecordsRequest& request) {
  auto answer =
      ask("/api/v1/topics/" + percent_encoded(request.topic) +
              "/records?partition=" + std::to_string(request.partition) +
              "&offset=" + std::to_string(request.offset) + "&max=" + std::to_string(request.max) +
              "&wait_ms=" + std::to_string(request.wait.count()),
          request.wait);
  if (!answer) return answer.error();
  const json::value value(std::move(*answer));
  Fields fields(value);
  Records records;
  records.next_offset = fields.number("next_offset");
  records.high_watermark = fields.number("high_watermark");
  records.log_start_offset = fields.number("log_start_offset");
  records.records = fields.array("records");
  if (fields.odd()) return odd_answer(http_.peer());
  return records;
}

json::object json_of(const TopicInfo& topic) {
  json::array partitions;
  for (const PartitionInfo& partition : topic.partitions) {
    partitions.push_back(json::object{
        {"partition", partition.partition},
        {"log_start_offset", partition.log_start_offset},
        {"high_watermark", partition.high_watermark}});
  }
  return {{"name", topic.name}, {"partitions", std::move(partitions)}};
}

}  // namespace runnel::app
