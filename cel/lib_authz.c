#include "cel_authz.h"
#include "cel_lib.h"

#include <string.h>

/* The authorizer's methods (apiserver library/authz.go). */

static struct cel_value
with(struct cel_eval *ev, struct cel_value from, enum cel_kind kind, struct cel_authz **ret)
{
  *ret = arena_new_of(ev->a, struct cel_authz);
  **ret = *from.u.authz;
  return (struct cel_value){ .kind = (uint8_t)kind, .u.authz = *ret };
}

struct cel_value
cel_of_authorizer(struct arena *a, const struct cel_authorizer *authorizer)
{
  struct cel_authz *z = arena_new_of(a, struct cel_authz);

  z->authorizer = authorizer;
  return (struct cel_value){ .kind = CEL_AUTHORIZER, .u.authz = z };
}

struct cel_value
cel_of_resource_check(struct arena *a, const struct cel_authorizer *authorizer, struct span group, struct span resource,
                      struct span subresource, struct span namespace, struct span name)
{
  struct cel_authz *z = arena_new_of(a, struct cel_authz);

  *z = (struct cel_authz){ .authorizer = authorizer,
                           .group = group,
                           .resource = resource,
                           .subresource = subresource,
                           .namespace = namespace,
                           .name = name };
  return (struct cel_value){ .kind = CEL_RESOURCE_CHECK, .u.authz = z };
}

static struct cel_value
do_path(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_authz *z;
  struct cel_value v;

  (void)n;
  if (!span_trim(cel_span(args[1])).n)
    return cel_fail("path must not be empty");
  v = with(ev, args[0], CEL_PATH_CHECK, &z);
  z->path = cel_span(args[1]);
  return v;
}

static struct cel_value
do_group(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_authz *z;
  struct cel_value v = with(ev, args[0], CEL_GROUP_CHECK, &z);

  (void)n;
  z->group = cel_span(args[1]);
  return v;
}

/* Lower-case labels, with dots between them for a subdomain. */
static bool
is_dns_name(struct span s, size_t max, bool dots)
{
  bool edge = true;

  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

    if (!alnum && (edge || (c != '-' && !(dots && c == '.')) || (c == '.' && s.p[i - 1] == '-')))
      return false;
    edge = c == '.';
  }
  return s.n && s.n <= max && !edge && s.p[s.n - 1] != '-';
}

static struct cel_value
service_account(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span namespace = cel_span(args[1]), name = cel_span(args[2]);
  struct cel_authz *z;
  struct cel_value v;

  (void)n;
  if (!is_dns_name(name, 253, true))
    return cel_fail("Invalid service account name");
  if (!is_dns_name(namespace, 63, false))
    return cel_fail("Invalid service account namespace");
  v = with(ev, args[0], CEL_AUTHORIZER, &z);
  z->user = span_of(arena_printf(ev->a, "system:serviceaccount:%.*s:%.*s", SPAN_FMT(namespace), SPAN_FMT(name)));
  return v;
}

static struct cel_value
do_resource(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_authz *z;
  struct cel_value v;

  (void)n;
  if (!span_trim(cel_span(args[1])).n)
    return cel_fail("resource must not be empty");
  v = with(ev, args[0], CEL_RESOURCE_CHECK, &z);
  z->resource = cel_span(args[1]);
  return v;
}

#define SETTER(fn, member)                                                                  \
  static struct cel_value fn(struct cel_eval *ev, const struct cel_value *args, unsigned n) \
  {                                                                                         \
    struct cel_authz *z;                                                                    \
    struct cel_value v = with(ev, args[0], CEL_RESOURCE_CHECK, &z);                         \
                                                                                            \
    (void)n;                                                                                \
    z->member = cel_span(args[1]);                                                          \
    return v;                                                                               \
  }

SETTER(set_subresource, subresource)
SETTER(set_namespace, namespace)
SETTER(set_name, name)
SETTER(set_field_selector, field_selector)
SETTER(set_label_selector, label_selector)

static struct cel_value
do_check(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_authz *z;
  struct cel_value v = with(ev, args[0], CEL_DECISION, &z);
  const struct cel_authorizer *authorizer = args[0].u.authz->authorizer;

  (void)n;
  authorizer->check(authorizer, ev->a, args[0].u.authz, cel_span(args[1]), z);
  return v;
}

static struct cel_value
do_errored(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_bool(args[0].u.authz->error.p != NULL);
}

static struct cel_value
do_error(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_span(args[0].u.authz->error);
}

static struct cel_value
do_allowed(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_bool(args[0].u.authz->allowed);
}

static struct cel_value
do_reason(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_span(args[0].u.authz->reason);
}

#define ONE      .name_cost = CEL_COST_NOMINAL
#define CHECK    .name_cost = CEL_COST_CHECK
#define SELECTOR .name_cost = CEL_COST_SELECTOR
#define S        &cel_string
#define A        &cel_authorizer_type
#define P        &cel_path_check_type
#define G        &cel_group_check_type
#define R        &cel_resource_check_type
#define D        &cel_decision_type

static const struct cel_overload authz[] = {
  METHOD("path", "authorizer_path", cel_path_check_type, do_path, ONE, ARGS(A, S)),
  METHOD("group", "authorizer_group", cel_group_check_type, do_group, ONE, ARGS(A, S)),
  METHOD("serviceAccount", "authorizer_serviceaccount", cel_authorizer_type, service_account, ONE, .var_args = true,
         ARGS(A, S, S)),
  METHOD("resource", "groupcheck_resource", cel_resource_check_type, do_resource, ONE, ARGS(G, S)),
  METHOD("subresource", "resourcecheck_subresource", cel_resource_check_type, set_subresource, ONE, ARGS(R, S)),
  METHOD("namespace", "resourcecheck_namespace", cel_resource_check_type, set_namespace, ONE, ARGS(R, S)),
  METHOD("name", "resourcecheck_name", cel_resource_check_type, set_name, ONE, ARGS(R, S)),
  METHOD("fieldSelector", "authorizer_fieldselector", cel_resource_check_type, set_field_selector, SELECTOR,
         ARGS(R, S)),
  METHOD("labelSelector", "authorizer_labelselector", cel_resource_check_type, set_label_selector, SELECTOR,
         ARGS(R, S)),
  METHOD("check", "pathcheck_check", cel_decision_type, do_check, CHECK, ARGS(P, S)),
  METHOD("check", "resourcecheck_check", cel_decision_type, do_check, CHECK, ARGS(R, S)),
  METHOD("errored", "decision_errored", cel_bool, do_errored, ONE, ARGS(D)),
  METHOD("error", "decision_error", cel_string, do_error, ONE, ARGS(D)),
  METHOD("allowed", "decision_allowed", cel_bool, do_allowed, ONE, ARGS(D)),
  METHOD("reason", "decision_reason", cel_string, do_reason, ONE, ARGS(D)),
};

LIBRARY(cel_lib_authz, authz);
