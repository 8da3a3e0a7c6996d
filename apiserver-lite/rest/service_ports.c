#include "service_ports.h"

#include <stdio.h>
#include <string.h>

#include "range_map.h"
#include "service_address.h"

#define DRY_PORT 32769 /* what upstream's dry runs count from */

struct ports {
  struct range_map map;
  int first;
};

/* min(max(16, size / 32), 128), and none of a range that has no more than 16 (calculateRangeOffset). */
static uint32_t
band(uint32_t size)
{
  if (size <= 16)
    return 0;
  return size / 32 < 16 ? 16 : size / 32 > 128 ? 128 : size / 32;
}

static bool
read_range(const char *text, struct ports *ret)
{
  int first, last, end = 0;

  if (sscanf(text, "%5d-%5d%n", &first, &last, &end) != 2 || text[end] || first < 1 || last > 65535 || last < first)
    return false;
  uint32_t size = (uint32_t)(last - first + 1);

  ret->first = first;
  ret->map = (struct range_map){ .name = "servicenodeports", .text = text, .size = size, .reserved = band(size) };
  return true;
}

static const char *
range_text(const struct apiserver *s)
{
  return s->config.node_port_range ? s->config.node_port_range : NODE_PORTS_DEFAULT;
}

static struct ports
ports_of(const struct apiserver *s)
{
  struct ports ret = { .first = 0 };

  (void)read_range(range_text(s), &ret); /* checked when the server was made */
  return ret;
}

int
service_ports_check_range(const char *text, struct kerr *reterr)
{
  struct ports p;

  if (!text || read_range(text, &p))
    return 0;
  return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is not a range of ports", text);
}

static bool
is_within(const struct ports *p, int64_t port)
{
  return port >= p->first && port < p->first + (int64_t)p->map.size;
}

static void
note(struct arena *a, int **list, size_t *n, size_t *cap, int port)
{
  if (*n == *cap) {
    int *more = arena_array_of(a, int, 2 * *cap + 8);

    if (*n)
      memcpy(more, *list, *n * sizeof **list);
    *list = more;
    *cap = 2 * *cap + 8;
  }
  (*list)[(*n)++] = port;
}

static void
note_taken(struct service_ports *p, int port)
{
  note(p->a, &p->taken, &p->n_taken, &p->cap_taken, port);
}

static bool
is_taken_here(const struct service_ports *p, int64_t port)
{
  for (size_t i = 0; i < p->n_taken; i++)
    if (p->taken[i] == port)
      return true;
  return false;
}

/* A dry run does not mind where the range ends, as upstream's does not. */
static int
try_take(struct service_ports *p, const struct ports *all, int64_t port, bool *ret_had, struct kerr *reterr)
{
  *ret_had = is_taken_here(p, port);
  if (*ret_had || !is_within(all, port))
    return 0;
  return range_map_has(p->s->store, &all->map, (uint32_t)(port - all->first), ret_had, reterr);
}

int
service_port_take(struct service_ports *p, int64_t port, const char **ret_problem, struct kerr *reterr)
{
  struct ports all = ports_of(p->s);
  bool had = false;

  *ret_problem = NULL;
  if (p->dry_run) {
    if (try_take(p, &all, port, &had, reterr) < 0)
      return -(int)reterr->code;
  } else if (!is_within(&all, port)) {
    *ret_problem =
        arena_printf(p->a, "provided port is not in the valid range. The range of valid ports is %s", all.map.text);
    return 0;
  } else {
    int r = range_map_take(p->s->store, &all.map, (uint32_t)(port - all.first), reterr);

    if (r < 0)
      return r;
    had = r == RANGE_TAKEN;
  }
  if (had)
    *ret_problem = "provided port is already allocated";
  else
    note_taken(p, (int)port);
  return 0;
}

/* What a dry run shows instead of a port: one above the others that it shows. */
static int
dry_port(const struct service_ports *p)
{
  int last = p->n_taken ? 0 : DRY_PORT - 1;

  for (size_t i = 0; i < p->n_taken; i++)
    if (p->taken[i] > last)
      last = p->taken[i];
  return last + 1;
}

int
service_port_take_any(struct service_ports *p, int *ret, const char **ret_problem, struct kerr *reterr)
{
  struct ports all = ports_of(p->s);
  uint32_t at = 0;
  int r = 0;

  *ret_problem = NULL;
  if (!p->dry_run)
    r = range_map_take_any(p->s->store, &all.map, &at, reterr);
  if (r < 0)
    return r;
  if (r == RANGE_TAKEN) {
    *ret_problem = "range is full";
    return 0;
  }
  *ret = p->dry_run ? dry_port(p) : all.first + (int)at;
  note_taken(p, *ret);
  return 0;
}

void
service_port_give_up(struct service_ports *p, int64_t port)
{
  note(p->a, &p->given_up, &p->n_given_up, &p->cap_given_up, (int)port);
}

void
service_ports_finish(struct service_ports *p, bool stored)
{
  struct ports all = ports_of(p->s);
  const int *list = stored ? p->given_up : p->taken;
  size_t n = stored ? p->n_given_up : p->n_taken;

  for (size_t i = 0; i < n && !p->dry_run; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (is_within(&all, list[i]) && range_map_release(p->s->store, &all.map, (uint32_t)(list[i] - all.first), &err) < 0)
      log_warn(p->s->config.log, "apiserver", "node port %d is not free again: %s", list[i], err.msg);
  }
  p->n_taken = p->n_given_up = 0;
}

/* -- the start -- */

static void
mark_port(const struct ports *all, int64_t port, struct range_bits *bits)
{
  if (is_within(all, port))
    range_bits_set(bits, (uint32_t)(port - all->first));
}

static void
mark_ports(void *payload, const struct json *service, struct range_bits *bits)
{
  const struct ports *all = payload;
  const struct json *spec = json_get(service, "spec");

  for (json_each_item (p, json_get(spec, "ports")))
    mark_port(all, json_get_int(*p, "nodePort", 0), bits);
  mark_port(all, json_get_int(spec, "healthCheckNodePort", 0), bits);
}

/* In a store of our own nobody else can be half-way through a write now. */
static bool
is_alone(const struct store *s)
{
  return strcmp(s->ops->name, "memory") == 0 || strcmp(s->ops->name, "sqlite") == 0;
}

int
service_ports_repair(struct apiserver *s, struct kerr *reterr)
{
  struct ports all = ports_of(s);

  return service_range_repair(s, &all.map, !is_alone(s->store), mark_ports, &all, reterr);
}
