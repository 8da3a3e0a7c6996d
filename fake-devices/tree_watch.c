#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "fake_driver_internal.h"
#include "fs.h"

#define WATCH_MASK                                                                                                 \
  (IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | \
   IN_ONLYDIR | IN_DONT_FOLLOW)
#define WATCH_DEPTH 20

int
tree_watch_open(void)
{
  return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static bool
watch_below(int fd, const char *path, int depth)
{
  DIR *dir;
  bool ok = true;

  if (inotify_add_watch(fd, path, WATCH_MASK) < 0)
    return errno == ENOENT || errno == ENOTDIR; /* gone in the meantime */
  dir = depth < WATCH_DEPTH ? opendir(path) : NULL;
  for (const struct dirent *e; ok && dir && (e = readdir(dir));) {
    char sub[PATH_MAX];
    if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
      continue;
    if (snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) < (int)sizeof sub)
      ok = watch_below(fd, sub, depth + 1);
  }
  if (dir)
    (void)closedir(dir);
  return ok;
}

bool
tree_watch_update(int fd, const char *node_dir)
{
  _cleanup_free_ char *path = mem_printf("%s/sys/devices", node_dir);

  return fd >= 0 && watch_below(fd, path, 0);
}

bool
tree_watch_drain(int fd)
{
  char buf[8192];
  bool any = false;

  while (fd >= 0 && read(fd, buf, sizeof buf) > 0)
    any = true;
  return any;
}
