#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ceilings.h"

#define TREE_DEPTH_MAX 256 /* folders in folders that fs_remove_tree follows: one descriptor each */

int
fs_read_fd(int fd, const char *name, struct strbuf *b, struct kerr *reterr)
{
  size_t step = 16 * KiB;
  ssize_t got;

  for (;;) {
    size_t room = b->limit - b->n < step ? b->limit - b->n : step;
    char probe, *to = room ? strbuf_reserve(b, room) : &probe; /* at the ceiling: is there more? */

    got = read(fd, to, room ? room : 1);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return kerr_errno(reterr, errno, "read '%s'", name);
    if (got == 0)
      break;
    if (room == 0)
      return kerr_set(reterr, KERR_TOO_LARGE, NULL, "'%s' is larger than %zu bytes", name, b->limit);
    b->n += (size_t)got;
    b->p[b->n] = '\0';
    if (step < MiB)
      step *= 2;
  }
  return 0;
}

int
fs_read(const char *path, struct strbuf *b, struct kerr *reterr)
{
  _cleanup_close_ int fd = -1;

  if (strcmp(path, "-") == 0)
    return fs_read_fd(STDIN_FILENO, "standard input", b, reterr);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "open %s: no such file or directory", path);
  if (fd < 0)
    return kerr_errno(reterr, errno, "open %s", path);
  return fs_read_fd(fd, path, b, reterr);
}

int
fs_write_all(int fd, struct span s)
{
  while (s.n) {
    ssize_t put = write(fd, s.p, s.n);

    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return -errno;
    s = span_make(s.p + put, s.n - (size_t)put);
  }
  return 0;
}

