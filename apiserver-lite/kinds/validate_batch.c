/* Jobs and cron jobs (pkg/apis/batch/validation). */
#include "number.h"
#include "object.h"
#include "selector.h"
#include "validate_pod.h"
#include "validate_schedule.h"
#include "validate_workload.h"

enum {
  COMPLETIONS_MANY = 100000, /* completionsSoftLimit, and the most of anything in an indexed job */
  OF_MANY_MAX = 10000,       /* parallelism and failed indexes of a job with more completions than that */
  RULES_MAX = 20,
  EXIT_CODES_MAX = 255,
  MANAGED_BY_MAX = 63,
  SUCCEEDED_INDEXES_MAX = 64 * 1024,
  CRON_JOB_NAME_MAX = 52, /* a job's name has eleven more characters */
};

static bool
is_indexed(const struct json *spec)
{
  return span_is(json_text_of(spec, "completionMode"), "Indexed");
}

/* -- failure policies -- */

/* Every container's name of the template. */
static bool
has_container(const struct json *spec, struct span name)
{
  const struct json *pod = json_dig(spec, "template", "spec", NULL);
  return validate_find_named(json_get(pod, "containers"), name) ||
         validate_find_named(json_get(pod, "initContainers"), name);
}

static void
check_exit_code(struct validation *v, const struct vpath *path, const struct json *values, size_t i, bool in)
{
  int64_t code = json_int_or(json_at(values, i), 0);
  if (in && code == 0)
    verr_invalid_int(v, path, code, "must not be 0 for the In operator");
  for (size_t j = 0; j < i; j++)
    if (json_int_or(json_at(values, j), 0) == code) {
      verr_add(v, FIELD_DUPLICATE, path, arena_printf(v->a, "%lld", (long long)code), "%s", "");
      return;
    }
}

static void
check_exit_codes(struct validation *v, const struct vpath *path, const struct json *codes, const struct json *spec)
{
  static const char *const operators[] = { "In", "NotIn", NULL };
  const struct json *values = json_get(codes, "values");
  struct span operator= json_text_of(codes, "operator"), name = json_text_of(codes, "containerName");
  bool ordered = true;
  if (!operator.n)
    verr_required(v, VP(path, "operator"), "valid values: [\"In\" \"NotIn\"]");
  else
    validate_choice(v, path, codes, "operator", operators);
  if (json_has(codes, "containerName") && !has_container(spec, name))
    verr_invalid(v, VP(path, "containerName"), name,
                 "must be one of the container or initContainer names in the pod template");
  if (!json_count(values))
    verr_add(v, FIELD_INVALID, VP(path, "values"), vjson(v->a, values), "at least one value is required");
  else if (json_count(values) > EXIT_CODES_MAX)
    verr_too_many(v, VP(path, "values"), json_count(values), EXIT_CODES_MAX);
  for (size_t i = 0; i < json_count(values); i++) {
    check_exit_code(v, VP_ITEM(VP(path, "values"), i), values, i, span_is(operator, "In"));
    ordered &= !i || json_int_or(json_at(values, i - 1), 0) <= json_int_or(json_at(values, i), 0);
  }
  if (!ordered)
    verr_add(v, FIELD_INVALID, VP(path, "values"), vjson(v->a, values), "must be ordered");
}

static void
check_pod_conditions(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const statuses[] = { "False", "True", "Unknown", NULL };
  if (json_count(list) > RULES_MAX)
    verr_too_many(v, path, json_count(list), RULES_MAX);
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *pattern = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    (void)verr_format(v, VP(at, "type"), json_text_of(pattern, "type"), TEXT_LABEL_KEY);
    if (!json_text_of(pattern, "status").n)
      verr_required(v, VP(at, "status"), "valid values: [\"False\" \"True\" \"Unknown\"]");
    else
      validate_choice(v, at, pattern, "status", statuses);
  }
}

