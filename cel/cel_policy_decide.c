#include "cel_policy_internal.h"

#include <string.h>

/* What a policy makes of a request (apiserver .../policy/validating/validator.go, .../webhook/matchconditions). */

static const char *
trimmed(struct arena *a, struct span s)
{
  s = span_trim(s);
  return arena_strndup(a, s.p, s.n);
}

/* -- match conditions -- */

/* Upstream's aggregate of errors: each text once, in brackets when there are several. NULL when there is none. */
static const char *
aggregate(struct arena *a, const char *const *errors, uint32_t n)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REPLY);
  uint32_t different = 0;

  for (uint32_t i = 0; i < n; i++) {
    uint32_t before = 0;

    while (before < i && strcmp(errors[before], errors[i]) != 0)
      before++;
    if (before == i)
      strbuf_printf(&b, "%s%s", different++ ? ", " : "", errors[i]);
  }
  if (!n)
    return NULL;
  return different == 1 ? arena_strdup(a, b.p) : arena_printf(a, "[%s]", b.p);
}

/* One that says no decides; else failures count. NULL: no failure, *ret tells; else upstream's text. */
static const char *
match(struct policy_run *r, bool *ret)
{
  const char **errors = arena_array_of(r->results, const char *, r->policy->n_matches + 1u);
  uint32_t n_errors = 0;
  struct cel_value v;

  *ret = true;
  for (uint32_t i = 0; i < r->policy->n_matches; i++) {
    if (!policy_eval(r, &r->policy->matches[i], &v))
      return v.u.s;
    if (cel_is_false(v)) {
      *ret = false;
      return NULL;
    }
    if (cel_is_error(v))
      errors[n_errors++] = v.u.s;
  }
  return aggregate(r->results, errors, n_errors);
}

/* The same with failurePolicy: Ignore makes a failure a "no". */
static const char *
match_or_ignore(struct policy_run *r, const struct cel_admission *in, bool *ret)
{
  struct cel_value namespace = r->vars[POLICY_NAMESPACE];
  const char *error;

  r->vars[POLICY_NAMESPACE] = cel_of_null(); /* upstream does not look it up for these */
  policy_run_begin(r, in, true, CEL_POLICY_MATCH_BUDGET);
  error = match(r, ret);
  r->vars[POLICY_NAMESPACE] = namespace;
  if (error && !r->policy->fails_closed) {
    *ret = false;
    return NULL;
  }
  return error;
}

int
cel_policy_match(const struct cel_policy *p, const struct cel_admission *in, struct arena *a, bool *ret,
                 struct kerr *reterr)
{
  __attribute__((cleanup(policy_run_release))) struct policy_run r = { 0 };
  const char *error;

  *ret = true;
  if (!p->n_matches)
    return 0;
  policy_run_init(&r, p, in, a);
  error = match_or_ignore(&r, in, ret);
  return error ? kerr_set(reterr, KERR_INVALID, NULL, "%s", error) : 0;
}

/* -- validations -- */

#define MESSAGE_MAX (5 * 1024) /* MaxEvaluatedMessageExpressionSizeBytes */

static struct cel_decision
failure(const struct cel_policy *p, const char *message)
{
  return (struct cel_decision){ .deny = p->fails_closed, .error = true, .message = message };
}

/* The one decision of a policy that could not be asked. */
static void
fail_all(const struct cel_policy *p, struct arena *a, const char *message, struct cel_verdict *ret)
{
  ret->decisions = arena_new_of(a, struct cel_decision);
  ret->n_decisions = 1;
  ret->decisions[0] = failure(p, message);
  ret->n_annotations = 0;
}

static const char *
denial_message(struct policy_run *r, const struct policy_validation *v, const char *expressed)
{
  if (expressed && *expressed)
    return expressed;
  if (v->text && span_trim(span_of(v->text)).n)
    return trimmed(r->results, span_of(v->text));
  return arena_printf(r->results, "failed expression: %s", trimmed(r->results, span_of(v->rule.source)));
}

/* What messageExpression gives, when it is of use; else NULL. */
static const char *
usable_message(struct policy_run *r, struct cel_value v)
{
  struct span s;

  if (v.kind != CEL_STRING)
    return NULL;
  s = span_trim(cel_span(v));
  return s.n > MESSAGE_MAX || (s.n && memchr(s.p, '\n', s.n)) ? NULL : arena_strndup(r->results, s.p, s.n);
}

/* All messages are made, whether needed or not, as their cost counts. NULL, or why they ended early. */
static const char *
express_messages(struct policy_run *r, const struct cel_admission *in, const char **messages)
{
  struct cel_value v;

  policy_run_begin(r, in, false, r->budget);
  for (uint32_t i = 0; i < r->policy->n_validations; i++) {
    if (!r->policy->validations[i].message.source)
      continue;
    if (!policy_eval(r, &r->policy->validations[i].message, &v))
      return v.u.s;
    messages[i] = usable_message(r, v);
  }
  return NULL;
}

