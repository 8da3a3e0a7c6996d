/*
 * log - what a running program says about itself, in logfmt, one line each.
 *
 *   time=2026-11-24T10:00:00.123Z level=info who=scheduler msg="pod bound" pod=default/p
 *
 * There is no global logger: a component gets a `struct log *` in its context.
 * Lines are written whole, so threads do not mix. Library code returns errors
 * and does not log them; loops and cmd/ log what nobody else would hear of.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "mem.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log;

/* Takes no ownership of fd. `trace`: "store,-cel,all": components whose debug lines are wanted whatever the level; NULL
 * for none. */
struct log *log_new(int fd, enum log_level level, const char *trace);
void log_free(struct log *l);
bool log_enabled(const struct log *l, enum log_level level, const char *who);
/* `l` may be NULL: silence. The text is quoted and cut at CEIL_LOG_LINE. */
void log_write(struct log *l, enum log_level level, const char *who, const char *fmt, ...) _printf_(4, 5);

#define log_error(l, who, ...) log_write((l), LOG_ERROR, (who), __VA_ARGS__)
#define log_warn(l, who, ...)  log_write((l), LOG_WARN, (who), __VA_ARGS__)
#define log_info(l, who, ...)  log_write((l), LOG_INFO, (who), __VA_ARGS__)
#define log_debug(l, who, ...)                       \
  do {                                               \
    if (log_enabled((l), LOG_DEBUG, (who)))          \
      log_write((l), LOG_DEBUG, (who), __VA_ARGS__); \
  } while (0)

#endif
