#include "mem.h"

#include <stdio.h>
#include <string.h>

static void *
check(void *p)
{
  if (!p) {
    fputs("dralab: out of memory\n", stderr);
    abort();
  }
  return p;
}

void *
mem_alloc(size_t size)
{
  return check(calloc(1, size ? size : 1));
}

void *
mem_calloc(size_t n, size_t size)
{
  return check(calloc(n ? n : 1, size ? size : 1));
}

void *
mem_realloc(void *p, size_t size)
{
  return check(realloc(p, size ? size : 1));
}

char *
mem_strdup(const char *s)
{
  return s ? check(strdup(s)) : NULL;
}

char *
mem_strndup(const char *s, size_t n)
{
  char *copy = check(malloc(n + 1));

  if (n)
    memcpy(copy, s, n);
  copy[n] = '\0';
  return copy;
}

char *
mem_vprintf(const char *fmt, va_list ap)
{
  char *s = NULL;

  if (vasprintf(&s, fmt, ap) < 0)
    s = NULL;
  return check(s);
}

char *
mem_printf(const char *fmt, ...)
{
  va_list ap;
  char *s;

  va_start(ap, fmt);
  s = mem_vprintf(fmt, ap);
  va_end(ap);
  return s;
}
