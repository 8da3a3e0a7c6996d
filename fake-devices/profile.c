#include "profile.h"

#include <ctype.h>

#include "ceilings.h"
#include "fs.h"
#include "quantity.h"
#include "yaml.h"

/*
 * A field of a YAML mapping: where its value goes. Whatever is not in the table is an error with its path, so that a
 * misspelt field is never silently absent.
 */
enum field_kind { FIELD_TEXT, FIELD_COUNT, FIELD_YES_NO, FIELD_TREE, FIELD_OTHER };
struct field {
  const char *name;
  enum field_kind kind;
  size_t offset; /* FIELD_OTHER: not used, read by hand */
};

static const struct field pci_fields[] = {
  { "vendor", FIELD_TEXT, offsetof(struct profile_pci, vendor) },
  { "device", FIELD_TEXT, offsetof(struct profile_pci, device) },
  { "class", FIELD_TEXT, offsetof(struct profile_pci, class_) },
  { "subsystemVendor", FIELD_TEXT, offsetof(struct profile_pci, subsystem_vendor) },
  { "subsystemDevice", FIELD_TEXT, offsetof(struct profile_pci, subsystem_device) },
  { "revision", FIELD_TEXT, offsetof(struct profile_pci, revision) },
  { "driver", FIELD_TEXT, offsetof(struct profile_pci, driver) },
  { "linkSpeed", FIELD_TEXT, offsetof(struct profile_pci, link_speed) },
  { "linkWidth", FIELD_TEXT, offsetof(struct profile_pci, link_width) },
  { "barBytes", FIELD_COUNT, offsetof(struct profile_pci, bar_bytes) },
  { "drm", FIELD_YES_NO, offsetof(struct profile_pci, drm) },
  { "net", FIELD_TEXT, offsetof(struct profile_pci, net) },
  { "perRoot", FIELD_COUNT, offsetof(struct profile_pci, per_root) },
  { NULL, FIELD_OTHER, 0 },
};

static const struct field device_fields[] = {
  { "name", FIELD_TEXT, offsetof(struct profile_device, name) },
  { "attributes", FIELD_TREE, offsetof(struct profile_device, attributes) },
  { "capacity", FIELD_TREE, offsetof(struct profile_device, capacity) },
  { "env", FIELD_TREE, offsetof(struct profile_device, env) },
  { "consumes", FIELD_TREE, offsetof(struct profile_device, consumes) },
  { "counters", FIELD_TREE, offsetof(struct profile_device, counters) },
  { "allowMultipleAllocations", FIELD_YES_NO, offsetof(struct profile_device, shareable) },
  { "slots", FIELD_COUNT, offsetof(struct profile_device, slots) },
  { "devNodes", FIELD_OTHER, 0 },
  { "partitions", FIELD_OTHER, 0 },
  { NULL, FIELD_OTHER, 0 },
};

static const struct field profile_fields[] = {
  { "name", FIELD_TEXT, offsetof(struct profile, name) },
  { "driver", FIELD_TEXT, offsetof(struct profile, driver) },
  { "class", FIELD_TEXT, offsetof(struct profile, class_name) },
  { "count", FIELD_COUNT, offsetof(struct profile, count) },
  { "place", FIELD_OTHER, 0 },
  { "pci", FIELD_OTHER, 0 },
  { "device", FIELD_OTHER, 0 },
  { "devices", FIELD_OTHER, 0 },
  { "deviceClasses", FIELD_OTHER, 0 },
  { NULL, FIELD_OTHER, 0 },
};

static const struct field *
field_find(const struct field *table, const char *name)
{
  for (const struct field *f = table; f->name; f++)
    if (strcmp(f->name, name) == 0)
      return f;
  return NULL;
}

static int
wrong_type(const char *path, const char *wanted, const struct json *v, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_INVALID, path, "%s: must be %s, not %s", path, wanted, json_type_name(json_type(v)));
}

static int
field_store(struct arena *a, const struct field *f, const struct json *v, const char *path, void *into,
            struct kerr *reterr)
{
  void *at = (char *)into + f->offset;

