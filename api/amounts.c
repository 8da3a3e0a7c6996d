#include "amounts.h"

#include <string.h>

struct amount *
amounts_find(struct amounts *u, const char *name)
{
  for (size_t i = 0; i < u->n; i++)
    if (strcmp(u->list[i].name, name) == 0)
      return &u->list[i];
  return NULL;
}

void
amounts_add(struct amounts *u, const char *name, const struct quantity *amount)
{
  struct amount *there = amounts_find(u, name);

  if (there)
    there->amount = quantity_add(&there->amount, amount);
  else if (u->n < AMOUNTS_MAX)
    u->list[u->n++] = (struct amount){ .name = name, .amount = *amount };
}

void
amounts_add_int(struct amounts *u, const char *name, int64_t v)
{
  struct quantity q = quantity_from_int(v, QUANTITY_DECIMAL_SI);

  amounts_add(u, name, &q);
}

bool
amounts_read(const struct json *list, const char *name, struct quantity *ret)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct span text = json_span(json_get(list, name));

  return text.p && quantity_parse(text, ret, &ignored) == 0;
}

void
amounts_add_all(struct amounts *u, const struct json *list)
{
  for (json_each_member (m, list)) {
    _cleanup_kerr_ struct kerr ignored = KERR_INIT; /* validation has seen it */
    struct quantity q;

    if (quantity_parse(json_span(m->value), &q, &ignored) == 0)
      amounts_add(u, m->name, &q);
  }
}

static void
add_each(struct amounts *u, const struct amounts *more)
{
  for (size_t i = 0; i < more->n; i++)
    amounts_add(u, more->list[i].name, &more->list[i].amount);
}

static void
raise_to(struct amounts *u, const struct amounts *least)
{
  for (size_t i = 0; i < least->n; i++) {
    struct amount *there = amounts_find(u, least->list[i].name);

    if (!there)
      amounts_add(u, least->list[i].name, &least->list[i].amount);
    else if (quantity_cmp(&least->list[i].amount, &there->amount) > 0)
      there->amount = least->list[i].amount;
  }
}

static void
put_instead(struct amounts *u, const struct json *list)
{
  static const char *const names[] = { "cpu", "memory" }; /* what may be said for a pod as a whole */

  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    struct amount *there = amounts_find(u, names[i]);
    struct quantity q;

    if (!amounts_read(list, names[i], &q))
      continue;
    if (there)
      there->amount = q;
    else
      amounts_add(u, names[i], &q);
  }
}

void
amounts_of_pod(const struct json *spec, const char *which, bool overhead, struct amounts *ret)
{
  struct amounts sidecars = { .n = 0 }, init = { .n = 0 };

  for (json_each_item (container, json_get(spec, "containers")))
    amounts_add_all(ret, json_dig(*container, "resources", which, NULL));
  for (json_each_item (container, json_get(spec, "initContainers"))) {
    const struct json *list = json_dig(*container, "resources", which, NULL);
    struct amounts now = { .n = 0 };

    if (strcmp(json_get_str_or(*container, "restartPolicy", ""), "Always") == 0) {
      amounts_add_all(ret, list);
      amounts_add_all(&sidecars, list);
      now = sidecars;
    } else {
      amounts_add_all(&now, list);
      add_each(&now, &sidecars);
    }
    raise_to(&init, &now);
  }
  raise_to(ret, &init);
  put_instead(ret, json_dig(spec, "resources", which, NULL));
  if (overhead)
    amounts_add_all(ret, json_get(spec, "overhead"));
}
