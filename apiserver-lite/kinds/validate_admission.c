/* Webhook configurations, admission policies and their bindings (pkg/apis/admissionregistration/validation). */
#include <string.h>
#include <strings.h>

#include "cel_policy.h"
#include "validate_pod.h"

#define CONDITIONS_MAX  64
#define ANNOTATIONS_MAX 20 /* maxAuditAnnotations */

static const char *const failure_policies[] = { "Fail", "Ignore", NULL };
static const char *const match_policies[] = { "Equivalent", "Exact", NULL };
static const char *const reinvocations[] = { "IfNeeded", "Never", NULL };
static const char *const no_side_effects[] = { "None", "NoneOnDryRun", NULL };
static const char *const side_effects[] = { "None", "NoneOnDryRun", "Some", "Unknown", NULL };

static bool
is_one_of(struct span s, const char *const *allowed)
{
  for (size_t i = 0; allowed[i]; i++)
    if (span_is(s, allowed[i]))
      return true;
  return false;
}

/* A closed set that may be left out, or else (`needed`) is Required. */
static void
check_choice(struct validation *v, const struct vpath *up, const struct json *o, const char *name,
             const char *const *allowed, bool needed)
{
  struct span s = json_text_of(o, name);

  if (!json_has(o, name)) {
    if (needed)
      verr_required(v, VP(up, name), "");
  } else if (!is_one_of(s, allowed)) {
    verr_not_supported(v, VP(up, name), s, allowed);
  }
}

static void
invalid_list(struct validation *v, const struct vpath *path, const struct json *list, const char *why)
{
  verr_add(v, FIELD_INVALID, path, vjson(v->a, list), "%s", why);
}

static bool
has_text(const struct json *list, const char *text)
{
  for (json_each_item (i, list))
    if (span_is(json_span(*i), text))
      return true;
  return false;
}

/* Did this text stand in the list, or in member `name` of its items, before place `n`? */
static bool
seen_before(const struct json *list, size_t n, const char *name, struct span s)
{
  for (size_t i = 0; i < n; i++)
    if (span_eq(name ? json_text_of(json_at(list, i), name) : json_span(json_at(list, i)), s))
      return true;
  return false;
}

/* -- rules -- */

/* The resource before this one in the list that includes it with a star: "x/\*" or "*" "/x". */
static void
check_covered_resource(struct validation *v, const struct vpath *path, const struct json *list, size_t i)
{
  struct span s = json_span(json_at(list, i)), sub, res = span_cut(s, '/', &sub);
  const char *by_resource = arena_printf(v->a, "%.*s/*", SPAN_FMT(res));
  const char *by_subresource = arena_printf(v->a, "*/%.*s", SPAN_FMT(sub));

  if (seen_before(list, i, NULL, span_of(by_resource)))
    verr_invalid(v, path, s, arena_printf(v->a, "if '%s' is present, must not specify %.*s", by_resource, SPAN_FMT(s)));
  if (seen_before(list, i, NULL, span_of(by_subresource)))
    verr_invalid(v, path, s,
                 arena_printf(v->a, "if '%s' is present, must not specify %.*s", by_subresource, SPAN_FMT(s)));
}

static void
check_resources(struct validation *v, const struct vpath *path, const struct json *list)
{
  bool plain = false; /* as upstream has it: what the last entry without a slash says */

  if (!json_count(list))
    verr_required(v, path, "");
  for (size_t i = 0; i < json_count(list); i++) {
    struct span s = json_span(json_at(list, i));

    if (!s.n)
      verr_required(v, VP_ITEM(path, i), "");
    else if (!memchr(s.p, '/', s.n))
      plain = !span_is(s, "*");
    else
      check_covered_resource(v, VP_ITEM(path, i), list, i);
  }
  if (json_count(list) > 1 && has_text(list, "*/*"))
    invalid_list(v, path, list, "if '*/*' is present, must not specify other resources");
  if (plain && has_text(list, "*"))
    invalid_list(v, path, list, "if '*' is present, must not specify other resources without subresources");
}

