/* The allocator with and without pruning gives the same answer, whatever the case. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "alloc_batch.h"
#include "ceilings.h"
#include "random_case.h"

#define PLAIN_BUDGET 20000 /* steps without pruning; what takes longer is only run with it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Share ids are random. */
static void
level_share_ids(struct json *v)
{
  if (json_is(v, JSON_ARRAY))
    for (uint32_t i = 0; i < v->count; i++)
      level_share_ids(v->u.items[i]);
  if (!json_is(v, JSON_OBJECT))
    return;
  json_remove(v, "shareID");
  for (uint32_t i = 0; i < v->count; i++)
    level_share_ids(v->u.members[i].value);
}

static struct json *
answer(struct arena *a, const struct json *question, struct alloc_options options)
{
  struct json *v = alloc_batch_case(a, question, &options);

  level_share_ids(v);
  return v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct kerr err = KERR_INIT;
  struct json *question, *plain, *patient, *eager;
  struct strbuf b;

  strbuf_init(&b, CEIL_SMALL_FILE);
  random_case_write(&b, data, size);
  if (json_parse(a, strbuf_view(&b), NULL, &question, &err) < 0) {
    fprintf(stderr, "%s in %s\n", err.msg, b.p);
    assert(!"the generator makes JSON");
  }
  eager = answer(a, question, (struct alloc_options){ .patience = 1 });
  patient = answer(a, question, (struct alloc_options){ .patience = 5 });
  plain = answer(a, question, (struct alloc_options){ .plain = true, .budget = PLAIN_BUDGET });
  if (strstr(json_get_str_or(plain, "error", ""), "deadline exceeded"))
    plain = patient;
  if (!json_equal(plain, eager) || !json_equal(plain, patient)) {
    fprintf(stderr, "%s\nplain:   %s\neager:   %s\npatient: %s\n", b.p, json_text(a, plain, 0), json_text(a, eager, 0),
            json_text(a, patient, 0));
    assert(!"pruning changed the answer");
  }
  strbuf_release(&b);
  return 0;
}