static bool
decide(struct policy_run *r, const struct cel_admission *in, struct cel_verdict *ret)
{
  const struct cel_policy *p = r->policy;
  const char **messages = arena_array_of(r->results, const char *, p->n_validations + 1u), *over;
  struct cel_decision *decisions = arena_array_of(r->results, struct cel_decision, p->n_validations + 1u);
  struct cel_value v;

  policy_run_begin(r, in, true, CEL_POLICY_RUN_COST_BUDGET);
  for (uint32_t i = 0; i < p->n_validations; i++) {
    if (!policy_eval(r, &p->validations[i].rule, &v)) {
      fail_all(p, r->results, v.u.s, ret);
      return false;
    }
    decisions[i].deny = !cel_is_true(v);
    if (cel_is_error(v))
      decisions[i] = failure(p, v.u.s);
  }
  over = express_messages(r, in, messages);
  for (uint32_t i = 0; i < p->n_validations; i++) {
    if (decisions[i].error)
      continue;
    if (over) {
      decisions[i] = failure(p, arena_printf(r->results, "failed messageExpression: %s", over));
    } else if (decisions[i].deny) {
      decisions[i].reason = p->validations[i].reason ? arena_strdup(r->results, p->validations[i].reason) : "Invalid";
      decisions[i].message = denial_message(r, &p->validations[i], messages[i]);
    }
  }
  ret->decisions = decisions;
  ret->n_decisions = p->n_validations;
  return true;
}

/* -- audit annotations -- */

static void
annotate(struct policy_run *r, const struct cel_admission *in, struct cel_verdict *ret)
{
  const struct cel_policy *p = r->policy;
  struct cel_value v;

  ret->annotations = arena_array_of(r->results, struct cel_annotation, p->n_annotations + 1u);
  policy_run_begin(r, in, false, CEL_POLICY_RUN_COST_BUDGET);
  for (uint32_t i = 0; i < p->n_annotations; i++) {
    struct cel_annotation *to = &ret->annotations[ret->n_annotations++];

    to->key = arena_strdup(r->results, p->annotations[i].key);
    if (!policy_eval(r, &p->annotations[i].value, &v)) {
      fail_all(p, r->results, v.u.s, ret);
      return;
    }
    if (cel_is_error(v)) {
      to->error = v.u.s;
      to->fail = p->fails_closed;
    } else if (v.kind == CEL_STRING) {
      to->value = span_trim(cel_span(v)).n ? trimmed(r->results, cel_span(v)) : NULL;
    } else if (v.kind != CEL_NULL) {
      to->error = arena_printf(r->results,
                               "valueExpression '%s' resulted in unsupported return type: %s. Return type must be "
                               "either string or null.",
                               p->annotations[i].value.source, cel_type_name(v));
      to->fail = true;
    }
  }
}

void
cel_policy_validate(const struct cel_policy *p, const struct cel_admission *in, struct arena *a,
                    struct cel_verdict *ret)
{
  __attribute__((cleanup(policy_run_release))) struct policy_run r = { 0 };
  const char *error;

  *ret = (struct cel_verdict){ .matched = true };
  policy_run_init(&r, p, in, a);
  error = match_or_ignore(&r, in, &ret->matched);
  if (error)
    fail_all(p, a, error, ret);
  else if (ret->matched && decide(&r, in, ret))
    annotate(&r, in, ret);
}

/* -- mutations -- */

int
cel_policy_mutate(const struct cel_policy *p, size_t mutation, const struct cel_admission *in, struct arena *a,
                  enum cel_mutation_kind *ret_kind, struct json **ret, struct kerr *reterr)
{
  __attribute__((cleanup(policy_run_release))) struct policy_run r = { 0 };
  const struct policy_mutation *m = &p->mutations[mutation];
  struct cel_value v;

  *ret_kind = m->kind;
  if (m->patch.error)
    return kerr_set(reterr, m->patch.internal ? KERR_INTERNAL : KERR_INVALID, NULL, "%s", m->patch.error);
  policy_run_init(&r, p, in, a);
  policy_run_begin(&r, in, true, CEL_POLICY_RUN_COST_BUDGET);
  (void)policy_eval(&r, &m->patch, &v); /* one expression: why it ended does not matter */
  if (cel_is_error(v))
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", v.u.s);
  return m->kind == CEL_MUTATION_APPLY ? policy_apply_object(a, v, ret, reterr) : policy_json_patch(a, v, ret, reterr);
}
