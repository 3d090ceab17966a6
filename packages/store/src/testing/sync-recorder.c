/*
 * Preloaded into a process, it records in order what the process writes to and syncs in the files under one directory,
 * with what it writes to its standard output between. From the record a test rebuilds the files as a machine that lost
 * power would leave them.
 *
 * RECORDER_ROOT  the directory
 * RECORDER_LOG   the file that the record is appended to
 *
 * One entry: a letter, the path's length (u32), an offset (u64), the data's length (u64), the path, the data.
 *   W bytes written at offset    T truncated to offset    S the file was synced
 *   U unlinked    D the directory was synced; the data is the names in it, one a line
 *   A bytes written to standard output    X something that the record does not model, named in the data
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char *root;
static size_t root_length;

__attribute__((constructor)) static void start(void) {
  root = getenv("RECORDER_ROOT");
  const char *log_path = getenv("RECORDER_LOG");
  if (root == NULL || log_path == NULL) return;
  root_length = strlen(root);
  log_fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void put(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    long written = syscall(SYS_write, log_fd, at, length);
    if (written <= 0) abort();
    at += written;
    length -= (size_t)written;
  }
}

static void record(char type, const char *path, uint64_t offset, const void *data, uint64_t length) {
  uint32_t path_length = (uint32_t)strlen(path);
  put(&type, 1);
  put(&path_length, sizeof path_length);
  put(&offset, sizeof offset);
  put(&length, sizeof length);
  put(path, path_length);
  put(data, length);
}

static int under_root(const char *path) {
  return strncmp(path, root, root_length) == 0 && (path[root_length] == '\0' || path[root_length] == '/');
}

/* The path behind a descriptor, when it is under the root. */
static int tracked(int fd, char path[PATH_MAX]) {
  if (log_fd < 0 || fd == log_fd) return 0;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return under_root(path);
}

static ssize_t recorded_write(int fd, const void *data, size_t length, off64_t offset, int positioned) {
  char path[PATH_MAX];
  int is_tracked = tracked(fd, path);
  int is_output = log_fd >= 0 && fd == 1;
  if (!is_tracked && !is_output) {
    return positioned ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
  }
  pthread_mutex_lock(&lock);
  off64_t at = offset;
  if (is_tracked && !positioned) {
    at = (fcntl(fd, F_GETFL) & O_APPEND) ? lseek64(fd, 0, SEEK_END) : lseek64(fd, 0, SEEK_CUR);
  }
  /* An acknowledgement is on record before anybody can see it. */
  if (is_output) record('A', "", 0, data, length);
  ssize_t written = positioned ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
  if (is_tracked && written > 0) record('W', path, (uint64_t)at, data, (uint64_t)written);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t write(int fd, const void *data, size_t length) { return recorded_write(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
  return recorded_write(fd, data, length, offset, 1);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  return recorded_write(fd, data, length, offset, 1);
}

static void not_modelled(int fd, const char *what) {
  char path[PATH_MAX];
  if (!tracked(fd, path)) return;
  pthread_mutex_lock(&lock);
  record('X', path, 0, what, strlen(what));
  pthread_mutex_unlock(&lock);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  not_modelled(fd, "writev");
  return REAL(writev)(fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  not_modelled(fd, "pwritev");
  return REAL(pwritev)(fd, parts, count, offset);
}
int posix_fallocate(int fd, off_t offset, off_t length) {
  not_modelled(fd, "posix_fallocate");
  return REAL(posix_fallocate)(fd, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
  not_modelled(fd, "fallocate");
  return REAL(fallocate)(fd, mode, offset, length);
}

static int recorded_truncate(int fd, off64_t length) {
  char path[PATH_MAX];
  int is_tracked = tracked(fd, path);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_ftruncate, fd, length);
  if (is_tracked && result == 0) record('T', path, (uint64_t)length, "", 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int fd, off_t length) { return recorded_truncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return recorded_truncate(fd, length); }

static void record_directory(const char *path) {
  char names[65536];
  size_t used = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) return;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    int added = snprintf(names + used, sizeof names - used, "%s\n", entry->d_name);
    if (added < 0 || (size_t)added >= sizeof names - used) break;
    used += (size_t)added;
  }
  closedir(directory);
  record('D', path, 0, names, used);
}

static int recorded_sync(int fd, long call) {
  char path[PATH_MAX];
  if (!tracked(fd, path)) return (int)syscall(call, fd);
  pthread_mutex_lock(&lock);
  /* The real sync is left out: what matters is that it was asked for, and the test runs on any disk at the same speed. */
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) record_directory(path);
  else record('S', path, 0, "", 0);
  pthread_mutex_unlock(&lock);
  return 0;
}

int fsync(int fd) { return recorded_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return recorded_sync(fd, SYS_fdatasync); }

static void path_not_modelled(const char *path, const char *what) {
  if (log_fd < 0 || !under_root(path)) return;
  pthread_mutex_lock(&lock);
  record('X', path, 0, what, strlen(what));
  pthread_mutex_unlock(&lock);
}

int unlink(const char *path) {
  pthread_mutex_lock(&lock);
  int result = REAL(unlink)(path);
  if (result == 0 && log_fd >= 0 && under_root(path)) record('U', path, 0, "", 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int rename(const char *from, const char *to) {
  path_not_modelled(to, "rename");
  return REAL(rename)(from, to);
}
