/* The base layer: a shell, the usual tools, and the few files that programs expect. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "embed.h"
#include "fs.h"
#include "image_store.h"

EMBED_FILE(image_os_release, "images/os-release");
EMBED_FILE(image_pause, "images/pause.sh");
EMBED_FILE(image_agnhost, "images/agnhost.sh");

#define LAYER_NAME "base-1" /* count up when what is made below changes */

static const char *const folders[] = { "bin",  "etc", "root", "tmp",  "run", "var", "usr", "usr/local",
                                       "proc", "sys", "dev",  "home", "mnt", "opt", "srv", "lib" };

static const struct {
  const char *path, *target;
} links[] = {
  { "var/run", "/run" }, { "usr/bin", "../bin" }, { "sbin", "bin" }, { "usr/sbin", "../bin" }, { "var/tmp", "../tmp" },
};

static const struct {
  const char *path;
  mode_t mode;
  const char *text;
} files[] = {
  { "etc/passwd", 0644, "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
  { "etc/group", 0644, "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n" },
  { "etc/hosts", 0644, "127.0.0.1\tlocalhost\n::1\tlocalhost\n" },
  { "etc/resolv.conf", 0644, "" },
  { "etc/hostname", 0644, "" },
};

/* What a pod finds when there is no busybox: the host's own programs, with their libraries. */
static const char *const host_programs[] = { "sh",   "sleep", "env",   "cat",      "ls",    "grep", "sort",  "echo",
                                             "date", "mkdir", "rm",    "cp",       "mv",    "ln",   "head",  "tail",
                                             "wc",   "tr",    "sed",   "hostname", "id",    "true", "false", "kill",
                                             "stat", "touch", "chmod", "uname",    "mount", "ps" };

static int
put_text(struct arena *a, const char *root, const char *rel, struct span text, mode_t mode, struct kerr *reterr)
{
  return fs_write(arena_printf(a, "%s/%s", root, rel), text, mode, false, reterr);
}

static int
copy_file(struct arena *a, const char *from, const char *root, const char *rel, struct kerr *reterr)
{
  const char *to = arena_printf(a, "%s/%s", root, rel);
  char *dir = arena_strdup(a, to);
  _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
  struct stat st;

  if (in < 0 || fstat(in, &st) < 0)
    return kerr_errno(reterr, errno, "%s", from);
  *strrchr(dir, '/') = '\0';
  int r = fs_mkdirs(dir, 0755, reterr);
  if (r < 0)
    return r;
  out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (out < 0)
    return kerr_errno(reterr, errno, "%s", to);
  for (off_t left = st.st_size; left > 0;) {
    ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
    char buf[65536];
    if (n < 0) { /* across file systems on an old kernel */
      n = read(in, buf, sizeof buf);
      if (n > 0 && fs_write_all(out, span_make(buf, (size_t)n)) < 0)
        n = -1;
    }
    if (n <= 0)
      return kerr_errno(reterr, n < 0 ? errno : EIO, "%s", to);
    left -= n;
  }
  return 0;
}

/* Is it a program that needs no library? (no PT_INTERP) */
static bool
is_static(const char *path)
{
  unsigned char head[4096];
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);

  if (n < 64 || memcmp(head, "\177ELF\2", 5) != 0)
    return false;
  size_t off = head[32] | (size_t)head[33] << 8, size = head[54] | (size_t)head[55] << 8,
         count = head[56] | (size_t)head[57] << 8;
  for (size_t i = 0; i < count && off + i * size + 4 <= (size_t)n; i++)
    if (head[off + i * size] == 3) /* PT_INTERP */
      return false;
  return true;
}

static const char *
first_that_is(const char *const *paths, bool static_only)
{
  for (; *paths; paths++)
    if (access(*paths, X_OK) == 0 && (!static_only || is_static(*paths)))
      return *paths;
  return NULL;
}

/* Copy the libraries that ldd names, to the same places. */
static int
copy_libraries(struct arena *a, const char *program, const char *root, struct kerr *reterr)
{
  FILE *p = popen(arena_printf(a, "ldd %s 2>/dev/null", program), "re");
  char line[4096];
  int r = 0;

  if (!p)
    return kerr_errno(reterr, errno, "ldd");
  while (r == 0 && fgets(line, sizeof line, p)) {
    char *path = strchr(line, '/');
    if (!path)
      continue;
    path[strcspn(path, " \n")] = '\0';
    if (!fs_exists(arena_printf(a, "%s%s", root, path)))
      r = copy_file(a, path, root, path + 1, reterr);
  }
  (void)pclose(p);
  return r;
}