/* A list where "*" stands alone. `what`: "API groups". */
static void
check_starred(struct validation *v, const struct vpath *path, const struct json *list, const char *what)
{
  if (!json_count(list))
    verr_required(v, path, "");
  if (json_count(list) > 1 && has_text(list, "*"))
    invalid_list(v, path, list, arena_printf(v->a, "if '*' is present, must not specify other %s", what));
}

static void
check_rule(struct validation *v, const struct vpath *path, const struct json *rule)
{
  static const char *const operations[] = { "*", "CONNECT", "CREATE", "DELETE", "UPDATE", NULL };
  static const char *const scopes[] = { "*", "Cluster", "Namespaced", NULL };
  const struct json *ops = json_get(rule, "operations"), *versions = json_get(rule, "apiVersions");

  check_starred(v, VP(path, "operations"), ops, "operations");
  for (size_t i = 0; i < json_count(ops); i++)
    if (!is_one_of(json_span(json_at(ops, i)), operations))
      verr_not_supported(v, VP_ITEM(VP(path, "operations"), i), json_span(json_at(ops, i)), operations);
  check_starred(v, VP(path, "apiGroups"), json_get(rule, "apiGroups"), "API groups");
  check_starred(v, VP(path, "apiVersions"), versions, "API versions");
  for (size_t i = 0; i < json_count(versions); i++)
    if (!json_span(json_at(versions, i)).n)
      verr_required(v, VP_ITEM(VP(path, "apiVersions"), i), "");
  check_resources(v, VP(path, "resources"), json_get(rule, "resources"));
  check_choice(v, path, rule, "scope", scopes, false);
}

/* -- expressions: cel/ finds what is wrong, here it comes to its place -- */

static void
take_expression(struct validation *v, const struct vpath *path, const struct cel_report *found)
{
  static const enum field_error_type types[] = {
    [CEL_FAULT_INVALID] = FIELD_INVALID, [CEL_FAULT_REQUIRED] = FIELD_REQUIRED, [CEL_FAULT_INTERNAL] = FIELD_INTERNAL
  };
  const char *field = vpath_text(v->a, path);

  for (uint32_t i = 0; i < found->n; i++) {
    const struct cel_error *e = &found->items[i];

    if (strcmp(e->field, field) == 0)
      verr_add(v, types[e->fault], path, e->value ? vjson(v->a, e->value) : NULL, "%s", e->detail ? e->detail : "");
  }
}

static void
check_conditions(struct validation *v, const struct vpath *path, const struct json *list,
                 const struct cel_report *found)
{
  if (json_count(list) > CONDITIONS_MAX)
    verr_too_many(v, path, json_count(list), CONDITIONS_MAX);
  for (size_t i = 0; i < json_count(list); i++) {
    struct span name = json_text_of(json_at(list, i), "name");

    take_expression(v, VP(VP_ITEM(path, i), "expression"), found);
    if (!name.n)
      verr_required(v, VP(VP_ITEM(path, i), "name"), "");
    else
      (void)verr_format(v, VP(VP_ITEM(path, i), "name"), name, TEXT_LABEL_KEY);
    if (name.n && seen_before(list, i, "name", name))
      verr_duplicate(v, VP(VP_ITEM(path, i), "name"), name);
  }
}

/* -- webhook configurations -- */

/* What an update may keep because it was there. */
struct lenient {
  bool side_effects, versions, names;
};

static void
check_name(struct validation *v, const struct vpath *path, struct span name)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = name.n ? text_check(v->a, TEXT_DNS_SUBDOMAIN, name, problems) : 0, dots = 0;
  const char *text = "";

  for (size_t i = 0; i < name.n; i++)
    dots += name.p[i] == '.';
  for (size_t i = 0; i < n; i++)
    text = arena_printf(v->a, "%s%s%s", text, i ? "," : "", problems[i]);
  if (!name.n)
    verr_required(v, path, "");
  else if (n)
    verr_invalid(v, path, name, text);
  else if (dots < 2)
    verr_invalid(v, path, name, "should be a domain with at least three segments separated by dots");
}

