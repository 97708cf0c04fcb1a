// Any bytes as a stream of Kafka requests, each with its length: the header, then the body by key
// and version. What decodes must survive being written and read again, and its bytes being written
// twice. The same bytes are read as a response too, for clients of ours.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "hub/kafka/apis.h"
#include "hub/kafka/codec.h"
#include "hub/kafka/exchanges.h"

namespace {

using namespace runnel;
using namespace runnel::kafka;

constexpr std::size_t kFrameBytesMax = 1 << 20;

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

template <class Message>
void read_and_write(ByteView body, Version version) {
  const Result<Message> message = decode_body<Message>(body, version);
  if (!message) return;
  Bytes written;
  encode_body(*message, version, written);
  const Guarded copy(written);
  const Result<Message> again = decode_body<Message>(copy.view(), version);
  RUNNEL_CHECK(again);
  Bytes twice;
  encode_body(*again, version, twice);
  RUNNEL_CHECK(twice == written);
}

void decode_frame(ByteView frame) {
  const auto request = decode_request(frame);
  if (!request) return;
  const RequestHeader& header = request->header;
  if (!is_served(header.api_key, header.api_version)) return;
  const bool known = with_exchange(header.api_key, [&]<class Exchange>() {
    const Guarded body(request->body);
    read_and_write<typename Exchange::Request>(body.view(), header.api_version);
    read_and_write<typename Exchange::Response>(body.view(), header.api_version);
    (void)decode_response(Exchange::kApi, header.api_version, body.view());
  });
  RUNNEL_CHECK(known);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(reinterpret_cast<const char*>(data), size);
  while (true) {
    const auto length = frame_bytes(rest, kFrameBytesMax);
    if (!length || !*length) return 0;
    rest.remove_prefix(kLengthBytes);
    // The last frame may be cut off; what there is of it is a frame too.
    const Guarded frame(rest.substr(0, **length));
    decode_frame(frame.view());
    rest.remove_prefix(frame.view().size());
  }
}
