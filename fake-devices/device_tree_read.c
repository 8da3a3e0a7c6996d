#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "device_tree.h"
#include "fs.h"
#include "quantity.h"

#define TREE_MAX_DEPTH     16
#define TREE_MAX_DEVICES   100000
#define TREE_MAX_PROBLEMS  1000
#define ATTRIBUTES_MAX     32 /* upstream: ResourceSliceMaxAttributesAndCapacitiesPerDevice */
#define ATTRIBUTE_TEXT_MAX 64 /* upstream: DeviceAttributeMaxValueLength */
#define ATTRIBUTE_ID_MAX   32 /* upstream: DeviceMaxIDLength */
#define DOMAIN_MAX         63 /* upstream: DeviceMaxDomainLength */
#define COUNTERS_MAX       32 /* upstream: ResourceSliceMaxCountersPerCounterSet */

struct reader {
  struct arena *a;
  const char *node_dir;
  struct device_tree *t;
  size_t cap_devices, cap_problems;
};

static void problem(struct reader *r, const char *path, const char *fmt, ...) _printf_(3, 4);
static void
problem(struct reader *r, const char *path, const char *fmt, ...)
{
  struct device_tree *t = r->t;
  va_list ap;

  if (t->n_problems == TREE_MAX_PROBLEMS)
    return;
  if (t->n_problems == r->cap_problems) {
    size_t cap = r->cap_problems ? 2 * r->cap_problems : 8;
    struct tree_problem *more = arena_array_of(r->a, struct tree_problem, cap);
    if (t->n_problems)
      memcpy(more, t->problems, t->n_problems * sizeof *more);
    t->problems = more;
    r->cap_problems = cap;
  }
  va_start(ap, fmt);
  t->problems[t->n_problems++] = (struct tree_problem){ .path = path, .text = arena_vprintf(r->a, fmt, ap) };
  va_end(ap);
}

static char *
full(struct reader *r, const char *rel)
{
  return arena_printf(r->a, "%s/%s", r->node_dir, rel);
}

/* The trimmed text of a file; NULL and a problem (unless absent and `optional`) when it cannot be had. */
static char *
text_of(struct reader *r, const char *dir, const char *name, bool optional)
{
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  char *rel = arena_printf(r->a, "%s/%s", dir, name);

  strbuf_init(&b, 64 * KiB);
  if (fs_read(full(r, rel), &b, &err) < 0) {
    if (!optional || err.code != KERR_NOT_FOUND)
      problem(r, rel, "cannot be read: %s", err.msg);
    return NULL;
  }
  struct span s = span_trim(strbuf_view(&b));
  if (!span_utf8_valid(s) || (s.n && memchr(s.p, '\0', s.n))) {
    problem(r, rel, "is not text");
    return NULL;
  }
  return arena_strndup(r->a, s.p ? s.p : "", s.n);
}

/* Names in a directory; none when it is absent. */
static char **
names_of(struct reader *r, const char *rel, size_t *ret_n)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  char **names = NULL;

  *ret_n = 0;
  if (fs_list(r->a, full(r, rel), &names, ret_n, &err) < 0 && err.code != KERR_NOT_FOUND)
    problem(r, rel, "cannot be listed: %s", err.msg);
  return names;
}

/* -- what the API server would refuse must not get into a slice, or the whole pool would vanish -- */

static bool
is_dns_label(const char *s)
{
  size_t n = strlen(s);

  if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
    return false;
  for (; *s; s++)
    if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '-')
      return false;
  return true;
}

static bool
is_dns_subdomain(const char *s, size_t max)
{
  char label[64];
  size_t n = strlen(s);

  if (n == 0 || n > max)
    return false;
  for (;; s++) {
    size_t k = strcspn(s, ".");
    if (k >= sizeof label)
      return false;
    memcpy(label, s, k);
    label[k] = '\0';
    if (!is_dns_label(label))
      return false;
    s += k;
    if (!*s)
      return true;
  }
}

