#include "managed_fields.h"

#include <string.h>

#include "managers.h"
#include "object.h"
#include "rest_meta.h"
#include "typed.h"

/* The zero object of a kind: what an absent object is compared with. */
struct json *
managed_fields_zero(struct rest_call *c)
{
  struct json *o = json_new_object(c->a), *ret;
  struct kind_strictness lenient = { .a = c->a };
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  json_set_str(c->a, o, "kind", c->kind->kind);
  json_set_str(c->a, o, "apiVersion", gv_text(c->a, c->kind->group, c->kind->version));
  return kind_decode(c->a, c->kind, o, &lenient, &ret, &ignored) < 0 ? o : ret;
}

struct json *
managed_fields_without(struct rest_call *c, const struct json *o)
{
  struct json *ret = json_shallow(c->a, o);

  json_remove(rest_meta_edit(c->a, ret), "managedFields");
  return ret;
}

/* What this write itself set, as one entry; then it is put together with what the same manager had. */
static void
take_own(struct rest_call *c, struct managers *m, struct managers_versions *versions, const struct manager *who)
{
  const struct typed_change *change = managers_versions_change(versions, who->api_version);
  struct manager mine = *who;
  const struct manager *previous;

  if (!change)
    return;
  mine.fields = managers_filter(c, field_set_union(c->a, change->modified, change->added));

  struct managers own = { .a = c->a };

  managers_put(&own, &mine);
  managers_strip(&own);
  if (own.n == 0)
    return;
  previous = managers_find(m, who);
  mine.fields = previous ? field_set_union(c->a, own.list[0].fields, previous->fields) : own.list[0].fields;
  mine.time = rest_time(c->a, c->now);
  managers_put(m, &mine);
}

/* `managedFields: [{}]` is how a client asks for a clean slate. */
static bool
is_reset(const struct json *list)
{
  return json_count(list) == 1 && json_count(json_at(list, 0)) == 0;
}

/* What the object brings along counts; a client that does not know managedFields and sends none keeps the live ones. */
static void
starting_entries(struct rest_call *c, const struct json *live, const struct json *o, struct managers *ret)
{
  const struct json *sent = json_dig(o, "metadata", "managedFields", NULL);

  *ret = (struct managers){ .a = c->a };
  if (!*c->info.subresource && is_reset(sent))
    return;
  if (!*c->info.subresource)
    managers_read(c->a, o, ret);
  if (ret->n == 0 && live)
    managers_read(c->a, live, ret);
}

void
managed_fields_update(struct rest_call *c, const struct json *live, struct json *o)
{
  struct manager who = { .name = c->field_manager,
                         .api_version = gv_text(c->a, c->kind->group, c->kind->version),
                         .subresource = c->info.subresource,
                         .time = "" };
  struct managers_versions *versions;
  struct managers m;

  starting_entries(c, live, o, &m);
  if (live && m.n == 0) { /* nobody kept account so far: an update does not begin to */
    managers_write(&m, o);
    return;
  }
  const struct json *from = live ? managed_fields_without(c, live) : managed_fields_zero(c);

  versions = managers_versions_new(c, from, managed_fields_without(c, kind_written(c->a, c->kind, o)));
  (void)managers_take(&m, versions, NULL, NULL);
  take_own(c, &m, versions, &who);
  managers_strip(&m);
  managers_cap(&m);
  managers_write(&m, o);
}
