#include "manifest.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "fs.h"
#include "object.h"
#include "yaml.h"

#define FOLDERS_MAX 16 /* deep */

static void
add(struct arena *a, struct manifests *m, const char *source, struct json *object)
{
  if ((m->n & (m->n - 1)) == 0) { /* full at each power of two */
    struct manifest *bigger = arena_array_of(a, struct manifest, m->n ? m->n * 2 : 1);

    if (m->n)
      memcpy(bigger, m->list, m->n * sizeof *bigger);
    m->list = bigger;
  }
  m->list[m->n++] = (struct manifest){ .source = source, .object = object };
}

static bool
is_list(const struct json *o)
{
  size_t n = strlen(object_kind(o));

  return n >= 4 && strcmp(object_kind(o) + n - 4, "List") == 0 && json_is(json_get(o, "items"), JSON_ARRAY);
}

static int
add_document(struct arena *a, struct manifests *m, const char *source, struct json *doc, struct kerr *reterr)
{
  if (json_is(doc, JSON_NULL))
    return 0;
  if (!json_is(doc, JSON_OBJECT))
    return kerr_set(reterr, KERR_PARSE, NULL, "error parsing %s: a document is %s, not an object", source,
                    json_type_name(json_type(doc)));
  if (!is_list(doc)) {
    add(a, m, source, doc);
    return 0;
  }
  for (size_t i = 0; i < json_count(json_get(doc, "items")); i++) {
    int r = add_document(a, m, source, json_item(json_find(doc, "items"), i), reterr);

    if (r < 0)
      return r;
  }
  return 0;
}

static int
read_file(struct arena *a, const char *path, struct manifests *m, struct kerr *reterr)
{
  const char *name = strcmp(path, "-") == 0 ? "STDIN" : path;
  _cleanup_strbuf_ struct strbuf text;
  struct json **docs;
  size_t n;
  int r;

  strbuf_init(&text, CEIL_MANIFEST);
  r = fs_read(path, &text, reterr);
  if (r < 0)
    return reterr->code == KERR_NOT_FOUND ? kerr_wrap(reterr, "the path \"%s\" does not exist", path) : r;
  r = yaml_parse_all(a, strbuf_view(&text), NULL, &docs, &n, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "error parsing %s", name);
  for (size_t i = 0; i < n; i++) {
    r = add_document(a, m, name, docs[i], reterr);
    if (r < 0)
      return r;
  }
  return 0;
}

static bool
is_manifest_name(const char *name)
{
  static const char *const endings[] = { ".yaml", ".yml", ".json" };

  for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
    if (span_ends(span_of(name), span_of(endings[i])))
      return true;
  return false;
}

static bool
is_folder(const char *path)
{
  struct stat st;

  return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
read_path(struct arena *a, const char *path, bool recursive, int depth, struct manifests *m, struct kerr *reterr)
{
  char **names;
  size_t n;
  int r;

  if (!is_folder(path))
    return read_file(a, path, m, reterr);
  if (depth > FOLDERS_MAX)
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "%s: folders are nested too deeply", path);
  r = fs_list(a, path, &names, &n, reterr);
  for (size_t i = 0; i < n && r == 0; i++) {
    char *below = fs_join(a, path, names[i]);

    if (is_folder(below) ? recursive : is_manifest_name(names[i]))
      r = read_path(a, below, recursive, depth + 1, m, reterr);
  }
  return r;
}

int
manifests_read(struct arena *a, const struct cli_list *files, bool recursive, struct manifests *ret,
               struct kerr *reterr)
{
  *ret = (struct manifests){ .n = 0 };
  if (files->n == 0)
    return kerr_set(reterr, KERR_USAGE, NULL, "must specify one of -f: files, folders or - for standard input");
  for (size_t i = 0; i < files->n; i++) {
    int r = read_path(a, files->items[i], recursive, 0, ret, reterr);

    if (r < 0)
      return r;
  }
  if (ret->n == 0)
    return kerr_set(reterr, KERR_INVALID, NULL, "no objects passed to apply");
  return 0;
}
