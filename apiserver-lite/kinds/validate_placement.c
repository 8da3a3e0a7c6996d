/* Where pods may go: tolerations, affinity and spreading (core/validation: ValidateTolerations, validateAffinity ...).
 */
#include <ctype.h>

#include "number.h"
#include "validate_pod.h"

/* content.IsDecimalInteger, then Go's strconv.ParseInt. */
static void
check_integer(struct validation *v, const struct vpath *path, struct span s)
{
  struct span digits = span_starts(s, SPAN("-")) ? span_make(s.p + 1, s.n - 1) : s;
  bool good = digits.n && (digits.p[0] != '0' || s.n == 1), number = digits.n > 0;
  int64_t n;
  for (size_t i = 0; i < digits.n; i++)
    number &= isdigit((unsigned char)digits.p[i]) != 0;
  if (!good || !number)
    verr_invalid(v, path, s, s.n ? "must be a valid decimal integer in canonical form" : "must be non-empty");
  if (!number_int64(s, &n))
    verr_invalid(v, path, s,
                 arena_printf(v->a, "strconv.ParseInt: parsing %s: %s", vquote(v->a, s),
                              number ? "value out of range" : "invalid syntax"));
}

static void
check_toleration(struct validation *v, const struct vpath *path, const struct json *t)
{
  static const char *const operators[] = { "Equal", "Exists", NULL };
  static const char *const ordered[] = { "Equal", "Exists", "Lt", "Gt", NULL };
  static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute", NULL };
  struct span key = json_text_of(t, "key"), op = json_text_of(t, "operator"), value = json_text_of(t, "value"),
              effect = json_text_of(t, "effect");
  if (key.n) {
    size_t mark = v->n;
    (void)verr_format(v, VP(path, "key"), key, TEXT_LABEL_KEY);
    validation_cover(v, mark, NULL);
  } else if (!span_is(op, "Exists"))
    verr_invalid(v, VP(path, "operator"), op,
                 "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  if (json_has(t, "tolerationSeconds") && !span_is(effect, "NoExecute"))
    verr_invalid(v, VP(path, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  if (!op.n || span_is(op, "Equal")) {
    const char *problems[TEXT_PROBLEMS_MAX], *all = "";
    size_t n = text_check(v->a, TEXT_LABEL_VALUE, value, problems);
    for (size_t i = 0; i < n; i++)
      all = arena_printf(v->a, "%s%s%s", all, i ? ";" : "", problems[i]);
    if (n)
      verr_invalid(v, VP(path, "operator"), value, all);
  } else if (span_is(op, "Exists")) {
    if (value.n)
      verr_invalid(v, VP(path, "operator"), value, "value must be empty when `operator` is 'Exists'");
  } else if (!span_is(op, "Lt") && !span_is(op, "Gt"))
    validate_known(v, VP(path, "operator"), json_get(t, "operator"), operators);
  else if (validation_gate(v, "TaintTolerationComparisonOperators"))
    check_integer(v, VP(path, "value"), value);
  else
    verr_not_supported(v, VP(path, "operator"), op, ordered);
  if (effect.n)
    validate_choice(v, path, t, "effect", effects);
}

bool
validate_tolerations(struct validation *v, const struct vpath *path, const struct json *list)
{
  size_t mark = v->n;
  for (size_t i = 0; i < json_count(list); i++)
    check_toleration(v, VP_ITEM(path, i), json_at(list, i));
  return v->n == mark;
}

/* -- affinity and spreading -- */

static void
check_label_keys(struct validation *v, const struct vpath *path, const struct json *keys, const struct json *selector)
{
  if (json_count(keys) && json_type(selector) == JSON_NULL) {
    verr_forbidden(v, path, "must not be specified when labelSelector is not set");
    return;
  }
  for (size_t i = 0; i < json_count(keys); i++)
    (void)verr_format(v, VP_ITEM(path, i), json_span(json_at(keys, i)), TEXT_LABEL_KEY);
}

static bool
has_key(const struct json *list, size_t n, struct span key, size_t *ret_at)
{
  bool found = false;
  for (size_t i = 0; i < n; i++)
    if (span_eq(json_span(json_at(list, i)), key)) {
      *ret_at = i;
      found = true;
    }
  return found;
}

/*
 * Keys whose values are those of the pod (ValidateMatchLabelKeysAndMismatchLabelKeys). Those of matchLabelKeys were
 * added to the selector's expressions before: one that is there twice was there already.
 */
static void
check_match_keys(struct validation *v, const struct vpath *path, const struct json *term)
{
  const struct json *keys = json_get(term, "matchLabelKeys"), *other = json_get(term, "mismatchLabelKeys"),
                    *selector = json_get(term, "labelSelector"), *list = json_get(selector, "matchExpressions");
  size_t at;
  check_label_keys(v, VP(path, "matchLabelKeys"), keys, selector);
  check_label_keys(v, VP(path, "mismatchLabelKeys"), other, selector);
  for (size_t i = 0; i < json_count(list); i++) {
    struct span key = json_text_of(json_at(list, i), "key");
    bool before = json_get_n(json_get(selector, "matchLabels"), key.p, key.n) != NULL;
    for (size_t j = 0; j < i; j++)
      before |= span_eq(json_text_of(json_at(list, j), "key"), key);
    if (before && has_key(keys, json_count(keys), key, &at))
      verr_add(v, FIELD_INVALID, VP_ITEM(path, at), vquote(v->a, key),
               "exists in both matchLabelKeys and labelSelector")
          ->origin = "duplicatedLabelKeys";
  }
  for (size_t i = 0; i < json_count(keys); i++)
    if (has_key(other, json_count(other), json_span(json_at(keys, i)), &at))
      verr_invalid(v, VP_ITEM(VP(path, "matchLabelKeys"), i), json_span(json_at(keys, i)),
                   "exists in both matchLabelKeys and mismatchLabelKeys");
}

static void
check_pod_terms(struct validation *v, const struct vpath *up, const struct json *affinity)
{
  static const char *const lists[] = { "requiredDuringSchedulingIgnoredDuringExecution",
                                       "preferredDuringSchedulingIgnoredDuringExecution" };
  for (size_t k = 0; k < 2; k++) {
    const struct json *list = json_get(affinity, lists[k]);
    for (size_t i = 0; i < json_count(list); i++) {
      const struct json *item = json_at(list, i), *term = k ? json_get(item, "podAffinityTerm") : item;
      const struct vpath *entry = VP_ITEM(VP(up, lists[k]), i), *at = k ? VP(entry, "podAffinityTerm") : entry;
      int64_t weight = json_get_int(item, "weight", 0);
      if (k && (weight <= 0 || weight > 100))
        verr_invalid_int(v, VP(entry, "weight"), weight, "must be in the range 1-100");
      validate_label_selector(v, VP(at, "labelSelector"), json_get(term, "labelSelector"));
      validate_label_selector(v, VP(at, "namespaceSelector"), json_get(term, "namespaceSelector"));
      for (json_each_item (ns, json_get(term, "namespaces")))
        (void)verr_format(v, VP(at, "namespace"), json_span(*ns), TEXT_DNS_LABEL);
      check_match_keys(v, at, term);
      struct span key = json_text_of(term, "topologyKey");
      if (!key.n)
        verr_required(v, VP(at, "topologyKey"), "can not be empty");
      (void)verr_format(v, VP(at, "topologyKey"), key, TEXT_LABEL_KEY);
    }
  }
}

void
validate_affinity(struct validation *v, const struct vpath *path, const struct json *affinity)
{
  const struct json *node = json_get(affinity, "nodeAffinity"),
                    *required = json_get(node, "requiredDuringSchedulingIgnoredDuringExecution"),
                    *preferred = json_get(node, "preferredDuringSchedulingIgnoredDuringExecution");
  const struct vpath *at = VP(path, "nodeAffinity");
  if (json_type(required) != JSON_NULL)
    validate_node_selector(v, VP(at, "requiredDuringSchedulingIgnoredDuringExecution"), required);
  for (size_t i = 0; i < json_count(preferred); i++) {
    const struct vpath *entry = VP_ITEM(VP(at, "preferredDuringSchedulingIgnoredDuringExecution"), i);
    int64_t weight = json_get_int(json_at(preferred, i), "weight", 0);
    if (weight <= 0 || weight > 100)
      verr_invalid_int(v, VP(entry, "weight"), weight, "must be in the range 1-100");
    validate_node_selector_term(v, VP(entry, "preference"), json_get(json_at(preferred, i), "preference"), true);
  }
  check_pod_terms(v, VP(path, "podAffinity"), json_get(affinity, "podAffinity"));
  check_pod_terms(v, VP(path, "podAntiAffinity"), json_get(affinity, "podAntiAffinity"));
}

/* Before the keys were merged into the selector (ValidateMatchLabelKeysInTopologySpread). */
static void
check_spread_keys(struct validation *v, const struct vpath *path, const struct json *c)
{
  const struct json *keys = json_get(c, "matchLabelKeys"), *selector = json_get(c, "labelSelector");
  if (validation_gate(v, "MatchLabelKeysInPodTopologySpread") &&
      validation_gate(v, "MatchLabelKeysInPodTopologySpreadSelectorMerge")) {
    check_match_keys(v, path, c);
    return;
  }
  if (json_count(keys) && json_type(selector) == JSON_NULL)
    verr_forbidden(v, VP(path, "matchLabelKeys"), "must not be specified when labelSelector is not set");
  for (size_t i = 0; i < json_count(keys); i++) {
    struct span key = json_span(json_at(keys, i));
    bool there = json_get_n(json_get(selector, "matchLabels"), key.p, key.n) != NULL;
    for (json_each_item (e, json_get(selector, "matchExpressions")))
      there |= span_eq(json_text_of(*e, "key"), key);
    (void)verr_format(v, VP_ITEM(VP(path, "matchLabelKeys"), i), key, TEXT_LABEL_KEY);
    if (there)
      verr_invalid(v, VP_ITEM(VP(path, "matchLabelKeys"), i), key, "exists in both matchLabelKeys and labelSelector");
  }
}

static void
check_min_domains(struct validation *v, const struct vpath *path, const struct json *c)
{
  int64_t n = json_get_int(c, "minDomains", 0);
  struct span action = json_text_of(c, "whenUnsatisfiable");
  if (!json_has(c, "minDomains"))
    return;
  if (n <= 0)
    verr_invalid_int(v, path, n, "must be greater than zero");
  if (!span_is(action, "DoNotSchedule"))
    verr_invalid_int(
        v, path, n,
        arena_printf(v->a, "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not %.*s", SPAN_FMT(action)));
}

void
validate_spreading(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const actions[] = { "DoNotSchedule", "ScheduleAnyway", NULL };
  static const char *const policies[] = { "Honor", "Ignore", NULL };
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *c = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span key = json_text_of(c, "topologyKey"), action = json_text_of(c, "whenUnsatisfiable");
    int64_t skew = json_get_int(c, "maxSkew", 0);
    if (skew <= 0)
      verr_invalid_int(v, VP(at, "maxSkew"), skew, "must be greater than zero");
    if (!key.n)
      verr_required(v, VP(at, "topologyKey"), "can not be empty");
    validate_listed(v, at, c, "whenUnsatisfiable", actions);
    for (size_t j = i + 1; j < json_count(list); j++)
      if (span_eq(json_text_of(json_at(list, j), "topologyKey"), key) &&
          span_eq(json_text_of(json_at(list, j), "whenUnsatisfiable"), action)) {
        verr_duplicate(v, VP(at, "{topologyKey, whenUnsatisfiable}"),
                       span_of(arena_printf(v->a, "{%.*s, %.*s}", SPAN_FMT(key), SPAN_FMT(action))));
        break;
      }
    check_min_domains(v, VP(at, "minDomains"), c);
    validate_known(v, VP(at, "nodeAffinityPolicy"), json_get(c, "nodeAffinityPolicy"), policies);
    validate_known(v, VP(at, "nodeTaintsPolicy"), json_get(c, "nodeTaintsPolicy"), policies);
    check_spread_keys(v, at, c);
    validate_label_selector(v, VP(at, "labelSelector"), json_get(c, "labelSelector"));
  }
}
