#include "tests/support/bombs.h"

#include <lz4.h>
#include <zlib.h>

#include <string_view>

#include "storage/base/error.h"
#include "storage/log/compression.h"

namespace runnel::test {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

void repeat(Bytes& out, ByteView piece, std::size_t times) {
  out.reserve(out.size() + piece.size() * times);
  for (; times > 0; --times) out += piece;
}

// A MiB of zeros in deflate's format, made so that the same may follow it.
Bytes deflated_zeros() {
  Bytes zeros(kMebibyte, '\0');
  Bytes out(kMebibyte, '\0');
  z_stream stream{};
  constexpr int kRaw = -15;
  RUNNEL_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, kRaw, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(zeros.data());
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  RUNNEL_CHECK(deflate(&stream, Z_FULL_FLUSH) == Z_OK && stream.avail_in == 0);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

// An lz4 frame's head for independent blocks of at most 1 MiB, no checksums; its last byte is the
// second byte of xxh32 over the two before it.
constexpr ByteView kLz4Head = "\x04\x22\x4d\x18\x60\x60\x51"sv;

Bytes lz4_block() {
  const Bytes zeros(kMebibyte, '\0');
  Bytes block(static_cast<std::size_t>(LZ4_compressBound(kMebibyte)), '\0');
  const int n = LZ4_compress_default(
      zeros.data(), block.data(), static_cast<int>(kMebibyte), static_cast<int>(block.size())
  );
  RUNNEL_CHECK(n > 0);
  Bytes out;
  ByteWriter(out).le32(static_cast<std::uint32_t>(n));
  return out + block.substr(0, static_cast<std::size_t>(n));
}

// Blocks of 128 KiB that say "this byte, again and again"; the last one says that it is the last.
void add_zstd_blocks(Bytes& out, std::size_t mebibytes) {
  constexpr std::size_t kBlock = 128 * 1024;
  constexpr std::uint32_t kRunLength = 1 << 1;
  const auto block = [](std::uint32_t last) {
    Bytes b;
    ByteWriter(b).le32((kBlock << 3 | kRunLength | last) & 0xff'ffff);  // 3 bytes, then the zero
    return b;
  };
  repeat(out, block(0), mebibytes * (kMebibyte / kBlock) - 1);
  out += block(1);
}

constexpr ByteView kZstdMagic = "\x28\xb5\x2f\xfd"sv;

}  // namespace

Bytes gzip_bomb(std::size_t mebibytes) {
  Bytes out("\x1f\x8b\x08\0\0\0\0\0\0\x03"sv);
  repeat(out, deflated_zeros(), mebibytes);
  out += "\x03\0"sv;  // an empty last block
  const Bytes zeros(kMebibyte, '\0');
  const uLong one = crc32(0, reinterpret_cast<const Bytef*>(zeros.data()), kMebibyte);
  uLong all = 0;
  for (std::size_t i = 0; i < mebibytes; ++i) all = crc32_combine(all, one, kMebibyte);
  ByteWriter(out).le32(static_cast<std::uint32_t>(all));
  ByteWriter(out).le32(static_cast<std::uint32_t>(mebibytes * kMebibyte));
  return out;
}

Bytes gzip_members_bomb(std::size_t mebibytes) {
  Bytes out;
  repeat(out, log::compress(log::Codec::gzip, Bytes(kMebibyte, '\0')), mebibytes);
  return out;
}

Bytes snappy_bomb(std::size_t mebibytes) {
  Bytes out;
  ByteWriter(out).varint(mebibytes * kMebibyte);
  out += "\xf0\x3f"sv;  // a literal of 64 bytes
  out.append(64, '\0');
  repeat(out, "\xfe\x40\x00"sv, mebibytes * kMebibyte / 64 - 1);  // copy 64 bytes from 64 back
  return out;
}

Bytes xerial_bomb(std::size_t mebibytes) {
  Bytes piece = snappy_bomb(1);
  Bytes block;
  ByteWriter(block).be32(static_cast<std::uint32_t>(piece.size()));
  block += piece;
  Bytes out("\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"sv);
  repeat(out, block, mebibytes);
  return out;
}

Bytes lz4_bomb(std::size_t mebibytes) {
  Bytes out(kLz4Head);
  repeat(out, lz4_block(), mebibytes);
  return out.append(4, '\0');  // the mark that ends a frame
}

Bytes lz4_frames_bomb(std::size_t mebibytes) {
  Bytes out;
  repeat(out, lz4_bomb(1), mebibytes);
  return out;
}

Bytes zstd_bomb(std::size_t mebibytes) {
  Bytes out(kZstdMagic);
  out += "\x00\x58"sv;  // no size; a window of 2 MiB
  add_zstd_blocks(out, mebibytes);
  return out;
}

Bytes zstd_claiming_bomb(std::size_t mebibytes, std::uint64_t claimed) {
  Bytes out(kZstdMagic);
  out += "\xc0\x58"sv;  // eight bytes of size, and a window of 2 MiB
  ByteWriter(out).le64(claimed);
  add_zstd_blocks(out, mebibytes);
  return out;
}

}  // namespace runnel::test
