#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_internal.h"
#include "ceilings.h"
#include "fs.h"
#include "sandbox_plan.h"

#define READ_BYTES ((size_t)64 * KiB)

struct node_logs {
  int fd;
  char *path;  /* owned */
  char *state; /* of the container: whether to expect more; NULL: never */
  bool timestamps;
  int64_t since, left; /* left: bytes that may still be given; -1: no limit */
  char line[32 * 1024];
  size_t n;
  bool mid_line; /* the last part of a long line was a P */
};

void
node_logs_free(struct node_logs *l)
{
  if (!l)
    return;
  fs_closep(&l->fd);
  free(l->path);
  free(l->state);
  free(l);
}

void
node_logs_freep(struct node_logs **pl)
{
  node_logs_free(*pl);
}

/* Move to where the last `tail` lines begin, looking backwards. A line in parts counts as one. */
static void
seek_tail(struct node_logs *l, int64_t tail)
{
  off_t end = lseek(l->fd, 0, SEEK_END), at = end;
  int64_t seen = 0;
  char buf[4096];

  if (tail == 0 || end <= 0)
    return;
  while (at > 0) {
    size_t n = at > (off_t)sizeof buf ? sizeof buf : (size_t)at;
    at -= (off_t)n;
    if (pread(l->fd, buf, n, at) != (ssize_t)n)
      break;
    for (size_t i = n; i > 0; i--)
      if (buf[i - 1] == '\n' && at + (off_t)i != end && ++seen == tail) {
        (void)lseek(l->fd, at + (off_t)i, SEEK_SET);
        return;
      }
  }
  (void)lseek(l->fd, 0, SEEK_SET);
}

int
node_logs_open_file(const char *path, int64_t tail, struct node_logs **ret, struct kerr *reterr)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct node_logs *l;

  if (fd < 0)
    return kerr_errno(reterr, errno, "%s", path);
  l = mem_alloc(sizeof *l);
  l->fd = fd;
  l->path = mem_strdup(path);
  l->left = -1;
  if (tail >= 0)
    seek_tail(l, tail);
  *ret = l;
  return 0;
}

/* -- which file -- */

static const struct json *
status_of(const struct json *pod, const char *container)
{
  const struct json *status = json_get(pod, "status"),
                    *ret = json_list_find(json_get(status, "containerStatuses"), "name", container);

  return ret ? ret : json_list_find(json_get(status, "initContainerStatuses"), "name", container);
}

static bool
has_container(const struct json *pod, const char *container)
{
  const struct json *spec = json_get(pod, "spec");

  return json_list_find(json_get(spec, "containers"), "name", container) ||
         json_list_find(json_get(spec, "initContainers"), "name", container);
}

static int
choose_container(struct arena *a, const struct json *pod, const struct node_logs_options *opts, const char **ret,
                 struct kerr *reterr)
{
  const struct json *list = json_dig(pod, "spec", "containers", NULL);
  struct json *names = json_new_array(a);
  struct strbuf b;

  if (opts->container && *opts->container) {
    *ret = opts->container;
    return has_container(pod, *ret) ? 0
                                    : kerr_set(reterr, KERR_BAD_REQUEST, NULL, "container %s is not valid for pod %s",
                                               *ret, object_name(pod));
  }
  *ret = json_get_str_or(json_at(list, 0), "name", "");
  if (json_count(list) == 1)
    return 0;
  strbuf_init(&b, 64 * KiB);
  for (json_each_item (p, list)) {
    json_append_str(a, names, json_get_str_or(*p, "name", ""));
    strbuf_printf(&b, "%s%s", b.n ? " " : "", json_get_str_or(*p, "name", ""));
  }
  int r = kerr_set(reterr, KERR_BAD_REQUEST, NULL, "a container name must be specified for pod %s, choose one of: [%s]",
                   object_name(pod), b.p);
  strbuf_release(&b);
  return r;
}

/* As kubelet refuses: a container that has not started has no log, one that never ended none before. */
static int
check_state(const struct json *pod, const char *name, const struct json *status, bool previous, struct kerr *reterr)
{
  const struct json *waiting = json_dig(status, "state", "waiting", NULL),
                    *last = json_dig(status, "lastState", "terminated", NULL);

  if (previous && !last)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "previous terminated container \"%s\" in pod \"%s\" not found",
                    name, object_name(pod));
  if (!status || (waiting && !last && !previous)) {
    const char *reason = json_get_str_or(waiting, "reason", "ContainerCreating"),
               *message = json_get_str(waiting, "message");
    if (strstr(reason, "ErrImage") || strstr(reason, "ImagePullBackOff"))
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "container \"%s\" in pod \"%s\" is waiting to start: %s", name,
                      object_name(pod),
                      strcmp(reason, "ErrImagePull") == 0 ? "image can't be pulled"
                                                          : "trying and failing to pull image");
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "container \"%s\" in pod \"%s\" is waiting to start: %s", name,
                    object_name(pod), message ? message : reason);
  }
  return 0;
}

