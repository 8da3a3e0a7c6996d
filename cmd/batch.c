#include "batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"

#define LINE_MAX_BYTES ((ssize_t)64 << 20)

static void
closep(FILE **f)
{
  if (*f && *f != stdin)
    (void)fclose(*f);
}

static int
answer(struct span line, batch_fn *fn, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_strbuf_ struct strbuf out = STRBUF_INIT(CEIL_REPLY);
  int r = fn(a, line, &out, reterr);

  if (r < 0)
    return r;
  if (fwrite(out.p, 1, out.n, stdout) != out.n)
    return kerr_errno(reterr, errno, "standard output");
  return 0;
}

int
batch_run(const char *path, batch_fn *fn, struct kerr *reterr)
{
  __attribute__((cleanup(closep))) FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  _cleanup_free_ char *line = NULL;
  size_t cap = 0, number = 0;
  ssize_t n;

  if (!in)
    return kerr_errno(reterr, errno, "%s", path);
  while ((n = getline(&line, &cap, in)) > 0) {
    struct span text = span_trim(span_make(line, (size_t)n));
    int r = 0;

    number++;
    if (n > LINE_MAX_BYTES)
      r = kerr_set(reterr, KERR_TOO_LARGE, NULL, "a line of %zd bytes", n);
    else if (text.n)
      r = answer(text, fn, reterr);
    if (r < 0)
      return kerr_wrap(reterr, "%s: line %zu", path, number);
  }
  return 0;
}
