#include "snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ceilings.h"
#include "codec.h"
#include "fs.h"

#define LINE_MAX_BYTES CEIL_MANIFEST
#define PIECE          ((size_t)64 << 10)
#define DIGEST         32

/* The digest of all lines so far. */
struct chain {
  uint8_t sum[DIGEST];
  size_t lines;
};

static void
chain_add(struct chain *c, struct span line)
{
  _cleanup_strbuf_ struct strbuf both = STRBUF_INIT(DIGEST + LINE_MAX_BYTES);

  strbuf_add(&both, c->sum, DIGEST);
  strbuf_span(&both, line);
  codec_sha256(strbuf_view(&both), c->sum);
  c->lines++;
}

static void
chain_text(const struct chain *c, struct strbuf *hex)
{
  codec_hex(hex, span_make((const char *)c->sum, DIGEST));
}

/* -- writing -- */

struct snapshot_writer {
  char *path, *temporary;
  gzFile gz; /* owns the descriptor */
  int fd;    /* another one, to sync by */
  struct chain chain;
};

int
snapshot_writer_new(const char *path, struct snapshot_writer **ret, struct kerr *reterr)
{
  struct snapshot_writer *w = mem_alloc(sizeof *w);
  int fd;

  w->path = mem_strdup(path);
  w->temporary = mem_printf("%s.new", path);
  w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  fd = w->fd < 0 ? -1 : fcntl(w->fd, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) {
    kerr_errno(reterr, errno, "%s", w->temporary);
    snapshot_writer_free(w);
    return -(int)reterr->code;
  }
  w->gz = gzdopen(fd, "wb6");
  if (!w->gz) { /* out of memory is all that zlib may have */
    (void)close(fd);
    snapshot_writer_free(w);
    return kerr_set(reterr, KERR_IO, NULL, "%s: zlib cannot be used", path);
  }
  *ret = w;
  return 0;
}

static int
put(struct snapshot_writer *w, struct span line, struct kerr *reterr)
{
  int code;

  if (gzwrite(w->gz, line.p, (unsigned)line.n) == (int)line.n && gzputc(w->gz, '\n') == '\n')
    return 0;
  (void)gzerror(w->gz, &code);
  return code == Z_ERRNO ? kerr_errno(reterr, errno, "%s", w->path)
                         : kerr_set(reterr, KERR_IO, NULL, "%s: cannot be written", w->path);
}

int
snapshot_write(struct snapshot_writer *w, const struct json *line, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LINE_MAX_BYTES);

  json_write(&text, line, 0);
  if (strbuf_overflowed(&text))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "%s: an object is too large", w->path);
  chain_add(&w->chain, strbuf_view(&text));
  return put(w, strbuf_view(&text), reterr);
}

int
snapshot_writer_finish(struct snapshot_writer *w, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf last = STRBUF_INIT(256);

  strbuf_printf(&last, "{\"end\":true,\"lines\":%zu,\"sha256\":\"", w->chain.lines);
  chain_text(&w->chain, &last);
  strbuf_puts(&last, "\"}");
  if (put(w, strbuf_view(&last), reterr) < 0)
    return -(int)reterr->code;
  if (gzclose(steal_pointer(&w->gz)) != Z_OK || fsync(w->fd) < 0 || rename(w->temporary, w->path) < 0)
    return kerr_errno(reterr, errno, "%s", w->path);
  free(steal_pointer(&w->temporary));
  return 0;
}

void
snapshot_writer_free(struct snapshot_writer *w)
{
  if (!w)
    return;
  if (w->gz)
    (void)gzclose(w->gz);
  if (w->fd >= 0)
    (void)close(w->fd);
  if (w->temporary)
    (void)unlink(w->temporary);
  free(w->temporary);
  free(w->path);
  free(w);
}

/* -- reading -- */

struct reader {
  const char *path;
  gzFile gz;
  struct strbuf text; /* read and not taken yet, from `at` */
  size_t at;
  bool end;
  struct chain chain;
};

static int
cut_short(struct reader *r, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_PARSE, NULL, "%s: is cut short, after %zu lines", r->path, r->chain.lines);
}

