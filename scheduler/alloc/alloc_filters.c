/*
 * Selectors and filters: CEL is asked once per (filter, device version).
 *
 * The answer of a filter is two bits per device: known, and yes. "Yes" that is
 * not "known" stands for an error, which is made again from scratch when it is
 * needed; that is once per attempt at most, since it ends the attempt.
 */
#include <assert.h>
#include <string.h>

#include "alloc_projection.h"
#include "alloc_world.h"
#include "ceilings.h"

uint32_t
selector_get(struct alloc_world *w, struct span text, bool derived)
{
  sid key[2] = { strings_put(w->names, text), derived };
  struct span k = span_make((const char *)key, sizeof key);
  uintptr_t number = (uintptr_t)hmap_get(w->selector_index, k);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct selector *s;
  int r;

  if (number)
    return (uint32_t)number - 1;
  if (w->n_selectors == w->cap_selectors) {
    w->cap_selectors = w->cap_selectors * 2 + 8;
    w->selectors = mem_realloc(w->selectors, w->cap_selectors * sizeof *w->selectors);
  }
  s = &w->selectors[w->n_selectors++];
  *s = (struct selector){ .text = key[0], .derived = derived };
  r = derived ? cel_derived_compile(text, &s->program, &err) : cel_selector_compile(text, &s->program, &err);
  if (r < 0)
    s->error = mem_strdup(err.msg);
  hmap_put(w->selector_index, k, (void *)(uintptr_t)w->n_selectors);
  return w->n_selectors - 1;
}

static void
filter_free(struct filter *f)
{
  free(f->selectors);
  projection_free(f->projection);
  bits_release(&f->known);
  bits_release(&f->yes);
  free(f);
}

/* Room for one more filter: the one that nobody uses and that was not used for longest goes. */
static void
evict(struct alloc_world *w)
{
  struct span oldest_key = { NULL, 0 }, key;
  struct filter *oldest = NULL, *f;
  size_t cursor = 0;
  void *value;

  if (hmap_count(w->filter_index) < CEIL_ALLOC_FILTERS)
    return;
  while (hmap_next(w->filter_index, &cursor, &key, &value)) {
    f = value;
    if (f->pins == 0 && (!oldest || f->used < oldest->used)) {
      oldest = f;
      oldest_key = key;
    }
  }
  if (oldest) {
    hmap_remove(w->filter_index, oldest_key);
    filter_free(oldest);
  }
}

/* Numbers of the selectors in a list; appended to `ret`. */
static size_t
add_selectors(struct alloc_world *w, const struct json *list, uint32_t *ret)
{
  size_t n = 0;

  for (json_each_item (s, list))
    ret[n++] = selector_get(w, span_of(json_get_str_or(json_get(*s, "cel"), "expression", "")), false);
  return n;
}

static struct filter *
filter_new(struct alloc_world *w, const uint32_t *key, size_t n)
{
  struct filter *f = mem_alloc(sizeof *f);

  evict(w);
  f->n_class = key[0];
  f->n = (uint32_t)n - 1;
  f->selectors = mem_calloc(n, sizeof *f->selectors);
  memcpy(f->selectors, key + 1, f->n * sizeof *key);
  f->projection = projection_new(w, f);
  hmap_put(w->filter_index, span_make((const char *)key, n * sizeof *key), f);
  return f;
}

struct filter *
filter_get(struct alloc_world *w, const struct json *class_selectors, const struct json *selectors)
{
  uint32_t few[32], *key = few;
  _cleanup_free_ uint32_t *many = NULL;
  size_t n = 1;
  struct filter *f;

  if (1 + json_count(class_selectors) + json_count(selectors) > ARRAY_SIZE(few))
    key = many = mem_calloc(1 + json_count(class_selectors) + json_count(selectors), sizeof *key);
  n += add_selectors(w, class_selectors, key + n);
  key[0] = (uint32_t)n - 1;
  n += add_selectors(w, selectors, key + n);
  f = hmap_get(w->filter_index, span_make((const char *)key, n * sizeof *key));
  if (!f)
    f = filter_new(w, key, n);
  f->used = ++w->clock;
  f->pins++;
  return f;
}

void
filters_forget(struct alloc_world *w, uint32_t first, uint32_t n)
{
  size_t cursor = 0;
  void *value;

  while (hmap_next(w->filter_index, &cursor, NULL, &value)) {
    struct filter *f = value;

    bits_clear_range(&f->known, first, n);
    bits_clear_range(&f->yes, first, n);
  }
}

void
filters_free(struct alloc_world *w)
{
  size_t cursor = 0;
  void *value;

  while (hmap_next(w->filter_index, &cursor, NULL, &value))
    filter_free(value);
  hmap_free(w->filter_index);
  hmap_free(w->selector_index);
  for (uint32_t i = 0; i < w->n_selectors; i++) {
    cel_selector_unref(w->selectors[i].program);
    free(w->selectors[i].error);
  }
  free(w->selectors);
}

/* -- asking CEL -- */

