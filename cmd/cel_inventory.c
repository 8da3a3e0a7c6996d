#include "cel_inventory.h"

#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "object.h"
#include "yaml.h"

static void
add_device(struct inventory *inv, struct inventory_device d)
{
  if (inv->n == inv->cap) {
    size_t cap = inv->cap ? inv->cap * 2 : 64;
    struct inventory_device *list = arena_array_of(inv->a, struct inventory_device, cap);

    if (inv->n)
      memcpy(list, inv->list, sizeof *list * inv->n);
    inv->list = list;
    inv->cap = cap;
  }
  inv->list[inv->n++] = d;
}

static void
add_slice(struct inventory *inv, const struct json *spec)
{
  for (json_each_item (p, json_get(spec, "devices"))) {
    const struct json *basic = json_get(*p, "basic"); /* v1alpha3, v1beta1 */

    add_device(inv, (struct inventory_device){ .driver = json_get_str_or(spec, "driver", ""),
                                               .pool = json_get_str_or(json_get(spec, "pool"), "name", ""),
                                               .name = json_get_str_or(*p, "name", ""),
                                               .device = json_is(basic, JSON_OBJECT) ? basic : *p });
  }
}

void
inventory_add(struct inventory *inv, const struct json *object)
{
  if (strcmp(object_kind(object), "ResourceSlice") == 0)
    add_slice(inv, json_get(object, "spec"));
}

static int
read_cluster(struct cli *cli, const struct kube_options *kube, struct inventory *inv, struct kerr *reterr)
{
  _cleanup_(kclient_freep) struct kclient *c = NULL;
  struct kclient_list slices;
  int r = cluster_access_client(cli, &kube->target, &c, NULL, reterr);

  if (r == 0)
    r = kclient_list(c, &KC_RESOURCESLICES, NULL, NULL, &slices, reterr);
  if (r < 0)
    return r;
  for (size_t i = 0; i < slices.n; i++)
    add_slice(inv, json_get(json_copy(cli->arena, record_tree(slices.items[i])), "spec"));
  kclient_list_release(&slices);
  return 0;
}

int
inventory_read(struct cli *cli, const struct kube_options *kube, const struct cli_list *files, struct inventory *ret,
               struct kerr *reterr)
{
  struct manifests m;
  int r;

  *ret = (struct inventory){ .a = cli->arena };
  if (!files->n)
    return read_cluster(cli, kube, ret, reterr);
  r = manifests_read(cli->arena, files, false, &m, reterr);
  for (size_t i = 0; r == 0 && i < m.n; i++)
    inventory_add(ret, m.list[i].object);
  return r;
}

static int
one_from_file(struct cli *cli, const char *path, struct inventory_device *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  struct inventory inv = { .a = cli->arena };
  struct json *doc;
  int r = fs_read(path, &text, reterr);

  if (r == 0)
    r = yaml_parse(cli->arena, strbuf_view(&text), NULL, &doc, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "%s", path);
  inventory_add(&inv, doc);
  *ret = inv.n ? inv.list[0]
               : (struct inventory_device){ json_get_str_or(doc, "driver", ""), "", json_get_str_or(doc, "name", ""),
                                            doc };
  return 0;
}

/* DRIVER/POOL/DEVICE; a pool's name may hold slashes. */
static int
one_from_cluster(struct cli *cli, const struct kube_options *kube, const char *what, struct inventory_device *ret,
                 struct kerr *reterr)
{
  struct inventory inv = { .a = cli->arena };
  int r;

  if (!strchr(what, '/') || strchr(what, '/') == strrchr(what, '/'))
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is neither a file nor DRIVER/POOL/DEVICE", what);
  r = read_cluster(cli, kube, &inv, reterr);
  if (r < 0)
    return r;
  for (size_t i = 0; i < inv.n; i++) {
    if (strcmp(inventory_name(cli->arena, &inv.list[i]), what) == 0) {
      *ret = inv.list[i];
      return 0;
    }
  }
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "no slice has the device %s", what);
}

int
inventory_one(struct cli *cli, const struct kube_options *kube, const char *what, struct inventory_device *ret,
              struct kerr *reterr)
{
  static const struct json nothing = { .type = JSON_OBJECT };

  *ret = (struct inventory_device){ "", "", "", &nothing };
  if (!what)
    return 0;
  return fs_exists(what) || strcmp(what, "-") == 0 ? one_from_file(cli, what, ret, reterr)
                                                   : one_from_cluster(cli, kube, what, ret, reterr);
}

char *
inventory_name(struct arena *a, const struct inventory_device *d)
{
  return arena_printf(a, "%s/%s/%s", d->driver, d->pool, d->name);
}

int
inventory_ready(struct arena *a, const struct inventory_device *d, struct cel_device **ret, struct kerr *reterr)
{
  return cel_device_new(a, d->driver, d->device, ret, reterr);
}

/* -- names -- */

void
inventory_names(const struct inventory *inv, bool capacity, void (*f)(struct span domain, struct span id, void *arg),
                void *arg)
{
  for (size_t i = 0; i < inv->n; i++) {
    for (json_each_member (m, json_get(inv->list[i].device, capacity ? "capacity" : "attributes"))) {
      struct span id, domain = span_cut(span_make(m->name, m->name_len), '/', &id);

      f(id.p ? domain : span_of(inv->list[i].driver), id.p ? id : domain, arg);
    }
  }
}

/* Looking for what an expression reads, and for what is most like it. */
struct lookup {
  const struct cel_reference *wanted;
  bool found;
  struct arena *a;
  const char *nearest;
  size_t distance;
};

static void
compare(struct span domain, struct span id, void *arg)
{
  struct lookup *l = arg;

  l->found |= span_eq(domain, l->wanted->domain) && (!l->wanted->id.p || span_eq(id, l->wanted->id));
}

bool
inventory_has(const struct inventory *inv, const struct cel_reference *r)
{
  struct lookup l = { .wanted = r };

  inventory_names(inv, r->capacity, compare, &l);
  return l.found;
}

static void
measure(struct span domain, struct span id, void *arg)
{
  struct lookup *l = arg;
  struct span have = l->wanted->id.p ? id : domain, want = l->wanted->id.p ? l->wanted->id : l->wanted->domain;
  const char *name;
  size_t distance;

  if (l->wanted->id.p && !span_eq(domain, l->wanted->domain))
    return;
  name = arena_strndup(l->a, have.p, have.n);
  distance = cli_distance(name, arena_strndup(l->a, want.p, want.n));
  if (distance < l->distance && distance * 2 <= want.n) {
    l->distance = distance;
    l->nearest = name;
  }
}

const char *
inventory_nearest(const struct inventory *inv, const struct cel_reference *r)
{
  struct lookup l = { .wanted = r, .a = inv->a, .distance = SIZE_MAX };

  inventory_names(inv, r->capacity, measure, &l);
  return l.nearest;
}