static void
check_hook(struct validation *v, const struct vpath *path, const struct json *hook, const struct json *old,
           const struct lenient *let)
{
  const struct json *rules = json_get(hook, "rules");
  int64_t timeout = json_get_int(hook, "timeoutSeconds", 1);
  struct cel_report found = { .a = v->a };
  const char *const *effects = let->side_effects ? side_effects : no_side_effects;

  check_name(v, VP(path, "name"), json_text_of(hook, "name"));
  for (size_t i = 0; i < json_count(rules); i++)
    check_rule(v, VP_ITEM(VP(path, "rules"), i), json_at(rules, i));
  check_choice(v, path, hook, "failurePolicy", failure_policies, false);
  check_choice(v, path, hook, "matchPolicy", match_policies, false);
  if (!json_has(hook, "sideEffects"))
    verr_required(v, VP(path, "sideEffects"),
                  let->side_effects ? "must specify one of None, NoneOnDryRun, Some, Unknown"
                                    : "must specify one of None, NoneOnDryRun");
  check_choice(v, path, hook, "sideEffects", effects, false);
  if (timeout < 1 || timeout > 30)
    verr_invalid_int(v, VP(path, "timeoutSeconds"), timeout, "the timeout value must be between 1 and 30 seconds");
  validate_label_selector(v, VP(path, "namespaceSelector"), json_get(hook, "namespaceSelector"));
  validate_label_selector(v, VP(path, "objectSelector"), json_get(hook, "objectSelector"));
  check_choice(v, path, hook, "reinvocationPolicy", reinvocations, false);
  validate_webhook_client(v, VP(path, "clientConfig"), json_get(hook, "clientConfig"));
  if (json_same(json_get(hook, "matchConditions"), json_get(old, "matchConditions")))
    return;
  cel_policy_check(CEL_POLICY_WEBHOOK, hook, old, vpath_text(v->a, path), &found);
  check_conditions(v, VP(path, "matchConditions"), json_get(hook, "matchConditions"), &found);
}

static void
check_hooks(struct validation *v, const struct json *o, const struct json *old, const struct lenient *let)
{
  const struct json *list = json_get(o, "webhooks"), *before = json_get(old, "webhooks");
  const struct vpath *path = VP(NULL, "webhooks");
  bool in_place = json_count(list) == json_count(before);

  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *hook = json_at(list, i);
    struct span name = json_text_of(hook, "name");

    check_hook(v, VP_ITEM(path, i), hook, in_place ? json_at(before, i) : NULL, let);
    validate_review_versions(v, VP(VP_ITEM(path, i), "admissionReviewVersions"),
                             json_get(hook, "admissionReviewVersions"), let->versions,
                             "must specify one of v1, v1beta1");
    if (!let->names && name.n && seen_before(list, i, "name", name))
      verr_duplicate(v, VP(VP_ITEM(path, i), "name"), name);
  }
}

static void
create_hooks(struct validation *v, const struct json *o)
{
  static const struct lenient strict;

  check_hooks(v, o, NULL, &strict);
}

static void
update_hooks(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *list = json_get(old, "webhooks");
  struct lenient let = { .names = false };

  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *hook = json_at(list, i), *versions = json_get(hook, "admissionReviewVersions");

    let.side_effects = let.side_effects || !is_one_of(json_text_of(hook, "sideEffects"), no_side_effects);
    let.versions =
        let.versions || (json_count(versions) && !has_text(versions, "v1") && !has_text(versions, "v1beta1"));
    let.names = let.names || seen_before(list, i, "name", json_text_of(hook, "name"));
  }
  check_hooks(v, o, old, &let);
}

/* -- policies -- */

