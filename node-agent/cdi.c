#include "cdi.h"

#include "ceilings.h"
#include "fs.h"

void
cdi_load(struct arena *a, const char *dir, struct cdi_registry *ret)
{
  _cleanup_kerr_ struct kerr listing = KERR_INIT;
  char **names = NULL;
  size_t n = 0;

  *ret = (struct cdi_registry){ 0 };
  if (fs_list(a, dir, &names, &n, &listing) < 0) {
    if (listing.code != KERR_NOT_FOUND) {
      ret->bad = arena_new_of(a, const char *);
      ret->bad[ret->n_bad++] = arena_printf(a, "%s: %s", dir, listing.msg);
    }
    return;
  }
  ret->specs = arena_array_of(a, struct cdi_spec, n + 1);
  ret->bad = arena_array_of(a, const char *, n + 1);
  for (size_t i = 0; i < n; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    _cleanup_strbuf_ struct strbuf b;
    const char *path = arena_printf(a, "%s/%s", dir, names[i]);
    struct json *doc;

    if (names[i][0] == '.' ||
        (!span_ends(span_of(names[i]), SPAN(".json")) && !span_ends(span_of(names[i]), SPAN(".yaml"))))
      continue;
    strbuf_init(&b, CEIL_SMALL_FILE);
    if (fs_read(path, &b, &err) < 0 || cdi_parse(a, strbuf_view(&b), path, &doc, &err) < 0)
      ret->bad[ret->n_bad++] = arena_strdup(a, err.msg);
    else
      ret->specs[ret->n++] = (struct cdi_spec){ .path = path, .kind = json_get_str(doc, "kind"), .doc = doc };
  }
}

/* The device `id`; NULL when there is none, or two files of equal rank have it. */
static const struct json *
resolve(const struct cdi_registry *reg, const char *id, size_t *ret_spec)
{
  struct span name, kind = span_cut(span_of(id), '=', &name);
  const struct json *found = NULL;

  for (size_t i = 0; i < reg->n; i++) {
    if (!span_is(kind, reg->specs[i].kind))
      continue;
    for (json_each_item (p, json_get(reg->specs[i].doc, "devices")))
      if (span_is(name, json_get_str(*p, "name"))) {
        if (found)
          return NULL;
        found = *p;
        *ret_spec = i;
      }
  }
  return found;
}

/* Put `item` into `list`, in place of an item that has the same value of `key` (NULL: the text before '='). */
static void
put(struct arena *a, struct json *list, const struct json *item, const char *key)
{
  const char *mine = key ? json_get_str_or(item, key, "") : json_str(item);
  size_t len = key ? strlen(mine) : strcspn(mine, "=");

  for (size_t i = 0; i < json_count(list); i++) {
    const char *other = key ? json_get_str_or(json_at(list, i), key, "") : json_str(json_at(list, i));
    size_t olen = key ? strlen(other) : strcspn(other, "=");
    if (len == olen && strncmp(mine, other, len) == 0) {
      json_remove_at(list, i);
      break;
    }
  }
  json_append(a, list, json_copy(a, item));
}

static void
add_edits(struct arena *a, struct json *into, const struct json *edits)
{
  static const char *const unsupported[] = { "hooks", "intelRdt", "netDevices" };

  for (json_each_item (p, json_get(edits, "env")))
    put(a, json_ensure_array(a, into, "env"), *p, NULL);
  for (json_each_item (p, json_get(edits, "deviceNodes")))
    put(a, json_ensure_array(a, into, "deviceNodes"), *p, "path");
  for (json_each_item (p, json_get(edits, "mounts")))
    put(a, json_ensure_array(a, into, "mounts"), *p, "containerPath");
  for (json_each_item (p, json_get(edits, "additionalGids")))
    if (json_int_or(*p, 0) != 0)
      json_append(a, json_ensure_array(a, into, "additionalGids"), json_copy(a, *p));
  for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
    if (json_count(json_get(edits, unsupported[i])))
      json_append_str(a, json_ensure_array(a, into, "ignored"), unsupported[i]);
}

static size_t
path_depth(const struct json *mount)
{
  size_t n = 0;

  for (const char *c = json_get_str_or(mount, "containerPath", ""); *c; c++)
    n += *c == '/' && c[1] && c[1] != '/';
  return n;
}

/* Shallow mounts first, so that a deep one is not covered; equals keep their order. */
static void
sort_mounts(struct json *mounts)
{
  for (size_t i = 1; i < json_count(mounts); i++)
    for (size_t k = i; k > 0 && path_depth(json_at(mounts, k - 1)) > path_depth(json_at(mounts, k)); k--) {
      struct json *t = mounts->u.items[k];
      mounts->u.items[k] = mounts->u.items[k - 1];
      mounts->u.items[k - 1] = t;
    }
}

int
cdi_merge(struct arena *a, const struct cdi_registry *reg, const char *const *ids, size_t n, struct json **ret,
          struct kerr *reterr)
{
  struct json *merged = json_new_object(a);
  const struct json **devices = arena_array_of(a, const struct json *, n + 1);
  size_t *spec = arena_array_of(a, size_t, n + 1);
  bool *spec_done = arena_array_of(a, bool, reg->n + 1);
  _cleanup_strbuf_ struct strbuf missing;

  strbuf_init(&missing, 64 * KiB);
  for (size_t i = 0; i < n; i++) {
    devices[i] = resolve(reg, ids[i], &spec[i]);
    if (!devices[i])
      strbuf_printf(&missing, "%s%s", missing.n ? ", " : "", ids[i]);
  }
  if (missing.n)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "unresolvable CDI devices %s", missing.p);
  for (size_t i = 0; i < n; i++) {
    bool twice = false;

    for (size_t k = 0; k < i; k++) /* two requests may name one device */
      twice = twice || strcmp(ids[k], ids[i]) == 0;
    if (twice)
      continue;
    if (!spec_done[spec[i]])
      add_edits(a, merged, json_get(reg->specs[spec[i]].doc, "containerEdits"));
    spec_done[spec[i]] = true;
    add_edits(a, merged, json_get(devices[i], "containerEdits"));
  }
  sort_mounts(json_find(merged, "mounts"));
  *ret = merged;
  return 0;
}
