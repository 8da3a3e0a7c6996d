#include "cel_batch_host.h"

#include "cel_policy_internal.h"
#include "cel_typed.h"

#include <inttypes.h>
#include <string.h>

/* -- the authorizer of a record: rows, of which the first that fits decides -- */

static bool
fits(const struct json *row, const char *name, struct span value)
{
  const char *want = json_get_str(row, name);

  return !want || span_is(value, want);
}

static void
ask_table(const struct cel_authorizer *self, struct arena *a, const struct cel_authz *request, struct span verb,
          struct cel_authz *ret)
{
  struct span user =
      request->user.p ? request->user : span_of(json_get_str_or(json_get(self->arg, "request"), "username", ""));

  (void)a;
  for (json_each_item (p, json_get(self->arg, "authorizer"))) {
    if (!fits(*p, "user", user) || !fits(*p, "verb", verb) || !fits(*p, "path", request->path) ||
        !fits(*p, "group", request->group) || !fits(*p, "resource", request->resource) ||
        !fits(*p, "subresource", request->subresource) || !fits(*p, "namespace", request->namespace) ||
        !fits(*p, "name", request->name))
      continue;
    ret->allowed = strcmp(json_get_str_or(*p, "decision", ""), "allow") == 0;
    ret->reason = span_of(json_get_str_or(*p, "reason", ""));
    ret->error = json_span(json_get(*p, "error"));
    return;
  }
}

/* -- the request of a record -- */

static const struct json *
options(struct arena *a, const struct json *request)
{
  const char *operation = json_get_str_or(request, "operation", "CREATE");
  const struct json *given = json_get(request, "options");
  struct json *o = json_is(given, JSON_OBJECT) ? json_shallow(a, given) : json_new_object(a);

  (void)json_set_str(a, o, "kind",
                     strcmp(operation, "UPDATE") == 0   ? "UpdateOptions"
                     : strcmp(operation, "DELETE") == 0 ? "DeleteOptions"
                                                        : "CreateOptions");
  (void)json_set_str(a, o, "apiVersion", "meta.k8s.io/v1");
  return o;
}

static struct cel_admission
admission(struct arena *a, const struct json *record, cel_complete_fn *complete,
          const struct cel_authorizer *authorizer)
{
  const struct json *r = json_get(record, "request");
  struct cel_admission in = {
    .object = complete(a, json_get(record, "object")),
    .old_object = complete(a, json_get(record, "oldObject")),
    .params = complete(a, json_get(record, "params")),
    .namespace_object = json_get(record, "namespaceObject"),
    .matched = { .group = json_get_str_or(r, "group", ""),
                 .version = json_get_str_or(r, "version", ""),
                 .kind = json_get_str_or(r, "kind", ""),
                 .resource = json_get_str_or(r, "resource", "") },
    .subresource = json_get_str(r, "subresource"),
    .name = json_get_str(r, "name"),
    .namespace = json_get_str(r, "namespace"),
    .operation = json_get_str_or(r, "operation", "CREATE"),
    .username = json_get_str(r, "username"),
    .uid = json_get_str(r, "uid"),
    .groups = json_get(r, "groups"),
    .extra = json_get(r, "extra"),
    .options = options(a, r),
    .dry_run = json_get_bool(r, "dryRun", false),
    .authorizer = authorizer,
  };

  in.requested = in.matched;
  return in;
}

/* -- one expression among the policy's variables -- */

static void
answer_expression(struct arena *a, const struct json *record, const struct cel_admission *in, struct strbuf *out)
{
  const struct json *policy = json_get(record, "policy");
  struct cel_policy *p = cel_policy_new(CEL_POLICY_VALIDATING, policy);
  struct policy_scope scope = { .a = a, .has_params = json_get(policy, "paramKind") != NULL, .stored = true };
  struct json *got = json_new_object(a);
  struct cel_type *variables = policy_variables(a, p->n_variables);
  struct policy_run run;
  struct policy_expr e;
  struct cel_value v;

  for (uint32_t i = 0; i < p->n_variables; i++)
    policy_variable(a, variables, p->variable_names[i],
                    p->variables[i].code ? cel_code_type(p->variables[i].code) : NULL);
  scope.variables = variables;
  policy_compile(&e, &scope, POLICY_VALUE, json_get_str_or(record, "expr", ""));
  p->uses = ~0u;
  strbuf_puts(out, ",\"got\":");
  if (e.error) {
    (void)json_set_str(a, got, "compileError", e.error);
    json_write(out, got, JSON_COMPACT);
    cel_policy_unref(p);
    return;
  }
  policy_run_init(&run, p, in, a);
  policy_run_begin(&run, in, true, CEL_POLICY_RUN_COST_BUDGET);
  (void)policy_eval(&run, &e, &v);
  if (cel_is_error(v)) {
    (void)json_set_str(a, got, "error", v.u.s);
    json_write(out, got, JSON_COMPACT);
  } else {
    strbuf_puts(out, "{\"value\":");
    cel_typed_write(out, v);
    strbuf_putc(out, '}');
  }
  strbuf_puts(out, ",\"type\":");
  json_write_str(out, span_of(cel_code_type_text(e.code, a)), JSON_COMPACT);
  strbuf_printf(out, ",\"cost\":\"%" PRId64 "\"", CEL_POLICY_RUN_COST_BUDGET - run.budget);
  policy_run_release(&run);
  cel_code_unref(e.code);
  cel_policy_unref(p);
}