static void
check_named_rules(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *names = json_get(json_at(list, i), "resourceNames");
    const struct vpath *at = VP_ITEM(path, i);

    for (size_t j = 0; j < json_count(names); j++) {
      struct span name = json_span(json_at(names, j));

      (void)verr_format(v, VP_ITEM(VP(at, "resourceNames"), j), name, TEXT_PATH_SEGMENT);
      if (seen_before(names, j, NULL, name))
        verr_duplicate(v, VP_ITEM(VP(at, "resourceNames"), j), name);
    }
    check_rule(v, at, json_at(list, i));
  }
}

static void
check_match_resources(struct validation *v, const struct vpath *path, const struct json *m)
{
  static const char *const selectors[] = { "namespaceSelector", "objectSelector" };

  check_choice(v, path, m, "matchPolicy", match_policies, true);
  for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
    if (json_has(m, selectors[i]))
      validate_label_selector(v, VP(path, selectors[i]), json_get(m, selectors[i]));
    else
      verr_required(v, VP(path, selectors[i]), "");
  }
  check_named_rules(v, VP(path, "resourceRules"), json_get(m, "resourceRules"));
  check_named_rules(v, VP(path, "excludeResourceRules"), json_get(m, "excludeResourceRules"));
}

/* Nothing is mutated while it is deleted. `path`: of the MatchResources. */
static void
check_mutable_operations(struct validation *v, const struct vpath *path, const struct json *m)
{
  static const char *const operations[] = { "*", "CONNECT", "CREATE", "UPDATE", NULL };

  for (json_each_item (rule, json_get(m, "resourceRules")))
    for (json_each_item (op, json_get(*rule, "operations")))
      if (!is_one_of(json_span(*op), operations))
        verr_not_supported(v, VP(VP(path, "resourceRules"), "operations"), json_span(*op), operations);
}

/* Complaints joined as one: the value is the text that was checked. */
static void
check_part(struct validation *v, const struct vpath *path, enum text_format format, struct span part, struct span shown,
           const char *before)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = text_check(v->a, format, part, problems);
  const char *text = before;

  for (size_t i = 0; i < n; i++)
    text = arena_printf(v->a, "%s%s%s", text, i ? "," : "", problems[i]);
  if (n)
    verr_invalid(v, path, shown, text);
}

static void
check_param_kind(struct validation *v, const struct vpath *path, const struct json *k)
{
  struct span api_version = json_text_of(k, "apiVersion"), kind = json_text_of(k, "kind"), version;
  struct span group = span_cut(api_version, '/', &version);
  const struct vpath *at = VP(path, "apiVersion");
  char *lower = arena_strndup(v->a, kind.p ? kind.p : "", kind.n);

  if (!version.p) {
    version = group;
    group = SPAN("");
  }
  if (!api_version.n)
    verr_required(v, at, "");
  else if (memchr(version.p, '/', version.n))
    verr_invalid(v, at, api_version, arena_printf(v->a, "unexpected GroupVersion string: %.*s", SPAN_FMT(api_version)));
  else {
    if (group.n)
      check_part(v, at, TEXT_DNS_SUBDOMAIN, group, group, "");
    if (!version.n)
      verr_invalid(v, at, api_version, "version must be specified");
    else
      check_part(v, at, TEXT_DNS1035_LABEL, version, version, "");
  }
  for (char *p = lower; *p; p++)
    if (*p >= 'A' && *p <= 'Z')
      *p = (char)(*p - 'A' + 'a');
  if (!kind.n)
    verr_required(v, VP(path, "kind"), "");
  else
    check_part(v, VP(path, "kind"), TEXT_DNS1035_LABEL, span_of(lower), kind,
               "may have mixed case, but should otherwise match: ");
}

static bool
is_cel_name(struct span s)
{
  static const char *const reserved[] = { "true",   "false",    "null",  "in",      "as",        "break",
                                          "const",  "continue", "else",  "for",     "function",  "if",
                                          "import", "let",      "loop",  "package", "namespace", "return",
                                          "var",    "void",     "while", NULL };

  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];

    if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (i && c >= '0' && c <= '9')))
      return false;
  }
  return s.n && !is_one_of(s, reserved);
}