static void
check_failure_rule(struct validation *v, const struct vpath *path, const struct json *rule, const struct json *spec)
{
  static const char *const actions[] = { "Count", "FailIndex", "FailJob", "Ignore", NULL }, *const before_28[] = {
    "Count", "FailJob", "Ignore", NULL
  };
  bool by_index = validation_minor(v) >= 28;
  struct span action = json_text_of(rule, "action");
  bool codes = json_has(rule, "onExitCodes"), conditions = json_count(json_get(rule, "onPodConditions"));
  if (!action.n)
    verr_required(v, VP(path, "action"),
                  by_index ? "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"
                           : "valid values: [\"Count\" \"FailJob\" \"Ignore\"]");
  else if (by_index && span_is(action, "FailIndex")) {
    if (!json_has(spec, "backoffLimitPerIndex"))
      verr_invalid(v, VP(path, "action"), action, "requires the backoffLimitPerIndex to be set");
  } else
    validate_choice(v, path, rule, "action", by_index ? actions : before_28);
  if (codes)
    check_exit_codes(v, VP(path, "onExitCodes"), json_get(rule, "onExitCodes"), spec);
  if (conditions)
    check_pod_conditions(v, VP(path, "onPodConditions"), json_get(rule, "onPodConditions"));
  if (codes && conditions)
    verr_add(v, FIELD_INVALID, path, NULL, "specifying both OnExitCodes and OnPodConditions is not supported");
  if (!codes && !conditions)
    verr_add(v, FIELD_INVALID, path, NULL, "specifying one of OnExitCodes and OnPodConditions is required");
}

static void
check_failure_policy(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *rules = json_dig(spec, "podFailurePolicy", "rules", NULL);
  if (json_count(rules) > RULES_MAX)
    verr_too_many(v, path, json_count(rules), RULES_MAX);
  for (size_t i = 0; i < json_count(rules); i++)
    check_failure_rule(v, VP_ITEM(path, i), json_at(rules, i), spec);
}

static void
check_replacement(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const policies[] = { "Failed", "TerminatingOrFailed", NULL }, *const only[] = { "Failed", NULL };
  struct span policy = json_text_of(spec, "podReplacementPolicy");
  bool failed_only = json_has(spec, "podFailurePolicy");
  if (!json_has(spec, "podReplacementPolicy") || span_is(policy, policies[0]) ||
      (!failed_only && span_is(policy, policies[1])))
    return;
  verr_not_supported(v, VP(path, "podReplacementPolicy"), policy, failed_only ? only : policies);
}

/* -- success policies -- */

struct interval {
  int64_t first, last;
};

/* "3" or "3-5", below `completions`; else what is wrong with it. */
static const char *
parse_interval(struct arena *a, struct span text, int64_t completions, struct interval *ret)
{
  struct span last, first = span_cut(text, '-', &last);
  bool range = last.p != NULL;
  if (range && memchr(last.p, '-', last.n))
    return arena_printf(a,
                        "the fragment %s violates the requirement that an index interval can have at most two parts "
                        "separated by '-'",
                        vquote(a, text));
  if (!number_int64(first, &ret->first))
    return arena_printf(a, "cannot convert string to integer for index: %s", vquote(a, first));
  if (ret->first >= completions)
    return arena_printf(a, "too large index: %s", vquote(a, first));
  ret->last = ret->first;
  if (!range)
    return NULL;
  if (!number_int64(last, &ret->last))
    return arena_printf(a, "cannot convert string to integer for index: %s", vquote(a, last));
  if (ret->last >= completions)
    return arena_printf(a, "too large index: %s", vquote(a, last));
  if (ret->first >= ret->last)
    return arena_printf(a, "non-increasing order, previous: %lld, current: %lld", (long long)ret->first,
                        (long long)ret->last);
  return NULL;
}

