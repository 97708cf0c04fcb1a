// What stands around the messages: an int32 length, then a header, then the body (protocol guide,
// "Request Header" and "Response Header"; KIP-482 for their flexible versions, KIP-511 for
// ApiVersions).
//
// Threads: pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "hub/kafka/api.h"
#include "hub/kafka/types.h"
#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace runnel::kafka {

constexpr std::size_t kLengthBytes = 4;  // of the length in front of a frame

constexpr std::size_t kTypicalFrameBytes = 256;

// The bytes of the frame at the beginning of `bytes`, without the length itself. nullopt: too few
// are there to know. Errc::too_large: more than `max`; Errc::malformed: a negative length.
Result<std::optional<std::size_t>> frame_bytes(ByteView bytes, std::size_t max);

struct RequestHeader {
  std::int16_t api_key = 0;  // as it came: perhaps none that we know
  Version api_version = 0;
  std::int32_t correlation_id = 0;
  NullableText client_id;
};

struct Request {
  RequestHeader header;
  ByteView body;
};

// `frame`: without its length. The views point into it. The request of an API that is not served
// has a header too, but nothing is known of its tags: if there are any, they are in the body.
// Errc::malformed: the header is cut off.
Result<Request> decode_request(ByteView frame);

// Appends length (to be filled in) and header. The body goes behind it, then end_frame().
void begin_response(const Api& api, Version version, std::int32_t correlation_id, Bytes& out);

void begin_request(
    const Api& api, Version version, std::int32_t correlation_id, NullableText client_id, Bytes& out
);

// Fills in the length of the one frame in `out`.
void end_frame(Bytes& out);

struct Response {
  std::int32_t correlation_id = 0;
  ByteView body;
};

// For clients, who know what they asked. `frame`: without its length. Errc::malformed: the header
// is cut off.
Result<Response> decode_response(const Api& api, Version version, ByteView frame);

}  // namespace runnel::kafka
