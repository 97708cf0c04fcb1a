// A preloaded library that writes down, in order, every change that a program makes to files and
// directory entries below one directory, with the bytes. powercut.cpp builds from such a recording
// what a disk could hold after a power cut at any moment.
//
//   RECORD_DIR         the directory, absolute, empty at the start
//   RECORD_FILE        where the recording goes (outside of RECORD_DIR)
//   RECORD_IGNORE      files whose names end so are not followed (LMDB's lock file: "-lock")
//   RECORD_LEAVE_OUT   for negative controls: kinds of flushes that are neither made nor recorded,
//                      any of "data" (fsync, fdatasync), "meta" (O_DSYNC, as LMDB writes its meta
//                      page) and "directory" (fsync of a directory)
//
// The real call is made as well, under one lock with its entry, so that the recording has the order
// in which things happened. What cannot be followed (a shared writable map, a copied descriptor,
// stdio) is recorded as such, and powercut refuses the recording.
//
// An entry: struct Entry (entry.h), then `length` bytes.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/crash/entry.h"

enum { kDescriptors = 4096, kNames = 4096, kRecordingFd = 3000 };

struct Descriptor {
  uint32_t object;  // 0: not followed
  bool durable;     // O_DSYNC: every write is a flush of itself
  bool directory;
};

struct Name {
  char* path;  // NULL: free
  uint32_t object;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int recording = -1;
static const char* root;
static size_t root_length;
static const char* ignored = "";
static bool leave_out_data, leave_out_meta, leave_out_directory;
static struct Descriptor descriptors[kDescriptors];
static struct Name names[kNames];
static uint32_t objects;

#define REAL(type, name, ...)       \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name)

static void put(
    struct Entry entry, const void* a, size_t a_length, const void* b, size_t b_length
) {
  entry.length = (uint32_t)(a_length + b_length);
  struct iovec parts[3] = {{&entry, sizeof entry}, {(void*)a, a_length}, {(void*)b, b_length}};
  const ssize_t wanted = (ssize_t)(sizeof entry + a_length + b_length);
  if (syscall(SYS_writev, recording, parts, 3) != wanted) abort();
}

static void put_text(uint8_t op, uint32_t object, const char* text) {
  put((struct Entry){.op = op, .object = object}, text, strlen(text), NULL, 0);
}

static void cannot_follow(const char* what) {
  put_text(kEntryUnfollowed, 0, what);
}

static bool below(const char* path) {
  if (recording < 0 || path == NULL || strncmp(path, root, root_length) != 0) return false;
  if (path[root_length] != '/' && path[root_length] != '\0') return false;
  const size_t length = strlen(path), suffix = strlen(ignored);
  return suffix == 0 || length < suffix || strcmp(path + length - suffix, ignored) != 0;
}

static struct Name* find_name(const char* path) {
  for (int i = 0; i < kNames; ++i) {
    if (names[i].path != NULL && strcmp(names[i].path, path) == 0) return &names[i];
  }
  return NULL;
}

static uint32_t add_name(const char* path, uint32_t object) {
  for (int i = 0; i < kNames; ++i) {
    if (names[i].path != NULL) continue;
    names[i].path = strdup(path);
    return names[i].object = object;
  }
  abort();
}

__attribute__((constructor)) static void start(void) {
  const char* file = getenv("RECORD_FILE");
  root = getenv("RECORD_DIR");
  if (file == NULL || root == NULL) return;
  root_length = strlen(root);
  if (getenv("RECORD_IGNORE") != NULL) ignored = getenv("RECORD_IGNORE");
  const char* out = getenv("RECORD_LEAVE_OUT");
  if (out != NULL) {
    leave_out_data = strstr(out, "data") != NULL;
    leave_out_meta = strstr(out, "meta") != NULL;
    leave_out_directory = strstr(out, "directory") != NULL;
  }
  const int fd = (int
  )syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  recording = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kRecordingFd);
  if (recording < 0) abort();
  syscall(SYS_close, fd);
  put_text(kEntryRoot, add_name(root, ++objects), root);
}

static void drop_name(struct Name* name) {
  if (name == NULL) return;
  free(name->path);
  name->path = NULL;
}

static struct Descriptor* followed(int fd) {
  if (recording < 0 || fd < 0 || fd >= kDescriptors || descriptors[fd].object == 0) return NULL;
  return &descriptors[fd];
}

// ---- opening and closing

static int opened(int fd, const char* path, int flags) {
  if (fd < 0 || !below(path)) return fd;
  if (fd >= kDescriptors) abort();
  pthread_mutex_lock(&mutex);
  struct stat st;
  const bool directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
  struct Name* name = find_name(path);
  uint32_t object;
  if (name != NULL) {
    object = name->object;
  } else {
    object = add_name(path, ++objects);
    put_text(directory ? kEntryMkdir : kEntryCreate, object, path);
    if (!directory && st.st_size != 0) cannot_follow("a file that was there before");
  }
  descriptors[fd] = (struct Descriptor
  ){.object = object, .durable = (flags & O_DSYNC) != 0 && !leave_out_meta, .directory = directory};
  if ((flags & O_TRUNC) != 0)
    put((struct Entry){.op = kEntrySize, .object = object}, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&mutex);
  return fd;
}

