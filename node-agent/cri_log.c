#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "ceilings.h"
#include "clock.h"
#include "fs.h"
#include "sandbox_internal.h"

#define LOG_ROTATE_BYTES (10 * (int64_t)MiB) /* kubelet: containerLogMaxSize */

int
cri_log_open(struct cri_log *l, const char *path, struct kerr *reterr)
{
  _cleanup_free_ char *dir = mem_strdup(path);
  struct stat st;

  *l = (struct cri_log){ .fd = -1, .path = path, .out.name = "stdout", .err.name = "stderr" };
  *strrchr(dir, '/') = '\0';
  int r = fs_mkdirs(dir, 0755, reterr);
  if (r < 0)
    return r;
  l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (l->fd < 0 || fstat(l->fd, &st) < 0)
    return kerr_errno(reterr, errno, "%s", path);
  l->size = st.st_size;
  return 0;
}

/* One old file is kept beside the current one. */
static void
rotate(struct cri_log *l)
{
  _cleanup_free_ char *old = mem_printf("%s.1", l->path);
  int fd;

  if (rename(l->path, old) < 0)
    return;
  fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0)
    return; /* go on in the old file */
  (void)close(l->fd);
  l->fd = fd;
  l->size = 0;
}

/* Nine digits, as RFC3339Nano but never shortened, so that lines sort. */
static void
put_stamp(struct strbuf *b, int64_t wall_ns)
{
  time_t s = (time_t)(wall_ns / CLOCK_SEC);
  struct tm tm;
  char text[32];

  (void)gmtime_r(&s, &tm);
  (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
  strbuf_printf(b, "%s.%09lldZ", text, (long long)(wall_ns % CLOCK_SEC));
}

static void
put_line(struct cri_log *l, struct cri_stream *s, char tag, int64_t wall_ns)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, sizeof s->line + 128);
  put_stamp(&b, wall_ns);
  strbuf_printf(&b, " %s %c ", s->name, tag);
  strbuf_add(&b, s->line, s->n);
  strbuf_putc(&b, '\n');
  if (l->size > LOG_ROTATE_BYTES && !s->partial)
    rotate(l);
  if (fs_write_all(l->fd, strbuf_view(&b)) == 0) /* a full disk loses log lines, not the container */
    l->size += (int64_t)b.n;
  s->n = 0;
  s->partial = tag == 'P';
}

void
cri_log_feed(struct cri_log *l, struct cri_stream *s, struct span bytes, int64_t wall_ns)
{
  while (bytes.n) {
    const char *nl = memchr(bytes.p, '\n', bytes.n);
    size_t n = nl ? (size_t)(nl - bytes.p) : bytes.n, room = sizeof s->line - s->n;

    n = n < room ? n : room;
    memcpy(s->line + s->n, bytes.p, n);
    s->n += n;
    bytes.p += n;
    bytes.n -= n;
    if (nl == bytes.p) {
      put_line(l, s, 'F', wall_ns);
      bytes.p++;
      bytes.n--;
    } else if (s->n == sizeof s->line) {
      put_line(l, s, 'P', wall_ns);
    }
  }
}

void
cri_log_flush(struct cri_log *l, struct cri_stream *s, int64_t wall_ns)
{
  if (s->n || s->partial)
    put_line(l, s, 'F', wall_ns);
}
