// Writes the seeds of corpus/kafka_decode: a file for each API, with a request in every version.
// Usage: RUNNEL_SEED=1 make_kafka_corpus FOLDER
#include <filesystem>
#include <fstream>
#include <string>

#include "hub/kafka/codec.h"
#include "hub/kafka/exchanges.h"
#include "tests/support/kafka_any_message.h"

namespace {

using namespace runnel;
using namespace runnel::kafka;

constexpr std::size_t kSmall = 400;

// Seeds are to be small: the first of some that is.
template <class Request>
Bytes small_request(test::Random& random, Version version) {
  while (true) {
    Filler filler(random, version);
    Request request;
    request.io(filler);
    const Bytes frame = encode_request(7, version, "client", request);
    if (frame.size() <= kSmall) return frame;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  test::Random random;
  for_each_exchange([&]<class Exchange>() {
    using Request = typename Exchange::Request;
    const std::string key = std::to_string(static_cast<int>(Request::kApi.key));
    std::ofstream out(folder / ("api_" + key), std::ios::binary);
    for (Version v = Request::kApi.oldest_served(); v <= Request::kApi.max; ++v) {
      out << small_request<Request>(random, v);
    }
  });
  return 0;
}
