#include "hub/mqtt/codec.h"
#include "hub/mqtt/properties.h"
#include "hub/mqtt/reason_codes.h"
#include "hub/mqtt/wire.h"

namespace runnel::mqtt {
namespace {

constexpr std::uint8_t kReservedFlags = 0b0010;  // of SUBSCRIBE, UNSUBSCRIBE and PUBREL (§2.1.3)

constexpr std::uint8_t first_byte(PacketType type, unsigned flags = 0) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags);
}

// Makes `out` longer by `bytes` and gives the place where they begin.
char* extend(Bytes& out, std::size_t bytes) {
  const std::size_t before = out.size();
  out.resize(before + bytes);
  return out.data() + before;
}

std::size_t header_bytes(std::size_t body_bytes) {
  RUNNEL_CHECK(body_bytes <= kBodyBytesMax);
  return 1 + variable_byte_integer_bytes(body_bytes);
}

// A fixed header and what `body` puts into the sink that it is given.
template <class Body>
void append(std::uint8_t first, Bytes& out, const Body& body) {
  Measure size;
  body(size);
  Write to(extend(out, header_bytes(size.bytes()) + size.bytes()));
  to.u8(first);
  to.variable_byte_integer(size.bytes());
  body(to);
  RUNNEL_CHECK(to.at() == out.data() + out.size());
}

std::uint8_t connect_flags(const Connect& packet) {
  unsigned flags = packet.clean_start ? 0x02 : 0;
  if (packet.will) {
    flags |= 0x04 | static_cast<unsigned>(packet.will->qos) << 3;
    if (packet.will->retain) flags |= 0x20;
  }
  if (packet.password) flags |= 0x40;
  if (packet.user_name) flags |= 0x80;
  return static_cast<std::uint8_t>(flags);
}

// Values that say no more than their absence does are left out.
template <class Sink>
void put_connect_properties(Sink& to, const Connect& packet) {
  if (packet.session_expiry_s != 0) {
    put(to, Property::session_expiry_interval, packet.session_expiry_s);
  }
  if (packet.receive_maximum != 65535) put(to, Property::receive_maximum, packet.receive_maximum);
  put(to, Property::maximum_packet_size, packet.maximum_packet_bytes);
  if (packet.topic_alias_maximum != 0) {
    put(to, Property::topic_alias_maximum, packet.topic_alias_maximum);
  }
  if (packet.request_response_information) put(to, Property::request_response_information, true);
  if (!packet.request_problem_information) put(to, Property::request_problem_information, false);
  put(to, Property::authentication_method, packet.authentication_method);
  put(to, Property::authentication_data, packet.authentication_data);
  put_user_properties(to, packet.user);
}

template <class Sink>
void put_will(Sink& to, const Will& will, Version version) {
  if (version == Version::v5) {
    put_block(to, [&will](auto& sink) {
      if (will.delay_s != 0) put(sink, Property::will_delay_interval, will.delay_s);
      put_message_properties(sink, will.properties);
    });
  }
  to.counted(will.topic);
  to.counted(will.payload);
}

template <class Sink>
void put_connack_properties(Sink& to, const Connack& packet) {
  put(to, Property::session_expiry_interval, packet.session_expiry_s);
  put(to, Property::receive_maximum, packet.receive_maximum);
  put(to, Property::maximum_qos, packet.maximum_qos);
  put(to, Property::retain_available, packet.retain_available);
  put(to, Property::maximum_packet_size, packet.maximum_packet_bytes);
  put(to, Property::assigned_client_identifier, packet.assigned_client_id);
  put(to, Property::topic_alias_maximum, packet.topic_alias_maximum);
  put(to, Property::reason_string, packet.reason_string);
  put_user_properties(to, packet.user);
  put(to, Property::wildcard_subscription_available, packet.wildcard_subscriptions);
  put(to, Property::subscription_identifier_available, packet.subscription_identifiers);
  put(to, Property::shared_subscription_available, packet.shared_subscriptions);
  put(to, Property::server_keep_alive, packet.server_keep_alive_s);
  put(to, Property::response_information, packet.response_information);
  put(to, Property::server_reference, packet.server_reference);
  put(to, Property::authentication_method, packet.authentication_method);
  put(to, Property::authentication_data, packet.authentication_data);
}