static void
check_variables(struct validation *v, const struct vpath *path, const struct json *list, const struct cel_report *found)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span name = json_text_of(json_at(list, i), "name");

    if (!span_trim(name).n)
      verr_required(v, VP(VP_ITEM(path, i), "name"), "name is not specified");
    else if (!is_cel_name(name))
      verr_invalid(v, VP(VP_ITEM(path, i), "name"), name, "must be a valid CEL identifier");
    take_expression(v, VP(VP_ITEM(path, i), "expression"), found);
  }
}

/* What both kinds of policies begin with. `mutating`: they have no DELETE. */
static void
check_policy(struct validation *v, const struct json *spec, const struct json *old, bool mutating,
             const struct cel_report *found)
{
  const struct vpath *path = VP(NULL, "spec");
  const struct json *match = json_get(spec, "matchConstraints"), *conditions = json_get(spec, "matchConditions");
  bool unchanged = old && json_same(json_get(spec, "paramKind"), json_get(old, "paramKind")) &&
                   json_same(conditions, json_get(old, "matchConditions"));

  check_choice(v, path, spec, "failurePolicy", failure_policies, true);
  if (json_has(spec, "paramKind"))
    check_param_kind(v, VP(path, "paramKind"), json_get(spec, "paramKind"));
  if (json_has(spec, "matchConstraints")) {
    check_match_resources(v, VP(path, "matchConstraints"), match);
    if (!json_count(json_get(match, "resourceRules")))
      verr_required(v, VP(VP(path, "matchConstraints"), "resourceRules"), "");
    if (mutating)
      check_mutable_operations(v, VP(path, "matchConstraints"), match);
  } else {
    verr_required(v, VP(path, "matchConstraints"), "");
  }
  if (!unchanged)
    check_conditions(v, VP(path, "matchConditions"), conditions, found);
  check_variables(v, VP(path, "variables"), json_get(spec, "variables"), found);
}

static bool
has_line_breaks(struct span s)
{
  return memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n);
}

static void
check_validation(struct validation *v, const struct vpath *path, const struct json *o, const struct cel_report *found)
{
  static const char *const reasons[] = { "Forbidden", "Invalid", "RequestEntityTooLarge", NULL };
  struct span message = json_text_of(o, "message");

  take_expression(v, VP(path, "expression"), found);
  take_expression(v, VP(path, "messageExpression"), found);
  if (message.n && !span_trim(message).n)
    verr_invalid(v, VP(path, "message"), message, "must be non-empty if specified");
  else if (message.n && has_line_breaks(span_trim(message)))
    verr_invalid(v, VP(path, "message"), message, "must not contain line breaks");
  check_choice(v, path, o, "reason", reasons, false);
}

static void
check_annotations(struct validation *v, const struct vpath *path, const struct json *o, const struct json *list,
                  const struct cel_report *found)
{
  struct span name = json_text_of(json_get(o, "metadata"), "name");

  if (json_count(list) > ANNOTATIONS_MAX)
    verr_add(v, FIELD_INVALID, path, vgo(v, list, "io.k8s.api.admissionregistration.v1.AuditAnnotation"),
             "must not have more than %d auditAnnotations", ANNOTATIONS_MAX);
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    struct span key = json_text_of(json_at(list, i), "key");
    const char *whole = arena_printf(v->a, "%.*s/%.*s", SPAN_FMT(name), SPAN_FMT(key));

    if (name.n)
      (void)verr_format(v, VP(at, "key"), span_of(whole), TEXT_LABEL_KEY);
    else
      verr_invalid(v, VP(at, "key"), key, "requires metadata.name be non-empty");
    take_expression(v, VP(at, "valueExpression"), found);
    if (seen_before(list, i, "key", key))
      verr_duplicate(v, VP(at, "key"), key);
  }
}

