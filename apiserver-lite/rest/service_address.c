#include "service_address.h"

#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "object.h"
#include "range_map.h"
#include "validate_address.h"

#define MANAGED_BY "ipaddress.kubernetes.io/managed-by"
#define FAMILY     "ipaddress.kubernetes.io/ip-family"
#define ALLOCATOR  "ipallocator.k8s.io"
#define GRACE      (60 * CLOCK_SEC) /* as long as a request may take */
#define NETS_MAX   64

static const char taken[] = "provided IP is already allocated", full[] = "range is full";

/* An IPv4 network that addresses come from. */
struct net {
  const char *text;
  uint32_t network, first, last, reserved; /* `reserved`: how many from `first` on are left to explicit wishes */
};

static const struct kind_resource *
addresses(const struct apiserver *s)
{
  return kind_resource_find(s->personality, "networking.k8s.io", "v1", "ipaddresses");
}

/* -- networks -- */

static uint32_t
number(const struct address *ip)
{
  return (uint32_t)ip->bytes[0] << 24 | (uint32_t)ip->bytes[1] << 16 | (uint32_t)ip->bytes[2] << 8 | ip->bytes[3];
}

static const char *
dotted(struct arena *a, uint32_t ip)
{
  return arena_printf(a, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

/* min(max(16, size / 16), 256), and none of a network that has no more than that (calculateRangeOffset). */
static uint32_t
band(uint64_t size)
{
  if (size <= 16)
    return 0;
  return size / 16 < 16 ? 16 : size / 16 > 256 ? 256 : (uint32_t)(size / 16);
}

/* False: not of IPv4, or without an address for anybody. */
static bool
read_net(struct span text, struct net *ret)
{
  struct network n;

  if (!network_read(text, &n) || n.address.family != 4 || n.bits < 1 || n.bits > 30)
    return false;
  uint32_t size = (uint32_t)1 << (32 - n.bits);

  ret->text = text.p;
  ret->network = number(&n.address) & ~(size - 1);
  ret->first = ret->network + 1;
  ret->last = ret->network + size - 2;
  ret->reserved = band(size);
  return true;
}

static bool
contains(const struct net *n, uint32_t ip)
{
  return ip >= n->first && ip <= n->last;
}

static struct net
configured_net(const struct apiserver *s)
{
  const char *text = s->config.service_range ? s->config.service_range : SERVICE_RANGE_DEFAULT;
  struct net n = { .text = text };

  (void)read_net(span_of(text), &n); /* checked when the server was made */
  return n;
}

/* A ServiceCIDR without a condition counts as ready: perhaps nobody sets it (isReady). */
static bool
is_ready(const struct json *cidr)
{
  const struct json *ready = json_list_find(json_dig(cidr, "status", "conditions", NULL), "type", "Ready");

  return !object_is_deleting(cidr) && (!ready || strcmp(json_get_str_or(ready, "status", ""), "True") == 0);
}

static void
add_nets(struct arena *a, const struct json *cidr, struct net nets[NETS_MAX], size_t *n)
{
  for (json_each_item (text, json_dig(cidr, "spec", "cidrs", NULL)))
    if (*n < NETS_MAX && is_ready(cidr) && read_net(arena_span(a, json_span(*text)), &nets[*n]) &&
        strcmp(nets[*n].text, nets[0].text) != 0)
      (*n)++;
}

/* What the server was configured with comes first; it counts whatever becomes of its ServiceCIDR. */
static int
list_nets(const struct service_owner *o, struct net nets[NETS_MAX], size_t *n, struct kerr *reterr)
{
  const struct kind_resource *res = kind_resource_find(o->s->personality, "networking.k8s.io", "v1", "servicecidrs");
  struct store_list list = { .items = NULL };

  nets[0] = configured_net(o->s);
  *n = 1;
  if (!res)
    return 0;
  struct store_range range = { .prefix = rest_prefix(o->a, res, ""), .at_rev = STORE_CACHED };

  if (store_list(o->s->store, &range, &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n; i++)
    add_nets(o->a, record_tree(list.items[i]), nets, n);
  store_list_release(&list);
  return 0;
}

/* -- IPAddress objects -- */

static struct record *
new_record(const struct service_owner *o, struct span key, const char *ip)
{
  struct json *doc = json_new_object(o->a), *meta, *ref;
  char uuid[CODEC_UUID_MAX];

  json_set_str(o->a, doc, "kind", "IPAddress");
  json_set_str(o->a, doc, "apiVersion", "networking.k8s.io/v1");
  meta = json_ensure_object(o->a, doc, "metadata");
  json_set_str(o->a, meta, "name", ip);
  json_set_str(o->a, meta, "uid", codec_uuid4(uuid));
  json_set_str(o->a, meta, "creationTimestamp", rest_time(o->a, o->now));
  json_set_str(o->a, json_ensure_object(o->a, meta, "labels"), FAMILY, "IPv4");
  json_set_str(o->a, json_find(meta, "labels"), MANAGED_BY, ALLOCATOR);
  ref = json_ensure_object(o->a, json_ensure_object(o->a, doc, "spec"), "parentRef");
  json_set_str(o->a, ref, "resource", "services");
  json_set_str(o->a, ref, "namespace", o->ns);
  json_set_str(o->a, ref, "name", o->name);
  return record_from_json(key, 0, doc);
}

/* Nobody will ask for it any more: it is ours to give, old enough, and no service has it. */
static bool
is_orphan(const struct service_owner *o, const struct json *address)
{
  const struct kind_resource *services = kind_resource_find(o->s->personality, "", "v1", "services");
  const struct json *ref = json_dig(address, "spec", "parentRef", NULL);
  const char *made = json_get_str_or(json_get(address, "metadata"), "creationTimestamp", "");
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t at;

  if (strcmp(json_get_str_or(object_labels(address), MANAGED_BY, ""), ALLOCATOR) != 0 ||
      strcmp(json_get_str_or(ref, "resource", ""), "services") != 0 || !clock_parse_rfc3339(span_of(made), &at) ||
      at > o->now - GRACE)
    return false;
  if (store_get(o->s->store,
                rest_key(o->a, services, json_get_str_or(ref, "namespace", ""), json_get_str_or(ref, "name", "")), 0,
                &r, &err) < 0)
    return err.code == KERR_NOT_FOUND;
  return !json_list_has(json_dig(record_tree(r), "spec", "clusterIPs", NULL), object_name(address));
}

/* 0, RANGE_TAKEN or an error. */
static int
take_object(const struct service_owner *o, uint32_t number, struct kerr *reterr)
{
  const char *ip = dotted(o->a, number);
  struct span key = rest_key(o->a, addresses(o->s), "", ip);
  _cleanup_record_ struct record *mine = NULL, *there = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t revision;

  if (store_get(o->s->store, key, STORE_CACHED, &there, &err) == 0) {
    if (!is_orphan(o, record_tree(there)))
      return RANGE_TAKEN;
  } else if (err.code != KERR_NOT_FOUND) {
    return kerr_move(reterr, &err);
  }
  kerr_release(&err);
  mine = new_record(o, key, ip);
  if (store_cas(o->s->store, key, mine, there ? record_revision(there) : 0, &revision, &err) == 0)
    return 0;
  return err.code == KERR_CONFLICT || err.code == KERR_ALREADY_EXISTS || err.code == KERR_NOT_FOUND
             ? RANGE_TAKEN
             : kerr_move(reterr, &err);
}

/* 0, RANGE_TAKEN (all are) or an error. */
static int
take_any_object(const struct service_owner *o, uint32_t from, uint32_t n, uint32_t *ret, struct kerr *reterr)
{
  uint32_t start;

  codec_random(&start, sizeof start);
  for (uint32_t i = 0; i < n; i++) {
    int r = take_object(o, *ret = from + (uint32_t)(((uint64_t)start + i) % n), reterr);

    if (r != RANGE_TAKEN)
      return r;
  }
  return RANGE_TAKEN;
}

/* -- both ways -- */

static struct range_map
map_of(const struct net *n)
{
  uint32_t size = n->last - n->first + 1;

  return (struct range_map){
    .name = "serviceips", .text = n->text, .size = size < RANGE_MAP_MAX ? size : RANGE_MAP_MAX, .reserved = n->reserved
  };
}

static int
take_of(const struct service_owner *o, const struct net *n, uint32_t ip, struct kerr *reterr)
{
  struct range_map map = map_of(n);

  if (addresses(o->s))
    return take_object(o, ip, reterr);
  return ip - n->first < map.size ? range_map_take(o->s->store, &map, ip - n->first, reterr) : RANGE_TAKEN;
}

static int
take_any_of(const struct service_owner *o, const struct net *n, uint32_t *ret, struct kerr *reterr)
{
  struct range_map map = map_of(n);
  int r;

  if (!addresses(o->s)) {
    r = range_map_take_any(o->s->store, &map, ret, reterr);
    *ret += n->first;
    return r;
  }
  r = take_any_object(o, n->first + n->reserved, n->last - n->first + 1 - n->reserved, ret, reterr);
  return r == RANGE_TAKEN && n->reserved ? take_any_object(o, n->first, n->reserved, ret, reterr) : r;
}

/* Of which network `ip` is, or NULL and why not. */
static const struct net *
net_of(const struct service_owner *o, const struct net *nets, size_t n, uint32_t ip, const char **ret_problem)
{
  for (size_t i = 0; i < n && !o->dry_run; i++)
    if (contains(&nets[i], ip))
      return &nets[i];
  if (o->dry_run && contains(&nets[0], ip))
    return &nets[0];
  *ret_problem =
      o->dry_run || !addresses(o->s)
          ? arena_printf(o->a, "the provided IP (%s) is not in the valid range. The range of valid IPs is %s",
                         dotted(o->a, ip), nets[0].text)
          : "the provided network does not match the current range";
  return NULL;
}

int
service_address_take(const struct service_owner *o, const char *ip, const char **ret_problem, struct kerr *reterr)
{
  struct net nets[NETS_MAX];
  const struct net *net;
  struct address read;
  size_t n;
  int r;

  *ret_problem = NULL;
  if (!address_read(span_of(ip), &read) || read.family != 4)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "Internal error occurred: failed to parse service IP \"%s\"", ip);
  if (list_nets(o, nets, &n, reterr) < 0)
    return -(int)reterr->code;
  net = net_of(o, nets, n, number(&read), ret_problem);
  if (!net || o->dry_run)
    return 0;
  r = take_of(o, net, number(&read), reterr);
  if (r == RANGE_TAKEN)
    *ret_problem = taken;
  return r < 0 ? r : 0;
}

int
service_address_take_any(const struct service_owner *o, const char **ret_ip, const char **ret_problem,
                         struct kerr *reterr)
{
  struct net nets[NETS_MAX];
  uint32_t ip = 0;
  size_t n;
  int r = RANGE_TAKEN;

  *ret_problem = NULL;
  if (list_nets(o, nets, &n, reterr) < 0)
    return -(int)reterr->code;
  if (o->dry_run) { /* which one it would be nobody knows: upstream shows the network's */
    *ret_ip = dotted(o->a, nets[0].network);
    return 0;
  }
  for (size_t i = 0; i < n && r == RANGE_TAKEN; i++)
    r = take_any_of(o, &nets[i], &ip, reterr);
  if (r == RANGE_TAKEN)
    *ret_problem = full;
  *ret_ip = dotted(o->a, ip);
  return r < 0 ? r : 0;
}

static int
release_object(const struct service_owner *o, uint32_t ip, struct kerr *reterr)
{
  struct span key = rest_key(o->a, addresses(o->s), "", dotted(o->a, ip));
  _cleanup_record_ struct record *there = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *ref;
  int64_t revision;

  if (store_get(o->s->store, key, 0, &there, &err) < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  ref = json_dig(record_tree(there), "spec", "parentRef", NULL);
  if (strcmp(json_get_str_or(ref, "namespace", ""), o->ns) != 0 ||
      strcmp(json_get_str_or(ref, "name", ""), o->name) != 0)
    return 0;
  return store_cas(o->s->store, key, NULL, record_revision(there), &revision, reterr);
}

void
service_address_release(const struct service_owner *o, const char *ip)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct net net = configured_net(o->s);
  struct range_map map = map_of(&net);
  struct address read;
  int r = 0;

  if (!address_read(span_of(ip), &read) || read.family != 4)
    return;
  if (addresses(o->s))
    r = release_object(o, number(&read), &err);
  else if (contains(&net, number(&read)) && number(&read) - net.first < map.size)
    r = range_map_release(o->s->store, &map, number(&read) - net.first, &err);
  if (r < 0)
    log_warn(o->s->config.log, "apiserver", "address %s of service %s/%s is not free again: %s", ip, o->ns, o->name,
             err.msg);
}

/* -- the start -- */

/* Calls `fn` with every service in the store until it fails. */
static int
visit(struct apiserver *s, int (*fn)(void *payload, const struct json *service, struct kerr *reterr), void *payload,
      struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct kind_resource *services = kind_resource_find(s->personality, "", "v1", "services");
  struct store_range range = { .prefix = rest_prefix(a, services, "") };
  struct store_list list = { .items = NULL };
  int r = 0;

  if (store_list(s->store, &range, &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n && r == 0; i++)
    r = fn(payload, record_tree(list.items[i]), reterr);
  store_list_release(&list);
  return r;
}

struct marking {
  struct apiserver *s;
  service_mark_fn *mark;
  void *payload;
  struct range_bits *bits;
};

static int
mark_one(void *payload, const struct json *service, struct kerr *reterr)
{
  const struct marking *m = payload;

  (void)reterr;
  m->mark(m->payload, service, m->bits);
  return 0;
}

static int
mark_all(void *payload, struct range_bits *bits, struct kerr *reterr)
{
  struct marking *m = payload;

  m->bits = bits;
  return visit(m->s, mark_one, m, reterr);
}

int
service_range_repair(struct apiserver *s, const struct range_map *m, bool keep, service_mark_fn *mark, void *payload,
                     struct kerr *reterr)
{
  struct marking marking = { .s = s, .mark = mark, .payload = payload };

  return range_map_repair(s->store, m, keep, mark_all, &marking, reterr);
}

/* False: none of IPv4. */
static bool
address_of(const struct json *service, uint32_t *ret)
{
  struct address read;

  if (!address_read(span_of(json_get_str_or(json_get(service, "spec"), "clusterIP", "")), &read) || read.family != 4)
    return false;
  *ret = number(&read);
  return true;
}

static int
keep_object(void *payload, const struct json *service, struct kerr *reterr)
{
  struct service_owner o = *(const struct service_owner *)payload;
  uint32_t ip;

  o.ns = object_namespace(service);
  o.name = object_name(service);
  return address_of(service, &ip) && take_object(&o, ip, reterr) < 0 ? -(int)reterr->code : 0;
}

static void
mark_address(void *payload, const struct json *service, struct range_bits *bits)
{
  const struct net *net = payload;
  uint32_t ip;

  if (address_of(service, &ip) && contains(net, ip) && ip - net->first < RANGE_MAP_MAX)
    range_bits_set(bits, ip - net->first);
}

int
service_address_repair(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct service_owner o = { .s = s, .a = a, .now = clock_wall(s->clock) };
  struct net net = configured_net(s);
  struct range_map map = map_of(&net);

  if (addresses(s))
    return visit(s, keep_object, &o, reterr);
  return service_range_repair(s, &map, true, mark_address, &net, reterr);
}