template <class Sink>
void put_publish_properties(Sink& to, const Publish& packet) {
  put(to, Property::topic_alias, packet.topic_alias);
  put_message_properties(to, packet.properties);
  for (const std::uint32_t id : packet.subscription_ids) put_subscription_identifier(to, id);
}

// The sizes of a PUBLISH, each taken once.
struct PublishSize {
  PublishSize(const Publish& packet, Version version) {
    Measure head;
    head.counted(packet.topic);
    if (packet.qos != QoS::at_most_once) head.be16(packet.packet_id);
    if (version == Version::v5) {
      Measure block;
      put_publish_properties(block, packet);
      property_bytes = block.bytes();
      head.variable_byte_integer(property_bytes);
    }
    variable_header_bytes = head.bytes() + property_bytes;
    body_bytes = variable_header_bytes + packet.payload.size();
  }

  std::size_t property_bytes = 0;
  std::size_t variable_header_bytes = 0;
  std::size_t body_bytes = 0;
};

unsigned publish_flags(const Publish& packet) {
  return (packet.dup ? 0x08U : 0U) | static_cast<unsigned>(packet.qos) << 1 |
         (packet.retain ? 0x01U : 0U);
}

std::uint8_t subscription_options(const SubscribeEntry& entry, Version version) {
  auto options = static_cast<unsigned>(entry.qos);
  if (version == Version::v5) {
    if (entry.no_local) options |= 0x04;
    if (entry.retain_as_published) options |= 0x08;
    options |= static_cast<unsigned>(entry.retain_handling) << 4;
  }
  return static_cast<std::uint8_t>(options);
}

std::uint8_t suback_code(Reason reason, Version version) {
  const auto code = static_cast<std::uint8_t>(reason);
  return version != Version::v5 && code > 0x80 ? std::uint8_t{0x80} : code;
}

}  // namespace

void encode(const Connect& packet, Bytes& out) {
  append(first_byte(PacketType::connect), out, [&packet](auto& to) {
    to.counted("MQTT");
    to.u8(static_cast<std::uint8_t>(packet.version));
    to.u8(connect_flags(packet));
    to.be16(packet.keep_alive_s);
    if (packet.version == Version::v5) {
      put_block(to, [&packet](auto& sink) { put_connect_properties(sink, packet); });
    }
    to.counted(packet.client_id);
    if (packet.will) put_will(to, *packet.will, packet.version);
    if (packet.user_name) to.counted(*packet.user_name);
    if (packet.password) to.counted(*packet.password);
  });
}

void encode(const Connack& packet, Version version, Bytes& out) {
  const bool present = packet.session_present && packet.reason == Reason::success;
  auto code = static_cast<std::uint8_t>(packet.reason);
  if (version != Version::v5) {
    const std::optional<std::uint8_t> return_code = return_code_of(packet.reason);
    if (!return_code) return;
    code = *return_code;
  }
  append(first_byte(PacketType::connack), out, [&](auto& to) {
    to.u8(present ? 1 : 0);
    to.u8(code);
    if (version == Version::v5) {
      put_block(to, [&packet](auto& sink) { put_connack_properties(sink, packet); });
    }
  });
}

void encode(const Publish& packet, Version version, Bytes& out) {
  const PublishSize size(packet, version);
  const std::size_t before_payload = header_bytes(size.body_bytes) + size.variable_header_bytes;
  out.reserve(out.size() + before_payload + packet.payload.size());
  Write to(extend(out, before_payload));
  to.u8(first_byte(PacketType::publish, publish_flags(packet)));
  to.variable_byte_integer(size.body_bytes);
  to.counted(packet.topic);
  if (packet.qos != QoS::at_most_once) to.be16(packet.packet_id);
  if (version == Version::v5) {
    to.variable_byte_integer(size.property_bytes);
    if (size.property_bytes != 0) put_publish_properties(to, packet);
  }
  RUNNEL_CHECK(to.at() == out.data() + out.size());
  out.append(packet.payload);
}

std::size_t encoded_bytes(const Publish& packet, Version version) {
  const std::size_t body_bytes = PublishSize(packet, version).body_bytes;
  return 1 + variable_byte_integer_bytes(body_bytes) + body_bytes;
}