  switch (f->kind) {
  case FIELD_TEXT:
    if (json_is(v, JSON_INT))
      *(const char **)at = arena_printf(a, "%lld", (long long)json_int_or(v, 0));
    else if (json_str(v))
      *(const char **)at = json_str(v);
    else
      return wrong_type(path, "a string", v, reterr);
    return 0;
  case FIELD_COUNT:
    if (!json_is(v, JSON_INT) || json_int_or(v, -1) < 0)
      return kerr_set(reterr, KERR_INVALID, path, "%s: must be a number of at least 0", path);
    *(int64_t *)at = json_int_or(v, 0);
    return 0;
  case FIELD_YES_NO:
    if (!json_is(v, JSON_BOOL))
      return wrong_type(path, "true or false", v, reterr);
    *(bool *)at = v->u.boolean;
    return 0;
  case FIELD_TREE:
    if (!json_is(v, JSON_OBJECT))
      return wrong_type(path, "a mapping", v, reterr);
    *(const struct json **)at = v;
    return 0;
  case FIELD_OTHER:
    return 0;
  }
  return 0;
}

/* Known fields into `into`; unknown ones are refused, with the list of those there are. */
static int
fields_read(struct arena *a, const struct field *table, const struct json *obj, const char *path, void *into,
            struct kerr *reterr)
{
  if (!json_is(obj, JSON_OBJECT))
    return wrong_type(*path ? path : "profile", "a mapping", obj, reterr);
  for (json_each_member (m, obj)) {
    const struct field *f = field_find(table, m->name);
    const char *where = *path ? arena_printf(a, "%s.%s", path, m->name) : m->name;

    if (!f) {
      _cleanup_strbuf_ struct strbuf known;

      strbuf_init(&known, KiB);
      for (f = table; f->name; f++)
        strbuf_printf(&known, "%s%s", known.n ? ", " : "", f->name);
      return kerr_set(reterr, KERR_INVALID, where, "%s: unknown field (known here: %s)", where, known.p);
    }
    int r = field_store(a, f, m->value, where, into, reterr);
    if (r < 0)
      return r;
  }
  return 0;
}

static int
quantity_check(const struct json *v, const char *path, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct quantity q;

  if (json_is(v, JSON_INT))
    return 0;
  if (!json_str(v))
    return wrong_type(path, "a quantity", v, reterr);
  if (quantity_parse(json_span(v), &q, &err) < 0)
    return kerr_set(reterr, KERR_INVALID, path, "%s: %s", path, err.msg);
  return 0;
}

static int
attributes_check(struct arena *a, const struct json *attributes, const char *path, struct kerr *reterr)
{
  static const char *const types[] = { "string", "int", "bool", "version" };

  for (json_each_member (m, attributes)) {
    const char *where = arena_printf(a, "%s.%s", path, m->name);
    bool known = false;

    if (json_count(m->value) != 1 || !json_is(m->value, JSON_OBJECT))
      return kerr_set(reterr, KERR_INVALID, where, "%s: must be a mapping with one of string, int, bool, version",
                      where);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
      known = known || strcmp(m->value->u.members[0].name, types[i]) == 0;
    if (!known)
      return kerr_set(reterr, KERR_INVALID, where, "%s.%s: unknown type of attribute (string, int, bool, version)",
                      where, m->value->u.members[0].name);
  }
  return 0;
}

static int
capacity_check(struct arena *a, const struct json *capacity, const char *path, struct kerr *reterr)
{
  static const char *const known[] = { "value", "default", "min", "max", "step", "values" };

  for (json_each_member (m, capacity)) {
    const char *where = arena_printf(a, "%s.%s", path, m->name);

    if (!json_is(m->value, JSON_OBJECT)) {
      int r = quantity_check(m->value, where, reterr);
      if (r < 0)
        return r;
      continue;
    }
    if (!json_get(m->value, "value"))
      return kerr_set(reterr, KERR_INVALID, where, "%s.value: is required", where);
    for (json_each_member (p, m->value)) {
      const char *field = arena_printf(a, "%s.%s", where, p->name);
      bool ok = false;

      for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        ok = ok || strcmp(known[i], p->name) == 0;
      if (!ok)
        return kerr_set(reterr, KERR_INVALID, field,
                        "%s: unknown field (known here: value, default, min, max, step, values)", field);
      int r = json_is(p->value, JSON_ARRAY) ? 0 : quantity_check(p->value, field, reterr);
      if (r < 0)
        return r;
    }
  }
  return 0;
}

