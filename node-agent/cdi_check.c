/* The rules of a CDI document: which fields there are, and what may stand in them. */
#include <ctype.h>

#include "cdi.h"
#include "yaml.h"

typedef int check_fn(struct arena *a, const struct json *v, const char *path, struct kerr *reterr);

struct rule {
  const char *name;
  enum json_type type;
  bool required;
  check_fn *check; /* of the value, or of each item of an array; may be NULL */
};

static int
bad(struct kerr *reterr, const char *path, const char *what)
{
  return kerr_set(reterr, KERR_INVALID, path, "%s: %s", path, what);
}

static int
check_object(struct arena *a, const struct rule *rules, const struct json *v, const char *path, struct kerr *reterr)
{
  const char *dot = *path ? "." : "";

  if (!json_is(v, JSON_OBJECT))
    return bad(reterr, *path ? path : "document", "must be an object");
  for (json_each_member (m, v)) {
    const struct rule *r = rules;
    while (r->name && strcmp(r->name, m->name) != 0)
      r++;
    const char *at = arena_printf(a, "%s%s%s", path, dot, m->name);
    if (!r->name)
      return bad(reterr, at, "unknown field");
    if (json_type(m->value) != r->type)
      return kerr_set(reterr, KERR_INVALID, at, "%s: must be %s, not %s", at, json_type_name(r->type),
                      json_type_name(json_type(m->value)));
    size_t i = 0;
    int rc = 0;
    if (r->check && r->type != JSON_ARRAY)
      rc = r->check(a, m->value, at, reterr);
    for (json_each_item (p, m->value))
      if (rc == 0 && r->check)
        rc = r->check(a, *p, arena_printf(a, "%s[%zu]", at, i++), reterr);
    if (rc < 0)
      return rc;
  }
  for (const struct rule *r = rules; r->name; r++) {
    const struct json *f = json_get(v, r->name);
    if (r->required && (!f || (json_is(f, JSON_STRING) && f->count == 0)))
      return bad(reterr, arena_printf(a, "%s%s%s", path, dot, r->name), "is required");
  }
  return 0;
}

static int
check_text(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  (void)a;
  if (!json_str(v))
    return bad(reterr, path, "must be a string");
  return memchr(json_str(v), '\0', v->count) ? bad(reterr, path, "must not hold NUL") : 0;
}

static int
check_number(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  (void)a;
  return json_is(v, JSON_INT) && json_int_or(v, -1) >= 0 ? 0 : bad(reterr, path, "must be a number of at least 0");
}

static int
check_env(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  int r = check_text(a, v, path, reterr);
  const char *eq = r == 0 ? strchr(json_str(v), '=') : NULL;

  return r < 0 ? r : eq && eq > json_str(v) ? 0 : bad(reterr, path, "must be of the form NAME=value");
}

static int
check_node_type(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const char *const types[] = { "", "b", "c", "u", "p" };

  (void)a;
  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    if (strcmp(json_str(v), types[i]) == 0)
      return 0;
  return bad(reterr, path, "must be one of b, c, u, p");
}

static int
check_permissions(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  (void)a;
  return strspn(json_str(v), "rwm") == v->count ? 0 : bad(reterr, path, "may hold only r, w and m");
}

static int
check_dev_node(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "path", JSON_STRING, true, check_text },
    { "hostPath", JSON_STRING, false, check_text },
    { "type", JSON_STRING, false, check_node_type },
    { "major", JSON_INT, false, check_number },
    { "minor", JSON_INT, false, check_number },
    { "fileMode", JSON_INT, false, check_number },
    { "permissions", JSON_STRING, false, check_permissions },
    { "uid", JSON_INT, false, check_number },
    { "gid", JSON_INT, false, check_number },
    { NULL, JSON_NULL, false, NULL },
  };

  return check_object(a, rules, v, path, reterr);
}

static int
check_mount(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "hostPath", JSON_STRING, true, check_text },
    { "containerPath", JSON_STRING, true, check_text },
    { "options", JSON_ARRAY, false, check_text },
    { "type", JSON_STRING, false, check_text },
    { NULL, JSON_NULL, false, NULL },
  };

  return check_object(a, rules, v, path, reterr);
}

static int
check_hook_name(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const char *const names[] = { "prestart",       "createRuntime", "createContainer",
                                       "startContainer", "poststart",     "poststop" };

  (void)a;
  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (strcmp(json_str(v), names[i]) == 0)
      return 0;
  return bad(reterr, path, "is no name of a hook");
}

static int
check_hook(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "hookName", JSON_STRING, true, check_hook_name }, { "path", JSON_STRING, true, check_text },
    { "args", JSON_ARRAY, false, check_text },          { "env", JSON_ARRAY, false, check_env },
    { "timeout", JSON_INT, false, check_number },       { NULL, JSON_NULL, false, NULL },
  };

  return check_object(a, rules, v, path, reterr);
}

static int
check_net_device(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "hostInterfaceName", JSON_STRING, true, check_text },
    { "name", JSON_STRING, true, check_text },
    { NULL, JSON_NULL, false, NULL },
  };

  return check_object(a, rules, v, path, reterr);
}

