/* Access reviews (pkg/registry/authorization): may somebody do that, and what may I do? */
#include <string.h>

#include "apiserver_internal.h"
#include "authz.h"
#include "rest_subresource.h"
#include "validate.h"

static const char *
member(const struct json *o, const char *name)
{
  return json_get_str_or(o, name, "");
}

/* -- selectors: what cannot be understood is left out, which makes the question a broader one -- */

enum understood { ALL_OF_IT, PARTS_OF_IT, NOTHING_OF_IT };

static const struct json *
requirements(const struct json *selector)
{
  return json_get(selector, "requirements");
}

/* The fields that one requirement asks for exactly; nobody can yet look for more than one value. */
static bool
read_field(struct rest_call *c, const struct json *r, struct field_term *ret)
{
  const struct json *values = json_get(r, "values");
  const char *op = member(r, "operator");
  bool in = strcmp(op, "In") == 0;

  if (json_count(values) != 1 || (!in && strcmp(op, "NotIn") != 0))
    return false;
  *ret = (struct field_term){ .path = member(r, "key"),
                              .value =
                                  arena_strndup(c->a, json_span(json_at(values, 0)).p, json_span(json_at(values, 0)).n),
                              .equal = in };
  return true;
}

static enum understood
read_fields(struct rest_call *c, const struct json *selector, struct field_selector *ret)
{
  size_t n = json_count(requirements(selector));
  const char *raw = member(selector, "rawSelector");
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  if (*raw)
    return field_selector_parse(c->a, span_of(raw), ret, &ignored) < 0 ? NOTHING_OF_IT : ALL_OF_IT;
  ret->terms = arena_array_of(c->a, struct field_term, n + 1);
  for (size_t i = 0; i < n; i++)
    ret->n += read_field(c, json_at(requirements(selector), i), &ret->terms[ret->n]);
  return ret->n == n ? ALL_OF_IT : ret->n ? PARTS_OF_IT : NOTHING_OF_IT;
}

/* Nobody decides by labels: only whether they were understood is of interest. */
static enum understood
read_labels(struct rest_call *c, const struct json *selector)
{
  static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist" };
  size_t n = json_count(requirements(selector)), good = 0;
  const char *raw = member(selector, "rawSelector");
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct label_selector *parsed;

  if (*raw)
    return label_selector_parse(c->a, span_of(raw), &parsed, &ignored) < 0 ? NOTHING_OF_IT : ALL_OF_IT;
  for (json_each_item (r, requirements(selector)))
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
      good += strcmp(member(*r, "operator"), operators[i]) == 0;
  return good == n ? ALL_OF_IT : good ? PARTS_OF_IT : NOTHING_OF_IT;
}

static void
add_error(struct rest_call *c, const char **errors, const char *selector, enum understood how)
{
  if (how != ALL_OF_IT)
    *errors = arena_printf(c->a, "%s%sspec.resourceAttributes.%s %signored due to parse error", *errors,
                           **errors ? "; " : "", selector, how == PARTS_OF_IT ? "partially " : "");
}

/* -- the question -- */

static struct authz_request
read_question(struct rest_call *c, const struct json *spec, const char **ret_errors)
{
  const struct json *resource = json_get(spec, "resourceAttributes"), *path = json_get(spec, "nonResourceAttributes");

  *ret_errors = "";
  if (!json_is(resource, JSON_OBJECT))
    return (struct authz_request){ .verb = member(path, "verb"), .path = member(path, "path") };
  struct authz_request q = { .verb = member(resource, "verb"),
                             .is_resource = true,
                             .group = member(resource, "group"),
                             .version = json_get_str_or(resource, "version", "*"),
                             .resource = member(resource, "resource"),
                             .subresource = member(resource, "subresource"),
                             .ns = member(resource, "namespace"),
                             .name = member(resource, "name"),
                             .path = "" };

  add_error(c, ret_errors, "fieldSelector", read_fields(c, json_get(resource, "fieldSelector"), &q.fields));
  add_error(c, ret_errors, "labelSelector", read_labels(c, json_get(resource, "labelSelector")));
  return q;
}

/* Whom the review is about: the spec says it, or (Self...) whoever asks. */
static const struct exchange_user *
review_user(struct rest_call *c, const struct json *spec)
{
  struct exchange_user *u;

  if (strcmp(c->info.resource, "selfsubjectaccessreviews") == 0)
    return c->user;
  u = arena_new_of(c->a, struct exchange_user);
  *u = (struct exchange_user){ .name = member(spec, "user"),
                               .uid = member(spec, "uid"),
                               .extra = json_get(spec, "extra") };
  u->groups = sub_strings(c, json_get(spec, "groups"), &u->n_groups);
  return u;
}

/* Selectors do not exist in releases that do not look at them. */
static void
drop_selectors(struct rest_call *c, struct json *spec)
{
  struct json *resource = json_find(spec, "resourceAttributes");

  if (!json_is(resource, JSON_OBJECT) || !c->s->config.authz || authz_knows_selectors(c->s->config.authz))
    return;
  json_remove(resource, "fieldSelector");
  json_remove(resource, "labelSelector");
}

int
sub_access_review(struct rest_call *c, struct kerr *reterr)
{
  struct json *review, *status = json_new_object(c->a);
  struct field_errors errs = { .a = c->a };
  const char *reason = "", *errors;
  enum authz_decision decision = AUTHZ_ALLOW;

  if (sub_read_review(c, &review, reterr) < 0)
    return -(int)reterr->code;
  drop_selectors(c, json_ensure_object(c->a, review, "spec"));
  validate_create(c->kind, review, c->personality, &errs);
  if (errs.n)
    return rest_invalid_of(c, "authorization.k8s.io", "", "", &errs, reterr);
  const struct json *spec = json_get(review, "spec");
  struct authz_request q = read_question(c, spec, &errors);

  q.user = review_user(c, spec);
  if (c->s->config.authz)
    decision = authz_decide(c->s->config.authz, c->a, &q, &reason);
  json_set_bool(c->a, status, "allowed", decision == AUTHZ_ALLOW);
  if (decision == AUTHZ_DENY)
    json_set_bool(c->a, status, "denied", true);
  if (*reason)
    json_set_str(c->a, status, "reason", reason);
  if (*errors)
    json_set_str(c->a, status, "evaluationError", errors);
  return sub_answer(c, review, status, reterr);
}

int
sub_rules_review(struct rest_call *c, struct kerr *reterr)
{
  struct json *review, *status = json_new_object(c->a), *resources = json_new_array(c->a),
                       *paths = json_new_array(c->a);
  const char *ns, *incomplete = NULL;

  if (sub_read_review(c, &review, reterr) < 0)
    return -(int)reterr->code;
  ns = json_str(json_dig(review, "spec", "namespace", NULL));
  if (!ns || !*ns)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "no namespace on request");
  if (c->s->config.authz)
    authz_rules(c->s->config.authz, c->a, c->user, ns, &resources, &paths, &incomplete);
  json_set(c->a, status, "resourceRules", resources);
  json_set(c->a, status, "nonResourceRules", paths);
  json_set_bool(c->a, status, "incomplete", incomplete != NULL);
  if (incomplete)
    json_set_str(c->a, status, "evaluationError", incomplete);
  json_set(c->a, review, "metadata", json_new_object(c->a));
  json_set(c->a, review, "spec", json_new_object(c->a));
  return sub_answer(c, review, status, reterr);
}
