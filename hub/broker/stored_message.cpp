#include "hub/broker/stored_message.h"

#include <algorithm>

namespace runnel::broker {
namespace {

constexpr std::uint8_t kVersion = 1;

void put_optional(ByteWriter& w, const std::optional<std::string_view>& v) {
  w.u8(v ? 1 : 0);
  if (v) w.counted(*v);
}

void get_optional(ByteReader& r, std::optional<std::string_view>& v) {
  if (r.u8() != 0) v = r.counted();
}

}  // namespace

StoredPtr StoredMessage::make(const Message& m, std::int64_t accepted_hub_ms) {
  auto stored = std::make_shared<StoredMessage>();
  ByteWriter w(stored->row_);
  w.u8(kVersion);
  w.u8(static_cast<std::uint8_t>(m.qos));
  w.u8(m.retain ? 1 : 0);
  w.le64(static_cast<std::uint64_t>(accepted_hub_ms));
  w.counted(m.topic);
  w.counted(m.payload);
  w.counted(m.client);
  const mqtt::MessageProperties& p = m.properties;
  w.u8(p.payload_format ? 1 : 0);
  if (p.payload_format) w.u8(*p.payload_format);
  w.u8(p.expiry_s ? 1 : 0);
  if (p.expiry_s) w.le32(*p.expiry_s);
  put_optional(w, p.content_type);
  put_optional(w, p.response_topic);
  put_optional(w, p.correlation_data);
  w.varint(p.user.size());
  for (const auto& [name, value] : p.user) {
    w.counted(name);
    w.counted(value);
  }
  RUNNEL_CHECK(stored->decode());
  return stored;
}

StoredPtr StoredMessage::from_row(ByteView row) {
  auto stored = std::make_shared<StoredMessage>();
  stored->row_ = row;
  return stored->decode() ? StoredPtr(std::move(stored)) : nullptr;
}

bool StoredMessage::decode() {
  ByteReader r(row_);
  if (r.u8() != kVersion) return false;
  const std::uint8_t qos = r.u8();
  if (qos > 2) return false;
  message_.qos = static_cast<mqtt::QoS>(qos);
  message_.retain = r.u8() != 0;
  accepted_hub_ms_ = static_cast<std::int64_t>(r.le64());
  message_.topic = r.counted();
  message_.payload = r.counted();
  message_.client = r.counted();
  mqtt::MessageProperties& p = message_.properties;
  if (r.u8() != 0) p.payload_format = r.u8();
  if (r.u8() != 0) p.expiry_s = r.le32();
  get_optional(r, p.content_type);
  get_optional(r, p.response_topic);
  get_optional(r, p.correlation_data);
  const std::uint64_t users = r.varint();
  for (std::uint64_t i = 0; i < users && r.ok(); ++i) {
    const ByteView name = r.counted();
    p.user.emplace_back(name, r.counted());
  }
  return r.ok() && r.done();
}

std::optional<std::uint32_t> expiry_left(
    const mqtt::MessageProperties& properties,
    std::int64_t accepted_hub_ms,
    std::int64_t hub_ms
) {
  if (!properties.expiry_s) return std::nullopt;
  const std::int64_t waited_s = std::max<std::int64_t>(hub_ms - accepted_hub_ms, 0) / 1000;
  const std::int64_t left = static_cast<std::int64_t>(*properties.expiry_s) - waited_s;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(left, 0));
}

}  // namespace runnel::broker