static int
check_clos_id(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  const char *s = json_str(v);

  (void)a;
  return strcmp(s, ".") == 0 || strcmp(s, "..") == 0 || strpbrk(s, "/\n") ? bad(reterr, path, "is no name of a class")
                                                                          : 0;
}

static int
check_rdt(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "closID", JSON_STRING, false, check_clos_id },   { "l3CacheSchema", JSON_STRING, false, check_text },
    { "memBwSchema", JSON_STRING, false, check_text }, { "enableCMT", JSON_BOOL, false, NULL },
    { "enableMBM", JSON_BOOL, false, NULL },           { "schemata", JSON_ARRAY, false, check_text },
    { "enableMonitoring", JSON_BOOL, false, NULL },    { NULL, JSON_NULL, false, NULL },
  };

  return check_object(a, rules, v, path, reterr);
}

static int
check_edits(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "env", JSON_ARRAY, false, check_env },
    { "deviceNodes", JSON_ARRAY, false, check_dev_node },
    { "mounts", JSON_ARRAY, false, check_mount },
    { "hooks", JSON_ARRAY, false, check_hook },
    { "intelRdt", JSON_OBJECT, false, check_rdt },
    { "additionalGids", JSON_ARRAY, false, check_number },
    { "netDevices", JSON_ARRAY, false, check_net_device },
    { NULL, JSON_NULL, false, NULL },
  };

  return check_object(a, rules, v, path, reterr);
}

/* Begins with a letter (or, a device, with a letter or digit), ends with one or a digit, has only `extra` beside these.
 */
static bool
name_ok(struct span s, const char *extra, bool digit_first)
{
  if (s.n == 0 || !(isalpha((unsigned char)s.p[0]) || (digit_first && isdigit((unsigned char)s.p[0]))) ||
      !isalnum((unsigned char)s.p[s.n - 1]))
    return false;
  for (size_t i = 0; i < s.n; i++)
    if (!isalnum((unsigned char)s.p[i]) && !strchr(extra, s.p[i]))
      return false;
  return true;
}

static int
check_annotations(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  for (json_each_member (m, v)) {
    int r = check_text(a, m->value, arena_printf(a, "%s.%s", path, m->name), reterr);
    if (r < 0)
      return r;
  }
  return 0;
}

static int
check_device(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "name", JSON_STRING, true, check_text },
    { "annotations", JSON_OBJECT, false, check_annotations },
    { "containerEdits", JSON_OBJECT, true, check_edits },
    { NULL, JSON_NULL, false, NULL },
  };
  int r = check_object(a, rules, v, path, reterr);
  bool any = false;

  if (r < 0)
    return r;
  if (!name_ok(json_span(json_get(v, "name")), "_-.:", true))
    return bad(reterr, arena_printf(a, "%s.name", path), "is no name of a device");
  for (json_each_member (m, json_get(v, "containerEdits")))
    any = any || json_count(m->value) > 0;
  return any ? 0 : bad(reterr, arena_printf(a, "%s.containerEdits", path), "invalid device, empty device edits");
}

static int
check_kind(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  struct span class_, vendor = span_cut(json_span(v), '/', &class_);

  (void)a;
  return class_.p && name_ok(vendor, "_-.", false) && name_ok(class_, "_-.", false)
             ? 0
             : bad(reterr, path, "must be of the form vendor/class");
}

static int
check_version(struct arena *a, const struct json *v, const char *path, struct kerr *reterr)
{
  static const char *const known[] = { "0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0",
                                       "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0" };

  (void)a;
  for (size_t i = 0; i < ARRAY_SIZE(known); i++)
    if (strcmp(json_str(v), known[i]) == 0)
      return 0;
  return bad(reterr, path, "is no known version of the specification");
}

int
cdi_check(struct arena *a, const struct json *doc, struct kerr *reterr)
{
  static const struct rule rules[] = {
    { "cdiVersion", JSON_STRING, true, check_version },       { "kind", JSON_STRING, true, check_kind },
    { "annotations", JSON_OBJECT, false, check_annotations }, { "devices", JSON_ARRAY, true, check_device },
    { "containerEdits", JSON_OBJECT, false, check_edits },    { NULL, JSON_NULL, false, NULL },
  };
  const struct json *devices = json_get(doc, "devices");
  int r = check_object(a, rules, doc, "", reterr);

  if (r < 0)
    return r;
  if (!json_count(devices))
    return bad(reterr, "devices", "must have at least one device");
  for (size_t i = 0; i < json_count(devices); i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(json_get_str(json_at(devices, i), "name"), json_get_str(json_at(devices, k), "name")) == 0)
        return bad(reterr, arena_printf(a, "devices[%zu].name", i), "is there twice");
  return 0;
}

int
cdi_parse(struct arena *a, struct span text, const char *path, struct json **ret, struct kerr *reterr)
{
  int r = yaml_parse(a, text, NULL, ret, reterr);

  r = r < 0 ? r : cdi_check(a, *ret, reterr);
  return r < 0 ? kerr_wrap(reterr, "%s", path) : 0;
}