static void
update_validating(struct validation *v, const struct json *o, const struct json *old)
{
  static const char nothing[] = "validations or auditAnnotations must contain at least one item";
  const struct json *spec = json_get(o, "spec"), *before = json_get(old, "spec");
  const struct json *list = json_get(spec, "validations"), *notes = json_get(spec, "auditAnnotations");
  const struct vpath *path = VP(NULL, "spec");
  struct cel_report found = { .a = v->a };

  cel_policy_check(CEL_POLICY_VALIDATING, spec, before, "spec", &found);
  check_policy(v, spec, before, false, &found);
  if (!json_count(list) && !json_count(notes)) {
    verr_required(v, VP(path, "validations"), nothing);
    verr_required(v, VP(path, "auditAnnotations"), nothing);
  }
  for (size_t i = 0; i < json_count(list); i++)
    check_validation(v, VP_ITEM(VP(path, "validations"), i), json_at(list, i), &found);
  check_annotations(v, VP(path, "auditAnnotations"), o, notes, &found);
}

static void
create_validating(struct validation *v, const struct json *o)
{
  update_validating(v, o, NULL);
}

static void
status_validating(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status"),
                    *list = json_dig(status, "typeChecking", "expressionWarnings", NULL);
  const struct vpath *path = VP(NULL, "status"), *at = VP(VP(path, "typeChecking"), "expressionWarnings");

  (void)old;
  for (size_t i = 0; i < json_count(list); i++) {
    if (!json_text_of(json_at(list, i), "warning").n)
      verr_required(v, VP(VP_ITEM(at, i), "warning"), "");
    if (!span_trim(json_text_of(json_at(list, i), "fieldRef")).n)
      verr_required(v, VP(VP_ITEM(at, i), "fieldRef"), "");
  }
  validate_conditions(v, VP(path, "conditions"), json_get(status, "conditions"));
}

/* One way to mutate: its own member has to be there, the other one must not. */
static void
check_mutation(struct validation *v, const struct vpath *path, const struct json *m, const struct cel_report *found)
{
  static const char *const types[] = { "ApplyConfiguration", "JSONPatch", NULL };
  struct span type = json_text_of(m, "patchType");
  bool apply = span_is(type, "ApplyConfiguration");
  const char *own = apply ? "applyConfiguration" : "jsonPatch", *other = apply ? "jsonPatch" : "applyConfiguration";

  if (!type.n) {
    verr_required(v, VP(path, "patchType"), "");
    return;
  }
  if (!is_one_of(type, types)) {
    verr_not_supported(v, VP(path, "patchType"), type, types);
    return;
  }
  if (json_has(m, own))
    take_expression(v, VP(VP(path, own), "expression"), found);
  else
    verr_required(v, VP(path, own), arena_printf(v->a, "must be specified when patchType is %.*s", SPAN_FMT(type)));
  if (json_has(m, other))
    verr_invalid(v, VP(path, other), span_of(arena_printf(v->a, "{%s}", other)),
                 arena_printf(v->a, "must not be specified when patchType is %.*s", SPAN_FMT(type)));
}

static void
update_mutating(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *before = json_get(old, "spec"), *list = json_get(spec, "mutations");
  const struct vpath *path = VP(NULL, "spec");
  struct cel_report found = { .a = v->a };

  cel_policy_check(CEL_POLICY_MUTATING, spec, before, "spec", &found);
  check_policy(v, spec, before, true, &found);
  if (!json_count(list))
    verr_required(v, VP(path, "mutations"), "mutations must contain at least one item");
  for (size_t i = 0; i < json_count(list); i++)
    check_mutation(v, VP_ITEM(VP(path, "mutations"), i), json_at(list, i), &found);
  if (!json_text_of(spec, "reinvocationPolicy").n)
    verr_required(v, VP(path, "reinvocationPolicy"), "");
  else
    check_choice(v, path, spec, "reinvocationPolicy", reinvocations, false);
}

static void
create_mutating(struct validation *v, const struct json *o)
{
  update_mutating(v, o, NULL);
}

/* -- bindings -- */

