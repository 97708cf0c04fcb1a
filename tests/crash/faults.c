// A preloaded library that makes chosen system calls on files below one directory fail, as a disk
// that is full or going bad would.
//
//   FAULT_DIR      the directory, absolute
//   FAULT_FIRST    the number of the first call that fails, from 1; 0 or none: none
//   FAULT_LAST     the last one (default: the first)
//   FAULT_ERROR    errno that they fail with (default: EIO)
//   FAULT_SHORT    set: a write writes half of what it was given and says so, instead of failing
//   FAULT_REPORT   a file that gets a line per fault, "fault NUMBER CALL FILE", when it happens;
//   and,
//                  if no fault was asked for, "call NUMBER CALL FILE" for every call that counts
//
// Calls that count: open, pwrite, writev, write, ftruncate, posix_fallocate, fdatasync, fsync,
// rename, mkdir, unlink. CALL is "meta" for a write through an O_DSYNC descriptor.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kDescriptors = 4096, kReportFd = 3001, kPathBytes = 512 };

struct Descriptor {
  bool followed, durable;
  char name[64];
};

static const char* root;
static long first, last;
static int error = EIO;
static bool short_writes;
static int report = -1;
static atomic_long calls;
static struct Descriptor descriptors[kDescriptors];

#define REAL(type, name, ...)       \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name)

static long number(const char* name, long otherwise) {
  const char* text = getenv(name);
  return text == NULL ? otherwise : strtol(text, NULL, 10);
}

__attribute__((constructor)) static void start(void) {
  root = getenv("FAULT_DIR");
  first = number("FAULT_FIRST", 0);
  last = number("FAULT_LAST", first);
  error = (int)number("FAULT_ERROR", EIO);
  short_writes = getenv("FAULT_SHORT") != NULL;
  const char* file = getenv("FAULT_REPORT");
  if (file == NULL) return;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND, 0644);
  report = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kReportFd);
  syscall(SYS_close, fd);
}

static bool below(const char* path) {
  return root != NULL && path != NULL && strncmp(path, root, strlen(root)) == 0;
}

static const char* base_name(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static struct Descriptor* followed(int fd) {
  return fd >= 0 && fd < kDescriptors && descriptors[fd].followed ? &descriptors[fd] : NULL;
}

// Counts a call; true when it is to fail. errno is set then.
static bool fails(const char* call, const char* file) {
  const long n = ++calls;
  const bool now = first > 0 && n >= first && n <= last;
  if (report >= 0 && (now || first == 0)) {
    char line[kPathBytes];
    const int length =
        snprintf(line, sizeof line, "%s %ld %s %s\n", now ? "fault" : "call", n, call, file);
    if (syscall(SYS_write, report, line, (size_t)length) != length) abort();
  }
  if (now) errno = error;
  return now;
}

// ---- files

static int opened(int fd, const char* path, int flags) {
  if (fd < 0 || fd >= kDescriptors) return fd;
  descriptors[fd].followed = below(path);
  descriptors[fd].durable = (flags & O_DSYNC) != 0;
  snprintf(descriptors[fd].name, sizeof descriptors[fd].name, "%.63s", base_name(path));
  return fd;
}

#define OPEN(name)                                                \
  int name(const char* path, int flags, ...) {                    \
    REAL(int, name, const char*, int, ...);                       \
    va_list list;                                                 \
    va_start(list, flags);                                        \
    const mode_t mode = va_arg(list, mode_t);                     \
    va_end(list);                                                 \
    if (below(path) && fails("open", base_name(path))) return -1; \
    return opened(real(path, flags, mode), path, flags);          \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  REAL(int, close, int);
  if (followed(fd) != NULL) descriptors[fd].followed = false;
  return real(fd);
}

// Closes its descriptor without calling close().
int closedir(DIR* stream) {
  REAL(int, closedir, DIR*);
  if (followed(dirfd(stream)) != NULL) descriptors[dirfd(stream)].followed = false;
  return real(stream);
}

#define MAY_FAIL(fd, call, failure)                                                  \
  do {                                                                               \
    const struct Descriptor* d = followed(fd);                                       \
    if (d != NULL && fails(d->durable ? "meta" : (call), d->name)) return (failure); \
  } while (false)

// Of a write that is to fail: nothing, or half of it.
#define MAY_FAIL_SHORT(fd, call, length, half)                       \
  do {                                                               \
    const struct Descriptor* d = followed(fd);                       \
    if (d != NULL && fails(d->durable ? "meta" : (call), d->name)) { \
      return short_writes && (length) > 1 ? (half) : -1;             \
    }                                                                \
  } while (false)

#define PWRITE(name)                                                      \
  ssize_t name(int fd, const void* data, size_t length, off_t at) {       \
    REAL(ssize_t, name, int, const void*, size_t, off_t);                 \
    MAY_FAIL_SHORT(fd, "pwrite", length, real(fd, data, length / 2, at)); \
    return real(fd, data, length, at);                                    \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void* data, size_t length) {
  REAL(ssize_t, write, int, const void*, size_t);
  MAY_FAIL_SHORT(fd, "write", length, real(fd, data, length / 2));
  return real(fd, data, length);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec*, int);
  MAY_FAIL_SHORT(fd, "writev", count, real(fd, parts, count / 2));
  return real(fd, parts, count);
}

#define FTRUNCATE(name)            \
  int name(int fd, off_t size) {   \
    REAL(int, name, int, off_t);   \
    MAY_FAIL(fd, "ftruncate", -1); \
    return real(fd, size);         \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define POSIX_FALLOCATE(name)                \
  int name(int fd, off_t at, off_t length) { \
    REAL(int, name, int, off_t, off_t);      \
    MAY_FAIL(fd, "posix_fallocate", error);  \
    return real(fd, at, length);             \
  }
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

int fsync(int fd) {
  REAL(int, fsync, int);
  MAY_FAIL(fd, "fsync", -1);
  return real(fd);
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  MAY_FAIL(fd, "fdatasync", -1);
  return real(fd);
}

// ---- directory entries

int rename(const char* from, const char* to) {
  REAL(int, rename, const char*, const char*);
  if (below(to) && fails("rename", base_name(to))) return -1;
  return real(from, to);
}

int mkdir(const char* path, mode_t mode) {
  REAL(int, mkdir, const char*, mode_t);
  if (below(path) && fails("mkdir", base_name(path))) return -1;
  return real(path, mode);
}

#define REMOVE(name)                                                \
  int name(const char* path) {                                      \
    REAL(int, name, const char*);                                   \
    if (below(path) && fails("unlink", base_name(path))) return -1; \
    return real(path);                                              \
  }
REMOVE(unlink)
REMOVE(remove)
