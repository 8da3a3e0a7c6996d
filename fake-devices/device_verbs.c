#include "device_verbs.h"

#include <stdio.h>

#include "ceilings.h"
#include "fs.h"

/* The device that a user means, or an error that says which there are. */
static int
find(struct arena *a, const char *node_dir, const char *name, struct device_tree *t, const struct tree_device **ret,
     struct kerr *reterr)
{
  const char *slash = strrchr(name, '/');
  const char *driver = slash ? arena_strndup(a, name, (size_t)(slash - name)) : NULL;
  int r = device_tree_read(a, node_dir, t, reterr);

  if (r < 0)
    return r;
  *ret = device_tree_find(t, driver, slash ? slash + 1 : name);
  if (*ret)
    return 0;
  _cleanup_strbuf_ struct strbuf known;
  strbuf_init(&known, 2 * KiB);
  for (size_t i = 0; i < t->n_devices && known.n < KiB; i++)
    strbuf_printf(&known, "%s%s", known.n ? ", " : "", t->devices[i].name);
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "no device '%s' on this node (it has: %s)", name,
                  known.n ? known.p : "none");
}

int
device_list(struct arena *a, const char *node_dir, struct json **ret, struct kerr *reterr)
{
  struct json *list = json_new_array(a);
  struct device_tree t;
  int r = device_tree_read(a, node_dir, &t, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < t.n_devices; i++) {
    const struct tree_device *d = &t.devices[i];
    struct json *o = json_append(a, list, json_shallow(a, d->device));

    json_set_str(a, o, "driver", d->driver);
    json_set_str(a, o, "path", d->path);
    json_set_str(a, o, "health", d->health);
    if (d->parent)
      json_set_str(a, o, "parent", d->parent);
    for (size_t k = 0; k < t.n_problems; k++)
      if (strncmp(t.problems[k].path, d->dralab_path, strlen(d->dralab_path)) == 0 ||
          (!d->parent && strncmp(t.problems[k].path, d->path, strlen(d->path)) == 0))
        json_append(a, json_ensure_array(a, o, "problems"),
                    json_new_strf(a, "%s: %s", t.problems[k].path, t.problems[k].text));
  }
  *ret = list;
  return 0;
}

static int
write_health(const char *node_dir, const char *name, const char *text, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct tree_device *d = NULL;
  struct device_tree t;
  int r = find(a, node_dir, name, &t, &d, reterr);

  if (r < 0)
    return r;
  return fs_write(arena_printf(a, "%s/%s/health", node_dir, d->dralab_path), span_of(text), 0644, false, reterr);
}

int
device_fail(const char *node_dir, const char *name, const char *effect, const char *reason, struct kerr *reterr)
{
  _cleanup_free_ char *text =
      mem_printf("failed %s%s%s\n", effect ? effect : "NoSchedule", reason ? " " : "", reason ? reason : "");

  if (effect && strcmp(effect, "NoSchedule") != 0 && strcmp(effect, "NoExecute") != 0 && strcmp(effect, "None") != 0)
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is no effect of a taint (NoSchedule, NoExecute, None)", effect);
  if (reason && (!*reason || strlen(reason) > 63 || strpbrk(reason, " \t\n/")))
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "'%s' cannot be a reason: one word of at most 63 letters, digits, '-', '_', '.'", reason);
  return write_health(node_dir, name, text, reterr);
}

int
device_heal(const char *node_dir, const char *name, struct kerr *reterr)
{
  return write_health(node_dir, name, "ok\n", reterr);
}

int
device_unplug(const char *node_dir, const char *name, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct tree_device *d = NULL;
  struct device_tree t;
  int r = find(a, node_dir, name, &t, &d, reterr);

  if (r < 0)
    return r;
  if (d->parent)
    return fs_remove_tree(arena_printf(a, "%s/%s", node_dir, d->dralab_path), reterr);
  return device_tree_remove(node_dir, d->path, reterr);
}