/* -- a whole policy -- */

static void
answer_check(struct arena *a, const struct json *policy, struct json *got)
{
  struct cel_report report = { .a = a };
  struct json *list = json_new_array(a);

  cel_policy_check(CEL_POLICY_VALIDATING, policy, NULL, "spec", &report);
  cel_batch_sort(&report);
  for (uint32_t i = 0; i < report.n; i++) {
    struct json *o = json_append(a, list, json_new_object(a));

    (void)json_set_str(a, o, "type",
                       report.items[i].fault == CEL_FAULT_INTERNAL   ? "InternalError"
                       : report.items[i].fault == CEL_FAULT_REQUIRED ? "RuleRequired"
                                                                     : "RuleInvalid");
    (void)json_set_str(a, o, "field", report.items[i].field);
    (void)json_set_str(a, o, "detail", report.items[i].detail);
    (void)json_set_str(a, o, "text", report.items[i].detail);
  }
  if (report.n)
    (void)json_set(a, got, "compileErrors", list);
}

static void
answer_decisions(struct arena *a, const struct cel_verdict *v, struct json *got)
{
  struct json *list = json_new_array(a);

  for (uint32_t i = 0; i < v->n_decisions; i++) {
    const struct cel_decision *d = &v->decisions[i];
    struct json *o = json_append(a, list, json_new_object(a));

    (void)json_set_str(a, o, "action", d->deny ? "deny" : "admit");
    (void)json_set_str(a, o, "evaluation", d->error ? "error" : d->deny ? "deny" : "admit");
    if (d->reason)
      (void)json_set_str(a, o, "reason", d->reason);
    if (d->message)
      (void)json_set_str(a, o, "message", d->message);
  }
  if (v->n_decisions)
    (void)json_set(a, got, "decisions", list);
}

static void
answer_annotations(struct arena *a, const struct cel_verdict *v, struct json *got)
{
  struct json *list = json_new_array(a);

  for (uint32_t i = 0; i < v->n_annotations; i++) {
    const struct cel_annotation *n = &v->annotations[i];
    struct json *o = json_append(a, list, json_new_object(a));

    (void)json_set_str(a, o, "key", n->key);
    (void)json_set_str(a, o, "action", n->value ? "publish" : n->error && n->fail ? "error" : "exclude");
    if (n->value)
      (void)json_set_str(a, o, "value", n->value);
    if (n->error)
      (void)json_set_str(a, o, "error", n->error);
  }
  if (v->n_annotations)
    (void)json_set(a, got, "auditAnnotations", list);
}

static void
answer_policy(struct arena *a, const struct json *policy, const struct cel_admission *in, struct strbuf *out)
{
  struct cel_policy *p = cel_policy_new(CEL_POLICY_VALIDATING, policy);
  struct json *got = json_new_object(a);
  struct cel_verdict verdict;

  answer_check(a, policy, got);
  cel_policy_validate(p, in, a, &verdict);
  answer_decisions(a, &verdict, got);
  answer_annotations(a, &verdict, got);
  if (!verdict.matched)
    (void)json_set_bool(a, got, "notMatched", true);
  strbuf_puts(out, ",\"got\":");
  json_write(out, got, JSON_COMPACT);
  cel_policy_unref(p);
}

void
cel_batch_vap(struct arena *a, const struct json *record, cel_complete_fn *complete, struct strbuf *out)
{
  struct cel_authorizer authorizer = { .check = ask_table, .arg = record };
  struct cel_admission in = admission(a, record, complete, &authorizer);

  if (json_get(record, "expr"))
    answer_expression(a, record, &in, out);
  else
    answer_policy(a, json_get(record, "policy"), &in, out);
}