static bool
is_c_identifier(const char *s)
{
  if (!*s || strlen(s) > ATTRIBUTE_ID_MAX || isdigit((unsigned char)*s))
    return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && *s != '_')
      return false;
  return true;
}

static bool
is_identifiers(struct span s, bool no_leading_zero)
{
  size_t at = 0;

  for (size_t i = 0; i <= s.n; i++) {
    if (i < s.n && s.p[i] != '.') {
      if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-')
        return false;
      continue;
    }
    bool numeric = i > at;
    for (size_t k = at; k < i; k++)
      numeric = numeric && isdigit((unsigned char)s.p[k]);
    if (i == at || (no_leading_zero && numeric && i - at > 1 && s.p[at] == '0'))
      return false;
    at = i + 1;
  }
  return true;
}

/* semver.org 2.0.0: MAJOR.MINOR.PATCH[-pre][+build]. */
static bool
is_semver(const char *text)
{
  struct span build, pre, core = span_cut(span_of(text), '+', &build);
  size_t dots = 0;

  core = span_cut(core, '-', &pre);
  for (size_t i = 0; i < core.n; i++) {
    if (core.p[i] == '.')
      dots++;
    else if (!isdigit((unsigned char)core.p[i]))
      return false;
  }
  return dots == 2 && is_identifiers(core, true) && (!pre.p || is_identifiers(pre, true)) &&
         (!build.p || is_identifiers(build, false));
}

static bool
parse_int(const char *text, int64_t *ret)
{
  char *end;

  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (!*text || isspace((unsigned char)*text) || *end || errno)
    return false;
  *ret = v;
  return true;
}

/* -- attributes, capacity, counters -- */

static struct json *
attribute_value(struct arena *a, const char *type, const char *text, const char **ret_why)
{
  struct json *v = json_new_object(a);
  int64_t n;

  *ret_why = NULL;
  if (strcmp(type, "int") == 0) {
    if (!parse_int(text, &n))
      *ret_why = "not a number";
    else
      json_set_int(a, v, "int", n);
  } else if (strcmp(type, "bool") == 0) {
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
      *ret_why = "neither true nor false";
    else
      json_set_bool(a, v, "bool", *text == 't');
  } else if (strcmp(type, "version") == 0) {
    if (!is_semver(text) || strlen(text) > ATTRIBUTE_TEXT_MAX)
      *ret_why = "not a version of the form 1.2.3";
    else
      json_set_str(a, v, "version", text);
  } else if (strlen(text) > ATTRIBUTE_TEXT_MAX) {
    *ret_why = "longer than 64 bytes";
  } else {
    json_set_str(a, v, "string", text);
  }
  return v;
}

typedef void key_fn(struct reader *r, const char *dir, const char *file, const char *key, void *arg);

/* Every key of a directory: files, and one level of directories whose names are domains. */
static void
each_key(struct reader *r, const char *dir, key_fn *fn, void *arg)
{
  size_t n, m;
  char **names = names_of(r, dir, &n);

  for (size_t i = 0; i < n; i++) {
    char *sub = arena_printf(r->a, "%s/%s", dir, names[i]);
    struct stat st;

    if (names[i][0] == '.')
      continue;
    if (stat(full(r, sub), &st) < 0 || !S_ISDIR(st.st_mode)) {
      if (!is_c_identifier(names[i]))
        problem(r, sub, "the name is not an identifier of at most 32 characters; left out");
      else
        fn(r, dir, names[i], names[i], arg);
      continue;
    }
    if (!is_dns_subdomain(names[i], DOMAIN_MAX)) {
      problem(r, sub, "the name is not a domain; left out");
      continue;
    }
    char **inner = names_of(r, sub, &m);
    for (size_t k = 0; k < m; k++)
      if (is_c_identifier(inner[k]))
        fn(r, sub, inner[k], arena_printf(r->a, "%s/%s", names[i], inner[k]), arg);
      else
        problem(r, arena_printf(r->a, "%s/%s", sub, inner[k]),
                "the name is not an identifier of at most 32 characters; left out");
  }
}

