#include "alloc_projection.h"

#include <ctype.h>
#include <string.h>

#define PATHS_MAX   12
#define ANSWERS_MAX 65536 /* per filter; a filter with more values than that learns no more */
#define NO_VALUE    UINT32_MAX

/* attributes[domain].id; the domain of `device.driver` is the driver's. */
struct path {
  sid full, domain, bare; /* domain SID_NONE: the driver's */
};

struct answer {
  uint64_t hash; /* 0: free */
  bool yes;
  uint32_t key[]; /* n_key of them */
};

struct projection {
  struct path paths[PATHS_MAX];
  uint32_t n_paths, n_key;
  bool capacity; /* it looks at some capacity: the whole shape counts */
  size_t size;   /* of one answer */
  char *answers; /* open addressing */
  uint32_t mask, n;
};

/* -- reading a selector -- */

struct reader {
  const char *p, *end;
};

static void
skip_space(struct reader *r)
{
  while (r->p < r->end && isspace((unsigned char)*r->p))
    r->p++;
}

static bool
take(struct reader *r, const char *text)
{
  size_t n = strlen(text);

  skip_space(r);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
    return false;
  r->p += n;
  return true;
}

static bool
is_word(char c)
{
  return isalnum((unsigned char)c) || c == '_';
}

static bool
take_word(struct reader *r, struct span *ret)
{
  const char *start;

  skip_space(r);
  for (start = r->p; r->p < r->end && is_word(*r->p); r->p++)
    ;
  *ret = span_make(start, (size_t)(r->p - start));
  return ret->n > 0;
}

/* "text" or 'text' without escapes. */
static bool
take_literal(struct reader *r, struct span *ret)
{
  const char *start;
  char quote;

  skip_space(r);
  if (r->p == r->end || (*r->p != '"' && *r->p != '\''))
    return false;
  quote = *r->p++;
  for (start = r->p; r->p < r->end && *r->p != quote; r->p++)
    if (*r->p == '\\' || *r->p == '\n')
      return false;
  *ret = span_make(start, (size_t)(r->p - start));
  return r->p++ < r->end && ret->n > 0;
}

/* [DOMAIN] and then .ID, .?ID or ["ID"]; domain NULL for [device.driver]. */
static bool
take_path(struct reader *r, struct span *domain, struct span *id)
{
  struct span name;

  if (!take(r, "["))
    return false;
  if (!take_literal(r, domain)) {
    if (!take_word(r, &name) || !span_is(name, "device") || !take(r, ".") || !take_word(r, &name) ||
        !span_is(name, "driver"))
      return false;
    *domain = span_make(NULL, 0);
  }
  if (!take(r, "]"))
    return false;
  if (take(r, "["))
    return take_literal(r, id) && take(r, "]");
  return take(r, ".") && (take(r, "?"), take_word(r, id)) && (skip_space(r), r->p == r->end || *r->p != '(');
}

static bool
add_path(struct alloc_world *w, struct projection *p, struct span domain, struct span id)
{
  struct path *path = &p->paths[p->n_paths];
  struct strbuf full;

  if (p->n_paths == PATHS_MAX)
    return false;
  *path = (struct path){ .full = SID_NONE, .domain = SID_NONE, .bare = strings_put(w->names, id) };
  if (domain.p) {
    strbuf_init(&full, 1024);
    strbuf_printf(&full, "%.*s/%.*s", SPAN_FMT(domain), SPAN_FMT(id));
    path->full = strings_put(w->names, strbuf_view(&full));
    path->domain = strings_put(w->names, domain);
    strbuf_release(&full);
  }
  p->n_paths++;
  return true;
}

/* After the word `device`. */
static bool
read_mention(struct alloc_world *w, struct projection *p, struct reader *r)
{
  struct span name, domain, id;

  if (!take(r, ".") || !take_word(r, &name))
    return false;
  if (span_is(name, "driver") || span_is(name, "allowMultipleAllocations"))
    return true;
  if (span_is(name, "capacity")) {
    p->capacity = true;
    return true;
  }
  return span_is(name, "attributes") && take_path(r, &domain, &id) && add_path(w, p, domain, id);
}

/* Every mention of `device`, wherever it stands; in a string it is most likely no path, and that is fine. */
static bool
read_selector(struct alloc_world *w, struct projection *p, struct span text)
{
  struct reader r = { text.p, text.p + text.n };
  const char *start;

  while (r.p < r.end) {
    if (!is_word(*r.p)) {
      r.p++;
      continue;
    }
    for (start = r.p; r.p < r.end && is_word(*r.p); r.p++)
      ;
    if (span_is(span_make(start, (size_t)(r.p - start)), "device") && !read_mention(w, p, &r))
      return false;
  }
  return true;
}

struct projection *
projection_new(struct alloc_world *w, const struct filter *f)
{
  struct projection *p = mem_alloc(sizeof *p);

  for (uint32_t i = 0; i < f->n; i++) {
    const struct selector *s = &w->selectors[f->selectors[i]];
    _cleanup_free_ char *text = mem_strdup(world_text(w, s->text)); /* names are added while it is read */

    if (!s->program || !read_selector(w, p, span_of(text))) {
      free(p);
      return NULL;
    }
  }
  p->n_key = 2 + 2 * p->n_paths;
  p->size = (sizeof(struct answer) + p->n_key * sizeof(uint32_t) + 7) & ~(size_t)7;
  p->mask = 15;
  p->answers = mem_calloc(p->mask + 1, p->size);
  return p;
}