void encode(const Ack& packet, Version version, Bytes& out) {
  const unsigned flags = packet.type == PacketType::pubrel ? kReservedFlags : 0;
  const bool properties = packet.reason_string || !packet.user.empty();
  if (version != Version::v5 || (packet.reason == Reason::success && !properties)) {
    const char bytes[] = {
        static_cast<char>(first_byte(packet.type, flags)),
        2,
        static_cast<char>(packet.packet_id >> 8),
        static_cast<char>(packet.packet_id & 0xff),
    };
    out.append(bytes, sizeof bytes);
    return;
  }
  append(first_byte(packet.type, flags), out, [&packet, properties](auto& to) {
    to.be16(packet.packet_id);
    to.u8(static_cast<std::uint8_t>(packet.reason));
    if (!properties) return;
    put_block(to, [&packet](auto& sink) {
      put(sink, Property::reason_string, packet.reason_string);
      put_user_properties(sink, packet.user);
    });
  });
}

void encode(const Subscribe& packet, Version version, Bytes& out) {
  append(first_byte(PacketType::subscribe, kReservedFlags), out, [&packet, version](auto& to) {
    to.be16(packet.packet_id);
    if (version == Version::v5) {
      put_block(to, [&packet](auto& sink) {
        if (packet.subscription_id) put_subscription_identifier(sink, *packet.subscription_id);
        put_user_properties(sink, packet.user);
      });
    }
    for (const SubscribeEntry& entry : packet.entries) {
      to.counted(entry.filter);
      to.u8(subscription_options(entry, version));
    }
  });
}

void encode(const Unsubscribe& packet, Version version, Bytes& out) {
  append(first_byte(PacketType::unsubscribe, kReservedFlags), out, [&packet, version](auto& to) {
    to.be16(packet.packet_id);
    if (version == Version::v5) {
      put_block(to, [&packet](auto& sink) { put_user_properties(sink, packet.user); });
    }
    for (const std::string_view filter : packet.filters) to.counted(filter);
  });
}

void encode(const SubscriptionAck& packet, Version version, Bytes& out) {
  append(first_byte(packet.type), out, [&packet, version](auto& to) {
    to.be16(packet.packet_id);
    if (version == Version::v5) {
      put_block(to, [&packet](auto& sink) {
        put(sink, Property::reason_string, packet.reason_string);
        put_user_properties(sink, packet.user);
      });
    } else if (packet.type == PacketType::unsuback) {
      return;  // 3.1.1 §3.11.3: no payload
    }
    for (const Reason reason : packet.reasons) to.u8(suback_code(reason, version));
  });
}

void encode(const Disconnect& packet, Version version, Bytes& out) {
  append(first_byte(PacketType::disconnect), out, [&packet, version](auto& to) {
    if (version != Version::v5) return;
    const bool properties = packet.session_expiry_s || packet.reason_string ||
                            packet.server_reference || !packet.user.empty();
    if (packet.reason == Reason::success && !properties) return;
    to.u8(static_cast<std::uint8_t>(packet.reason));
    if (!properties) return;
    put_block(to, [&packet](auto& sink) {
      put(sink, Property::session_expiry_interval, packet.session_expiry_s);
      put(sink, Property::reason_string, packet.reason_string);
      put(sink, Property::server_reference, packet.server_reference);
      put_user_properties(sink, packet.user);
    });
  });
}

void encode(const Auth& packet, Bytes& out) {
  append(first_byte(PacketType::auth), out, [&packet](auto& to) {
    const bool properties = packet.authentication_method || packet.authentication_data ||
                            packet.reason_string || !packet.user.empty();
    if (packet.reason == Reason::success && !properties) return;
    to.u8(static_cast<std::uint8_t>(packet.reason));
    put_block(to, [&packet](auto& sink) {
      put(sink, Property::authentication_method, packet.authentication_method);
      put(sink, Property::authentication_data, packet.authentication_data);
      put(sink, Property::reason_string, packet.reason_string);
      put_user_properties(sink, packet.user);
    });
  });
}

void encode_pingreq(Bytes& out) {
  append(first_byte(PacketType::pingreq), out, [](auto&) {});
}

void encode_pingresp(Bytes& out) {
  append(first_byte(PacketType::pingresp), out, [](auto&) {});
}

}  // namespace runnel::mqtt
