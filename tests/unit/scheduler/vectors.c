#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ceilings.h"
#include "hmap.h"

static bool
open_path(struct vectors *v, const char *path)
{
  gzFile f = gzopen(path, "rb"); /* reads plain files as they are */
  struct strbuf b;
  char *room;
  int n;

  memset(v, 0, sizeof *v);
  if (!f)
    return false;
  strbuf_init(&b, CEIL_REPLY);
  while ((room = strbuf_reserve(&b, 64 * KiB)) && (n = gzread(f, room, 64 * KiB)) > 0)
    b.n += (size_t)n;
  gzclose(f);
  v->text = strbuf_take(&b, &v->n);
  return true;
}

bool
vectors_open(struct vectors *v, const char *name)
{
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_free_ char *path = mem_printf("%s/vectors/allocator/%s", shared ? shared : "../shared", name);

  return open_path(v, path);
}

bool
vectors_open_own(struct vectors *v, const char *name)
{
  _cleanup_free_ char *path = mem_printf("tests/data/scheduler/%s", name);

  return open_path(v, path);
}

bool
vectors_next(struct vectors *v, struct span *ret_line)
{
  const char *start = v->text + v->at, *end;

  if (v->at >= v->n)
    return false;
  end = memchr(start, '\n', v->n - v->at);
  *ret_line = span_make(start, end ? (size_t)(end - start) : v->n - v->at);
  v->at += ret_line->n + 1;
  return ret_line->n > 0;
}

void
vectors_close(struct vectors *v)
{
  free(v->text);
  v->text = NULL;
}

static bool
is_uuid(const char *s)
{
  if (!s || strlen(s) != 36)
    return false;
  for (int i = 0; i < 36; i++)
    if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
      return false;
  return true;
}

/* Every shareID must be a UUID of its own; all become the one of the recordings. */
static bool
level_share_ids(struct arena *a, struct json *v, struct hmap *seen)
{
  if (json_is(v, JSON_ARRAY))
    for (uint32_t i = 0; i < v->count; i++)
      if (!level_share_ids(a, v->u.items[i], seen))
        return false;
  if (!json_is(v, JSON_OBJECT))
    return true;
  for (uint32_t i = 0; i < v->count; i++) {
    struct json_member *m = &v->u.members[i];
    const char *id = json_str(m->value);

    if (strcmp(m->name, "shareID") != 0) {
      if (!level_share_ids(a, m->value, seen))
        return false;
      continue;
    }
    if (!is_uuid(id) || hmap_get(seen, span_of(id)))
      return false;
    hmap_put(seen, span_of(id), seen);
    m->value = json_new_str(a, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
  }
  return true;
}

/* A copy without empty lists and objects. */
static struct json *
without_empty(struct arena *a, const struct json *v)
{
  struct json *copy;

  if (json_is(v, JSON_ARRAY)) {
    copy = json_new_array(a);
    for (json_each_item (i, v))
      json_append(a, copy, without_empty(a, *i));
    return copy;
  }
  if (!json_is(v, JSON_OBJECT))
    return json_copy(a, v);
  copy = json_new_object(a);
  for (json_each_member (m, v))
    if (!json_is(m->value, JSON_ARRAY) || json_count(m->value))
      json_set(a, copy, m->name, without_empty(a, m->value));
  return copy;
}

bool
vectors_equal(struct arena *a, const struct json *want, const struct json *got)
{
  if (!want || !got)
    return want == got;
  return json_equal(without_empty(a, want), without_empty(a, got));
}

static bool
same_one(struct arena *a, const struct json *want, const struct json *got, const char **why)
{
  const char *error = json_get_str(want, "error"), *ours = json_get_str(got, "error");

  *why = arena_printf(a, "want %s\n got %s", json_text(a, want, JSON_SORTED), json_text(a, got, JSON_SORTED));
  if (!error)
    return !ours && vectors_equal(a, json_get(want, "result"), json_get(got, "result")) &&
           json_get_bool(want, "unschedulable", false) == json_get_bool(got, "unschedulable", false);
  return ours && json_get_bool(want, "nodeOnly", false) == json_get_bool(got, "nodeOnly", false) &&
         (json_get_bool(want, "inexact", false) || strcmp(error, ours) == 0);
}

static bool
same_nodes(struct arena *a, const struct json *want, const struct json *got, const char **why)
{
  *why = "not the same nodes";
  if (json_count(want) != json_count(got))
    return false;
  for (size_t i = 0; i < json_count(want); i++)
    if (!same_one(a, json_at(want, i), json_at(got, i), why))
      return false;
  return true;
}

bool
vectors_same(struct arena *a, const struct json *question, struct json *answer, const char **ret_why)
{
  const struct json *want = json_get(question, "want"), *any = json_get(question, "wantAny");
  struct hmap *seen = hmap_new(NULL);
  bool same = level_share_ids(a, answer, seen);

  hmap_free(seen);
  *ret_why = "a shareID is no UUID, or not unique";
  if (!same)
    return false;
  for (json_each_item (w, any))
    if (same_one(a, *w, answer, ret_why))
      return true;
  if (any)
    return false;
  if (json_get(want, "nodes"))
    return same_nodes(a, json_get(want, "nodes"), json_get(answer, "nodes"), ret_why);
  return same_one(a, want, answer, ret_why);
}
