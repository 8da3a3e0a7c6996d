/*
 * The file system of a container, put together step by step.
 *
 * Paths of steps are the container's; every one is opened below the new root
 * with RESOLVE_IN_ROOT, so that a link in an image leads nowhere else. Where
 * the kernel refuses the better way without privilege (an overlay on top of a
 * file system that has none, a device node), the next best is taken, and the
 * container sees the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "fs.h"
#include "sandbox_internal.h"

struct builder {
  struct arena *a;
  const char *root;
  int root_fd; /* of the mounted root file system, O_PATH */
};

static int
open_in_root(const struct builder *b, const char *path, int flags)
{
  struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

  return (int)syscall(SYS_openat2, b->root_fd, path, &how, sizeof how);
}

/* The directory `path` inside the root, made with its parents when absent. A descriptor, or -1 with errno. */
static int
dir_in_root(const struct builder *b, const char *path)
{
  int fd = open_in_root(b, *path ? path : "/", O_PATH | O_DIRECTORY), parent;
  const char *slash;

  if (fd >= 0 || errno != ENOENT)
    return fd;
  slash = strrchr(path, '/');
  if (!slash || !slash[1] || strcmp(slash + 1, "..") == 0) {
    errno = ENOENT;
    return -1;
  }
  parent = dir_in_root(b, arena_strndup(b->a, path, (size_t)(slash - path)));
  if (parent < 0)
    return -1;
  if (mkdirat(parent, slash + 1, 0755) < 0 && errno != EEXIST) {
    fs_closep(&parent);
    return -1;
  }
  fs_closep(&parent);
  return open_in_root(b, path, O_PATH | O_DIRECTORY);
}

/* A path by which the kernel finds what `fd` is open on. */
static char *
fd_path(const struct builder *b, int fd)
{
  return arena_printf(b->a, "/proc/self/fd/%d", fd);
}

static int
parent_in_root(const struct builder *b, const char *path, const char **ret_name)
{
  const char *slash = strrchr(path, '/');

  *ret_name = slash ? slash + 1 : path;
  return dir_in_root(b, slash ? arena_strndup(b->a, path, (size_t)(slash - path)) : "");
}

/* The place to mount on: a directory, or an empty file when `is_dir` is false. */
static int
mount_point(const struct builder *b, const char *path, bool is_dir)
{
  const char *name;
  int fd, parent;

  if (is_dir)
    return dir_in_root(b, path);
  fd = open_in_root(b, path, O_PATH);
  if (fd >= 0 || errno != ENOENT)
    return fd;
  parent = parent_in_root(b, path, &name);
  if (parent < 0)
    return -1;
  fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  fs_closep(&parent);
  fs_closep(&fd);
  return open_in_root(b, path, O_PATH);
}

static int
remount_read_only(const char *target)
{
  unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;

  /* Flags that are locked from outside a user namespace must be kept: try with more of them. */
  if (mount(NULL, target, NULL, flags, NULL) == 0 ||
      mount(NULL, target, NULL, flags | MS_NOSUID | MS_NODEV, NULL) == 0 ||
      mount(NULL, target, NULL, flags | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 ||
      mount(NULL, target, NULL, flags | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, NULL) == 0)
    return 0;
  return -1;
}

/* -- the steps -- */

static int
copy_tree(struct arena *a, const char *from, const char *to)
{
  DIR *d = opendir(from);
  int r = d ? 0 : -1;

  for (const struct dirent *e; r == 0 && (e = readdir(d));) {
    const char *f = arena_printf(a, "%s/%s", from, e->d_name), *t = arena_printf(a, "%s/%s", to, e->d_name);
    char link[PATH_MAX];
    struct stat st;

    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    r = lstat(f, &st);
    if (r == 0 && S_ISDIR(st.st_mode)) {
      r = mkdir(t, st.st_mode & 07777) < 0 && errno != EEXIST ? -1 : copy_tree(a, f, t);
      (void)chmod(t, st.st_mode & 07777);
    } else if (r == 0 && S_ISLNK(st.st_mode)) {
      ssize_t n = readlink(f, link, sizeof link - 1);
      link[n > 0 ? n : 0] = '\0';
      r = n < 0 || (symlink(link, t) < 0 && errno != EEXIST) ? -1 : 0;
    } else if (r == 0 && S_ISREG(st.st_mode)) {
      _cleanup_close_ int in = open(f, O_RDONLY | O_CLOEXEC);
      _cleanup_close_ int out = open(t, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777);
      for (off_t left = st.st_size; in >= 0 && out >= 0 && left > 0;) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
        if (n <= 0)
          break;
        left -= n;
      }
      r = in < 0 || out < 0 ? -1 : 0;
    }
  }
  if (d)
    (void)closedir(d);
  return r;
}

