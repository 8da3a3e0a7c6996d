#include "cel_batch_host.h"

#include "cel_crd_internal.h"

#include <inttypes.h>

static bool
never_stored(const void *arg, struct span expression)
{
  (void)arg;
  (void)expression;
  return false;
}

static void
set_number(struct arena *a, struct json *o, const char *name, uint64_t v)
{
  (void)json_set_str(a, o, name, arena_printf(a, "%" PRIu64, v));
}

/* Each rule of a node as it compiles for the first time. */
static void
answer_rules(struct arena *a, struct json *got, const char *name, const struct json *node, bool root)
{
  struct json *list = json_new_array(a);
  struct crd_rules rules;

  if (!crd_rules_of(node))
    return;
  crd_rules_compile(&rules, a, node, root, never_stored, NULL);
  for (uint32_t i = 0; i < rules.n; i++) {
    const struct crd_rule *r = &rules.v[i];
    struct json *o = json_append(a, list, json_new_object(a));

    set_number(a, o, "estMax", r->cost);
    if (*r->message_expression)
      set_number(a, o, "messageEstMax", r->message_cost);
    if (r->uses_old_self)
      (void)json_set_bool(a, o, "usesOldSelf", true);
    if (r->error)
      (void)json_set_str(a, o, "compileError", r->error);
    if (r->message_error)
      (void)json_set_str(a, o, "messageError", r->message_error);
  }
  (void)json_set(a, got, name, list);
  crd_rules_release(&rules);
}

void
cel_batch_sort(struct cel_report *r)
{
  for (uint32_t i = 1; i < r->n; i++) {
    struct cel_error e = r->items[i];
    uint32_t at = i;

    for (; at > 0 && span_cmp(span_of(e.field), span_of(r->items[at - 1].field)) < 0; at--)
      r->items[at] = r->items[at - 1];
    r->items[at] = e;
  }
}

static void
answer_errors(struct arena *a, struct json *got, const char *name, struct cel_report *r)
{
  struct json *list = json_new_array(a);

  cel_batch_sort(r);
  for (uint32_t i = 0; i < r->n; i++) {
    struct json *o = json_append(a, list, json_new_object(a));
    _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);

    cel_error_text(&text, &r->items[i]);
    (void)json_set_str(a, o, "type", cel_fault_name(r->items[i].fault));
    (void)json_set_str(a, o, "field", r->items[i].field);
    (void)json_set_str(a, o, "detail", r->items[i].detail);
    (void)json_set_str(a, o, "text", text.p);
  }
  (void)json_set(a, got, name, list);
}

void
cel_batch_crd(struct arena *a, const struct json *record, cel_complete_fn *complete, struct strbuf *out)
{
  const struct json *schema = json_get(record, "schema");
  struct cel_report definition = { .a = a }, errors = { .a = a };
  struct cel_crd_check check = { .schema = schema, .path = "spec.validation.openAPIV3Schema" };
  int64_t budget = CEL_CRD_RUN_COST_BUDGET;
  struct cel_crd_object object = { .object = json_get(record, "object"),
                                   .old = json_get(record, "oldObject"),
                                   .budget = &budget };
  struct json *got = json_new_object(a);

  (void)complete; /* custom resources are what they are */
  cel_crd_check(&check, &definition);
  answer_rules(a, got, "rootRules", schema, true);
  answer_rules(a, got, "specRules", json_dig(schema, "properties", "spec", NULL), false);
  if (definition.n) {
    answer_errors(a, got, "schemaErrors", &definition);
  } else {
    struct cel_crd *crd = cel_crd_new(schema);

    cel_crd_validate(crd, &object, &errors);
    cel_crd_free(crd);
    if (errors.n)
      answer_errors(a, got, "errors", &errors);
    else
      (void)json_set_bool(a, got, "accepted", true);
  }
  strbuf_puts(out, ",\"got\":");
  json_write(out, got, JSON_COMPACT);
  if (!definition.n)
    strbuf_printf(out, ",\"cost\":\"%" PRId64 "\"", CEL_CRD_RUN_COST_BUDGET - budget);
}