/* Intervals in rising order, with commas between them; *ret_total: how many indexes they have. */
static const char *
parse_indexes(struct arena *a, struct span text, int64_t completions, int64_t *ret_total)
{
  struct interval it = { .last = -1 };
  *ret_total = 0;
  if (!text.n)
    return NULL;
  for (bool first = true; text.p; first = false) {
    int64_t before = it.last;
    const char *wrong = parse_interval(a, span_cut(text, ',', &text), completions, &it);
    if (!wrong && !first && before >= it.first)
      wrong = arena_printf(a, "non-increasing order, previous: %lld, current: %lld", (long long)before,
                           (long long)it.first);
    if (wrong) {
      *ret_total = 0;
      return wrong;
    }
    *ret_total += it.last - it.first + 1;
  }
  return NULL;
}

static void
check_success_rule(struct validation *v, const struct vpath *path, const struct json *rule, int64_t completions)
{
  bool has_count = json_has(rule, "succeededCount"), has_indexes = json_has(rule, "succeededIndexes");
  struct span indexes = json_text_of(rule, "succeededIndexes");
  int64_t count = json_get_int(rule, "succeededCount", 0), total = 0;
  const char *wrong = has_indexes ? parse_indexes(v->a, indexes, completions, &total) : NULL;
  if (!has_count && !has_indexes)
    verr_required(v, path, "at least one of succeededCount or succeededIndexes must be specified");
  if (indexes.n > SUCCEEDED_INDEXES_MAX)
    verr_too_long(v, VP(path, "succeededIndexes"), SUCCEEDED_INDEXES_MAX);
  if (wrong)
    verr_invalid(v, VP(path, "succeededIndexes"), indexes,
                 arena_printf(v->a, "error parsing succeededIndexes: %s", wrong));
  validate_not_negative(v, path, rule, "succeededCount");
  if (has_count && count > completions)
    verr_invalid_int(v, VP(path, "succeededCount"), count,
                     arena_printf(v->a, "must be less than or equal to %lld (the number of specified completions)",
                                  (long long)completions));
  if (has_count && has_indexes && count > total)
    verr_invalid_int(v, VP(path, "succeededCount"), count,
                     arena_printf(v->a,
                                  "must be less than or equal to %lld (the number of indexes in the specified "
                                  "succeededIndexes field)",
                                  (long long)total));
}

static void
check_success_policy(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *policy = json_get(spec, "successPolicy"), *rules = json_get(policy, "rules");
  if (!is_indexed(spec)) {
    verr_add(v, FIELD_INVALID, path, vgo(v, policy, "io.k8s.api.batch.v1.SuccessPolicy"),
             "requires indexed completion mode");
    return;
  }
  if (!json_count(rules))
    verr_required(v, VP(path, "rules"), "at least one rules must be specified when the successPolicy is specified");
  if (json_count(rules) > RULES_MAX)
    verr_too_many(v, VP(path, "rules"), json_count(rules), RULES_MAX);
  for (size_t i = 0; i < json_count(rules); i++)
    check_success_rule(v, VP_ITEM(VP(path, "rules"), i), json_at(rules, i), json_get_int(spec, "completions", 0));
}

/* -- the rest of a job -- */

static void
check_most(struct validation *v, const struct vpath *path, const struct json *spec, const char *name, int64_t most,
           const char *when)
{
  int64_t n = json_get_int(spec, name, 0);
  if (json_has(spec, name) && n > most)
    verr_invalid_int(v, VP(path, name), n,
                     arena_printf(v->a, "must be less than or equal to %lld%s", (long long)most, when));
}

