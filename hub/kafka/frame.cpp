#include "hub/kafka/frame.h"

#include <limits>

#include "hub/kafka/apis.h"
#include "hub/kafka/wire.h"

namespace runnel::kafka {

namespace {

// KIP-511: a client that has not learned yet what the broker serves must be able to read this one.
bool has_response_tags(const Api& api, Version version) {
  return api.is_flexible(version) && api.key != ApiKey::api_versions;
}

// The tags that end a header, in front of a body.
Result<ByteView> without_tags(ByteView bytes) {
  Reader reader(bytes, 0, true);
  reader.tags();
  if (!reader.ok()) return Errc::malformed;
  return reader.rest();
}

}  // namespace

Result<std::optional<std::size_t>> frame_bytes(ByteView bytes, std::size_t max) {
  if (bytes.size() < kLengthBytes) return std::optional<std::size_t>();
  const auto length = static_cast<std::int32_t>(ByteReader(bytes).be32());
  if (length < 0) return Errc::malformed;
  const auto size = static_cast<std::size_t>(length);
  if (size > max) return Errc::too_large;
  return std::optional(size);
}

Result<Request> decode_request(ByteView frame) {
  Request request;
  // The client's id keeps its classic length even in flexible versions.
  Reader reader(frame, 0, false);
  reader(request.header.api_key);
  reader(request.header.api_version);
  reader(request.header.correlation_id);
  reader(request.header.client_id);
  if (!reader.ok()) return Errc::malformed;
  request.body = reader.rest();
  const Api* const api = find_api(request.header.api_key);
  const Version version = request.header.api_version;
  if (api != nullptr && api->serves(version) && api->is_flexible(version)) {
    const Result<ByteView> body = without_tags(request.body);
    if (!body) return body.error();
    request.body = *body;
  }
  return request;
}

void begin_response(const Api& api, Version version, std::int32_t correlation_id, Bytes& out) {
  out.append(kLengthBytes, '\0');
  Writer writer(out, 0, has_response_tags(api, version));
  writer(correlation_id);
  writer.tags();
}

void begin_request(
    const Api& api, Version version, std::int32_t correlation_id, NullableText client_id, Bytes& out
) {
  out.append(kLengthBytes, '\0');
  Writer writer(out, 0, false);
  writer(api.key);
  writer(version);
  writer(correlation_id);
  writer(client_id);
  Writer(out, 0, api.is_flexible(version)).tags();
}

void end_frame(Bytes& out) {
  const std::size_t size = out.size() - kLengthBytes;
  RUNNEL_CHECK(size <= std::numeric_limits<std::int32_t>::max());
  Bytes length;
  ByteWriter(length).be32(static_cast<std::uint32_t>(size));
  out.replace(0, kLengthBytes, length);
}

Result<Response> decode_response(const Api& api, Version version, ByteView frame) {
  ByteReader reader(frame);
  Response response;
  response.correlation_id = static_cast<std::int32_t>(reader.be32());
  if (!reader.ok()) return Errc::malformed;
  response.body = reader.rest();
  if (has_response_tags(api, version)) {
    const Result<ByteView> body = without_tags(response.body);
    if (!body) return body.error();
    response.body = *body;
  }
  return response;
}

}  // namespace runnel::kafka