static void
check_param_ref(struct validation *v, const struct vpath *path, const struct json *ref)
{
  static const char *const actions[] = { "Deny", "Allow", NULL };
  static const char both[] = "name and selector are mutually exclusive";
  struct span name = json_text_of(ref, "name");
  bool selector = json_has(ref, "selector");

  if (name.n)
    (void)verr_format(v, VP(path, "name"), name, TEXT_PATH_SEGMENT);
  if (name.n && selector)
    verr_forbidden(v, VP(path, "name"), both);
  if (selector)
    validate_label_selector(v, VP(path, "selector"), json_get(ref, "selector"));
  if (name.n && selector)
    verr_forbidden(v, VP(path, "selector"), both);
  if (!name.n && !selector)
    verr_required(v, path, "one of name or selector must be specified");
  if (!json_text_of(ref, "parameterNotFoundAction").n)
    verr_required(v, VP(path, "parameterNotFoundAction"), "");
  else
    check_choice(v, path, ref, "parameterNotFoundAction", actions, false);
}

/* `covered`: a declarative rule says the same about the policy's name. */
static void
check_binding(struct validation *v, const struct json *spec, bool covered)
{
  const struct vpath *path = VP(NULL, "spec");
  struct span name = json_text_of(spec, "policyName");
  size_t mark = v->n;

  if (!name.n) {
    verr_required(v, VP(path, "policyName"), "");
    if (covered)
      validation_cover(v, mark, NULL);
  } else {
    (void)verr_format(v, VP(path, "policyName"), name, TEXT_DNS_SUBDOMAIN);
  }
  if (json_has(spec, "paramRef"))
    check_param_ref(v, VP(path, "paramRef"), json_get(spec, "paramRef"));
  if (json_has(spec, "matchResources"))
    check_match_resources(v, VP(path, "matchResources"), json_get(spec, "matchResources"));
}

static void
create_validating_binding(struct validation *v, const struct json *o)
{
  static const char *const actions[] = { "Audit", "Deny", "Warn", NULL };
  const struct json *spec = json_get(o, "spec"), *list = json_get(spec, "validationActions");
  const struct vpath *path = VP(VP(NULL, "spec"), "validationActions");
  size_t mark;

  check_binding(v, spec, true);
  for (size_t i = 0; i < json_count(list); i++) {
    struct span s = json_span(json_at(list, i));

    if (!is_one_of(s, actions))
      verr_not_supported(v, VP_ITEM(path, i), s, actions);
    if (seen_before(list, i, NULL, s))
      verr_duplicate(v, VP_ITEM(path, i), s);
  }
  if (has_text(list, "Deny") && has_text(list, "Warn"))
    invalid_list(v, path, list,
                 "must not contain both Deny and Warn (repeating the same validation failure information in the API "
                 "response and headers serves no purpose)");
  mark = v->n;
  if (!json_count(list)) {
    verr_required(v, path, "at least one validation action is required");
    validation_cover(v, mark, NULL);
  }
}

static void
create_mutating_binding(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");

  check_binding(v, spec, false);
  check_mutable_operations(v, VP(VP(NULL, "spec"), "matchResources"), json_get(spec, "matchResources"));
}

#define GROUP "admissionregistration.k8s.io"
#define ROW(kind_)                                                                            \
  .group = GROUP, .kind = (kind_), .cluster = true, .name = { .format = TEXT_DNS_SUBDOMAIN }, \
  .flags = VALIDATOR_META_AGAIN

const struct validator validators_admission[] = {
  { ROW("MutatingWebhookConfiguration"), .create = create_hooks, .update = update_hooks },
  { ROW("ValidatingWebhookConfiguration"), .create = create_hooks, .update = update_hooks },
  { ROW("ValidatingAdmissionPolicy"), .create = create_validating, .update = update_validating,
    .status = status_validating },
  { ROW("ValidatingAdmissionPolicyBinding"), .create = create_validating_binding },
  { ROW("MutatingAdmissionPolicy"), .create = create_mutating, .update = update_mutating },
  { ROW("MutatingAdmissionPolicyBinding"), .create = create_mutating_binding },
};
const size_t validator_admission_count = ARRAY_SIZE(validators_admission);