void
projection_free(struct projection *p)
{
  if (!p)
    return;
  free(p->answers);
  free(p);
}

size_t
projection_memory(const struct projection *p)
{
  return p ? sizeof *p + (p->mask + 1) * p->size : 0;
}

/* -- devices -- */

static uint32_t
value_of(const struct device *d, sid name)
{
  for (uint32_t i = 0; i < d->n_attrs; i++)
    if (d->attrs[i].name == name)
      return d->attrs[i].value;
  return NO_VALUE;
}

static uint64_t
key_of(const struct alloc_world *w, const struct projection *p, uint32_t device, uint32_t *key)
{
  const struct device *d = &w->devices[device];
  const struct slice *s = w->slices[d->slice];
  uint64_t h = 0;

  key[0] = s->driver;
  key[1] = (p->capacity && d->caps ? (d->caps->id + 1) * 2 : 0) + (d->flags & DEVICE_SHAREABLE ? 1 : 0);
  for (uint32_t i = 0; i < p->n_paths; i++) {
    const struct path *path = &p->paths[i];

    /* With the driver's own domain an attribute may stand under its full or its bare name. */
    key[2 + 2 * i] = path->full == SID_NONE ? NO_VALUE : value_of(d, path->full);
    key[3 + 2 * i] = path->domain == SID_NONE || path->domain == s->driver ? value_of(d, path->bare) : NO_VALUE;
  }
  for (uint32_t i = 0; i < p->n_key; i++)
    h = hash_mix(h, key[i]);
  return h | 1;
}

/* `device.driver` as a domain: a full name with that domain cannot be looked up by number. */
static bool
has_full_names(const struct alloc_world *w, const struct projection *p, uint32_t device)
{
  const struct device *d = &w->devices[device];
  bool by_driver = false;

  for (uint32_t i = 0; i < p->n_paths; i++)
    by_driver |= p->paths[i].full == SID_NONE;
  for (uint32_t i = 0; by_driver && i < d->n_attrs; i++)
    if (strchr(world_text(w, d->attrs[i].name), '/'))
      return true;
  return false;
}

static struct answer *
answer_slot(const struct projection *p, uint64_t hash, const uint32_t *key)
{
  uint32_t i = (uint32_t)(hash >> 1) & p->mask;
  struct answer *a;

  for (;; i = (i + 1) & p->mask) {
    a = (struct answer *)(void *)(p->answers + i * p->size);
    if (a->hash == 0 || (a->hash == hash && memcmp(a->key, key, p->n_key * sizeof *key) == 0))
      return a;
  }
}

/* Values that only CEL can judge: versions and composites, until it has accepted them once. */
static bool
accepted(const struct alloc_world *w, const struct device *d)
{
  for (uint32_t i = 0; d->flags & DEVICE_TO_JUDGE && i < d->n_attrs; i++) {
    uint32_t v = d->attrs[i].value, bit = v & ATTR_COMPOSITE ? (v & ~ATTR_COMPOSITE) * 2 + 1 : v * 2;

    if (world_is_plain_value(w, v))
      continue;
    if (bit / 64 >= w->accepted.n || !bit_get(w->accepted.w, bit))
      return false;
  }
  return !d->caps || (d->caps->id / 64 < w->accepted_shapes.n && bit_get(w->accepted_shapes.w, d->caps->id));
}

static void
accept(struct alloc_world *w, const struct device *d)
{
  for (uint32_t i = 0; d->flags & DEVICE_TO_JUDGE && i < d->n_attrs; i++) {
    uint32_t v = d->attrs[i].value, bit = v & ATTR_COMPOSITE ? (v & ~ATTR_COMPOSITE) * 2 + 1 : v * 2;

    if (world_is_plain_value(w, v))
      continue;
    bits_reserve(&w->accepted, bit + 1);
    bit_set(w->accepted.w, bit);
  }
  if (d->caps) {
    bits_reserve(&w->accepted_shapes, d->caps->id + 1);
    bit_set(w->accepted_shapes.w, d->caps->id);
  }
}

bool
projection_find(struct alloc_world *w, struct projection *p, uint32_t device, bool *ret)
{
  uint32_t key[2 + 2 * PATHS_MAX];
  uint64_t hash = key_of(w, p, device, key);
  const struct answer *a = answer_slot(p, hash, key);

  if (!a->hash || !accepted(w, &w->devices[device]) || has_full_names(w, p, device))
    return false;
  *ret = a->yes;
  return true;
}

static void
grow(struct projection *p)
{
  char *old = p->answers;
  uint32_t n = p->mask + 1;

  p->mask = n * 2 - 1;
  p->answers = mem_calloc(n * 2, p->size);
  for (uint32_t i = 0; i < n; i++) {
    const struct answer *a = (const struct answer *)(const void *)(old + i * p->size);

    if (a->hash)
      memcpy(answer_slot(p, a->hash, a->key), a, p->size);
  }
  free(old);
}

void
projection_put(struct alloc_world *w, struct projection *p, uint32_t device, bool yes)
{
  uint32_t key[2 + 2 * PATHS_MAX];
  uint64_t hash = key_of(w, p, device, key);
  struct answer *a;

  accept(w, &w->devices[device]);
  if (has_full_names(w, p, device) || p->n >= ANSWERS_MAX)
    return;
  if (p->n * 2 > p->mask)
    grow(p);
  a = answer_slot(p, hash, key);
  if (a->hash)
    return;
  a->hash = hash;
  a->yes = yes;
  memcpy(a->key, key, p->n_key * sizeof *key);
  p->n++;
}