static int
quantities_check(struct arena *a, const struct json *map, const char *path, struct kerr *reterr)
{
  for (json_each_member (m, map)) {
    int r = quantity_check(m->value, arena_printf(a, "%s.%s", path, m->name), reterr);
    if (r < 0)
      return r;
  }
  return 0;
}

static int
env_check(struct arena *a, const struct json *env, const char *path, struct kerr *reterr)
{
  for (json_each_member (m, env))
    if (!json_str(m->value) && !json_is(m->value, JSON_INT))
      return wrong_type(arena_printf(a, "%s.%s", path, m->name), "a string", m->value, reterr);
  return 0;
}

static int
dev_nodes_check(struct arena *a, const struct json *nodes, const char *path, struct kerr *reterr)
{
  size_t i = 0;

  if (nodes && !json_is(nodes, JSON_ARRAY))
    return wrong_type(path, "a list", nodes, reterr);
  for (json_each_item (p, nodes)) {
    const char *where = arena_printf(a, "%s[%zu]", path, i++);
    const char *s = json_str(*p);

    if (!s || strncmp(s, "/dev/", 5) != 0 || strstr(s, ".."))
      return kerr_set(reterr, KERR_INVALID, where, "%s: must be a path below /dev", where);
  }
  return 0;
}

static int
device_parse(struct arena *a, const struct json *v, const char *path, bool partition, struct profile_device *ret,
             struct kerr *reterr)
{
  const struct json *parts = json_get(v, "partitions");
  int r = fields_read(a, device_fields, v, path, ret, reterr);

  if (r == 0 && (!ret->name || !*ret->name))
    r = kerr_set(reterr, KERR_INVALID, arena_printf(a, "%s.name", path), "%s.name: is required", path);
  ret->dev_nodes = json_get(v, "devNodes");
  r = r < 0 ? r : attributes_check(a, ret->attributes, arena_printf(a, "%s.attributes", path), reterr);
  r = r < 0 ? r : capacity_check(a, ret->capacity, arena_printf(a, "%s.capacity", path), reterr);
  r = r < 0 ? r : quantities_check(a, ret->counters, arena_printf(a, "%s.counters", path), reterr);
  r = r < 0 ? r : quantities_check(a, ret->consumes, arena_printf(a, "%s.consumes", path), reterr);
  r = r < 0 ? r : env_check(a, ret->env, arena_printf(a, "%s.env", path), reterr);
  r = r < 0 ? r : dev_nodes_check(a, ret->dev_nodes, arena_printf(a, "%s.devNodes", path), reterr);
  if (r < 0)
    return r;
  if (partition && ret->slots == 0)
    ret->slots = 1;
  if (parts && (partition || !json_is(parts, JSON_ARRAY)))
    return kerr_set(reterr, KERR_INVALID, arena_printf(a, "%s.partitions", path), "%s.partitions: %s", path,
                    partition ? "a partition has none of its own" : "must be a list");
  ret->n_partitions = json_count(parts);
  ret->partitions = arena_array_of(a, struct profile_device, ret->n_partitions + 1);
  int64_t total = 0;
  for (size_t i = 0; i < ret->n_partitions && r == 0; i++) {
    r = device_parse(a, json_at(parts, i), arena_printf(a, "%s.partitions[%zu]", path, i), true, &ret->partitions[i],
                     reterr);
    total += r == 0 ? ret->partitions[i].slots : 0;
    if (r == 0 && (ret->partitions[i].slots > PROFILE_MAX_PARTS || total > PROFILE_MAX_PARTS))
      r = kerr_set(reterr, KERR_INVALID, arena_printf(a, "%s.partitions", path),
                   "%s.partitions: at most %d partitions of one device", path, PROFILE_MAX_PARTS);
  }
  return r;
}