static int
do_overlay(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *upper = json_get_str_or(s, "upper", ""), *work = json_get_str_or(s, "work", "");
  const struct json *lower = json_get(s, "lower");
  struct strbuf options;
  int r;

  strbuf_init(&options, 64 * 1024);
  strbuf_puts(&options, "lowerdir=");
  for (size_t i = 0; i < json_count(lower); i++)
    strbuf_printf(&options, "%s%s", i ? ":" : "", json_str(json_at(lower, i)));
  strbuf_printf(&options, ",upperdir=%s,workdir=%s", upper, work);
  r = mount("overlay", b->root, "overlay", 0, options.p);
  if (r < 0) {
    strbuf_puts(&options, ",userxattr");
    r = mount("overlay", b->root, "overlay", 0, options.p);
  }
  strbuf_release(&options);
  if (r < 0) { /* no overlays here: a copy, which is the same to the container */
    if (mount(upper, b->root, NULL, MS_BIND, NULL) < 0)
      return kerr_errno(reterr, errno, "%s", b->root);
    for (size_t i = json_count(lower); i > 0; i--)
      if (copy_tree(b->a, json_str(json_at(lower, i - 1)), b->root) < 0)
        return kerr_errno(reterr, errno, "copying %s", json_str(json_at(lower, i - 1)));
  }
  b->root_fd = open(b->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return b->root_fd < 0 ? kerr_errno(reterr, errno, "%s", b->root) : 0;
}

static int
do_proc(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", "");
  _cleanup_close_ int fd = dir_in_root(b, path);

  if (fd < 0)
    return kerr_errno(reterr, errno, "%s", path);
  if (mount("proc", fd_path(b, fd), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
    return 0;
  /* Inside another container the kernel may refuse; its own /proc is better than none. */
  if (mount("/proc", fd_path(b, fd), NULL, MS_BIND | MS_REC, NULL) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  return 0;
}

static int
do_tmpfs(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", "");
  _cleanup_close_ int fd = dir_in_root(b, path);

  if (fd < 0 || mount("tmpfs", fd_path(b, fd), "tmpfs", MS_NOSUID, json_get_str_or(s, "options", "")) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  return 0;
}

static int
do_devpts(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", "");
  _cleanup_close_ int fd = dir_in_root(b, path);

  if (fd < 0)
    return kerr_errno(reterr, errno, "%s", path);
  if (mount("devpts", fd_path(b, fd), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5") ==
          0 ||
      mount("devpts", fd_path(b, fd), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") == 0)
    return 0;
  return kerr_errno(reterr, errno, "%s", path);
}

static int
bind_fd(struct builder *b, const char *source, int target, bool ro)
{
  const char *to = fd_path(b, target);

  if (mount(source, to, NULL, MS_BIND | MS_REC, NULL) < 0)
    return -1;
  if (!ro)
    return 0;
  /* The descriptor is of what is below the new mount: find it again by its path. */
  char path[PATH_MAX];
  ssize_t n = readlink(to, path, sizeof path - 1);
  if (n < 0)
    return -1;
  path[n] = '\0';
  return remount_read_only(path);
}

static int
do_bind(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", ""), *source = json_get_str_or(s, "source", "");
  struct stat st;

  if (stat(source, &st) < 0)
    return kerr_errno(reterr, errno, "mount %s", source);
  _cleanup_close_ int fd = mount_point(b, path, S_ISDIR(st.st_mode));
  if (fd < 0 || bind_fd(b, source, fd, json_get_bool(s, "readOnly", false)) < 0)
    return kerr_errno(reterr, errno, "mount %s at %s", source, path);
  return 0;
}

static int
do_node(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", ""), *source = json_get_str_or(s, "source", ""), *name;
  const char *type = json_get_str_or(s, "type", "");
  int64_t major_nr = json_get_int(s, "major", -1), minor_nr = json_get_int(s, "minor", -1);
  mode_t kind = strcmp(type, "b") == 0 ? S_IFBLK : strcmp(type, "p") == 0 ? S_IFIFO : S_IFCHR;
  struct stat st;

  if (major_nr < 0 || minor_nr < 0) {
    if (stat(source, &st) < 0)
      return kerr_errno(reterr, errno, "device %s", source);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISFIFO(st.st_mode))
      return kerr_set(reterr, KERR_INVALID, NULL, "%s is no device node", source);
    kind = st.st_mode & S_IFMT;
    major_nr = major(st.st_rdev);
    minor_nr = minor(st.st_rdev);
  }
  _cleanup_close_ int parent = parent_in_root(b, path, &name);
  if (parent < 0)
    return kerr_errno(reterr, errno, "%s", path);
  (void)unlinkat(parent, name, 0);
  mode_t mode = (mode_t)json_get_int(s, "mode", 0666) & 0777;
  if (mknodat(parent, name, kind | mode, makedev((unsigned)major_nr, (unsigned)minor_nr)) == 0) {
    /* A node made in a user namespace exists but cannot be opened: then it is taken from outside as well. */
    _cleanup_close_ int probe = openat(parent, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (probe >= 0 || errno != EACCES)
      return 0;
    (void)unlinkat(parent, name, 0);
  }
  _cleanup_close_ int fd = mount_point(b, path, false);
  if (fd < 0 || bind_fd(b, source, fd, false) < 0)
    return kerr_errno(reterr, errno, "device %s at %s", source, path);
  return 0;
}

static int
do_symlink(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", ""), *name;
  _cleanup_close_ int parent = parent_in_root(b, path, &name);

  if (parent < 0 || (symlinkat(json_get_str_or(s, "target", ""), parent, name) < 0 && errno != EEXIST))
    return kerr_errno(reterr, errno, "%s", path);
  return 0;
}

static int
do_mask(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", "");
  _cleanup_close_ int fd = open_in_root(b, path, O_PATH);
  struct stat st;

  if (fd < 0 || fstat(fd, &st) < 0) /* not in this kernel */
    return errno == ENOENT || errno == ENOTDIR ? 0 : kerr_errno(reterr, errno, "%s", path);
  if (S_ISDIR(st.st_mode) ? mount("tmpfs", fd_path(b, fd), "tmpfs", MS_RDONLY, "size=0k") < 0
                          : mount("/dev/null", fd_path(b, fd), NULL, MS_BIND, NULL) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  return 0;
}

static int
do_readonly(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", "");
  _cleanup_close_ int fd = open_in_root(b, path, O_PATH);
  char real[PATH_MAX];

  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR ? 0 : kerr_errno(reterr, errno, "%s", path);
  if (strcmp(path, "/") == 0)
    return remount_read_only(b->root) < 0 ? kerr_errno(reterr, errno, "%s", path) : 0;
  ssize_t n = readlink(fd_path(b, fd), real, sizeof real - 1);
  real[n > 0 ? n : 0] = '\0';
  if (mount(real, real, NULL, MS_BIND | MS_REC, NULL) < 0 || remount_read_only(real) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  return 0;
}

/* -- merge: two directories as one, the first over the second -- */

static bool
is_real_dir(const char *path)
{
  struct stat st;

  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int merge_dirs(struct builder *b, const char *over, const char *under, const char *target, int depth);

/* `from` appears at `target`: links are copied, all else is bound. A file that vanishes meanwhile is nothing to fail
 * for. */
static int
merge_entry(const char *from, const char *target)
{
  char link[PATH_MAX];
  struct stat st;

  if (lstat(from, &st) < 0)
    return 0;
  if (S_ISLNK(st.st_mode)) {
    ssize_t n = readlink(from, link, sizeof link - 1);
    link[n > 0 ? n : 0] = '\0';
    return n > 0 && symlink(link, target) < 0 && errno != EEXIST ? -1 : 0;
  }
  if (S_ISDIR(st.st_mode)) {
    if (mkdir(target, 0755) < 0 && errno != EEXIST)
      return -1;
  } else {
    _cleanup_close_ int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
      return -1;
  }
  return mount(from, target, NULL, MS_BIND | MS_REC, NULL) < 0 && errno != ENOENT ? -1 : 0;
}

static int
merge_list(struct builder *b, const char *over, const char *under, const char *target, bool upper, int depth)
{
  DIR *d = opendir(upper ? over : under);
  int r = 0;

  for (const struct dirent *e; r == 0 && d && (e = readdir(d));) {
    const char *o = arena_printf(b->a, "%s/%s", over, e->d_name), *u = arena_printf(b->a, "%s/%s", under, e->d_name);
    const char *t = arena_printf(b->a, "%s/%s", target, e->d_name);
    struct stat st;

    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    if (!upper) {
      if (lstat(o, &st) < 0)
        r = merge_entry(u, t);
    } else if (is_real_dir(o) && is_real_dir(u) && depth < 12) {
      r = mkdir(t, 0755) < 0 && errno != EEXIST ? -1 : merge_dirs(b, o, u, t, depth + 1);
    } else {
      r = merge_entry(o, t);
    }
  }
  if (d)
    (void)closedir(d);
  return r;
}

static int
merge_dirs(struct builder *b, const char *over, const char *under, const char *target, int depth)
{
  int r = merge_list(b, over, under, target, true, depth);

  return r < 0 ? r : merge_list(b, over, under, target, false, depth);
}

static int
do_merge(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *path = json_get_str_or(s, "path", "");
  const char *over = json_str(json_at(json_get(s, "lower"), 0)), *under = json_str(json_at(json_get(s, "lower"), 1));
  _cleanup_close_ int fd = dir_in_root(b, path);
  char real[PATH_MAX];

  if (fd < 0 || !over || !under)
    return kerr_errno(reterr, fd < 0 ? errno : EINVAL, "%s", path);
  ssize_t n = readlink(fd_path(b, fd), real, sizeof real - 1);
  real[n > 0 ? n : 0] = '\0';
  if (mount("overlay", fd_path(b, fd), "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
            arena_printf(b->a, "lowerdir=%s:%s", over, under)) == 0)
    return 0;
  /* Without privilege the kernel has no overlay over a tree with locked mounts: mirror it on a tmpfs. */
  if (mount("tmpfs", fd_path(b, fd), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0 ||
      merge_dirs(b, over, under, real, 0) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  if (json_get_bool(s, "readOnly", false) && remount_read_only(real) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  return 0;
}

static const struct {
  const char *op;
  int (*run)(struct builder *b, const struct json *s, struct kerr *reterr);
} ops[] = {
  { "overlay", do_overlay },   { "proc", do_proc },   { "tmpfs", do_tmpfs },     { "devpts", do_devpts },
  { "bind", do_bind },         { "node", do_node },   { "symlink", do_symlink }, { "mask", do_mask },
  { "readonly", do_readonly }, { "merge", do_merge },
};

static int
run_step(struct builder *b, const struct json *s, struct kerr *reterr)
{
  const char *op = json_get_str_or(s, "op", "");

  for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
    if (strcmp(ops[i].op, op) == 0) {
      if (b->root_fd < 0 && ops[i].run != do_overlay)
        return kerr_set(reterr, KERR_INVALID, NULL, "step %s before there is a root", op);
      return ops[i].run(b, s, reterr);
    }
  return kerr_set(reterr, KERR_INVALID, NULL, "unknown step '%s'", op);
}

int
sandbox_mounts(struct arena *a, const struct json *plan, struct kerr *reterr)
{
  struct builder b = { .a = a, .root = json_get_str_or(plan, "root", ""), .root_fd = -1 };
  int r = 0;

  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    return kerr_errno(reterr, errno, "mount propagation");
  for (json_each_item (p, json_get(plan, "steps"))) {
    r = run_step(&b, *p, reterr);
    if (r < 0) {
      fs_closep(&b.root_fd);
      return r;
    }
  }
  fs_closep(&b.root_fd);
  if (chdir(b.root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    return kerr_errno(reterr, errno, "pivot_root");
  return 0;
}