struct attribute_arg {
  struct json *into;
  const char *type;
};

static void
attribute_key(struct reader *r, const char *dir, const char *file, const char *key, void *arg)
{
  struct attribute_arg *x = arg;
  const char *text = text_of(r, dir, file, false), *why;

  if (!text)
    return;
  struct json *v = attribute_value(r->a, x->type, text, &why);
  if (why)
    problem(r, arena_printf(r->a, "%s/%s", dir, file), "%s: '%.80s'; published without %s", why, text, key);
  else
    json_set(r->a, x->into, key, v);
}

static void
read_attributes(struct reader *r, const char *vendor, struct json *into)
{
  static const char *const types[] = { "string", "int", "bool", "version" };

  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    each_key(r, arena_printf(r->a, "%s/attributes/%s", vendor, types[i]), attribute_key,
             &(struct attribute_arg){ into, types[i] });
}

static bool
quantity_ok(struct span s)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct quantity q;

  return quantity_parse(s, &q, &err) == 0;
}

/* "default 1G" and the like: a request policy (resource.k8s.io/v1 CapacityRequestPolicy). False: not understood. */
static bool
policy_line(struct arena *a, struct json *policy, struct span line)
{
  struct span rest, word = span_cut(line, ' ', &rest);
  const char *key = arena_strndup(a, word.p, word.n);

  if (strcmp(key, "values") == 0) {
    struct json *values = json_ensure_array(a, policy, "validValues");
    while (rest.p && rest.n) {
      struct span v = span_cut(rest, ' ', &rest);
      if (!quantity_ok(v))
        return false;
      json_append(a, values, json_new_strn(a, v.p, v.n));
    }
    return json_count(values) > 0;
  }
  if (!rest.p || !quantity_ok(rest))
    return false;
  if (strcmp(key, "default") == 0)
    json_set(a, policy, "default", json_new_strn(a, rest.p, rest.n));
  else if (strcmp(key, "min") == 0 || strcmp(key, "max") == 0 || strcmp(key, "step") == 0)
    json_set(a, json_ensure_object(a, policy, "validRange"), key, json_new_strn(a, rest.p, rest.n));
  else
    return false;
  return true;
}

static void
capacity_key(struct reader *r, const char *dir, const char *file, const char *key, void *arg)
{
  const char *text = text_of(r, dir, file, false), *path = arena_printf(r->a, "%s/%s", dir, file);
  struct json *into = arg, *v = json_new_object(r->a), *policy = json_new_object(r->a);

  if (!text)
    return;
  struct span rest, value = span_trim(span_cut(span_of(text), '\n', &rest));
  if (!quantity_ok(value)) {
    problem(r, path, "not a quantity: '%.*s'; published without %s", (int)(value.n > 80 ? 80 : value.n), value.p, key);
    return;
  }
  json_set(r->a, v, "value", json_new_strn(r->a, value.p, value.n));
  while (rest.p && rest.n) {
    struct span line = span_trim(span_cut(rest, '\n', &rest));
    if (line.n && !policy_line(r->a, policy, line)) {
      problem(r, path, "cannot read '%.*s'; published without a request policy", (int)(line.n > 80 ? 80 : line.n),
              line.p);
      policy = json_new_object(r->a);
      break;
    }
  }
  if (json_count(policy))
    json_set(r->a, v, "requestPolicy", policy);
  json_set(r->a, into, key, v);
}

/* counter -> {"value": quantity}, from the files of a directory. */
static struct json *
read_counters(struct reader *r, const char *dir)
{
  struct json *map = json_new_object(r->a);
  size_t n;
  char **names = names_of(r, dir, &n);

  for (size_t i = 0; i < n; i++) {
    char *path = arena_printf(r->a, "%s/%s", dir, names[i]);
    const char *text =
        is_dns_label(names[i]) && json_count(map) < COUNTERS_MAX ? text_of(r, dir, names[i], false) : NULL;

    if (!text || !quantity_ok(span_of(text))) {
      problem(r, path, "not a counter (a DNS label that holds a quantity, at most %d of them); left out", COUNTERS_MAX);
      continue;
    }
    json_set_str(r->a, json_set(r->a, map, names[i], json_new_object(r->a)), "value", text);
  }
  return map;
}

