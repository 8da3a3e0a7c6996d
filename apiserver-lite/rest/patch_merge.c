#include "patch.h"

/*
 * A patch value where there was no object: nulls inside mean "not there", but for those that are items of a list.
 * Members are sorted, as the library writes what it has touched: seen in error messages.
 */
static struct json *
without_nulls(struct arena *a, const struct json *v)
{
  struct json *ret;

  if (json_is(v, JSON_ARRAY)) {
    ret = json_new_array(a);
    for (json_each_item (item, v))
      json_append(a, ret, without_nulls(a, *item));
    return ret;
  }
  if (!json_is(v, JSON_OBJECT))
    return json_shallow(a, v);
  ret = json_new_object(a);
  for (json_each_member (m, v))
    if (!json_is(m->value, JSON_NULL))
      json_set_n(a, ret, m->name, m->name_len, without_nulls(a, m->value));
  json_sort_members(ret);
  return ret;
}

struct json *
patch_merge(struct arena *a, const struct json *doc, const struct json *patch)
{
  struct json *ret;

  if (!json_is(doc, JSON_OBJECT))
    return without_nulls(a, patch);
  if (!json_is(patch, JSON_OBJECT))
    return json_shallow(a, patch); /* in the place of an object: untouched, nulls and all */
  ret = json_shallow(a, doc);
  for (json_each_member (m, patch)) {
    if (json_is(m->value, JSON_NULL))
      json_remove(ret, m->name);
    else
      json_set_n(a, ret, m->name, m->name_len, patch_merge(a, json_get_n(doc, m->name, m->name_len), m->value));
  }
  json_sort_members(ret);
  return ret;
}