static int
devices_parse(struct arena *a, const struct json *doc, struct profile *p, struct kerr *reterr)
{
  const struct json *one = json_get(doc, "device"), *list = json_get(doc, "devices");
  int r = 0;

  if (!one == !list)
    return kerr_set(reterr, KERR_INVALID, "devices", "devices: exactly one of device and devices is required");
  if (one) {
    p->devices = arena_new_of(a, struct profile_device);
    p->n_devices = 1;
    return device_parse(a, one, "device", false, p->devices, reterr);
  }
  if (!json_is(list, JSON_ARRAY) || !json_count(list))
    return kerr_set(reterr, KERR_INVALID, "devices", "devices: must be a list with at least one device");
  p->n_devices = json_count(list);
  p->devices = arena_array_of(a, struct profile_device, p->n_devices);
  for (size_t i = 0; i < p->n_devices && r == 0; i++)
    r = device_parse(a, json_at(list, i), arena_printf(a, "devices[%zu]", i), false, &p->devices[i], reterr);
  return r;
}

static int
place_parse(struct arena *a, const struct json *doc, struct profile *p, struct kerr *reterr)
{
  const char *place = json_get_str_or(doc, "place", "pci");

  if (strcmp(place, "numa") == 0)
    p->place = PLACE_NUMA;
  else if (strcmp(place, "virtual") == 0)
    p->place = PLACE_VIRTUAL;
  else if (strcmp(place, "pci") != 0)
    return kerr_set(reterr, KERR_INVALID, "place", "place: '%s' is none of pci, numa, virtual", place);
  if (p->place == PLACE_VIRTUAL && (!p->class_name || strchr(p->class_name, '/') || p->class_name[0] == '.'))
    return kerr_set(reterr, KERR_INVALID, "class", "class: place virtual needs a class, a name without '/'");
  if (p->place != PLACE_PCI && json_get(doc, "pci"))
    return kerr_set(reterr, KERR_INVALID, "pci", "pci: only a device at place pci has it");
  if (p->place != PLACE_PCI)
    return 0;
  p->pci = (struct profile_pci){ .vendor = "0x1af4",
                                 .device = "0x0001",
                                 .class_ = "0x120000",
                                 .subsystem_vendor = "0x1af4",
                                 .subsystem_device = "0x0001",
                                 .revision = "0x00",
                                 .link_speed = "16.0 GT/s PCIe",
                                 .link_width = "16",
                                 .per_root = 2 };
  if (!json_get(doc, "pci"))
    return 0;
  int r = fields_read(a, pci_fields, json_get(doc, "pci"), "pci", &p->pci, reterr);
  if (r == 0 && (p->pci.per_root < 1 || p->pci.per_root > 16))
    r = kerr_set(reterr, KERR_INVALID, "pci.perRoot", "pci.perRoot: must be between 1 and 16");
  return r;
}

static int
classes_parse(struct arena *a, const struct json *classes, struct kerr *reterr)
{
  size_t i = 0;

  if (classes && !json_is(classes, JSON_ARRAY))
    return wrong_type("deviceClasses", "a list", classes, reterr);
  for (json_each_item (p, classes)) {
    const char *where = arena_printf(a, "deviceClasses[%zu].metadata.name", i++);

    if (!json_get_str(json_get(*p, "metadata"), "name"))
      return kerr_set(reterr, KERR_INVALID, where, "%s: is required", where);
  }
  return 0;
}

/* A driver's name is a DNS subdomain of at most 63 characters (KEP-4381). */
static bool
driver_name_valid(const char *s)
{
  size_t n = strlen(s);

  if (n == 0 || n > 63 || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
    return false;
  for (; *s; s++)
    if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '-' && *s != '.')
      return false;
  return true;
}

static int
profile_read(struct arena *a, const struct json *doc, struct profile *p, struct kerr *reterr)
{
  int r = fields_read(a, profile_fields, doc, "", p, reterr);

  if (r < 0)
    return r;
  if (!p->name || !*p->name)
    return kerr_set(reterr, KERR_INVALID, "name", "name: is required");
  if (strchr(p->name, '/') || p->name[0] == '.')
    return kerr_set(reterr, KERR_INVALID, "name", "name: '%s' must not hold '/' or begin with '.'", p->name);
  if (!p->driver || !driver_name_valid(p->driver))
    return kerr_set(reterr, KERR_INVALID, "driver",
                    "driver: must be a DNS name in lower case of at most 63 characters (\"gpu.example.com\")");
  r = place_parse(a, doc, p, reterr);
  r = r < 0 ? r : devices_parse(a, doc, p, reterr);
  r = r < 0 ? r : classes_parse(a, json_get(doc, "deviceClasses"), reterr);
  p->device_classes = json_get(doc, "deviceClasses");
  if (r == 0 && !json_get(doc, "count"))
    p->count = (int64_t)p->n_devices;
  if (r == 0 && p->count > PROFILE_MAX_DEVICES)
    r = kerr_set(reterr, KERR_INVALID, "count", "count: at most %d devices of one profile on a node",
                 PROFILE_MAX_DEVICES);
  return r;
}

