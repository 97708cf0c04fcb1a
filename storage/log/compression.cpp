#include "storage/log/compression.h"

#include <algorithm>
#include <memory>
#include <new>
#include <span>

#define ZLIB_CONST
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace runnel::log {
namespace {

using namespace std::string_view_literals;

// A batch's length is an i32, so nothing larger is ever needed; and sums of sizes stay far from the
// end of a 32-bit size_t.
constexpr std::size_t kOutputBytesMax = std::size_t{1} << 30;

// Where decompressed bytes go. It lets one byte more than the limit be written: that byte is how a
// codec that writes piece by piece shows that there is too much.
class Output {
 public:
  explicit Output(std::size_t bytes_max) : end_(std::min(bytes_max, kOutputBytesMax) + 1) {}

  // Free bytes to write to: at least `wanted`, or as many as there may ever be.
  std::span<char> room(std::size_t wanted) {
    if (bytes_.size() - used_ < wanted) {
      grow(std::min(end_, std::max(used_ + wanted, 2 * bytes_.size())));
    }
    return std::span(bytes_).subspan(used_);
  }

  void written(std::size_t n) { used_ += n; }

  // The most that room() can give.
  [[nodiscard]] std::size_t left() const { return end_ - used_; }

  [[nodiscard]] bool too_large() const { return used_ == end_; }

  Result<Bytes> take() {
    if (too_large()) return Errc::too_large;
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  // Left to itself a string would double its capacity, over the limit.
  void grow(std::size_t size) {
    Bytes grown;
    grown.reserve(size);
    grown.append(bytes_, 0, used_);
    grown.resize(size);
    bytes_ = std::move(grown);
  }

  Bytes bytes_;
  std::size_t used_ = 0;
  std::size_t end_;
};

// What a codec that writes piece by piece should begin with.
std::size_t first_guess(ByteView input) {
  return 4 * input.size() + 256;
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

const Bytef* zlib_bytes(ByteView bytes) {
  return reinterpret_cast<const Bytef*>(bytes.data());
}

// 15 bits of window; 16 more ask for gzip's head and tail instead of zlib's.
constexpr int kGzipWindowBits = 15 + 16;

Result<Bytes> gunzip(ByteView input, Output out) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, Freed<inflateEnd>> end(&stream);
  stream.next_in = zlib_bytes(input);
  stream.avail_in = static_cast<uInt>(input.size());
  out.room(first_guess(input));
  while (!out.too_large()) {
    const std::span<char> room = out.room(1);
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int rc = inflate(&stream, Z_NO_FLUSH);
    out.written(room.size() - stream.avail_out);
    if (rc == Z_MEM_ERROR) throw std::bad_alloc();
    if (rc == Z_STREAM_END) {
      if (stream.avail_in == 0) return out.take();
      inflateReset(&stream);  // another member
    } else if (rc != Z_OK) {
      return Errc::damaged;  // there was room, so Z_BUF_ERROR says that the input is cut off
    }
  }
  return Errc::too_large;
}

Bytes gzip(ByteView input) {
  z_stream stream{};
  constexpr int kMemory = 8;  // zlib's default
  if (deflateInit2(
          &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemory, Z_DEFAULT_STRATEGY
      ) != Z_OK) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<z_stream, Freed<deflateEnd>> end(&stream);
  Bytes out(deflateBound(&stream, static_cast<uLong>(input.size())), '\0');
  stream.next_in = zlib_bytes(input);
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  RUNNEL_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  return out;
}

// xerial's framing: this, two big-endian i32 of version, then blocks of i32 length and raw snappy.
// The magic cannot begin raw snappy: its third byte would be a copy with nothing before it to copy.
constexpr ByteView kXerialMagic = "\x82SNAPPY\0"sv;
constexpr std::size_t kXerialVersionBytes = 8;
constexpr std::size_t kXerialBlockBytes = 32 * 1024;

Errc unsnap_block(ByteView block, Output& out) {
  constexpr std::uint64_t kExpansionMax = 22;  // the best element: 64 bytes out of 3
  std::size_t n = 0;
  if (snappy_uncompressed_length(block.data(), block.size(), &n) != SNAPPY_OK) return Errc::damaged;
  if (n > block.size() * kExpansionMax) return Errc::damaged;
  if (n >= out.left()) return Errc::too_large;
  const std::span<char> room = out.room(n);
  if (snappy_uncompress(block.data(), block.size(), room.data(), &n) != SNAPPY_OK) {
    return Errc::damaged;
  }
  out.written(n);
  return Errc::ok;
}

Result<Bytes> unsnap(ByteView input, Output out) {
  if (!input.starts_with(kXerialMagic)) {
    if (const Errc failed = unsnap_block(input, out); failed != Errc::ok) return failed;
    return out.take();
  }
  ByteReader reader(input);
  while (!reader.done()) {
    if (reader.rest().starts_with(kXerialMagic)) {
      reader.take(kXerialMagic.size() + kXerialVersionBytes);
      continue;
    }
    const std::uint32_t bytes = reader.be32();
    const ByteView block = reader.take(bytes);
    if (!reader.ok()) return Errc::damaged;
    if (const Errc failed = unsnap_block(block, out); failed != Errc::ok) return failed;
  }
  if (!reader.ok()) return Errc::damaged;
  return out.take();
}

Bytes snap(ByteView input) {
  Bytes out(kXerialMagic);
  ByteWriter writer(out);
  writer.be32(1);  // version
  writer.be32(1);  // readers of this version on understand it
  do {
    const ByteView piece = input.substr(0, kXerialBlockBytes);
    Bytes block(snappy_max_compressed_length(piece.size()), '\0');
    std::size_t n = block.size();
    RUNNEL_CHECK(snappy_compress(piece.data(), piece.size(), block.data(), &n) == SNAPPY_OK);
    writer.be32(static_cast<std::uint32_t>(n));
    writer.bytes(ByteView(block).substr(0, n));
    input.remove_prefix(piece.size());
  } while (!input.empty());
  return out;
}

Result<Bytes> unlz4(ByteView input, Output out) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<LZ4F_dctx, Freed<LZ4F_freeDecompressionContext>> freed(context);
  out.room(first_guess(input));
  while (!out.too_large()) {
    const std::span<char> room = out.room(1);
    std::size_t written = room.size();
    std::size_t read = input.size();
    const std::size_t wanted =
        LZ4F_decompress(context, room.data(), &written, input.data(), &read, nullptr);
    if (LZ4F_isError(wanted) != 0) return Errc::damaged;
    out.written(written);
    input.remove_prefix(read);
    if (wanted == 0 && input.empty()) return out.take();  // a frame has ended, and all with it
    if (written == 0 && read == 0) return Errc::damaged;  // cut off
  }
  return Errc::too_large;
}

Bytes lz4(ByteView input) {
  Bytes out(LZ4F_compressFrameBound(input.size(), nullptr), '\0');
  const std::size_t n =
      LZ4F_compressFrame(out.data(), out.size(), input.data(), input.size(), nullptr);
  RUNNEL_CHECK(LZ4F_isError(n) == 0);
  out.resize(n);
  return out;
}

// Decodes one frame of zstd.
Errc unzstd_frame(ZSTD_DCtx* context, ByteView frame, Output& out) {
  const unsigned long long claimed = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (claimed == ZSTD_CONTENTSIZE_ERROR) return Errc::damaged;
  const bool says = claimed != ZSTD_CONTENTSIZE_UNKNOWN;
  if (says && claimed >= out.left()) return Errc::too_large;
  // A claim is not worth more than what frames of this size usually hold, to begin with.
  std::size_t wanted = std::max<std::size_t>(8 * frame.size(), 4096);
  if (says) wanted = std::min(wanted, static_cast<std::size_t>(claimed));
  while (true) {
    const std::span<char> room = out.room(wanted);
    const std::size_t n =
        ZSTD_decompressDCtx(context, room.data(), room.size(), frame.data(), frame.size());
    if (ZSTD_isError(n) == 0) {
      out.written(n);
      return out.too_large() ? Errc::too_large : Errc::ok;
    }
    if (ZSTD_getErrorCode(n) != ZSTD_error_dstSize_tooSmall) return Errc::damaged;
    if (says && room.size() >= claimed) return Errc::damaged;
    if (room.size() == out.left()) return Errc::too_large;
    wanted = 2 * room.size();
  }
}

Result<Bytes> unzstd(ByteView input, Output out) {
  constexpr std::uint32_t kSkippable = ZSTD_MAGIC_SKIPPABLE_START >> 4;
  const std::unique_ptr<ZSTD_DCtx, Freed<ZSTD_freeDCtx>> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  if (input.empty()) return Errc::damaged;
  while (!input.empty()) {
    // The library may know formats from before zstd's version 1 as well; no client sends those.
    const std::uint32_t magic = ByteReader(input).le32();
    if (magic != ZSTD_MAGICNUMBER && magic >> 4 != kSkippable) return Errc::damaged;
    const std::size_t bytes = ZSTD_findFrameCompressedSize(input.data(), input.size());
    if (ZSTD_isError(bytes) != 0 || bytes > input.size()) return Errc::damaged;
    if (magic == ZSTD_MAGICNUMBER) {
      const Errc failed = unzstd_frame(context.get(), input.substr(0, bytes), out);
      if (failed != Errc::ok) return failed;
    }
    input.remove_prefix(bytes);
  }
  return out.take();
}

Bytes zstd(ByteView input) {
  Bytes out(ZSTD_compressBound(input.size()), '\0');
  const std::size_t n =
      ZSTD_compress(out.data(), out.size(), input.data(), input.size(), ZSTD_CLEVEL_DEFAULT);
  RUNNEL_CHECK(ZSTD_isError(n) == 0);
  out.resize(n);
  return out;
}

}  // namespace

std::string_view name(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "none";
    case Codec::gzip:
      return "gzip";
    case Codec::snappy:
      return "snappy";
    case Codec::lz4:
      return "lz4";
    case Codec::zstd:
      return "zstd";
  }
  return "unknown";
}

Result<Bytes> decompress(Codec codec, ByteView input, std::size_t bytes_max) {
  if (input.size() > kOutputBytesMax) return Errc::too_large;
  switch (codec) {
    case Codec::none:
      if (input.size() > bytes_max) return Errc::too_large;
      return Bytes(input);
    case Codec::gzip:
      return gunzip(input, Output(bytes_max));
    case Codec::snappy:
      return unsnap(input, Output(bytes_max));
    case Codec::lz4:
      return unlz4(input, Output(bytes_max));
    case Codec::zstd:
      return unzstd(input, Output(bytes_max));
  }
  return Errc::damaged;
}

Bytes compress(Codec codec, ByteView input) {
  RUNNEL_CHECK(input.size() <= kOutputBytesMax);
  switch (codec) {
    case Codec::none:
      return Bytes(input);
    case Codec::gzip:
      return gzip(input);
    case Codec::snappy:
      return snap(input);
    case Codec::lz4:
      return lz4(input);
    case Codec::zstd:
      return zstd(input);
  }
  RUNNEL_CHECK(known(codec));
  return {};
}

}  // namespace runnel::log