#define OPEN(name)                                       \
  int name(const char* path, int flags, ...) {           \
    REAL(int, name, const char*, int, ...);              \
    va_list list;                                        \
    va_start(list, flags);                               \
    const mode_t mode = va_arg(list, mode_t);            \
    va_end(list);                                        \
    return opened(real(path, flags, mode), path, flags); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                  \
  int name(int at, const char* path, int flags, ...) {                \
    REAL(int, name, int, const char*, int, ...);                      \
    va_list list;                                                     \
    va_start(list, flags);                                            \
    const mode_t mode = va_arg(list, mode_t);                         \
    va_end(list);                                                     \
    if (followed(at) != NULL && path[0] != '/') cannot_follow(#name); \
    return opened(real(at, path, flags, mode), path, flags);          \
  }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                      \
  int name(const char* path, mode_t mode) {                              \
    REAL(int, name, const char*, mode_t);                                \
    return opened(real(path, mode), path, O_CREAT | O_WRONLY | O_TRUNC); \
  }
CREAT(creat)
CREAT(creat64)

#define FOPEN(name)                                                  \
  FILE* name(const char* path, const char* mode) {                   \
    REAL(FILE*, name, const char*, const char*);                     \
    if (below(path) && strcmp(mode, "r") != 0) cannot_follow(#name); \
    return real(path, mode);                                         \
  }
FOPEN(fopen)
FOPEN(fopen64)

int close(int fd) {
  REAL(int, close, int);
  if (followed(fd) == NULL) return real(fd);
  pthread_mutex_lock(&mutex);
  descriptors[fd].object = 0;
  const int rc = real(fd);
  pthread_mutex_unlock(&mutex);
  return rc;
}

// Closes its descriptor without calling close().
int closedir(DIR* stream) {
  REAL(int, closedir, DIR*);
  if (followed(dirfd(stream)) != NULL) descriptors[dirfd(stream)].object = 0;
  return real(stream);
}

int dup(int fd) {
  REAL(int, dup, int);
  if (followed(fd) != NULL) cannot_follow("dup");
  return real(fd);
}

int dup2(int fd, int to) {
  REAL(int, dup2, int, int);
  if (followed(fd) != NULL) cannot_follow("dup2");
  return real(fd, to);
}

// ---- contents

// Makes the call under the lock; when it has worked, records what `note` says.
#define UNDER_LOCK(type, fd, call, note) \
  struct Descriptor* d = followed(fd);   \
  if (d == NULL) return call;            \
  pthread_mutex_lock(&mutex);            \
  const type rc = call;                  \
  const int error = errno;               \
  if (rc >= 0) note;                     \
  pthread_mutex_unlock(&mutex);          \
  errno = error;                         \
  return rc

static void written(const struct Descriptor* d, uint64_t at, const void* data, size_t length) {
  const struct Entry entry = {
      .op = kEntryWrite, .durable = d->durable, .object = d->object, .offset = at};
  put(entry, data, length, NULL, 0);
}

static void written_parts(
    const struct Descriptor* d, uint64_t at, const struct iovec* parts, int count, size_t length
) {
  char* whole = malloc(length + 1);
  size_t have = 0;
  for (int i = 0; i < count && have < length; ++i) {
    const size_t n = parts[i].iov_len < length - have ? parts[i].iov_len : length - have;
    memcpy(whole + have, parts[i].iov_base, n);
    have += n;
  }
  written(d, at, whole, have);
  free(whole);
}

// Where a write that moved the descriptor by `length` bytes began.
static uint64_t began(int fd, ssize_t length) {
  return (uint64_t)(lseek(fd, 0, SEEK_CUR) - (off_t)length);
}

ssize_t write(int fd, const void* data, size_t length) {
  REAL(ssize_t, write, int, const void*, size_t);
  UNDER_LOCK(ssize_t, fd, real(fd, data, length), written(d, began(fd, rc), data, (size_t)rc));
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec*, int);
  UNDER_LOCK(
      ssize_t, fd, real(fd, parts, count), written_parts(d, began(fd, rc), parts, count, (size_t)rc)
  );
}

#define PWRITE(name)                                                                        \
  ssize_t name(int fd, const void* data, size_t length, off_t at) {                         \
    REAL(ssize_t, name, int, const void*, size_t, off_t);                                   \
    UNDER_LOCK(                                                                             \
        ssize_t, fd, real(fd, data, length, at), written(d, (uint64_t)at, data, (size_t)rc) \
    );                                                                                      \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                    \
  ssize_t name(int fd, const struct iovec* parts, int count, off_t at) { \
    REAL(ssize_t, name, int, const struct iovec*, int, off_t);           \
    UNDER_LOCK(                                                          \
        ssize_t,                                                         \
        fd,                                                              \
        real(fd, parts, count, at),                                      \
        written_parts(d, (uint64_t)at, parts, count, (size_t)rc)         \
    );                                                                   \
  }
PWRITEV(pwritev)
PWRITEV(pwritev64)

static void resized(const struct Descriptor* d, uint8_t op, off_t size) {
  put((struct Entry){.op = op, .object = d->object, .offset = (uint64_t)size}, NULL, 0, NULL, 0);
}

#define FTRUNCATE(name)                                                \
  int name(int fd, off_t size) {                                       \
    REAL(int, name, int, off_t);                                       \
    UNDER_LOCK(int, fd, real(fd, size), resized(d, kEntrySize, size)); \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define POSIX_FALLOCATE(name)                         \
  int name(int fd, off_t at, off_t length) {          \
    REAL(int, name, int, off_t, off_t);               \
    struct Descriptor* d = followed(fd);              \
    if (d == NULL) return real(fd, at, length);       \
    pthread_mutex_lock(&mutex);                       \
    const int rc = real(fd, at, length);              \
    if (rc == 0) resized(d, kEntryGrow, at + length); \
    pthread_mutex_unlock(&mutex);                     \
    return rc;                                        \
  }
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

#define FALLOCATE(name)                                                                   \
  int name(int fd, int mode, off_t at, off_t length) {                                    \
    REAL(int, name, int, int, off_t, off_t);                                              \
    if (followed(fd) != NULL && mode != 0) cannot_follow(#name " with a mode");           \
    UNDER_LOCK(int, fd, real(fd, mode, at, length), resized(d, kEntryGrow, at + length)); \
  }
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

static int flushed(int fd, int (*real)(int)) {
  const struct Descriptor* file = followed(fd);
  if (file != NULL && (file->directory ? leave_out_directory : leave_out_data)) return 0;
  UNDER_LOCK(
      int,
      fd,
      real(fd),
      put((struct Entry){.op = kEntryFlush, .object = d->object}, NULL, 0, NULL, 0)
  );
}

int fsync(int fd) {
  REAL(int, fsync, int);
  return flushed(fd, real);
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return flushed(fd, real);
}

#define MMAP(name)                                                                       \
  void* name(void* at, size_t length, int protection, int flags, int fd, off_t offset) { \
    REAL(void*, name, void*, size_t, int, int, int, off_t);                              \
    const bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;                               \
    if (followed(fd) != NULL && shared && (protection & PROT_WRITE) != 0) {              \
      cannot_follow("a shared writable map");                                            \
    }                                                                                    \
    return real(at, length, protection, flags, fd, offset);                              \
  }
MMAP(mmap)
MMAP(mmap64)

// ---- directory entries

static int made_directory(int rc, const char* path) {
  if (rc != 0 || !below(path)) return rc;
  pthread_mutex_lock(&mutex);
  put_text(kEntryMkdir, add_name(path, ++objects), path);
  pthread_mutex_unlock(&mutex);
  return rc;
}

int mkdir(const char* path, mode_t mode) {
  REAL(int, mkdir, const char*, mode_t);
  return made_directory(real(path, mode), path);
}

static int removed(int (*real)(const char*), const char* path) {
  if (!below(path)) return real(path);
  pthread_mutex_lock(&mutex);
  const int rc = real(path);
  const int error = errno;
  if (rc == 0) {
    put_text(kEntryUnlink, 0, path);
    drop_name(find_name(path));
  }
  pthread_mutex_unlock(&mutex);
  errno = error;
  return rc;
}

#define REMOVE(name)              \
  int name(const char* path) {    \
    REAL(int, name, const char*); \
    return removed(real, path);   \
  }
REMOVE(unlink)
REMOVE(rmdir)
REMOVE(remove)

int unlinkat(int at, const char* path, int flags) {
  REAL(int, unlinkat, int, const char*, int);
  if (followed(at) != NULL || below(path)) cannot_follow("unlinkat");
  return real(at, path, flags);
}

int rename(const char* from, const char* to) {
  REAL(int, rename, const char*, const char*);
  if (!below(from) && !below(to)) return real(from, to);
  pthread_mutex_lock(&mutex);
  if (below(from) != below(to)) cannot_follow("rename across the border");
  const int rc = real(from, to);
  const int error = errno;
  if (rc == 0) {
    put((struct Entry){.op = kEntryRename}, from, strlen(from) + 1, to, strlen(to));
    struct Name* name = find_name(from);
    drop_name(find_name(to));
    if (name != NULL) {
      free(name->path);
      name->path = strdup(to);
    }
  }
  pthread_mutex_unlock(&mutex);
  errno = error;
  return rc;
}

int link(const char* from, const char* to) {
  REAL(int, link, const char*, const char*);
  if (below(from) || below(to)) cannot_follow("link");
  return real(from, to);
}

int truncate(const char* path, off_t size) {
  REAL(int, truncate, const char*, off_t);
  if (below(path)) cannot_follow("truncate by name");
  return real(path, size);
}
