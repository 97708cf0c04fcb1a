// A disk made of one file, for ext4_cut.py: a FUSE file system with the files "disk", kept in
// memory and meant to lie below a loop device, and "ledger", to which the program under test
// writes. Every write to either and every flush of the disk goes, in order, to a recording of the
// kind that recorder.c makes (entry.h).
//
//   blkfuse MOUNTPOINT IMAGE RECORDING     in the foreground, until it is unmounted
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/crash/entry.h"

enum { kDisk = 1, kLedger = 2 };

static char* disk;
static size_t disk_size, ledger_size;
static int recording;

static uint32_t object_of(const char* path) {
  if (strcmp(path, "/disk") == 0) return kDisk;
  if (strcmp(path, "/ledger") == 0) return kLedger;
  return 0;
}

static void put(uint8_t op, uint32_t object, uint64_t offset, const void* data, size_t length) {
  struct Entry entry = {.op = op, .object = object, .length = (uint32_t)length, .offset = offset};
  struct iovec parts[2] = {{&entry, sizeof entry}, {(void*)data, length}};
  if (writev(recording, parts, 2) != (ssize_t)(sizeof entry + length)) abort();
}

static int get_attributes(const char* path, struct stat* st, struct fuse_file_info* file) {
  (void)file;
  memset(st, 0, sizeof *st);
  st->st_nlink = 1;
  st->st_mode = S_IFREG | 0600;
  switch (object_of(path)) {
    case kDisk:
      st->st_size = (off_t)disk_size;
      return 0;
    case kLedger:
      st->st_size = (off_t)ledger_size;
      return 0;
    default:
      break;
  }
  if (strcmp(path, "/") != 0) return -ENOENT;
  st->st_mode = S_IFDIR | 0700;
  st->st_nlink = 2;
  return 0;
}

static int open_file(const char* path, struct fuse_file_info* file) {
  file->direct_io = object_of(path) == kLedger;
  return object_of(path) == 0 ? -ENOENT : 0;
}

static int read_file(const char* path, char* to, size_t n, off_t at, struct fuse_file_info* file) {
  (void)file;
  if (object_of(path) != kDisk || (size_t)at >= disk_size) return 0;
  if ((size_t)at + n > disk_size) n = disk_size - (size_t)at;
  memcpy(to, disk + at, n);
  return (int)n;
}

static int write_file(
    const char* path, const char* data, size_t n, off_t at, struct fuse_file_info* file
) {
  (void)file;
  const uint32_t object = object_of(path);
  if (object == kDisk) {
    if ((size_t)at + n > disk_size) return -ENOSPC;
    memcpy(disk + at, data, n);
  } else {
    ledger_size = (size_t)at + n;
  }
  put(kEntryWrite, object, (uint64_t)at, data, n);
  return (int)n;
}

static int truncate_file(const char* path, off_t size, struct fuse_file_info* file) {
  (void)path;
  (void)size;
  (void)file;
  return 0;
}

static int flush_file(const char* path, int data_only, struct fuse_file_info* file) {
  (void)data_only;
  (void)file;
  if (object_of(path) == kDisk) put(kEntryFlush, kDisk, 0, NULL, 0);
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: blkfuse MOUNTPOINT IMAGE RECORDING\n");
    return 2;
  }
  FILE* image = fopen(argv[2], "rb");
  struct stat st;
  if (image == NULL || fstat(fileno(image), &st) != 0) {
    perror(argv[2]);
    return 1;
  }
  disk_size = (size_t)st.st_size;
  disk = malloc(disk_size);
  recording = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (disk == NULL || recording < 0 || fread(disk, 1, disk_size, image) != disk_size) {
    perror(argv[3]);
    return 1;
  }
  fclose(image);
  static const struct fuse_operations operations = {
      .getattr = get_attributes,
      .open = open_file,
      .read = read_file,
      .write = write_file,
      .truncate = truncate_file,
      .fsync = flush_file,
  };
  char* fuse_arguments[] = {argv[0], "-f", "-s", argv[1], NULL};
  return fuse_main(4, fuse_arguments, &operations, NULL);
}
