/* The program, and the model's lookups. Usage: kindgen OUT.c FILE.kind... */
#include "kindgen.h"

#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "mem.h"

void
complain(const struct place *where, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  (void)fprintf(stderr, "%s:%d: ", where->file ? where->file : "kindgen", where->line);
  (void)vfprintf(stderr, fmt, ap);
  (void)fputc('\n', stderr);
  va_end(ap);
  exit(1);
}

void *
array_push(void **at, size_t *n, size_t *cap, size_t size)
{
  if (*n == *cap) {
    *cap = *cap ? 2 * *cap : 8;
    *at = mem_realloc(*at, *cap * size);
  }
  void *new = (char *)*at + (*n)++ *size;
  memset(new, 0, size);
  return new;
}

static uint32_t
flag_named(const char *const *names, size_t n, const char *name)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0)
      return UINT32_C(1) << i;
  return 0;
}

/* In the order of KIND_VERB_*. */
uint32_t
verb_bit(const char *name)
{
  static const char *const verbs[] = {
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"
  };
  return flag_named(verbs, ARRAY_SIZE(verbs), name);
}

/* In the order of KIND_RES_*. */
uint32_t
resource_flag(const char *name)
{
  static const char *const flags[] = {
    "", "", "generation", "unconditional-update", "create-on-update", "returns-deleted", "graceful"
  };
  return flag_named(flags, ARRAY_SIZE(flags), name);
}

const char *
package_short(const char *package)
{
  if (strcmp(package, "k8s.io/apimachinery/pkg/runtime") == 0)
    return "runtime";
  if (strncmp(package, "k8s.io/apimachinery/pkg/", 24) == 0 && !strchr(package + 24, '/'))
    return package + 24; /* types */
  const char *last = strrchr(package, '/'), *p = last;
  while (p && p > package && p[-1] != '/')
    p--;
  return p ? p : package;
}

/* Does `name` ("Pod" or "core/v1.Pod"), used in `package`, mean `go` of `in`? */
static bool
refers(const char *name, const char *package, const char *go, const char *in)
{
  const char *dot = strrchr(name, '.');
  if (!dot)
    return strcmp(package, in) == 0 && strcmp(name, go) == 0;
  const char *shorter = package_short(in);
  size_t n = (size_t)(dot - name);
  return strlen(shorter) == n && strncmp(shorter, name, n) == 0 && strcmp(dot + 1, go) == 0;
}

size_t
model_type(const struct model *m, const char *package, const char *name)
{
  for (size_t i = 0; i < m->types.n; i++)
    if (refers(name, package, m->types.at[i].go, m->types.at[i].package))
      return i;
  return SIZE_MAX;
}

size_t
model_named(const struct model *m, const char *package, const char *name)
{
  for (size_t i = 0; i < m->named.n; i++)
    if (refers(name, package, m->named.at[i].go, m->named.at[i].package))
      return i;
  return SIZE_MAX;
}

/* -- packages that are like another -- */

static const char *
like_of(const struct model *m, const char *package)
{
  for (size_t i = 0; i < m->likenesses.n; i++)
    if (strcmp(m->likenesses.at[i].package, package) == 0)
      return m->likenesses.at[i].like;
  return NULL;
}

/* If `name` is not in `package` but in the one it is like, copy it over. */
static void
take_over(struct model *m, const char *package, const char *name)
{
  if (!name || strchr(name, '.') || is_builtin(name) || model_type(m, package, name) != SIZE_MAX ||
      model_named(m, package, name) != SIZE_MAX)
    return;
  for (const char *like = like_of(m, package); like;) {
    char *there = mem_printf("%s.%s", like, name);
    size_t t = model_type(m, "", there), n = model_named(m, "", there);
    if (t != SIZE_MAX) {
      struct type *copy = ARRAY_PUSH(&m->types);
      *copy = m->types.at[t];
      copy->package = package;
      return;
    }
    if (n != SIZE_MAX) {
      struct named *copy = ARRAY_PUSH(&m->named);
      *copy = m->named.at[n];
      copy->package = package;
      return;
    }
    /* Perhaps that package is itself like another. */
    const char *next = NULL;
    for (size_t i = 0; i < m->likenesses.n && !next; i++)
      if (strcmp(package_short(m->likenesses.at[i].package), like) == 0)
        next = m->likenesses.at[i].like;
    like = next;
  }
}

/* The list grows while it is walked, so that what has been taken over brings along what it needs. */
void
model_complete(struct model *m)
{
  for (size_t i = 0; i < m->kinds.n; i++)
    take_over(m, m->kinds.at[i].package, m->kinds.at[i].kind);
  for (size_t i = 0; i < m->types.n; i++)
    for (size_t k = 0; k < m->types.at[i].fields.n; k++) {
      const struct field *f = &m->types.at[i].fields.at[k];
      take_over(m, m->types.at[i].package, f->type);
      take_over(m, m->types.at[i].package, f->key);
    }
}

int
main(int argc, char **argv)
{
  static struct model m;
  struct place nowhere = { 0 };
  if (argc < 3)
    complain(&nowhere, "usage: kindgen OUT.c FILE.kind...");
  for (int i = 2; i < argc; i++)
    model_read(&m, argv[i]);
  model_complete(&m);
  model_lay_out(&m);
  FILE *out = fopen(argv[1], "we");
  if (!out)
    complain(&nowhere, "cannot write %s", argv[1]);
  model_emit(&m, out);
  if (fclose(out) != 0)
    complain(&nowhere, "cannot write %s", argv[1]);
  return 0;
}