int
profile_parse(struct arena *a, struct span text, const char *source, struct profile **ret, struct kerr *reterr)
{
  struct profile *p = arena_new_of(a, struct profile);
  struct json *doc;
  int r = yaml_parse(a, text, NULL, &doc, reterr);

  p->text = arena_strndup(a, text.p ? text.p : "", text.n);
  r = r < 0 ? r : profile_read(a, doc, p, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "%s", source);
  *ret = p;
  return 0;
}

static int
profile_load_file(struct arena *a, const char *path, struct profile **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;
  int r;

  strbuf_init(&b, CEIL_SMALL_FILE);
  r = fs_read(path, &b, reterr);
  return r < 0 ? r : profile_parse(a, strbuf_view(&b), path, ret, reterr);
}

int
profile_load(struct arena *a, const char *name, struct profile **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf names = { 0 };
  const char *known;
  struct span text;

  if (strchr(name, '/') || span_ends(span_of(name), SPAN(".yaml")) || span_ends(span_of(name), SPAN(".yml")))
    return profile_load_file(a, name, ret, reterr);
  strbuf_init(&names, KiB);
  for (size_t i = 0; (known = profile_builtin(i, &text)); i++) {
    if (strcmp(known, name) == 0)
      return profile_parse(a, text, arena_printf(a, "profile %s", name), ret, reterr);
    strbuf_printf(&names, "%s%s", i ? ", " : "", known);
  }
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "no device profile '%s' (built in: %s; or the path of a .yaml file)",
                  name, names.p);
}

static int
spec_count(struct span text, struct profile_count *pc, struct kerr *reterr)
{
  int64_t n = 0;
  bool digits = text.n > 0 && text.n <= 6;

  for (size_t i = 0; i < text.n && digits; i++) {
    digits = isdigit((unsigned char)text.p[i]);
    n = n * 10 + (text.p[i] - '0');
  }
  if (!digits || n > PROFILE_MAX_DEVICES)
    return kerr_set(reterr, KERR_USAGE, NULL, "'%.*s' is no number of devices (0 to %d)", SPAN_FMT(text),
                    PROFILE_MAX_DEVICES);
  pc->count = n;
  return 0;
}

int
profile_spec_parse(struct arena *a, const char *spec, struct profile_count **ret, size_t *ret_n, struct kerr *reterr)
{
  size_t n = 0, cap = 1;

  for (const char *c = spec; *c; c++)
    cap += *c == ',';
  struct profile_count *list = arena_array_of(a, struct profile_count, cap);
  struct span rest = span_of(spec);
  while (rest.p && rest.n) {
    struct span item = span_trim(span_cut(rest, ',', &rest)), count;
    struct span name = span_cut(item, ':', &count);
    int r = profile_load(a, arena_strndup(a, name.p, name.n), &list[n].profile, reterr);

    if (r == 0 && count.p)
      r = spec_count(count, &list[n], reterr);
    else if (r == 0)
      list[n].count = list[n].profile->count;
    if (r < 0)
      return kerr_wrap(reterr, "devices '%s'", spec);
    n++;
  }
  *ret = list;
  *ret_n = n;
  return 0;
}

char *
profile_fill(struct arena *a, const char *text, const char *const *pairs)
{
  struct strbuf b;
  char *out;

  if (!strchr(text, '{'))
    return arena_strdup(a, text);
  strbuf_init(&b, CEIL_SMALL_FILE);
  while (*text) {
    const char *close = *text == '{' ? strchr(text, '}') : NULL;
    const char *const *p = pairs;

    while (close && *p && !span_is(span_make(text + 1, (size_t)(close - text - 1)), p[0]))
      p += 2;
    if (close && *p) {
      strbuf_puts(&b, p[1]);
      text = close + 1;
    } else {
      strbuf_putc(&b, *text++);
    }
  }
  out = arena_strndup(a, b.p ? b.p : "", b.n);
  strbuf_release(&b);
  return out;
}
