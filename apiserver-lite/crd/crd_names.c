/* Which names a definition gets, and what its status says about it (controller/status/naming_controller.go). */
#include <string.h>

#include "codec.h"
#include "crd_check.h"
#include "crd_manager.h"
#include "object.h"

#define APPROVED_ANNOTATION "api-approved.kubernetes.io"

struct naming {
  struct arena *a;
  const struct crd_taken *taken;
  const struct json *wanted, *had;
  struct json *names;           /* accepted in the end */
  const char *reason, *message; /* of the last conflict; NULL: none */
};

static bool
is_taken(const struct naming *n, bool of_kinds, const char *name)
{
  for (size_t i = 0; i < n->taken->n; i++) {
    const struct json *names = n->taken->accepted[i];
    const char *first = json_get_str_or(names, of_kinds ? "kind" : "plural", "");
    const char *second = json_get_str_or(names, of_kinds ? "listKind" : "singular", "");

    if (strcmp(first, name) == 0 || strcmp(second, name) == 0 ||
        (!of_kinds && json_list_has(json_get(names, "shortNames"), name)))
      return true;
  }
  return false;
}

static const char *
in_use(struct arena *a, const char *name)
{
  return arena_printf(a, "%s is already in use", json_text(a, json_new_str(a, name), JSON_COMPACT));
}

static void
claim_name(struct naming *n, const char *member, bool of_kinds, const char *reason)
{
  const char *wanted = json_get_str_or(n->wanted, member, ""), *had = json_get_str_or(n->had, member, "");

  if (strcmp(wanted, had) != 0 && is_taken(n, of_kinds, wanted)) {
    n->reason = reason;
    n->message = in_use(n->a, wanted);
  } else if (*wanted || json_get(n->names, member)) {
    json_set_str(n->a, n->names, member, wanted);
  }
}

static void
replace_list(struct naming *n, const char *member)
{
  const struct json *list = json_get(n->wanted, member);

  if (json_count(list))
    json_set(n->a, n->names, member, json_copy(n->a, list));
  else
    json_remove(n->names, member);
}

/* All of them or none. */
static void
claim_short_names(struct naming *n)
{
  const char *problems = "";
  size_t count = 0;

  for (json_each_item (p, json_get(n->wanted, "shortNames")))
    if (!json_list_has(json_get(n->had, "shortNames"), json_str(*p)) && is_taken(n, false, json_str(*p)))
      problems = arena_printf(n->a, "%s%s%s", problems, count++ ? ", " : "", in_use(n->a, json_str(*p)));
  if (!count) {
    replace_list(n, "shortNames");
    return;
  }
  n->reason = "ShortNamesConflict";
  n->message = count > 1 ? arena_printf(n->a, "[%s]", problems) : problems;
}

static void
claim_names(struct naming *n)
{
  claim_name(n, "plural", false, "PluralConflict");
  claim_name(n, "singular", false, "SingularConflict");
  claim_short_names(n);
  claim_name(n, "kind", true, "KindConflict");
  claim_name(n, "listKind", true, "ListKindConflict");
  replace_list(n, "categories");
}

/* -- approval -- */

bool
crd_is_protected(const char *group)
{
  struct span g = span_of(group);

  return span_is(g, "k8s.io") || span_ends(g, SPAN(".k8s.io")) || span_is(g, "kubernetes.io") ||
         span_ends(g, SPAN(".kubernetes.io"));
}

static bool
is_url(struct arena *a, const char *text)
{
  const char *scheme = strstr(text, "://");

  return scheme && scheme > text && scheme[3] && scheme[3] != '/' && format_matches(a, "uri", span_of(text));
}

enum crd_approval
crd_approval_of(struct arena *a, const struct json *o, const char **ret_reason)
{
  const char *text = json_get_str_or(object_annotations(o), APPROVED_ANNOTATION, "");
  const char *needed = "protected groups must have approval annotation \"" APPROVED_ANNOTATION "\"";

  if (!*text) {
    *ret_reason = arena_printf(a, "%s, see https://github.com/kubernetes/enhancements/pull/1111", needed);
    return CRD_APPROVAL_MISSING;
  }
  if (strncmp(text, "unapproved", 10) == 0) {
    *ret_reason = arena_printf(a, "not approved: %s", json_text(a, json_new_str(a, text), JSON_COMPACT));
    return CRD_APPROVAL_BYPASSED;
  }
  if (is_url(a, text)) {
    *ret_reason = arena_printf(a, "approved in %s", text);
    return CRD_APPROVED;
  }
  *ret_reason = arena_printf(a,
                             "%s with either a URL or a reason starting with \"unapproved\", see "
                             "https://github.com/kubernetes/enhancements/pull/1111",
                             needed);
  return CRD_APPROVAL_INVALID;
}

static bool
settle_approval(struct arena *a, struct json *o, int64_t now)
{
  static const char *const statuses[] = {
    [CRD_APPROVAL_MISSING] = "False",
    [CRD_APPROVED] = "True",
    [CRD_APPROVAL_BYPASSED] = "False",
    [CRD_APPROVAL_INVALID] = "False",
  };
  static const char *const reasons[] = {
    [CRD_APPROVAL_MISSING] = "MissingAnnotation",
    [CRD_APPROVED] = "ApprovedAnnotation",
    [CRD_APPROVAL_BYPASSED] = "UnapprovedAnnotation",
    [CRD_APPROVAL_INVALID] = "InvalidAnnotation",
  };
  const char *message;
  enum crd_approval state;

  if (!crd_is_protected(json_get_str_or(json_get(o, "spec"), "group", "")))
    return false;
  state = crd_approval_of(a, o, &message);
  return object_set_condition(a, o, "KubernetesAPIApprovalPolicyConformant", statuses[state], reasons[state], message,
                              now);
}

/* -- the whole -- */

/* A definition that was established stays so, whatever happens to its names. */
static bool
settle_established(struct arena *a, struct json *o, int64_t now)
{
  if (object_condition_is_true(o, "Established"))
    return false;
  if (object_condition_is_true(o, "NamesAccepted"))
    return object_set_condition(a, o, "Established", "True", "InitialNamesAccepted",
                                "the initial names have been accepted", now);
  if (object_condition(o, "Established"))
    return false;
  return object_set_condition(a, o, "Established", "False", "NotAccepted", "not all names are accepted", now);
}

bool
crd_settle_status(struct arena *a, struct json *o, const struct crd_taken *taken, int64_t now)
{
  const struct json *had = json_dig(o, "status", "acceptedNames", NULL);
  struct naming n = { .a = a, .taken = taken, .wanted = json_dig(o, "spec", "names", NULL), .had = had };
  bool changed = false;

  n.names = had ? json_copy(a, had) : json_new_object(a);
  claim_names(&n);
  if (!json_equal(n.names, had)) {
    json_set(a, json_ensure_object(a, o, "status"), "acceptedNames", n.names);
    changed = true;
  }
  changed |=
      object_set_condition(a, o, "NamesAccepted", n.reason ? "False" : "True", n.reason ? n.reason : "NoConflicts",
                           n.message ? n.message : "no conflicts found", now);
  changed |= settle_established(a, o, now);
  changed |= settle_approval(a, o, now);
  return changed;
}