static int
read_more(struct reader *r, struct kerr *reterr)
{
  char *room;
  int n, code;

  if (r->at > 0) {
    memmove(r->text.p, r->text.p + r->at, r->text.n - r->at);
    r->text.n -= r->at;
    r->at = 0;
  }
  room = strbuf_reserve(&r->text, PIECE);
  if (!room)
    return kerr_set(reterr, KERR_PARSE, NULL, "%s: is not a snapshot: a line is too long", r->path);
  n = gzread(r->gz, room, PIECE);
  if (n > 0) {
    r->text.n += (size_t)n;
    return 0;
  }
  (void)gzerror(r->gz, &code);
  r->end = true;
  if (code == Z_ERRNO)
    return kerr_errno(reterr, errno, "%s", r->path);
  if (code == Z_BUF_ERROR)
    return cut_short(r, reterr);
  return n < 0 ? kerr_set(reterr, KERR_PARSE, NULL, "%s: is damaged after %zu lines", r->path, r->chain.lines) : 0;
}

/* The next line; 1, or 0 at the end of the file. */
static int
next_line(struct reader *r, struct span *ret, struct kerr *reterr)
{
  size_t looked = 0; /* bytes of this line that are known to hold no end */

  for (;;) {
    char *start = r->text.p + r->at;
    size_t n = r->text.n - r->at;
    char *stop = n > looked ? memchr(start + looked, '\n', n - looked) : NULL;

    if (stop) {
      *ret = span_make(start, (size_t)(stop - start));
      r->at += ret->n + 1;
      return 1;
    }
    if (r->end)
      return n ? cut_short(r, reterr) : 0;
    looked = n;
    if (read_more(r, reterr) < 0)
      return -(int)reterr->code;
  }
}

static int
read_head(struct reader *r, struct arena *a, struct json **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span line = { "", 0 };
  struct json *head = NULL;
  int got = next_line(r, &line, &err);

  if (got < 0 && err.code == KERR_IO)
    return kerr_move(reterr, &err);
  if (got <= 0 || json_parse(a, arena_span(a, line), NULL, &head, &err) < 0 ||
      strcmp(json_get_str_or(head, "kind", ""), "Snapshot") != 0 ||
      strncmp(json_get_str_or(head, "apiVersion", ""), "dralab.dev/", 11) != 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "%s: is not a snapshot of dralab's", r->path);
  if (json_get_int(head, "format", 0) != SNAPSHOT_FORMAT)
    return kerr_set(reterr, KERR_PARSE, NULL, "%s: is of format %" PRId64 "; this program reads format %d", r->path,
                    json_get_int(head, "format", 0), SNAPSHOT_FORMAT);
  chain_add(&r->chain, line);
  *ret = head;
  return 0;
}

static int
check_end(struct reader *r, const struct json *line, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf sum = STRBUF_INIT(2 * DIGEST + 1);
  struct span rest;
  int got;

  chain_text(&r->chain, &sum);
  if (json_get_int(line, "lines", -1) != (int64_t)r->chain.lines ||
      strcmp(json_get_str_or(line, "sha256", ""), sum.p) != 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "%s: is damaged: its checksum is wrong", r->path);
  got = next_line(r, &rest, reterr);
  return got > 0 ? kerr_set(reterr, KERR_PARSE, NULL, "%s: is damaged: something follows its end", r->path) : got;
}

static int
read_lines(struct reader *r, snapshot_line_fn *fn, void *payload, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct span line;
  int got;

  while ((got = next_line(r, &line, reterr)) > 0) {
    struct json *v;
    int code = 0;

    if (json_parse(a, line, NULL, &v, reterr) < 0)
      return kerr_wrap(reterr, "%s: is damaged after %zu lines", r->path, r->chain.lines);
    if (json_get(v, "end"))
      return check_end(r, v, reterr);
    chain_add(&r->chain, line);
    if (fn)
      code = fn(payload, a, v, reterr);
    if (code < 0)
      return code;
    arena_reset(a);
  }
  return got < 0 ? got : cut_short(r, reterr);
}

int
snapshot_read(const char *path, struct arena *a, struct json **ret_head, snapshot_line_fn *fn, void *payload,
              struct kerr *reterr)
{
  struct reader r = { .path = path, .text = STRBUF_INIT(LINE_MAX_BYTES) };
  int fd = open(path, O_RDONLY | O_CLOEXEC), code;

  if (fd < 0)
    return errno == ENOENT ? kerr_set(reterr, KERR_NOT_FOUND, NULL, "%s: no such file", path)
                           : kerr_errno(reterr, errno, "%s", path);
  r.gz = gzdopen(fd, "rb");
  if (!r.gz) {
    (void)close(fd);
    return kerr_set(reterr, KERR_IO, NULL, "%s: zlib cannot be used", path);
  }
  code = read_head(&r, a, ret_head, reterr);
  if (code == 0)
    code = read_lines(&r, fn, payload, reterr);
  (void)gzclose(r.gz);
  strbuf_release(&r.text);
  return code;
}
