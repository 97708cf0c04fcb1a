#include "hub/core/user_row.h"

#include "hub/core/row_key.h"
#include "hub/core/sasl/sasl_limits.h"

namespace runnel::core {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kSha256 = 1;
constexpr std::uint8_t kSha512 = 2;

// False: it cannot be a credential.
bool read_credential(ByteReader& r, Users::Credentials& out) {
  sasl::ScramCredential c;
  const std::uint8_t hash = r.u8();
  c.hash = hash == kSha512 ? sasl::Hash::sha_512 : sasl::Hash::sha_256;
  c.iterations = r.le32();
  c.salt = r.counted();
  c.stored_key = r.counted();
  c.server_key = r.counted();
  const std::size_t size = sasl::hash_bytes(c.hash);
  if (!r.ok() || hash < kSha256 || hash > kSha512 || c.iterations < sasl::kIterationsMin)
    return false;
  if (c.salt.empty() || c.stored_key.size() != size || c.server_key.size() != size) return false;
  const sasl::Hash key = c.hash;
  return out.emplace(key, std::move(c)).second;
}

}  // namespace

Bytes user_row_name(ByteView user) {
  return row_key(kUserKind, user);
}

Bytes encode_user_row(ByteView user, const Users::Credentials& credentials) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  w.counted(user);
  w.varint(credentials.size());
  for (const auto& [hash, c] : credentials) {
    w.u8(hash == sasl::Hash::sha_256 ? kSha256 : kSha512);
    w.le32(c.iterations);
    w.counted(c.salt);
    w.counted(c.stored_key);
    w.counted(c.server_key);
  }
  return out;
}

std::optional<UserRow> decode_user_row(ByteView row) {
  ByteReader r(row);
  if (r.u8() != kVersion) return std::nullopt;
  UserRow out;
  out.name = r.counted();
  const std::uint64_t count = r.varint();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!read_credential(r, out.credentials)) return std::nullopt;
  }
  if (!r.ok() || !r.done() || out.name.empty() || out.credentials.empty()) return std::nullopt;
  return out;
}

}  // namespace runnel::core
