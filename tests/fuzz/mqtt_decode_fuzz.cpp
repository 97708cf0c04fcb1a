// Any bytes as a stream of MQTT packets. Every body is decoded in both versions and as from both
// sides; what decodes must survive being written and read again, and its bytes being written twice.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "hub/mqtt/codec.h"
#include "hub/mqtt/topic_filter.h"
#include "storage/base/error.h"
#include "tests/support/mqtt_any_packet.h"

namespace {

using namespace runnel;
using namespace runnel::mqtt;

// A copy whose end the address sanitizer guards.
class Guarded {
 public:
  explicit Guarded(ByteView bytes) : size_(bytes.size()), bytes_(new char[bytes.size()]) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }

  [[nodiscard]] ByteView view() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// What decode promises of a PUBLISH beyond its fields.
void check_publish(const Publish& publish, Version version, std::size_t packet_bytes) {
  RUNNEL_CHECK(encoded_bytes(publish, version) == packet_bytes);
  RUNNEL_CHECK(
      publish.topic.empty() ? publish.topic_alias.has_value() : valid_topic_name(publish.topic)
  );
  RUNNEL_CHECK((publish.packet_id == 0) == (publish.qos == QoS::at_most_once));
  for (const auto& [name, value] : publish.properties.user) {
    RUNNEL_CHECK(valid_utf8(name) && valid_utf8(value));
  }
}

void check_filters(const Subscribe& subscribe) {
  for (const SubscribeEntry& entry : subscribe.entries) {
    const auto shared = parse_shared(entry.filter);
    RUNNEL_CHECK(!shared || (is_shared(entry.filter) && valid_topic_filter(shared->filter)));
    if (!valid_topic_filter(entry.filter)) continue;
    // A filter without wildcards is a name, and every name matches itself.
    if (valid_topic_name(entry.filter)) RUNNEL_CHECK(matches(entry.filter, entry.filter));
    matches(entry.filter, "plant/line/temp");
  }
}

void write_and_read_again(const AnyPacket& packet, Version version, Sender sender) {
  Bytes written;
  encode_any(packet, version, written);
  const auto header = decode_fixed_header(written);
  RUNNEL_CHECK(header && *header && (*header)->packet_bytes() == written.size());
  const Guarded body(ByteView(written).substr((*header)->header_bytes));
  AnyPacket again;
  RUNNEL_CHECK(decode_any(**header, body.view(), version, sender, again) == Reason::success);
  RUNNEL_CHECK(again == packet);
  Bytes twice;
  encode_any(again, version, twice);
  RUNNEL_CHECK(twice == written);
  if (const auto* publish = std::get_if<Publish>(&packet)) {
    check_publish(*publish, version, written.size());
  }
  if (const auto* subscribe = std::get_if<Subscribe>(&packet)) check_filters(*subscribe);
}

void decode_in_every_way(const FixedHeader& header, ByteView bytes) {
  const Guarded body(bytes);
  for (const Version version : {Version::v3_1_1, Version::v5}) {
    for (const Sender sender : {Sender::client, Sender::server}) {
      AnyPacket packet;
      const Reason reason = decode_any(header, body.view(), version, sender, packet);
      if (reason != Reason::success) {
        RUNNEL_CHECK(reason >= Reason::unspecified_error);
        continue;
      }
      const auto* connect = std::get_if<Connect>(&packet);
      if (connect != nullptr) RUNNEL_CHECK(announced_version(body.view()) == connect->version);
      write_and_read_again(packet, version, sender);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(reinterpret_cast<const char*>(data), size);
  while (true) {
    const auto header = decode_fixed_header(Guarded(rest.substr(0, 5)).view());
    if (!header || !*header) return 0;
    rest.remove_prefix((*header)->header_bytes);
    // The last packet may be cut off; what there is of its body is a body too.
    const ByteView body = rest.substr(0, (*header)->body_bytes);
    decode_in_every_way(**header, body);
    rest.remove_prefix(body.size());
  }
}
