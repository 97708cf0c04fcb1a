// What codec.h declares, and how codec_*.cpp instantiate it. Internal to the codec: a file for each
// theme, so that no single one takes long to compile.
#pragma once

#include <utility>

#include "hub/kafka/codec.h"
#include "hub/kafka/wire.h"

namespace runnel::kafka {

template <class Message>
Result<Message> decode_body(ByteView body, Version version) {
  RUNNEL_CHECK(Message::kApi.serves(version));
  Reader reader(body, version, Message::kApi.is_flexible(version));
  Message message;
  message.io(reader);
  reader.tags();
  if (!reader.ok()) return Errc::malformed;
  return message;
}

template <class Message>
void encode_body(const Message& message, Version version, Bytes& out) {
  RUNNEL_CHECK(Message::kApi.serves(version));
  Writer writer(out, version, Message::kApi.is_flexible(version));
  writer.message(message);
}

}  // namespace runnel::kafka

// Both directions of a request and of its response: the hub needs half of them, its command line
// and its tests the other half.
#define RUNNEL_KAFKA_CODEC(Name)                                                  \
  template Result<Name##Request> decode_body<Name##Request>(ByteView, Version);   \
  template Result<Name##Response> decode_body<Name##Response>(ByteView, Version); \
  template void encode_body(const Name##Request&, Version, Bytes&);               \
  template void encode_body(const Name##Response&, Version, Bytes&);
