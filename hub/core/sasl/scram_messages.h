// The messages of a SCRAM client, taken apart (RFC 5802 §7). The views point into the message.
// Pure; any thread.
#pragma once

#include <string>

#include "storage/base/bytes.h"

namespace runnel::sasl {

// A server-error-value of RFC 5802, or nothing.
using ScramError = std::string_view;

struct ClientFirst {
  ByteView gs2_header;   // "n,," and what else may be in front
  ByteView bare;         // all behind it
  std::string user;      // with =2C and =3D undone
  std::string acts_for;  // authzid; empty: for itself
  ByteView nonce;
};

struct ClientFinal {
  ByteView without_proof;
  Bytes channel_binding;  // decoded: the gs2 header again, as nothing is bound
  ByteView nonce;
  Bytes proof;  // decoded
};

// What is wrong with it; empty: nothing, and `out` is filled in.
[[nodiscard]] ScramError read_client_first(ByteView message, ClientFirst& out);
[[nodiscard]] ScramError read_client_final(ByteView message, ClientFinal& out);

}  // namespace runnel::sasl
