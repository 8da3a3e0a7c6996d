#include "classic_faults.h"

#include <string.h>

#include "ceilings.h"
#include "clock.h"
#include "fs.h"
#include "number.h"

#define REFUSED_MAX 1000

static int
parse_slow(struct span word, struct classic_faults *ret, struct kerr *reterr)
{
  bool ms = span_ends(word, SPAN("ms"));
  size_t unit = ms ? 2 : 1;
  int64_t n;

  if (!span_ends(word, SPAN("s")) || !number_int64(span_make(word.p, word.n - unit), &n) || n < 0 ||
      n > CLASSIC_SLOW_MAX_S * (ms ? 1000 : 1))
    return kerr_set(reterr, KERR_INVALID, NULL, "slow %.*s: want a time such as 500ms or 2s, at most %ds", (int)word.n,
                    word.p, CLASSIC_SLOW_MAX_S);
  ret->slow_ns = n * (ms ? CLOCK_MS : CLOCK_SEC);
  return 0;
}

static int
parse_line(struct arena *a, struct span line, struct classic_faults *ret, struct kerr *reterr)
{
  struct span rest = { NULL, 0 }, verb = span_cut(line, ' ', &rest), word = span_trim(rest);

  if (span_is(verb, "slow"))
    return parse_slow(word, ret, reterr);
  if (span_is(verb, "silent") && !word.n) {
    ret->silent = true;
  } else if (span_is(verb, "die") && !word.n) {
    ret->die = true;
  } else if (span_is(verb, "refuse") && word.n) {
    if (ret->n_refused == REFUSED_MAX)
      return kerr_set(reterr, KERR_INVALID, NULL, "more than %d refused nodes", REFUSED_MAX);
    if (!ret->refused)
      ret->refused = arena_array_of(a, const char *, REFUSED_MAX);
    ret->refused[ret->n_refused++] = arena_strndup(a, word.p, word.n);
  } else {
    return kerr_set(reterr, KERR_INVALID, NULL, "\"%.*s\" is no fault; there are: slow TIME, silent, refuse NODE, die",
                    (int)line.n, line.p);
  }
  return 0;
}

int
classic_faults_parse(struct arena *a, struct span text, struct classic_faults *ret, struct kerr *reterr)
{
  *ret = (struct classic_faults){ .slow_ns = 0 };
  for (struct span rest = text; rest.p;) {
    struct span line = span_trim(span_cut(rest, '\n', &rest));
    int r = line.n && line.p[0] != '#' ? parse_line(a, line, ret, reterr) : 0;

    if (r < 0)
      return r;
  }
  return 0;
}

int
classic_faults_read(struct arena *a, const char *path, struct classic_faults *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *ret = (struct classic_faults){ .slow_ns = 0 };
  strbuf_init(&b, CEIL_MANIFEST);
  if (!path || !fs_exists(path))
    return 0;
  if (fs_read(path, &b, &err) < 0)
    return kerr_move(reterr, &err);
  return classic_faults_parse(a, strbuf_view(&b), ret, reterr);
}

bool
classic_faults_refuse(const struct classic_faults *f, const char *node)
{
  for (size_t i = 0; i < f->n_refused; i++)
    if (strcmp(f->refused[i], node) == 0)
      return true;
  return false;
}
