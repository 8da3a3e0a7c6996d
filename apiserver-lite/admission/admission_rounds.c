#include "admission_rounds.h"

static void
all_due(struct admission_memory *m)
{
  for (json_each_member (name, m->seen))
    json_set(m->a, m->due, name->name, json_new_null(m->a));
  m->seen = json_new_object(m->a);
}

void
admission_memory_begin(struct admission_memory *m, const struct admission_rounds *rounds, const struct json *o)
{
  if (!m->seen) {
    m->seen = json_new_object(m->a);
    m->due = json_new_object(m->a);
  }
  if (rounds->second && o && m->last && !json_equal(m->last, o))
    all_due(m);
}

bool
admission_memory_calls(const struct admission_memory *m, const struct admission_rounds *rounds, const char *name)
{
  return !rounds->second || json_get(m->due, name);
}

void
admission_memory_called(struct admission_memory *m, struct admission_rounds *rounds, const char *name, bool changed,
                        bool if_needed)
{
  if (changed) {
    all_due(m);
    rounds->again = true;
  }
  if (if_needed)
    json_set(m->a, m->seen, name, json_new_null(m->a));
}

void
admission_memory_end(struct admission_memory *m, const struct json *o)
{
  m->last = o && json_count(m->seen) ? json_copy(m->a, o) : NULL;
}
