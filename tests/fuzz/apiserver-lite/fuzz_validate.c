/*
 * Any JSON object as a new object of the kind it says it is, and as an update of itself with one node changed: whatever
 * the tree looks like, validation ends, and every error has a path and a text.
 *
 * The first byte picks the subresource, the second what the changed node becomes, the third which node it is.
 */
#include <assert.h>
#include <string.h>

#include "object.h"
#include "validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json *
other_value(struct arena *a, uint8_t how)
{
  switch (how % 6) {
  case 0:
    return json_new_null(a);
  case 1:
    return json_new_int(a, -1);
  case 2:
    return json_new_str(a, "a/b/c\n");
  case 3:
    return json_new_array(a);
  case 4:
    return json_new_object(a);
  default:
    return json_new_bool(a, true);
  }
}

/* Replace the node that is `*left` steps away, in order of the text. */
static void
change_node(struct arena *a, struct json *o, size_t *left, uint8_t how)
{
  if (!json_is(o, JSON_OBJECT) && !json_is(o, JSON_ARRAY))
    return;
  for (size_t i = 0; i < o->count && *left; i++) {
    struct json **child = o->type == JSON_OBJECT ? &o->u.members[i].value : &o->u.items[i];
    if (--*left == 0)
      *child = other_value(a, how);
    else
      change_node(a, *child, left, how);
  }
}

static void
check_errors(const struct field_errors *errs)
{
  for (size_t i = 0; i < errs->n; i++) {
    assert(errs->list[i].field && errs->list[i].detail);
    assert(strlen(field_error_body(errs->a, &errs->list[i])) > 0);
  }
}

static void
validate_tree(struct arena *a, const struct kind *k, struct json *o, const uint8_t how[3], const struct personality *p)
{
  static const char *const subresources[] = { "", "", "status", "ephemeralcontainers" };
  const char *sub = subresources[how[0] % ARRAY_SIZE(subresources)];
  struct json *changed = json_copy(a, o), *warnings = json_new_array(a);
  struct field_errors errs = { .a = a };
  size_t left = how[2] + 1u;
  change_node(a, changed, &left, how[1]);
  if (validate_wants_admin(k, o, NULL, "", p))
    validate_refuse_admin(k, o, "", &errs);
  validate_create(k, o, p, &errs);
  validate_update(k, changed, o, sub, p, &errs);
  validate_update(k, o, changed, sub, p, &errs);
  validate_warnings(a, k, changed, NULL, "", p, warnings);
  check_errors(&errs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char gates[] = "DRADerivedAttributes=true,DRADeviceCompatibilityGroups=true,DRAListTypeAttributes=true,"
                              "DRANodeAllocatableResources=true,DRAOptionalNodeOperations=true,"
                              "DRAPartitionableDevicesType=true,DRAResourcePoolStatus=true";
  static struct personality *p;
  _cleanup_arena_ struct arena *a = arena_new(256 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *group, *version;
  struct json *o;
  if (!p && personality_new("1.37", gates, NULL, &p, &err) < 0)
    assert(!err.msg);
  if (size < 3 || size > 65536 || json_parse(a, span_make((const char *)data + 3, size - 3), NULL, &o, &err) < 0)
    return 0;
  if (gv_parse(a, object_api_version(o), &group, &version, &err) < 0)
    return 0;
  const struct kind *k = kind_find(group, version, object_kind(o));
  if (k)
    validate_tree(a, k, o, data, p);
  return 0;
}
