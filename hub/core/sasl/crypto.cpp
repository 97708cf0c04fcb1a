#include "hub/core/sasl/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "storage/base/error.h"

namespace runnel::sasl {
namespace {

const EVP_MD* algorithm(Hash hash) {
  return hash == Hash::sha_256 ? EVP_sha256() : EVP_sha512();
}

const unsigned char* data_of(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* data_of(Bytes& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

std::size_t hash_bytes(Hash hash) {
  return hash == Hash::sha_256 ? 32 : 64;
}

Bytes digest(Hash hash, ByteView data) {
  Bytes out(hash_bytes(hash), '\0');
  unsigned size = 0;
  const int done =
      EVP_Digest(data.data(), data.size(), data_of(out), &size, algorithm(hash), nullptr);
  RUNNEL_CHECK(done == 1 && size == out.size());
  return out;
}

Bytes hmac(Hash hash, ByteView key, ByteView data) {
  Bytes out(hash_bytes(hash), '\0');
  unsigned size = 0;
  // An empty key must not be a null pointer, which means "the key of the last time".
  const void* const key_data = key.empty() ? "" : key.data();
  const unsigned char* const done = HMAC(
      algorithm(hash),
      key_data,
      static_cast<int>(key.size()),
      data_of(data),
      data.size(),
      data_of(out),
      &size
  );
  RUNNEL_CHECK(done != nullptr && size == out.size());
  return out;
}

Bytes stretched(Hash hash, ByteView password, ByteView salt, std::uint32_t iterations) {
  Bytes out(hash_bytes(hash), '\0');
  const int done = PKCS5_PBKDF2_HMAC(
      password.data(),
      static_cast<int>(password.size()),
      data_of(salt),
      static_cast<int>(salt.size()),
      static_cast<int>(iterations),
      algorithm(hash),
      static_cast<int>(out.size()),
      data_of(out)
  );
  RUNNEL_CHECK(done == 1);
  return out;
}

Bytes random_bytes(std::size_t count) {
  Bytes out(count, '\0');
  RUNNEL_CHECK(RAND_bytes(data_of(out), static_cast<int>(count)) == 1);
  return out;
}

bool same(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void forget(Bytes& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace runnel::sasl