static int
add_host_programs(struct arena *a, const char *root, struct kerr *reterr)
{
  for (size_t i = 0; i < ARRAY_SIZE(host_programs); i++) {
    const char *paths[] = { arena_printf(a, "/bin/%s", host_programs[i]),
                            arena_printf(a, "/usr/bin/%s", host_programs[i]), NULL };
    const char *from = first_that_is(paths, false);
    int r = from ? copy_file(a, from, root, arena_printf(a, "bin/%s", host_programs[i]), reterr) : 0;

    r = from && r == 0 ? copy_libraries(a, from, root, reterr) : r;
    if (r < 0)
      return r;
  }
  return 0;
}

static int
add_busybox(struct arena *a, const char *busybox, const char *root, struct kerr *reterr)
{
  FILE *p;
  char name[256];
  int r = copy_file(a, busybox, root, "bin/busybox", reterr);

  if (r < 0)
    return r;
  p = popen(arena_printf(a, "%s --list", busybox), "re");
  if (!p)
    return kerr_errno(reterr, errno, "%s", busybox);
  while (r == 0 && fgets(name, sizeof name, p)) {
    name[strcspn(name, "\n")] = '\0';
    if (*name && strcmp(name, "bash") != 0 && strcmp(name, "busybox") != 0 && !strchr(name, '/') &&
        symlink("busybox", arena_printf(a, "%s/bin/%s", root, name)) < 0)
      r = kerr_errno(reterr, errno, "bin/%s", name);
  }
  (void)pclose(p);
  return r;
}

static int
add_programs(struct arena *a, const char *root, struct kerr *reterr)
{
  static const char *const bash_static[] = { "/bin/bash-static", "/usr/bin/bash-static", NULL };
  static const char *const busyboxes[] = { "/bin/busybox", "/usr/bin/busybox", NULL };
  static const char *const bashes[] = { "/bin/bash", "/usr/bin/bash", NULL };
  const char *bash = first_that_is(bash_static, true), *busybox = first_that_is(busyboxes, true);
  int r;

  if (bash) {
    r = copy_file(a, bash, root, "bin/bash", reterr);
  } else {
    bash = first_that_is(bashes, false);
    if (!bash)
      return kerr_set(reterr, KERR_NOT_FOUND, NULL,
                      "no bash on this machine; install: apt-get install bash-static busybox-static");
    r = copy_file(a, bash, root, "bin/bash", reterr);
    r = r < 0 ? r : copy_libraries(a, bash, root, reterr);
  }
  if (r < 0)
    return r;
  return busybox ? add_busybox(a, busybox, root, reterr) : add_host_programs(a, root, reterr);
}

static int
lay_out(struct arena *a, const char *root, struct kerr *reterr)
{
  int r = 0;

  for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
    r = fs_mkdirs(arena_printf(a, "%s/%s", root, folders[i]), 0755, reterr);
  for (size_t i = 0; i < ARRAY_SIZE(links) && r == 0; i++)
    if (symlink(links[i].target, arena_printf(a, "%s/%s", root, links[i].path)) < 0)
      r = kerr_errno(reterr, errno, "%s", links[i].path);
  for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
    r = put_text(a, root, files[i].path, span_of(files[i].text), files[i].mode, reterr);
  r = r < 0 ? r : put_text(a, root, "etc/os-release", EMBED_SPAN(image_os_release), 0644, reterr);
  r = r < 0 ? r : put_text(a, root, "pause", EMBED_SPAN(image_pause), 0755, reterr);
  r = r < 0 ? r : put_text(a, root, "agnhost", EMBED_SPAN(image_agnhost), 0755, reterr);
  if (r == 0)
    (void)chmod(arena_printf(a, "%s/tmp", root), 01777);
  return r < 0 ? r : add_programs(a, root, reterr);
}

int
image_build_base(const char *dir, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *done = arena_printf(a, "%s/" LAYER_NAME, dir);
  char *draft = arena_printf(a, "%s/.draft-XXXXXX", dir);
  int r;

  if (fs_exists(done))
    return 0;
  r = fs_mkdirs(dir, 0755, reterr);
  if (r < 0)
    return r;
  if (!mkdtemp(draft) || chmod(draft, 0755) < 0)
    return kerr_errno(reterr, errno, "%s", draft);
  r = lay_out(a, draft, reterr);
  if (r == 0 && rename(draft, done) < 0 && errno != EEXIST && errno != ENOTEMPTY)
    r = kerr_errno(reterr, errno, "%s", done);
  if (r < 0 || fs_exists(draft)) { /* failed, or another process was faster */
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int removed = fs_remove_tree(draft, &err);
    if (removed < 0 && r == 0)
      r = kerr_move(reterr, &err);
  }
  return r;
}