int
node_logs_open(const char *dir, const struct json *pod, const struct node_logs_options *opts, struct node_logs **ret,
               struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *name;
  int r = choose_container(a, pod, opts, &name, reterr);

  if (r < 0)
    return r;
  const struct json *status = status_of(pod, name);
  r = check_state(pod, name, status, opts->previous, reterr);
  if (r < 0)
    return r;
  /* While it waits for its next start, the log of the last run is the current one. */
  int64_t attempt =
      json_get_int(status, "restartCount", 0) - (opts->previous && !json_dig(status, "state", "waiting", NULL));
  const char *path =
      arena_printf(a, "%s/%s/%lld.log", pod_log_dir(a, dir, pod), name, (long long)(attempt < 0 ? 0 : attempt));
  r = node_logs_open_file(path, opts->tail_lines, ret, reterr);
  if (r < 0)
    return r;
  (*ret)->timestamps = opts->timestamps;
  (*ret)->since = opts->since;
  (*ret)->left = opts->limit_bytes > 0 ? opts->limit_bytes : -1;
  if (opts->follow)
    (*ret)->state =
        mem_printf("%s/pods/%s/containers/%s/%lld/state.json", dir, object_uid(pod), name, (long long)attempt);
  return 0;
}

/* -- reading -- */

static void
give(struct node_logs *l, struct strbuf *b, struct span s)
{
  if (l->left >= 0 && (int64_t)s.n > l->left)
    s.n = (size_t)l->left;
  strbuf_span(b, s);
  if (l->left >= 0)
    l->left -= (int64_t)s.n;
}

/* "TIME stdout F text": what a reader wants of it. */
static void
give_line(struct node_logs *l, struct strbuf *b, struct span line)
{
  struct span rest, stamp = span_cut(line, ' ', &rest), stream = span_cut(rest, ' ', &rest),
                    tag = span_cut(rest, ' ', &rest);
  int64_t when;

  (void)stream;
  if (!rest.p || (l->since && clock_parse_rfc3339(stamp, &when) && when < l->since))
    return;
  if (l->timestamps && !l->mid_line) {
    give(l, b, stamp);
    give(l, b, SPAN(" "));
  }
  give(l, b, rest);
  l->mid_line = span_is(tag, "P");
  if (!l->mid_line)
    give(l, b, SPAN("\n"));
}

static bool
container_lives(const struct node_logs *l)
{
  _cleanup_arena_ struct arena *a = NULL;
  struct sandbox_state s;

  if (!l->state)
    return false;
  a = arena_new(CEIL_ARENA_SMALL);
  sandbox_state_read(a, l->state, &s);
  return s.known && !s.ended;
}

/* The file was moved aside for being too long: go on in the new one. */
static bool
reopen_if_rotated(struct node_logs *l)
{
  struct stat now, open_one;

  if (stat(l->path, &now) < 0 || fstat(l->fd, &open_one) < 0 || now.st_ino == open_one.st_ino)
    return false;
  int fd = open(l->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  (void)close(l->fd);
  l->fd = fd;
  return true;
}

int
node_logs_read(struct node_logs *l, struct strbuf *b)
{
  size_t given = b->n;
  bool alive = container_lives(l); /* asked before reading: what it wrote until then is read below */

  while (b->n - given < READ_BYTES && l->left != 0) {
    ssize_t n = read(l->fd, l->line + l->n, sizeof l->line - l->n);
    if (n < 0)
      return -1;
    if (n == 0) {
      if (l->state && reopen_if_rotated(l))
        continue;
      return b->n > given ? (alive ? 0 : 1) : alive ? 0 : -1;
    }
    l->n += (size_t)n;
    size_t at = 0;
    for (const char *nl; (nl = memchr(l->line + at, '\n', l->n - at));) {
      give_line(l, b, span_make(l->line + at, (size_t)(nl - l->line) - at));
      at = (size_t)(nl - l->line) + 1;
    }
    memmove(l->line, l->line + at, l->n - at);
    l->n -= at;
    if (l->n == sizeof l->line) /* no log of ours has such a line */
      return -1;
  }
  return l->left == 0 ? -1 : 1;
}