static void
check_indexed(struct validation *v, const struct vpath *path, const struct json *spec)
{
  int64_t completions = json_get_int(spec, "completions", 0), failed = json_get_int(spec, "maxFailedIndexes", 0);
  static const char of_many[] = " when completions are above 100000 and used with backoff limit per index";
  if (!json_has(spec, "completions"))
    verr_required(v, VP(path, "completions"), "when completion mode is Indexed");
  check_most(v, path, spec, "parallelism", COMPLETIONS_MANY, " when completion mode is Indexed");
  if (json_has(spec, "completions") && json_has(spec, "maxFailedIndexes") && failed > completions)
    verr_invalid_int(v, VP(path, "maxFailedIndexes"), failed, "must be less than or equal to completions");
  check_most(v, path, spec, "maxFailedIndexes", COMPLETIONS_MANY, "");
  if (completions <= COMPLETIONS_MANY || !json_has(spec, "backoffLimitPerIndex"))
    return;
  if (!json_has(spec, "maxFailedIndexes"))
    verr_required(v, VP(path, "maxFailedIndexes"), "must be specified when completions is above 100000");
  check_most(v, path, spec, "parallelism", OF_MANY_MAX, of_many);
  check_most(v, path, spec, "maxFailedIndexes", OF_MANY_MAX, of_many);
}

static void
check_mode(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const modes[] = { "NonIndexed", "Indexed", NULL }, *const by_index[] = { "backoffLimitPerIndex",
                                                                                              "maxFailedIndexes" };
  struct span mode = json_text_of(spec, "completionMode");
  bool set = json_has(spec, "completionMode");
  if (set && !span_is(mode, modes[0]) && !span_is(mode, modes[1]))
    verr_not_supported(v, VP(path, "completionMode"), mode, modes);
  if (is_indexed(spec))
    check_indexed(v, path, spec);
  for (size_t i = 0; i < ARRAY_SIZE(by_index) && (!set || span_is(mode, modes[0])); i++)
    if (json_has(spec, by_index[i]))
      verr_invalid_int(v, VP(path, by_index[i]), json_get_int(spec, by_index[i], 0),
                       "requires indexed completion mode");
}

static bool
is_url_path(struct span s)
{
  static const char marks[] = "/-._~%!$&'()*+,;=:";
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && (!c || !strchr(marks, c)))
      return false;
  }
  return true;
}

