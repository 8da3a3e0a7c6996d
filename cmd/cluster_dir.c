#include "cluster_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ceilings.h"
#include "yaml.h"

#define LOCK_FILE   "dralab.lock"
#define CONFIG_FILE "cluster.yaml"

int
cluster_home(struct arena *a, const char **ret, struct kerr *reterr)
{
  const char *own = getenv("DRALAB_HOME"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

  if (own && *own)
    *ret = own;
  else if (state && *state == '/')
    *ret = arena_printf(a, "%s/dralab", state);
  else if (home && *home)
    *ret = arena_printf(a, "%s/.local/state/dralab", home);
  else
    return kerr_set(reterr, KERR_IO, NULL, "no place for clusters: set DRALAB_HOME or HOME");
  return 0;
}

int
cluster_dir_of(struct arena *a, const char *name, struct cluster_dir *ret, struct kerr *reterr)
{
  const char *home;
  int r = cluster_home(a, &home, reterr);

  if (r < 0)
    return r;
  if (!*name || strchr(name, '/') || name[0] == '.')
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is not a valid cluster name", name);
  *ret = (struct cluster_dir){ .name = name, .path = arena_printf(a, "%s/clusters/%s", home, name) };
  return 0;
}

int
cluster_dir_list(struct arena *a, const char ***ret, size_t *ret_n, struct kerr *reterr)
{
  const char *home;
  char *parent, **names;
  size_t n, kept = 0;
  int r = cluster_home(a, &home, reterr);

  if (r < 0)
    return r;
  parent = fs_join(a, home, "clusters");
  *ret = NULL;
  *ret_n = 0;
  if (!fs_exists(parent))
    return 0;
  r = fs_list(a, parent, &names, &n, reterr);
  if (r < 0)
    return r;
  *ret = arena_array_of(a, const char *, n);
  for (size_t i = 0; i < n; i++)
    if (fs_exists(arena_printf(a, "%s/%s/" CONFIG_FILE, parent, names[i])))
      (*ret)[kept++] = names[i];
  *ret_n = kept;
  return 0;
}

char *
cluster_dir_file(struct arena *a, const struct cluster_dir *d, const char *file)
{
  return arena_printf(a, "%s/%s", d->path, file);
}

bool
cluster_dir_exists(const struct cluster_dir *d)
{
  _cleanup_free_ char *config = mem_printf("%s/" CONFIG_FILE, d->path);

  return fs_exists(config);
}

static int
check_exists(const struct cluster_dir *d, struct kerr *reterr)
{
  return cluster_dir_exists(d) ? 0 : kerr_set(reterr, KERR_NOT_FOUND, NULL, "no cluster with the name \"%s\"", d->name);
}

int
cluster_dir_find(struct arena *a, const char *name, struct cluster_dir *ret, struct kerr *reterr)
{
  int r = cluster_dir_of(a, name, ret, reterr);

  return r < 0 ? r : check_exists(ret, reterr);
}

int
cluster_dir_make(struct arena *a, const struct cluster_dir *d, const char *data_dir, struct kerr *reterr)
{
  char *parent = arena_strndup(a, d->path, (size_t)(strrchr(d->path, '/') - d->path));
  char absolute[PATH_MAX];
  int r;

  if (cluster_dir_exists(d))
    return kerr_set(reterr, KERR_ALREADY_EXISTS, NULL, "a cluster with the name \"%s\" exists already", d->name);
  if (!data_dir)
    return fs_mkdirs(d->path, 0700, reterr);
  r = fs_mkdirs(parent, 0700, reterr);
  if (r == 0)
    r = fs_mkdirs(data_dir, 0700, reterr);
  if (r < 0)
    return r;
  if (!realpath(data_dir, absolute))
    return kerr_errno(reterr, errno, "%s", data_dir);
  if (symlink(absolute, d->path) < 0)
    return kerr_errno(reterr, errno, "%s", d->path);
  return 0;
}

int
cluster_dir_remove(struct arena *a, const struct cluster_dir *d, struct kerr *reterr)
{
  char target[PATH_MAX];
  ssize_t n = readlink(d->path, target, sizeof target - 1);

  if (n >= 0) {
    int r = fs_remove_tree(arena_strndup(a, target, (size_t)n), reterr);

    if (r < 0)
      return r;
    if (unlink(d->path) < 0)
      return kerr_errno(reterr, errno, "%s", d->path);
    return 0;
  }
  return fs_remove_tree(d->path, reterr);
}

int
cluster_dir_load(struct arena *a, const struct cluster_dir *d, struct cluster_config *ret, struct kerr *reterr)
{
  int r = check_exists(d, reterr);

  if (r < 0)
    return r;
  cluster_config_default(a, ret);
  ret->n_nodes = 0;
  r = cluster_config_read(a, cluster_dir_file(a, d, CONFIG_FILE), ret, reterr);
  if (r < 0)
    return r;
  if (strcmp(ret->name, d->name) != 0)
    return kerr_set(reterr, KERR_INVALID, "name", "%s/" CONFIG_FILE ": name: is \"%s\", but the cluster is \"%s\"",
                    d->path, ret->name, d->name);
  return cluster_config_finish(a, ret, reterr);
}

int
cluster_dir_save(struct arena *a, const struct cluster_dir *d, const struct cluster_config *c, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text;

  strbuf_init(&text, CEIL_SMALL_FILE);
  yaml_write(&text, cluster_config_to_json(a, c));
  return fs_write(cluster_dir_file(a, d, CONFIG_FILE), strbuf_view(&text), 0600, true, reterr);
}

pid_t
cluster_dir_pid(const struct cluster_dir *d)
{
  _cleanup_free_ char *path = mem_printf("%s/" LOCK_FILE, d->path);
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  char text[24] = "";

  if (fd < 0)
    return 0;
  if (flock(fd, LOCK_SH | LOCK_NB) == 0) /* nobody has it: released as fd closes */
    return 0;
  if (read(fd, text, sizeof text - 1) <= 0)
    return 0;
  return (pid_t)strtol(text, NULL, 10);
}

int
cluster_dir_lock(struct arena *a, const struct cluster_dir *d, int *ret_fd, struct kerr *reterr)
{
  char *path = cluster_dir_file(a, d, LOCK_FILE);
  _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  char text[24];
  int n;

  if (fd < 0)
    return kerr_errno(reterr, errno, "%s", path);
  if (flock(fd, LOCK_EX | LOCK_NB) < 0)
    return kerr_set(reterr, KERR_CONFLICT, NULL, "cluster \"%s\" is running already (pid %d)", d->name,
                    (int)cluster_dir_pid(d));
  n = snprintf(text, sizeof text, "%d\n", (int)getpid());
  if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
    return kerr_errno(reterr, errno, "%s", path);
  *ret_fd = fd;
  fd = -1;
  return 0;
}