/* The folder of `path`, made durable, so that a rename in it is. */
static int
sync_parent(const char *path)
{
  _cleanup_free_ char *dir = mem_strdup(path);
  _cleanup_close_ int fd = -1;
  char *slash = strrchr(dir, '/');

  if (slash)
    *(slash == dir ? slash + 1 : slash) = '\0';
  fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int
fs_write(const char *path, struct span content, mode_t mode, bool durable, struct kerr *reterr)
{
  _cleanup_free_ char *beside = mem_printf("%s.XXXXXX", path);
  _cleanup_close_ int fd = mkostemp(beside, O_CLOEXEC);
  int r;

  if (fd < 0)
    return kerr_errno(reterr, errno, "create %s", beside);
  r = fs_write_all(fd, content);
  if (r == 0 && (fchmod(fd, mode) < 0 || (durable && fsync(fd) < 0) || rename(beside, path) < 0))
    r = -errno;
  if (r < 0) {
    (void)unlink(beside);
    return kerr_errno(reterr, -r, "write %s", path);
  }
  r = durable ? sync_parent(path) : 0;
  return r < 0 ? kerr_errno(reterr, -r, "sync the folder of %s", path) : 0;
}

int
fs_mkdirs(const char *path, mode_t mode, struct kerr *reterr)
{
  _cleanup_free_ char *copy = mem_strdup(path);
  struct stat st;

  for (char *p = copy; *p; p++) {
    if (*p != '/' || p == copy)
      continue;
    *p = '\0';
    if (mkdir(copy, mode) < 0 && errno != EEXIST)
      return kerr_errno(reterr, errno, "mkdir %s", copy);
    *p = '/';
  }
  if (mkdir(copy, mode) == 0)
    return 0;
  if (errno != EEXIST)
    return kerr_errno(reterr, errno, "mkdir %s", path);
  if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
    return kerr_errno(reterr, ENOTDIR, "mkdir %s", path);
  return 0;
}

static int remove_below(int dirfd, dev_t dev, int depth, struct strbuf *at);

/* Remove `name` in `dirfd`. Returns -errno, with the culprit's path left in `at`. */
static int
remove_entry(int dirfd, const char *name, dev_t dev, int depth, struct strbuf *at)
{
  _cleanup_close_ int fd = -1;
  size_t mark = at->n;
  struct stat st;
  int r;

  strbuf_printf(at, "/%s", name);
  if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? 0 : -errno;
  if (S_ISDIR(st.st_mode)) {
    if (st.st_dev != dev)
      return -EXDEV; /* something is mounted there */
    /* overlayfs leaves its work directory with no permission at all, and a pod may leave a read-only one: what is ours
       we may open up. Root needs none of it, so a link put here meanwhile gains nobody anything. */
    if ((st.st_mode & S_IRWXU) != S_IRWXU && geteuid() != 0 && fchmodat(dirfd, name, S_IRWXU, 0) < 0)
      return -errno;
    fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
      return -errno;
    r = remove_below(fd, dev, depth + 1, at);
    if (r < 0)
      return r;
  }
  if (unlinkat(dirfd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
    return -errno;
  at->n = mark;
  return 0;
}

static void
close_dir(DIR **d)
{
  if (*d)
    (void)closedir(*d);
}

/* Takes no ownership of dirfd. */
static int
remove_below(int dirfd, dev_t dev, int depth, struct strbuf *at)
{
  _cleanup_(close_dir) DIR *d = NULL;
  struct dirent *e;
  int own, r;

  if (depth > TREE_DEPTH_MAX)
    return -ELOOP;
  own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  d = own < 0 ? NULL : fdopendir(own);
  if (!d)
    return -errno;
  while ((e = readdir(d))) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    r = remove_entry(dirfd, e->d_name, dev, depth, at);
    if (r < 0)
      return r;
  }
  return 0;
}

int
fs_remove_tree(const char *path, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf at = STRBUF_INIT(MiB);
  _cleanup_close_ int fd = -1;
  struct stat st;
  int r;

  if (lstat(path, &st) < 0)
    return errno == ENOENT ? 0 : kerr_errno(reterr, errno, "remove %s", path);
  strbuf_puts(&at, path);
  if (S_ISDIR(st.st_mode)) {
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    r = fd < 0 ? -errno : remove_below(fd, st.st_dev, 0, &at);
    if (r < 0)
      return kerr_errno(reterr, -r, "remove %s", at.p);
  }
  if (unlinkat(AT_FDCWD, path, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
    return kerr_errno(reterr, errno, "remove %s", path);
  return 0;
}

/* Without openat2 (an old kernel, a seccomp filter): one component after the other, no links at all, no "..". */
static int
open_stepwise(int dirfd, const char *path, int flags, mode_t mode)
{
  _cleanup_free_ char *copy = mem_strdup(path);
  _cleanup_close_ int at = -1;
  char *rest = copy;

  for (;;) {
    char *name = strsep(&rest, "/");
    int fd;

    if (strcmp(name, "..") == 0)
      return -EXDEV;
    if (rest && (!*name || strcmp(name, ".") == 0))
      continue;
    fd = openat(at < 0 ? dirfd : at, *name ? name : ".", (rest ? O_PATH | O_DIRECTORY : flags) | O_NOFOLLOW | O_CLOEXEC,
                mode);
    if (fd < 0)
      return -errno;
    if (!rest)
      return fd;
    if (at >= 0)
      (void)close(at);
    at = fd;
  }
}

int
fs_open_below(int dirfd, const char *path, int flags, mode_t mode, int *ret_fd, struct kerr *reterr)
{
  struct open_how how = {
    .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
    .mode = flags & O_CREAT ? mode : 0,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
  int err = fd < 0 ? errno : 0;

  if (err == ENOSYS || err == EPERM) {
    fd = open_stepwise(dirfd, path, flags, mode);
    err = fd < 0 ? (int)-fd : 0;
  }
  if (err == ENOENT)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "open %s: no such file or directory", path);
  if (err)
    return kerr_errno(reterr, err, "open %s", path);
  *ret_fd = (int)fd;
  return 0;
}

bool
fs_exists(const char *path)
{
  return access(path, F_OK) == 0;
}

int
fs_list(struct arena *a, const char *path, char ***ret_names, size_t *ret_n, struct kerr *reterr)
{
  _cleanup_(close_dir) DIR *d = opendir(path);
  size_t n = 0, cap = 16;
  char **names = arena_array_of(a, char *, cap), **bigger;
  struct dirent *e;

  if (!d && errno == ENOENT)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "open %s: no such file or directory", path);
  if (!d)
    return kerr_errno(reterr, errno, "open %s", path);
  while ((e = readdir(d))) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    if (n == cap) {
      bigger = arena_array_of(a, char *, cap * 2);
      memcpy(bigger, names, n * sizeof *names);
      names = bigger;
      cap *= 2;
    }
    names[n++] = arena_strdup(a, e->d_name);
  }
  qsort(names, n, sizeof *names, text_order);
  *ret_names = names;
  *ret_n = n;
  return 0;
}

char *
fs_join(struct arena *a, const char *dir, const char *name)
{
  size_t n = strlen(dir);

  return arena_printf(a, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

/* -- lock files -- */

#define LOCK_RETRY (20 * CLOCK_MS)

static void
rest_until(struct clock *clock, int64_t deadline)
{
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t never;

  clock_cond_init(&never);
  pthread_mutex_lock(&lock);
  while (clock_cond_wait(clock, &never, &lock, deadline))
    continue;
  pthread_mutex_unlock(&lock);
  (void)pthread_cond_destroy(&never);
}

int
fs_lock(const char *path, struct clock *clock, int64_t timeout_ns, struct kerr *reterr)
{
  _cleanup_free_ char *lock = mem_printf("%s.lock", path);
  int64_t now = clock_mono(clock), until = now + timeout_ns;

  for (;; now = clock_mono(clock)) {
    int fd = open(lock, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0);

    if (fd >= 0) {
      (void)close(fd);
      return 0;
    }
    if (errno != EEXIST)
      return kerr_errno(reterr, errno, "create %s", lock);
    if (now >= until)
      return kerr_set(reterr, KERR_TIMEOUT, NULL, "%s is locked: remove %s if no other program is using it", path,
                      lock);
    rest_until(clock, now + LOCK_RETRY < until ? now + LOCK_RETRY : until);
  }
}

void
fs_unlock(const char *path)
{
  _cleanup_free_ char *lock = mem_printf("%s.lock", path);

  (void)unlink(lock);
}