struct cel_device *
world_cel_device(struct alloc_world *w, uint32_t device, struct arena *a, struct kerr *reterr)
{
  const struct json *json = device_json(w, device);
  struct cel_device *d = NULL;

  if (w->channel == ALLOC_STABLE && json_get(json, "allowMultipleAllocations")) { /* unknown to that variant */
    struct json *without = json_shallow(a, json);

    json_remove(without, "allowMultipleAllocations");
    json = without;
  }
  if (cel_device_new(a, world_text(w, device_slice(w, device)->driver), json, &d, reterr) < 0)
    return NULL;
  return d;
}

#define NO_SUCH_KEY_HINT                                                                                    \
  ". consider using CEL optional chaining (.? followed by orValue()) or guarding the check with has() for " \
  "optional fields"

static int
selector_error(struct alloc_world *w, uint32_t device, uint32_t index, struct kerr *cause, struct kerr *reterr)
{
  const char *hint = strstr(cause->msg, "no such key:") ? NO_SUCH_KEY_HINT : "";
  const char *id = device_id(w, device, w->scratch);

  if (w->features.terse_errors)
    return kerr_set(reterr, KERR_INVALID, NULL, "selector #%u: CEL runtime error: %s", index, cause->msg);
  return kerr_set(reterr, KERR_INVALID, NULL, "selector #%u on device %s: CEL runtime error: %s%s", index, id,
                  cause->msg, hint);
}

/* The first selector that is not true: its index, or f->n. Errors: upstream's text from `selector #i` on. */
static int
filter_walk(struct alloc_world *w, struct filter *f, uint32_t device, uint32_t *ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_device *d = NULL;
  bool yes;

  for (*ret = 0; *ret < f->n; ++*ret) {
    struct selector *s = &w->selectors[f->selectors[*ret]];
    uint32_t index = *ret < f->n_class ? *ret : *ret - f->n_class;

    if (!s->program)
      return kerr_set(reterr, KERR_INVALID, NULL, "selector #%u: CEL compile error: %s", index, s->error);
    if (!d && !(d = world_cel_device(w, device, w->scratch, &err)))
      return selector_error(w, device, index, &err, reterr);
    if (cel_selector_match(s->program, d, w->scratch, &yes, &err) < 0)
      return selector_error(w, device, index, &err, reterr);
    if (!yes)
      return 0;
  }
  return 0;
}

static void
answers_reserve(const struct alloc_world *w, struct filter *f)
{
  if (f->known.n < words_for(w->n_devices)) {
    bits_reserve(&f->known, w->n_devices);
    bits_reserve(&f->yes, w->n_devices);
  }
}

enum filter_answer
filter_ask(struct alloc_world *w, struct filter *f, uint32_t device)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  uint32_t at;
  bool known, yes;

  if (f->n == 0)
    return FILTER_YES;
  answers_reserve(w, f);
  known = bit_get(f->known.w, device);
  yes = bit_get(f->yes.w, device);
  if (!known && !yes) {
    if (f->projection && projection_find(w, f->projection, device, &yes)) {
      known = true;
    } else {
      known = filter_walk(w, f, device, &at, &err) == 0;
      yes = !known || at == f->n;
      if (f->projection && known)
        projection_put(w, f->projection, device, yes);
      arena_reset(w->scratch);
    }
    bit_put(f->known.w, device, known);
    bit_put(f->yes.w, device, yes);
  }
  return !known ? FILTER_ERROR : yes ? FILTER_YES : FILTER_NO;
}

word
filter_ask_range(struct alloc_world *w, struct filter *f, uint32_t first, uint32_t n, word *ret_errors)
{
  word all = n == 64 ? ~(word)0 : ((word)1 << n) - 1, known, yes;

  *ret_errors = 0;
  if (f->n == 0)
    return all;
  answers_reserve(w, f);
  known = bits_extract(f->known.w, first, n);
  yes = bits_extract(f->yes.w, first, n);
  for (word open = all & ~(known | yes); open; open &= open - 1)
    (void)filter_ask(w, f, first + (uint32_t)__builtin_ctzll(open));
  known = bits_extract(f->known.w, first, n);
  yes = bits_extract(f->yes.w, first, n);
  *ret_errors = yes & ~known;
  return yes;
}

int
filter_error(struct alloc_world *w, struct filter *f, uint32_t device, bool *ret_class, struct kerr *reterr)
{
  uint32_t at;
  int r = filter_walk(w, f, device, &at, reterr);

  assert(r < 0);
  *ret_class = at < f->n_class;
  arena_reset(w->scratch);
  return r;
}

bool
filter_first_no(struct alloc_world *w, struct filter *f, uint32_t device, uint32_t *ret_selector, uint32_t *ret_index,
                bool *ret_class)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  uint32_t at;

  if (filter_walk(w, f, device, &at, &err) < 0 || at == f->n)
    return false;
  *ret_selector = f->selectors[at];
  *ret_class = at < f->n_class;
  *ret_index = *ret_class ? at : at - f->n_class;
  return true;
}