static int
node_profile(struct arena *a, const char *node_dir, const char *wanted, struct profile **ret, struct kerr *reterr)
{
  char **names;
  size_t n;
  int r;

  if (wanted && strchr(wanted, '/'))
    return profile_load(a, wanted, ret, reterr);
  r = fs_list(a, arena_printf(a, "%s/profiles", node_dir), &names, &n, reterr);
  if (r < 0)
    return r;
  if (!wanted && n != 1)
    return kerr_set(reterr, KERR_USAGE, NULL, "this node has devices of %zu profiles: say which one to plug", n);
  const char *file = wanted ? arena_printf(a, "%s.yaml", wanted) : names[0];
  for (size_t i = 0; i < n; i++)
    if (strcmp(names[i], file) == 0)
      return profile_load(a, arena_printf(a, "%s/profiles/%s", node_dir, file), ret, reterr);
  return profile_load(a, wanted, ret, reterr);
}

int
device_plug(struct arena *a, const struct device_tree_node *node, const char *profile_name, const char *name,
            const char **ret_name, struct kerr *reterr)
{
  struct profile *p = NULL;
  struct device_tree t;
  int r = node_profile(a, node->dir, profile_name, &p, reterr);

  r = r < 0 ? r : device_tree_read(a, node->dir, &t, reterr);
  for (int64_t i = 0; r == 0 && i < PROFILE_MAX_DEVICES; i++) {
    const char *candidate = device_tree_name(a, node, p, i);
    bool wanted = name ? strcmp(candidate, name) == 0 : !device_tree_find(&t, p->driver, candidate);

    if (!wanted)
      continue;
    *ret_name = candidate;
    return device_tree_add(node, p, i, reterr);
  }
  return r < 0 ? r : kerr_set(reterr, KERR_NOT_FOUND, NULL, "profile %s has no device '%s'", p->name, name ? name : "");
}

/* Where an assignment goes: the file it names, relative to the node. */
static const char *
set_target(struct arena *a, const char *node_dir, const struct tree_device *d, const char *key)
{
  static const char *const types[] = { "string", "int", "bool", "version" };
  const char *colon = strchr(key, ':'), *path;

  path = arena_printf(a, "%s/capacity/%s", d->dralab_path, key);
  if (fs_exists(arena_printf(a, "%s/%s", node_dir, path)))
    return path;
  for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
    path = arena_printf(a, "%s/attributes/%s/%s", d->dralab_path, types[i], key);
    if (fs_exists(arena_printf(a, "%s/%s", node_dir, path)))
      return path;
  }
  path = arena_printf(a, "%s/%s", d->path, key);
  if (!strchr(key, '/') && fs_exists(arena_printf(a, "%s/%s", node_dir, path)))
    return path;
  for (size_t i = 0; colon && i < ARRAY_SIZE(types); i++)
    if (span_is(span_make(key, (size_t)(colon - key)), types[i]))
      return arena_printf(a, "%s/attributes/%s/%s", d->dralab_path, types[i], colon + 1);
  if (colon && strncmp(key, "capacity:", 9) == 0)
    return arena_printf(a, "%s/capacity/%s", d->dralab_path, colon + 1);
  return arena_printf(a, "%s/attributes/string/%s", d->dralab_path, key);
}

int
device_set(const char *node_dir, const char *name, const char *assignment, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct tree_device *d = NULL;
  const char *eq = strchr(assignment, '=');
  struct device_tree t;

  if (!eq || eq == assignment || strstr(assignment, ".."))
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is not of the form name=value", assignment);
  int r = find(a, node_dir, name, &t, &d, reterr);
  if (r < 0)
    return r;
  const char *rel = set_target(a, node_dir, d, arena_strndup(a, assignment, (size_t)(eq - assignment)));
  char *path = arena_printf(a, "%s/%s", node_dir, rel);
  if (!eq[1])
    return fs_remove_tree(path, reterr);
  char *dir = arena_strdup(a, path);
  *strrchr(dir, '/') = '\0';
  r = fs_mkdirs(dir, 0755, reterr);
  return r < 0 ? r : fs_write(path, span_of(arena_printf(a, "%s\n", eq + 1)), 0644, false, reterr);
}