/* A controller's name: IsDomainPrefixedPath, then the length. */
static void
check_managed_by(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span name = json_text_of(spec, "managedBy"), rest, host = span_cut(name, '/', &rest);
  const struct vpath *at = VP(path, "managedBy");
  if (!json_has(spec, "managedBy"))
    return;
  if (!name.n)
    verr_required(v, at, "");
  else if (!host.n || !rest.n)
    verr_invalid(v, at, name, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  else {
    (void)verr_format(v, at, host, TEXT_DNS_SUBDOMAIN);
    if (!is_url_path(rest))
      verr_invalid(v, at, rest, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
  }
  if (name.n > MANAGED_BY_MAX)
    verr_too_long(v, at, MANAGED_BY_MAX);
}

static void
check_restart_policy(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const ends[] = { "OnFailure", "Never", NULL };
  struct span policy = json_text_of(json_dig(spec, "template", "spec", NULL), "restartPolicy");
  if (!policy.n || span_is(policy, "Always"))
    verr_required(v, path, "valid values: \"OnFailure\", \"Never\"");
  else if (!span_is(policy, ends[0]) && !span_is(policy, ends[1]))
    verr_not_supported(v, path, policy, ends);
  else if (json_has(spec, "podFailurePolicy") && !span_is(policy, "Never"))
    verr_invalid(v, path, policy, "only \"Never\" is supported when podFailurePolicy is specified");
}

/* What jobs and the jobs of cron jobs have in common (validateJobSpec). */
static void
check_job_spec(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const counts[] = { "parallelism",
                                        "completions",
                                        "activeDeadlineSeconds",
                                        "backoffLimit",
                                        "ttlSecondsAfterFinished",
                                        "backoffLimitPerIndex",
                                        "maxFailedIndexes",
                                        NULL };
  validate_none_negative(v, path, spec, counts);
  if (json_has(spec, "maxFailedIndexes") && !json_has(spec, "backoffLimitPerIndex"))
    verr_required(v, VP(path, "backoffLimitPerIndex"), "when maxFailedIndexes is specified");
  check_managed_by(v, path, spec);
  check_mode(v, path, spec);
  if (json_has(spec, "podFailurePolicy"))
    check_failure_policy(v, VP(VP(path, "podFailurePolicy"), "rules"), spec);
  if (json_has(spec, "successPolicy"))
    check_success_policy(v, VP(path, "successPolicy"), spec);
  check_replacement(v, path, spec);
  validate_pod_template(v, VP(path, "template"), json_get(spec, "template"));
  check_restart_policy(v, VP(VP(VP(path, "template"), "spec"), "restartPolicy"), spec);
}

/* ... and jobs alone: pods are selected (ValidateJobSpec). */
static void
check_whole_spec(struct validation *v, const struct json *spec)
{
  const struct vpath *path = VP(NULL, "spec");
  check_job_spec(v, path, spec);
  if (json_has(spec, "selector"))
    validate_label_selector(v, VP(path, "selector"), json_get(spec, "selector"));
  else
    verr_required(v, VP(path, "selector"), "");
  (void)validate_template_selected(v, path, spec);
}

/* The last pod's name has to be a name. */
static void
check_pod_name(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  int64_t completions = json_get_int(spec, "completions", 0);
  const char *problems[TEXT_PROBLEMS_MAX], *name = object_name(o);
  const char *last = arena_printf(v->a, "%s-%lld", name, (long long)completions - 1);
  if (is_indexed(spec) && completions > 0 && text_check(v->a, TEXT_DNS_LABEL, span_of(last), problems))
    verr_invalid(v, VP(VP(NULL, "metadata"), "name"), span_of(name),
                 arena_printf(v->a, "will not able to create pod with invalid DNS label: %s", last));
}

/* A label that the registry has made, unless the client had one there (strategy_job.c). */
static void
check_made_label(struct validation *v, const struct json *o, const char *key, const char *value)
{
  const struct json *labels = object_labels(json_dig(o, "spec", "template", NULL));
  const struct vpath *path = VP_KEY(VP(VP(VP(VP(NULL, "spec"), "template"), "metadata"), "labels"), key);
  const char *text = arena_printf(v->a, "must be '%s'", value);
  if (!json_get(labels, key))
    verr_required(v, path, text);
  else if (!span_is(json_text_of(labels, key), value))
    verr_add(v, FIELD_INVALID, path, vjson(v->a, labels), "%s", text);
}

static void
check_made_selector(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *selector = json_get(spec, "selector");
  const char *uid = object_uid(o), *name = object_name(o);
  bool prefixed = validation_minor(v) > 26;
  struct label_selector *s;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  if (json_get_bool(spec, "manualSelector", false) || !json_has(spec, "selector"))
    return;
  struct json *made = json_new_object(v->a);
  check_made_label(v, o, "controller-uid", uid);
  check_made_label(v, o, "job-name", name);
  json_set_str(v->a, made, "controller-uid", uid);
  json_set_str(v->a, made, "job-name", name);
  if (prefixed) {
    check_made_label(v, o, "batch.kubernetes.io/controller-uid", uid);
    check_made_label(v, o, "batch.kubernetes.io/job-name", name);
    json_set_str(v->a, made, "batch.kubernetes.io/controller-uid", uid);
    json_set_str(v->a, made, "batch.kubernetes.io/job-name", name);
  }
  if (label_selector_from_json(v->a, selector, &s, &err) == 0 && !label_selector_matches(s, made))
    verr_add(v, FIELD_INVALID, VP(VP(NULL, "spec"), "selector"), vgo(v, selector, VALIDATE_SELECTOR_TYPE),
             "`selector` not auto-generated");
}

static void
create_job(struct validation *v, const struct json *o)
{
  check_made_selector(v, o);
  check_whole_spec(v, json_get(o, "spec"));
  check_pod_name(v, o);
}

/* -- updates of jobs -- */

/* May the template change? Only in a suspended job that has not begun, or has nothing running any more. */
static bool
may_change_template(struct validation *v, const struct json *old, const char *gate)
{
  const struct json *status = json_get(old, "status");
  bool begun = json_has(status, "startTime"), stopped = false;
  if (!json_get_bool(json_get(old, "spec"), "suspend", false))
    return false;
  if (!validation_gate(v, gate))
    return !begun;
  for (json_each_item (c, json_get(status, "conditions")))
    stopped |= span_is(json_text_of(*c, "type"), "Suspended") && span_is(json_text_of(*c, "status"), "True");
  return (!begun || stopped) && !json_get_int(status, "active", 0);
}

static void
put_member(struct arena *a, struct json *o, const struct json *from, const char *name)
{
  const struct json *now = json_get(from, name);
  if (now)
    json_set(a, o, name, json_copy(a, now));
  else
    json_remove(o, name);
}

/* The old template with what decides about where its pods run as the new one has it. */
static const struct json *
with_directives_of(struct arena *a, const struct json *template, const struct json *old)
{
  static const char *const directives[] = { "nodeSelector", "tolerations", "schedulingGates" };
  struct json *ret = json_copy(a, old), *spec = json_ensure_object(a, ret, "spec");
  const struct json *now = json_get(template, "spec"), *affinity = json_get(now, "affinity");
  struct json *was = json_find(spec, "affinity");
  for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
    put_member(a, spec, now, directives[i]);
  put_member(a, json_ensure_object(a, ret, "metadata"), json_get(template, "metadata"), "annotations");
  put_member(a, json_ensure_object(a, ret, "metadata"), json_get(template, "metadata"), "labels");
  if (json_type(affinity) == JSON_NULL && !was)
    return ret;
  was = json_ensure_object(a, spec, "affinity");
  put_member(a, was, affinity, "nodeAffinity");
  if (json_type(affinity) == JSON_NULL && !json_count(was))
    json_remove(spec, "affinity");
  return ret;
}

/* The old pod with the resources of the new one's containers, where they are the same ones. */
static const struct json *
with_resources_of(struct arena *a, const struct json *pod, const struct json *old)
{
  static const char *const lists[] = { "containers", "initContainers" };
  struct json *ret = json_copy(a, old);
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
    const struct json *now = json_get(pod, lists[i]);
    struct json *was = json_find(ret, lists[i]);
    for (size_t j = 0; was && j < json_count(now) && json_count(now) == json_count(was); j++)
      if (span_eq(json_text_of(json_at(now, j), "name"), json_text_of(json_at(was, j), "name")))
        put_member(a, json_item(was, j), json_at(now, j), "resources");
  }
  return ret;
}

static void
keep_template(struct validation *v, const struct json *o, const struct json *old)
{
  static const char resources[] = "MutablePodResourcesForSuspendedJobs";
  const struct json *now = json_dig(o, "spec", "template", NULL), *was = json_dig(old, "spec", "template", NULL);
  const struct vpath *path = VP(VP(NULL, "spec"), "template");
  if (may_change_template(v, old, "MutableSchedulingDirectivesForSuspendedJobs"))
    was = with_directives_of(v->a, now, was);
  if (validation_gate(v, resources) && may_change_template(v, old, resources)) {
    const struct json *pod = json_get(now, "spec");
    validate_immutable(v, VP(path, "spec"), pod, with_resources_of(v->a, pod, json_get(was, "spec")),
                       vgo(v, pod, "io.k8s.api.core.v1.PodSpec"));
    return;
  }
  validate_immutable(v, path, now, was, json_same(now, was) ? NULL : vgo(v, now, "io.k8s.api.core.v1.PodTemplateSpec"));
}

static void
keep_completions(struct validation *v, const struct json *spec, const struct json *was)
{
  const struct json *now = json_get(spec, "completions");
  const struct vpath *path = VP(VP(NULL, "spec"), "completions");
  if (!is_indexed(spec))
    validate_immutable(v, path, now, json_get(was, "completions"), NULL);
  else if (json_has(spec, "completions") && !json_same(now, json_get(was, "completions")) &&
           json_int_or(now, 0) != json_get_int(spec, "parallelism", 0))
    verr_invalid_int(v, path, json_int_or(now, 0), "can only be modified in tandem with spec.parallelism");
}

static void
update_job(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct {
    const char *name, *type;
  } fixed[] = {
    { "completionMode", NULL },
    { "podFailurePolicy", "io.k8s.api.batch.v1.PodFailurePolicy" },
    { "backoffLimitPerIndex", NULL },
    { "managedBy", NULL },
    { "successPolicy", "io.k8s.api.batch.v1.SuccessPolicy" },
  };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec"), *selector = json_get(spec, "selector");
  const struct vpath *path = VP(NULL, "spec");
  check_whole_spec(v, spec);
  keep_completions(v, spec, was);
  validate_immutable(v, VP(path, "selector"), selector, json_get(was, "selector"),
                     vgo(v, selector, VALIDATE_SELECTOR_TYPE));
  keep_template(v, o, old);
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const struct json *now = json_get(spec, fixed[i].name);
    validate_immutable(v, VP(path, fixed[i].name), now, json_get(was, fixed[i].name),
                       fixed[i].type ? vgo(v, now, fixed[i].type) : NULL);
  }
  check_pod_name(v, o);
}

