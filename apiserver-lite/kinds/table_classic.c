/* Cells of the kinds that a driver's controller allocated, 1.26 to 1.31. */
#include "object.h"
#include "table_cells.h"

/* As cell_claim_state, and what the driver is to do. */
struct json *
cell_claim_state_classic(const struct table_cell_context *t, const char *path)
{
  bool reserved = json_count(table_at(t->o, "status.reservedFor")) > 0, allocated = table_at(t->o, "status.allocation");
  bool going = object_is_deleting(t->o) || json_get_bool(table_at(t->o, "status"), "deallocationRequested", false);
  struct json *state = cell_claim_state(t, path);

  return allocated && !reserved && going ? json_new_strf(t->a, "%s,deallocating", json_str(state)) : state;
}

/* "CatWish.cats.example.com large-black-cat" */
struct json *
cell_generated_from(const struct table_cell_context *t, const char *path)
{
  const struct json *from = table_at(t->o, "generatedFrom");

  (void)path;
  if (!from)
    return json_new_str(t->a, "");
  return json_new_strf(t->a, "%s.%s %s", json_get_str_or(from, "kind", ""), json_get_str_or(from, "apiGroup", ""),
                       json_get_str_or(from, "name", ""));
}
