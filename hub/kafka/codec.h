// Messages to and from bytes, for those who handle requests, and for clients of ours (command line,
// tests).
//
// Only declared here: codec_*.cpp instantiate these templates for every message of requests.h,
// once, so that who handles a message compiles its structure and not its encoding. A message that
// is missing there does not link.
//
// Threads: pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hub/kafka/frame.h"
#include "hub/kafka/types.h"
#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace runnel::kafka {

// The body of a request, or of a response, behind its header. The views of the message point into
// `body`. `version` is one that Message::kApi serves. Errc::malformed: the body is cut off, has
// null where none may be, or more elements than kElementsMax (wire.h). Bytes behind the last field
// are left alone, as Kafka does.
template <class Message>
Result<Message> decode_body(ByteView body, Version version);

// Appends the body to `out`. `version` is one that Message::kApi serves. Fields that the version
// lacks are left out.
template <class Message>
void encode_body(const Message& message, Version version, Bytes& out);

// A whole frame, length and header included. `expected_bytes`: of the records inside, to allocate
// once.
template <class Response>
Bytes encode_response(
    std::int32_t correlation_id,
    Version version,
    const Response& response,
    std::size_t expected_bytes = 0
) {
  Bytes out;
  out.reserve(kTypicalFrameBytes + expected_bytes);
  begin_response(Response::kApi, version, correlation_id, out);
  encode_body(response, version, out);
  end_frame(out);
  return out;
}

template <class Request>
Bytes encode_request(
    std::int32_t correlation_id, Version version, NullableText client_id, const Request& request
) {
  Bytes out;
  out.reserve(kTypicalFrameBytes);
  begin_request(Request::kApi, version, correlation_id, client_id, out);
  encode_body(request, version, out);
  end_frame(out);
  return out;
}

}  // namespace runnel::kafka