/* -- health -- */

static void
add_taint(struct arena *a, struct json *device, const char *key, const char *value, const char *effect)
{
  struct json *t = json_append(a, json_ensure_array(a, device, "taints"), json_new_object(a));

  json_set_str(a, t, "key", key);
  if (value && *value)
    json_set_str(a, t, "value", value);
  json_set_str(a, t, "effect", effect);
}

static bool
is_label_value(const char *s)
{
  size_t n = strlen(s);

  if (n > 63 || (n && (!isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))))
    return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && *s != '-' && *s != '_' && *s != '.')
      return false;
  return true;
}

/* "failed NoExecute xid-79": effect and reason may be left out. Anything but "ok" taints. */
static void
read_health(struct reader *r, const char *vendor, struct tree_device *d, struct json *device)
{
  const char *text = text_of(r, vendor, "health", true), *effect = "NoSchedule", *reason;
  struct span rest, state, word;

  d->health = text ? text : "ok";
  if (strcmp(d->health, "ok") == 0)
    return;
  state = span_cut(span_of(d->health), ' ', &rest);
  reason = arena_strndup(r->a, state.p, state.n);
  if (rest.p) {
    struct span after;
    word = span_cut(rest, ' ', &after);
    if (span_is(word, "NoSchedule") || span_is(word, "NoExecute") || span_is(word, "None")) {
      effect = arena_strndup(r->a, word.p, word.n);
      rest = after;
    }
    if (rest.p && rest.n)
      reason = arena_strndup(r->a, rest.p, rest.n);
  }
  if (!is_label_value(reason)) {
    problem(r, arena_printf(r->a, "%s/health", vendor), "'%.80s' cannot be a taint's value; published as 'failed'",
            reason);
    reason = "failed";
  }
  add_taint(r->a, device, "dralab.dev/health", reason, effect);
}

/* -- sysfs -- */

static bool
is_bdf(const char *s)
{
  for (size_t i = 0; i < 12; i++)
    if (i == 4 || i == 7 ? s[i] != ':' : i == 10 ? s[i] != '.' : !isxdigit((unsigned char)s[i]))
      return false;
  return s[12] == '\0';
}

/*
 * Standard attributes, from where the device is and from numa_node: pcieRoot and pciBusID as
 * k8s.io/dynamic-resource-allocation/deviceattribute finds them, numaNode (KEP-6072).
 */
static void
read_sysfs(struct reader *r, const char *dir, struct json *attributes, struct json *device)
{
  static const char *const identity[] = { "vendor", "device", "class" };
  const char *base = strrchr(dir, '/') + 1, *root = strstr(dir, "/devices/pci");
  int64_t numa;

  if (root && is_bdf(base)) {
    root += strlen("/devices/");
    json_set_str(r->a, json_set(r->a, attributes, "resource.kubernetes.io/pcieRoot", json_new_object(r->a)), "string",
                 arena_strndup(r->a, root, strcspn(root, "/")));
    json_set_str(r->a, json_set(r->a, attributes, "resource.kubernetes.io/pciBusID", json_new_object(r->a)), "string",
                 base);
    for (size_t i = 0; i < ARRAY_SIZE(identity); i++) {
      const char *text = text_of(r, dir, identity[i], false);
      char *end = NULL;
      if (text && (strncmp(text, "0x", 2) != 0 || (strtoul(text, &end, 16), *end)))
        problem(r, arena_printf(r->a, "%s/%s", dir, identity[i]),
                "not a hexadecimal number: '%.80s'; published with a taint", text);
      else if (text)
        continue;
      add_taint(r->a, device, "dralab.dev/sysfs", "broken", "NoSchedule");
      break;
    }
  }
  const char *text = NULL;
  if (strstr(dir, "/system/node/node"))
    text = base + strlen("node");
  else if (root)
    text = text_of(r, dir, "numa_node", true);
  if (!text)
    return;
  if (!parse_int(text, &numa) || numa < -1)
    problem(r, arena_printf(r->a, "%s/numa_node", dir), "not a number: '%.80s'; published without numaNode", text);
  else if (numa >= 0)
    json_set_int(r->a, json_set(r->a, attributes, "resource.kubernetes.io/numaNode", json_new_object(r->a)), "int",
                 numa);
}

