// A disk that is full while the file FULL_DISK_WHEN exists: nothing can be written to files under FULL_DISK_ROOT.
// Preloaded into a process; what is read, renamed or deleted is left alone, as on a full disk.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int full(int fd) {
  const char *root = getenv("FULL_DISK_ROOT"), *when = getenv("FULL_DISK_WHEN");
  if (!root || !when || syscall(SYS_faccessat, -100, when, F_OK) != 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, root, strlen(root)) != 0) return 0;
  errno = ENOSPC;
  return 1;
}

ssize_t write(int fd, const void *data, size_t length) {
  return full(fd) ? -1 : syscall(SYS_write, fd, data, length);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
  return full(fd) ? -1 : syscall(SYS_pwrite64, fd, data, length, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  return full(fd) ? -1 : syscall(SYS_pwrite64, fd, data, length, offset);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return full(fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return full(fd) ? -1 : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}
int ftruncate(int fd, off_t length) {
  struct stat now;
  int grows = fstat(fd, &now) == 0 && length > now.st_size;
  return grows && full(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
  return full(fd) ? ENOSPC : (int)syscall(SYS_fallocate, fd, 0, offset, length);
}