/* -- cron jobs -- */

static void
check_cron_spec(struct validation *v, const struct json *spec, const struct json *old)
{
  static const char *const policies[] = { "Allow", "Forbid", "Replace", NULL }, *const manual[] = { "nil", "false",
                                                                                                    NULL };
  const struct vpath *path = VP(NULL, "spec"), *at = VP(VP(path, "jobTemplate"), "spec");
  const struct json *job = json_dig(spec, "jobTemplate", "spec", NULL), *zone = json_get(spec, "timeZone");
  if (!json_text_of(spec, "schedule").n) {
    verr_required(v, VP(path, "schedule"), "");
    validation_cover(v, v->n - 1, NULL);
  } else
    validate_schedule(v, VP(path, "schedule"), spec, old);
  validate_not_negative(v, path, spec, "startingDeadlineSeconds");
  if (!old || !json_same(zone, json_get(old, "timeZone")))
    validate_time_zone(v, VP(path, "timeZone"), zone);
  validate_choice(v, path, spec, "concurrencyPolicy", policies);
  check_job_spec(v, at, job);
  if (json_has(job, "selector"))
    verr_add(v, FIELD_INVALID, VP(at, "selector"), vgo(v, json_get(job, "selector"), VALIDATE_SELECTOR_TYPE),
             "`selector` will be auto-generated");
  if (json_get_bool(job, "manualSelector", false))
    verr_unsupported(v, VP(at, "manualSelector"), "true", manual);
  validate_not_negative(v, path, spec, "successfulJobsHistoryLimit");
  validate_not_negative(v, path, spec, "failedJobsHistoryLimit");
}

static void
create_cron_job(struct validation *v, const struct json *o)
{
  struct span name = span_of(object_name(o));
  check_cron_spec(v, json_get(o, "spec"), NULL);
  if (name.n > CRON_JOB_NAME_MAX)
    verr_invalid(v, VP(VP(NULL, "metadata"), "name"), name, "must be no more than 52 characters");
}

static void
update_cron_job(struct validation *v, const struct json *o, const struct json *old)
{
  check_cron_spec(v, json_get(o, "spec"), json_get(old, "spec"));
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_batch[] = {
  { "batch", "Job", .name = SUBDOMAIN, .create = create_job, .update = update_job },
  { "batch", "CronJob", .name = SUBDOMAIN, .create = create_cron_job, .update = update_cron_job },
};
const size_t validator_batch_count = ARRAY_SIZE(validators_batch);
