#include "classic_match.h"

#include <string.h>

#include "quantity.h"

bool
classic_is_wish(const char *member)
{
  static const char *const others[] = { "apiVersion", "kind", "metadata", "count", "env" };

  for (size_t i = 0; i < ARRAY_SIZE(others); i++)
    if (strcmp(member, others[i]) == 0)
      return false;
  return true;
}

/* A value as people write it: ConfigMaps have only texts, so "8" is as good as 8. */
static bool
attribute_is(struct arena *a, const struct json *attribute, const struct json *wanted)
{
  const char *text = json_str(wanted) ? json_str(wanted) : json_text(a, wanted, 0);

  for (json_each_member (m, attribute)) { /* one member: string, int, bool or version */
    const char *have = json_str(m->value) ? json_str(m->value) : json_text(a, m->value, 0);

    if (strcmp(have, text) == 0)
      return true;
  }
  return false;
}

static bool
has_capacity(struct arena *a, const struct json *capacity, const struct json *wanted)
{
  const char *text = json_str(wanted) ? json_str(wanted) : json_text(a, wanted, 0);
  _cleanup_kerr_ struct kerr no_amount = KERR_INIT;
  struct quantity have, least;

  return quantity_parse(json_span(json_get(capacity, "value")), &have, &no_amount) == 0 &&
         quantity_parse(span_of(text), &least, &no_amount) == 0 && quantity_cmp(&have, &least) >= 0;
}

static bool
fulfils(struct arena *a, const struct tree_device *d, const char *name, const struct json *wanted)
{
  const struct json *attribute = json_get(json_get(d->device, "attributes"), name);
  const struct json *capacity = json_get(json_get(d->device, "capacity"), name);

  return attribute ? attribute_is(a, attribute, wanted) : capacity && has_capacity(a, capacity, wanted);
}

bool
classic_fits(struct arena *a, const struct tree_device *d, const struct json *const *wishes, size_t n)
{
  for (size_t i = 0; i < n; i++)
    for (json_each_member (m, wishes[i]))
      if (classic_is_wish(m->name) && !fulfils(a, d, m->name, m->value))
        return false;
  return true;
}

/* -- assignment: augmenting paths in the graph of wants and devices -- */

struct matching {
  const bool *fits;  /* [want * n_devices + device] */
  size_t *of_device; /* the want that has it */
  bool *seen;        /* devices of the present path */
  size_t n_devices;
};

/* Give `want` a device, moving earlier wants to others where that helps. The depth is bounded by the number of devices.
 */
static bool
augment(struct matching *m, size_t want)
{
  for (size_t d = 0; d < m->n_devices; d++)
    if (m->fits[want * m->n_devices + d] && m->of_device[d] == CLASSIC_NO_DEVICE) {
      m->of_device[d] = want;
      return true;
    }
  for (size_t d = 0; d < m->n_devices; d++) {
    if (!m->fits[want * m->n_devices + d] || m->seen[d])
      continue;
    m->seen[d] = true;
    if (augment(m, m->of_device[d])) {
      m->of_device[d] = want;
      return true;
    }
  }
  return false;
}

static void
drop_claim(struct matching *m, const struct classic_want *wants, size_t claim)
{
  for (size_t d = 0; d < m->n_devices; d++)
    if (m->of_device[d] != CLASSIC_NO_DEVICE && wants[m->of_device[d]].claim == claim)
      m->of_device[d] = CLASSIC_NO_DEVICE;
}

void
classic_match(struct arena *a, const struct tree_device *const *devices, size_t n_devices,
              const struct classic_want *wants, size_t n_wants, size_t *ret)
{
  bool *fits = arena_array_of(a, bool, n_wants *n_devices + 1);
  struct matching m = { .fits = fits,
                        .of_device = arena_array_of(a, size_t, n_devices + 1),
                        .seen = arena_array_of(a, bool, n_devices + 1),
                        .n_devices = n_devices };

  for (size_t d = 0; d < n_devices; d++)
    m.of_device[d] = CLASSIC_NO_DEVICE;
  for (size_t w = 0; w < n_wants; w++) {
    ret[w] = CLASSIC_NO_DEVICE;
    for (size_t d = 0; d < n_devices; d++)
      fits[w * n_devices + d] = strcmp(devices[d]->driver, wants[w].driver) == 0 &&
                                classic_fits(a, devices[d], wants[w].wishes, wants[w].n_wishes);
  }
  for (size_t w = 0; w < n_wants; w++) {
    memset(m.seen, 0, n_devices * sizeof *m.seen);
    if (augment(&m, w))
      continue;
    drop_claim(&m, wants, wants[w].claim);
    while (w + 1 < n_wants && wants[w + 1].claim == wants[w].claim)
      w++;
  }
  for (size_t d = 0; d < n_devices; d++)
    if (m.of_device[d] != CLASSIC_NO_DEVICE)
      ret[m.of_device[d]] = d;
}
