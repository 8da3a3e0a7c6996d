#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ceilings.h"
#include "fs.h"
#include "strbuf.h"

struct log {
  int fd;
  enum log_level level;
  char *trace;
};

static const char *const level_names[] = { "error", "warn", "info", "debug" };

struct log *
log_new(int fd, enum log_level level, const char *trace)
{
  struct log *l = mem_alloc(sizeof *l);

  l->fd = fd;
  l->level = level;
  l->trace = mem_strdup(trace);
  return l;
}

void
log_free(struct log *l)
{
  if (!l)
    return;
  free(l->trace);
  free(l);
}

/* The last word on `who` wins: 1 wanted, 0 unwanted, -1 not mentioned. */
static int
traced(const char *trace, const char *who)
{
  struct span rest = span_of(trace);
  int answer = -1;

  while (rest.p) {
    struct span item = span_trim(span_cut(rest, ',', &rest));
    bool off = item.n && item.p[0] == '-';

    if (off)
      item = span_make(item.p + 1, item.n - 1);
    if (span_is(item, who) || span_is(item, "all"))
      answer = !off;
  }
  return answer;
}

bool
log_enabled(const struct log *l, enum log_level level, const char *who)
{
  int wanted;

  if (!l)
    return false;
  if (level < LOG_DEBUG)
    return level <= l->level;
  wanted = traced(l->trace, who);
  return wanted >= 0 ? wanted : level <= l->level;
}

static void
put_time(struct strbuf *b)
{
  struct timespec now;
  struct tm tm;

  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)gmtime_r(&now.tv_sec, &tm);
  strbuf_printf(b, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                tm.tm_min, tm.tm_sec, (int)(now.tv_nsec / 1000000));
}

static void
put_quoted(struct strbuf *b, struct span s)
{
  static const char hex[] = "0123456789abcdef";

  strbuf_putc(b, '"');
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];

    if (c == '"' || c == '\\') {
      strbuf_putc(b, '\\');
      strbuf_putc(b, (char)c);
    } else if (c == '\n') {
      strbuf_puts(b, "\\n");
    } else if (c < 0x20 || c == 0x7F) {
      strbuf_printf(b, "\\x%c%c", hex[c >> 4], hex[c & 15]);
    } else {
      strbuf_putc(b, (char)c);
    }
  }
  strbuf_putc(b, '"');
}

void
log_write(struct log *l, enum log_level level, const char *who, const char *fmt, ...)
{
  _cleanup_strbuf_ struct strbuf line = STRBUF_INIT(4 * CEIL_LOG_LINE + 256); /* every byte may become \xNN */
  _cleanup_free_ char *text = NULL;
  struct span msg;
  va_list ap;

  if (!log_enabled(l, level, who))
    return;
  va_start(ap, fmt);
  text = mem_vprintf(fmt, ap);
  va_end(ap);
  msg = span_of(text);
  if (msg.n > CEIL_LOG_LINE)
    msg.n = CEIL_LOG_LINE;
  put_time(&line);
  strbuf_printf(&line, " level=%s who=%s msg=", level_names[level], who);
  put_quoted(&line, msg);
  strbuf_putc(&line, '\n');
  (void)fs_write_all(l->fd, strbuf_view(&line)); /* nowhere to say that the log is full */
}
