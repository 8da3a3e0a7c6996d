/*
 * The allocator with and without pruning gives the same answer, whatever the case.
 *
 * An input that begins with `{` is the question itself, as in `allocate --batch`; other bytes steer the generator of
 * random_case.h. What was found once is kept as a question, so that it stays what it was when the generator changes.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "alloc_batch.h"
#include "ceilings.h"
#include "random_case.h"

#define PLAIN_BUDGET 20000   /* steps without pruning; what takes longer is only run with it */
#define BUDGET       2000000 /* steps with pruning; what takes longer is told, and says nothing */

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

static bool
gave_up(struct arena *a, const struct json *answer)
{
  return strstr(json_text(a, answer, 0), "context deadline exceeded") != NULL;
}

static void
must_agree(struct arena *a, const struct json *question, const struct json *left, const struct json *right,
           const char *what)
{
  if (json_equal(left, right))
    return;
  fprintf(stderr, "%s\n%s\n%s\n%s\n", what, json_text(a, question, 0), json_text(a, left, 0), json_text(a, right, 0));
  assert(!"two ways to the answer differ");
}

/* What is kept between nodes changes nothing: each node asked alone says the same. */
static void
nodes_alone(struct arena *a, const struct json *question, const struct json *answers)
{
  const struct json *nodes = json_get(question, "nodes"), *list = json_get(answers, "nodes");

  for (uint32_t i = 0; i < json_count(list); i++) {
    struct json *one = json_copy(a, question), *expected = json_copy(a, json_at(list, i));

    json_remove(one, "nodes");
    json_set(a, one, "node", json_copy(a, json_at(nodes, i)));
    json_remove(expected, "node");
    must_agree(a, one, expected, answer(a, one, (struct alloc_options){ .patience = 1 }), "a node among others, alone");
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_SMALL_FILE);
  bool given = size && *data == '{';
  struct json *question, *plain, *patient, *eager;

  if (given)
    strbuf_add(&b, data, size);
  else
    random_case_write(&b, data, size);
  if (json_parse(a, strbuf_view(&b), NULL, &question, &err) < 0) {
    assert(given || !"the generator makes JSON");
    return 0;
  }
  eager = answer(a, question, (struct alloc_options){ .patience = 1, .budget = BUDGET });
  patient = answer(a, question, (struct alloc_options){ .patience = 5, .budget = BUDGET });
  plain = answer(a, question, (struct alloc_options){ .plain = true, .budget = PLAIN_BUDGET });
  if (gave_up(a, eager) || gave_up(a, patient)) {
    fprintf(stderr, "hard: %s\n", json_get_str_or(question, "id", ""));
    return 0;
  }
  must_agree(a, question, eager, patient, "eager and patient");
  if (!gave_up(a, plain))
    must_agree(a, question, eager, plain, "eager and plain");
  nodes_alone(a, question, eager);
  return 0;
}