/* -- devices -- */

static const char *const *
read_lines(struct reader *r, const char *vendor, const char *name, bool (*ok)(const char *), size_t *ret_n)
{
  const char *text = text_of(r, vendor, name, true);
  size_t cap = 1;

  *ret_n = 0;
  if (!text)
    return NULL;
  for (const char *c = text; *c; c++)
    cap += *c == '\n';
  const char **list = arena_array_of(r->a, const char *, cap);
  struct span rest = span_of(text);
  while (rest.p && rest.n) {
    struct span line = span_trim(span_cut(rest, '\n', &rest));
    if (!line.n)
      continue;
    const char *s = arena_strndup(r->a, line.p, line.n);
    if (ok(s))
      list[(*ret_n)++] = s;
    else
      problem(r, arena_printf(r->a, "%s/%s", vendor, name), "cannot use '%.80s'; left out", s);
  }
  return list;
}

static bool
env_ok(const char *s)
{
  return strchr(s, '=') > s;
}

static bool
dev_node_ok(const char *s)
{
  return strncmp(s, "/dev/", 5) == 0 && s[5] && !strstr(s, "..");
}

/* Sorted keys; a device that has too many loses the last ones rather than its place in the slice. */
static void
settle_maps(struct reader *r, const char *vendor, struct json *device, struct json *attributes, struct json *capacity)
{
  size_t all = json_count(attributes) + json_count(capacity);

  json_sort_members(attributes);
  json_sort_members(capacity);
  if (all > ATTRIBUTES_MAX)
    problem(r, vendor, "has %zu attributes and capacities; only %d are published", all, ATTRIBUTES_MAX);
  for (; all > ATTRIBUTES_MAX; all--) {
    struct json *from = json_count(attributes) ? attributes : capacity;
    json_remove(from, from->u.members[from->count - 1].name);
  }
  if (json_count(attributes))
    json_set(r->a, device, "attributes", attributes);
  if (json_count(capacity))
    json_set(r->a, device, "capacity", capacity);
}

static struct tree_device *
device_slot(struct reader *r)
{
  struct device_tree *t = r->t;

  if (t->n_devices == r->cap_devices) {
    size_t cap = r->cap_devices ? 2 * r->cap_devices : 16;
    struct tree_device *more = arena_array_of(r->a, struct tree_device, cap);
    if (t->n_devices)
      memcpy(more, t->devices, t->n_devices * sizeof *more);
    t->devices = more;
    r->cap_devices = cap;
  }
  return &t->devices[t->n_devices];
}

static bool
read_identity(struct reader *r, const char *vendor, struct tree_device *d)
{
  d->name = text_of(r, vendor, "name", false);
  d->driver = text_of(r, vendor, "driver", false);
  if (d->name && !is_dns_label(d->name))
    problem(r, arena_printf(r->a, "%s/name", vendor), "'%.80s' is not a DNS label; the device is left out", d->name);
  else if (d->driver && !is_dns_subdomain(d->driver, DOMAIN_MAX))
    problem(r, arena_printf(r->a, "%s/driver", vendor), "'%.80s' is not a driver's name; the device is left out",
            d->driver);
  else
    return d->name && d->driver;
  return false;
}

