#include "cel_lib.h"

/* jsonpatch.escapeKey() (apiserver library/jsonpatch.go). */

static struct cel_value
escape_key(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]);
  char *out = cel_alloc(ev, s.n * 2 + 1);
  size_t at = 0;

  (void)n;
  if (!out)
    return cel_out_of_memory();
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '/' || s.p[i] == '~') {
      out[at++] = '~';
      out[at++] = s.p[i] == '/' ? '1' : '0';
    } else {
      out[at++] = s.p[i];
    }
  }
  return cel_of_span(span_make(out, at));
}

static const struct cel_overload patch[] = {
  { .function = "jsonpatch.escapeKey",
    .id = "string_jsonpatch_escapeKey_string",
    .result = &cel_string,
    .impl = escape_key,
    .features = CEL_F_PATCH,
    ARGS(&cel_string) },
};

LIBRARY(cel_lib_patch, patch);
