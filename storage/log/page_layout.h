// Where the fields of LMDB 0.9's pages stand (data version 1), as the machine itself writes them.
// For page_tree*.cpp alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "storage/base/bytes.h"

namespace runnel::log::page_layout {

using Word = std::size_t;  // page numbers and sizes

// Page header: number, pad u16, flags u16, then the ends of the free space u16 u16, or for pages of
// one value their count u32.
constexpr std::size_t kFlagsAt = sizeof(Word) + 2;
constexpr std::size_t kLowerAt = sizeof(Word) + 4;
constexpr std::size_t kUpperAt = sizeof(Word) + 6;
constexpr std::size_t kPageHead = sizeof(Word) + 8;
constexpr std::uint16_t kBranch = 0x01;
constexpr std::uint16_t kLeaf = 0x02;
constexpr std::uint16_t kOverflow = 0x04;
constexpr std::uint16_t kMetaPage = 0x08;

// Node: low u16, high u16, flags u16, bytes of the key u16, key, value.
constexpr std::size_t kNodeHead = 8;
constexpr std::uint16_t kBigData = 0x01;

// Database: pad u32, flags u16, depth u16, then four counts and the root.
constexpr std::size_t kDatabaseBytes = 8 + 5 * sizeof(Word);
constexpr std::uint16_t kFlagsOfKeys = 0x7f;  // the rest are the environment's
constexpr std::uint16_t kIntegerKey = 0x08;
constexpr Word kNoRoot = ~Word{0};

// Meta: magic u32, version u32, address, map size, two databases, last page, transaction.
constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::size_t kFreeAt = kPageHead + 8 + 2 * sizeof(Word);
constexpr std::size_t kMainAt = kFreeAt + kDatabaseBytes;
constexpr std::size_t kLastPageAt = kMainAt + kDatabaseBytes;
constexpr std::size_t kTxnAt = kLastPageAt + sizeof(Word);
constexpr std::size_t kMetaEnd = kTxnAt + sizeof(Word);

// LMDB's own bound; a circle of pages is longer.
constexpr std::size_t kDepthMax = 32;

template <class T>
T get_at(ByteView bytes, std::size_t at) {
  T v{};
  std::memcpy(&v, bytes.data() + at, sizeof v);  // the caller has checked the bounds
  return v;
}

}  // namespace runnel::log::page_layout