/* One vendor directory. `set`: the counter set its `consumes` draws from, or NULL for its own. */
static struct tree_device *
read_device(struct reader *r, const char *sysfs_dir, const char *vendor, const char *parent, const char *set)
{
  struct tree_device d = { .path = sysfs_dir, .dralab_path = vendor, .parent = parent };
  struct json *device = json_new_object(r->a), *attributes = json_new_object(r->a), *capacity = json_new_object(r->a);

  if (r->t->n_devices >= TREE_MAX_DEVICES || !read_identity(r, vendor, &d))
    return NULL;
  json_set_str(r->a, device, "name", d.name);
  read_attributes(r, vendor, attributes);
  read_sysfs(r, sysfs_dir, attributes, device);
  each_key(r, arena_printf(r->a, "%s/capacity", vendor), capacity_key, capacity);
  const char *shareable = text_of(r, vendor, "shareable", true);
  if (shareable && strcmp(shareable, "1") == 0) {
    json_set_bool(r->a, device, "allowMultipleAllocations", true);
  } else { /* a policy is allowed on shared devices alone */
    for (json_each_member (m, capacity))
      (void)json_remove(m->value, "requestPolicy");
  }
  settle_maps(r, vendor, device, attributes, capacity);
  struct json *counters = read_counters(r, arena_printf(r->a, "%s/counters", vendor));
  if (!parent && json_count(counters)) {
    struct json *own = json_new_object(r->a);
    set = arena_printf(r->a, "%.50s-counters", d.name);
    json_set_str(r->a, own, "name", set);
    json_set(r->a, own, "counters", counters);
    d.counter_set = own;
  }
  struct json *consumes = read_counters(r, arena_printf(r->a, "%s/consumes", vendor));
  if (set && json_count(consumes)) {
    struct json *c = json_append(r->a, json_ensure_array(r->a, device, "consumesCounters"), json_new_object(r->a));
    json_set_str(r->a, c, "counterSet", set);
    json_set(r->a, c, "counters", consumes);
  }
  read_health(r, vendor, &d, device);
  d.env = read_lines(r, vendor, "env", env_ok, &d.n_env);
  d.dev_nodes = read_lines(r, vendor, "dev-nodes", dev_node_ok, &d.n_dev_nodes);
  d.device = device;
  struct tree_device *at = device_slot(r);
  *at = d;
  r->t->n_devices++;
  return at;
}

static void
read_with_partitions(struct reader *r, const char *dir)
{
  const char *vendor = arena_printf(r->a, "%s/dralab", dir);
  const struct tree_device *whole = read_device(r, dir, vendor, NULL, NULL);

  if (!whole)
    return;
  const char *name = whole->name, *driver = whole->driver;
  const char *set = whole->counter_set ? json_get_str(whole->counter_set, "name") : NULL;
  const char *health = whole->health;
  const char *parts = arena_printf(r->a, "%s/partitions", vendor);
  size_t n;
  char **names = names_of(r, parts, &n);
  for (size_t i = 0; i < n; i++) {
    struct tree_device *part = read_device(r, dir, arena_printf(r->a, "%s/%s", parts, names[i]), name, set);
    /* A part fails with the whole. */
    if (part && strcmp(part->driver, driver) == 0 && strcmp(part->health, "ok") == 0 && strcmp(health, "ok") != 0) {
      struct json *copy = json_copy(r->a, part->device);
      add_taint(r->a, copy, "dralab.dev/health", "parent-failed",
                strstr(health, "NoExecute") ? "NoExecute" : "NoSchedule");
      part->device = copy;
    }
  }
}

