// What recorder.c writes and recording.cpp reads: C and C++, so plain.
#ifndef RUNNEL_TESTS_CRASH_ENTRY_H
#define RUNNEL_TESTS_CRASH_ENTRY_H

#include <stdint.h>

enum {
  kEntryRoot = '/',        // object: the recorded directory itself; bytes: its path
  kEntryCreate = 'C',      // object: a new, empty file; bytes: its path
  kEntryMkdir = 'D',       // object: a new directory; bytes: its path
  kEntryRename = 'R',      // bytes: old path, 0, new path
  kEntryUnlink = 'U',      // bytes: path
  kEntryWrite = 'W',       // object, offset, bytes; durable: the write is a flush of itself
  kEntrySize = 'T',        // object; offset: its size from now on
  kEntryGrow = 'G',        // object; offset: its size from now on, if that is more
  kEntryFlush = 'S',       // object: a file or a directory
  kEntryUnfollowed = '!',  // bytes: what the recorder could not follow
};

struct Entry {
  uint8_t op;
  uint8_t durable;
  uint16_t unused;
  uint32_t object;
  uint32_t length;
  uint32_t unused2;
  uint64_t offset;
};

#endif