static void
walk(struct reader *r, const char *rel, int depth)
{
  DIR *dir = opendir(full(r, rel));
  char **subs = NULL;
  size_t n = 0, cap = 0;
  bool device = false;

  if (!dir) {
    problem(r, rel, "cannot be listed: %s", strerror(errno));
    return;
  }
  for (const struct dirent *e; (e = readdir(dir));) {
    struct stat st;
    bool is_dir = e->d_type == DT_DIR;

    if (e->d_name[0] == '.')
      continue;
    if (e->d_type == DT_UNKNOWN)
      is_dir = fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    if (!is_dir)
      continue;
    if (strcmp(e->d_name, "dralab") == 0) {
      device = true;
      continue;
    }
    if (n == cap) {
      char **more = arena_array_of(r->a, char *, cap = cap ? 2 * cap : 8);
      if (n)
        memcpy(more, subs, n * sizeof *more);
      subs = more;
    }
    subs[n++] = arena_printf(r->a, "%s/%s", rel, e->d_name);
  }
  (void)closedir(dir);
  if (device)
    read_with_partitions(r, rel);
  for (size_t i = 0; i < n && depth < TREE_MAX_DEPTH; i++)
    walk(r, subs[i], depth + 1);
}

/* "gpu-2" before "gpu-10": runs of digits compare as numbers. */
static int
natural_cmp(const char *x, const char *y)
{
  while (*x && *y) {
    if (isdigit((unsigned char)*x) && isdigit((unsigned char)*y)) {
      while (*x == '0' && isdigit((unsigned char)x[1]))
        x++;
      while (*y == '0' && isdigit((unsigned char)y[1]))
        y++;
      size_t nx = strspn(x, "0123456789"), ny = strspn(y, "0123456789");
      int c = nx != ny ? (nx < ny ? -1 : 1) : strncmp(x, y, nx);
      if (c)
        return c;
      x += nx;
      y += ny;
    } else if (*x != *y) {
      return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
    } else {
      x++;
      y++;
    }
  }
  return *x ? 1 : *y ? -1 : 0;
}

static int
device_cmp(const void *px, const void *py)
{
  const struct tree_device *x = px, *y = py;
  int c = strcmp(x->driver, y->driver);

  if (c == 0)
    c = natural_cmp(x->parent ? x->parent : x->name, y->parent ? y->parent : y->name);
  if (c == 0 && !x->parent != !y->parent)
    return x->parent ? 1 : -1;
  if (c == 0)
    c = natural_cmp(x->name, y->name);
  return c ? c : strcmp(x->path, y->path);
}

static void
drop_twins(struct reader *r)
{
  struct device_tree *t = r->t;
  size_t kept = 0;

  for (size_t i = 0; i < t->n_devices; i++) {
    const struct tree_device *d = &t->devices[i];
    const struct tree_device *twin = NULL;

    for (size_t k = kept; k > 0 && !twin && strcmp(t->devices[k - 1].driver, d->driver) == 0 && kept - k < 64; k--)
      twin = strcmp(t->devices[k - 1].name, d->name) == 0 ? &t->devices[k - 1] : NULL;
    if (twin)
      problem(r, d->dralab_path, "the name '%s' is taken by %s; the device is left out", d->name, twin->path);
    else
      t->devices[kept++] = *d;
  }
  t->n_devices = kept;
}

int
device_tree_read(struct arena *a, const char *node_dir, struct device_tree *ret, struct kerr *reterr)
{
  struct device_tree t = { 0 };
  struct reader r = { .a = a, .node_dir = node_dir, .t = &t };
  struct stat st;

  if (stat(full(&r, "sys/devices"), &st) < 0) {
    int err = errno;
    if (err == ENOENT)
      return kerr_set(reterr, KERR_NOT_FOUND, NULL, "%s/sys/devices: no device tree", node_dir);
    return kerr_errno(reterr, err, "%s/sys/devices", node_dir);
  }
  walk(&r, "sys/devices", 0);
  if (t.n_devices)
    qsort(t.devices, t.n_devices, sizeof *t.devices, device_cmp);
  drop_twins(&r);
  *ret = t;
  return 0;
}

const struct tree_device *
device_tree_find(const struct device_tree *t, const char *driver, const char *name)
{
  for (size_t i = 0; i < t->n_devices; i++)
    if (strcmp(t->devices[i].name, name) == 0 && (!driver || strcmp(t->devices[i].driver, driver) == 0))
      return &t->devices[i];
  return NULL;
}
