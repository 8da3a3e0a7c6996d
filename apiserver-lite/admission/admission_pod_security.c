/* PodSecurity (k8s.io/pod-security-admission): namespaces say by labels which standard their pods are held to. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "object.h"
#include "pod_security.h"

#define PREFIX   "pod-security.kubernetes.io/"
#define PODS_MAX 3000 /* defaultNamespaceMaxPodsToCheck */

/* What the labels of a namespace say. Audit has nowhere to go, but its labels have to be good ones. */
struct policy {
  struct pod_security enforce, warn;
  struct field_errors errs;
};

/* -- labels -- */

static bool
parse_level(const char *text, enum pod_security_level *ret)
{
  for (int i = POD_SECURITY_PRIVILEGED; i <= POD_SECURITY_RESTRICTED; i++)
    if (strcmp(text, pod_security_level_name((enum pod_security_level)i)) == 0) {
      *ret = (enum pod_security_level)i;
      return true;
    }
  return false;
}

static bool
parse_minor(const char *text, int *ret)
{
  char *end = NULL;
  int64_t minor;

  *ret = POD_SECURITY_LATEST;
  if (strcmp(text, "latest") == 0)
    return true;
  if (strncmp(text, "v1.", 3) != 0 || strspn(text + 3, "0123456789") != strlen(text + 3) || !text[3] ||
      (text[3] == '0' && text[4]))
    return false;
  errno = 0;
  minor = strtoimax(text + 3, &end, 10);
  if (errno || minor >= POD_SECURITY_LATEST)
    return false;
  *ret = (int)minor;
  return true;
}

static void
bad_label(struct policy *p, const char *label, const char *value, const char *why)
{
  field_errors_add_str(&p->errs, FIELD_INVALID, arena_printf(p->errs.a, "metadata.labels[%s]", label), value, "%s",
                       why);
}

/* One mode's two labels. `otherwise`: the level when it is none. False: no (good) level is set. */
static bool
read_mode(struct policy *p, const struct json *labels, const char *mode, enum pod_security_level otherwise,
          struct pod_security *ret)
{
  const char *level_label = arena_printf(p->errs.a, PREFIX "%s", mode);
  const char *version_label = arena_printf(p->errs.a, PREFIX "%s-version", mode);
  const char *level = json_str(json_get(labels, level_label)), *version = json_str(json_get(labels, version_label));
  bool good = level && parse_level(level, &ret->level);

  if (level && !good) {
    ret->level = otherwise;
    bad_label(p, level_label, level, "must be one of privileged, baseline, restricted");
  }
  if (version && !parse_minor(version, &ret->minor))
    bad_label(p, version_label, version, "must be \"latest\" or \"v1.x\"");
  return good;
}

static void
read_policy(struct arena *a, const struct json *labels, struct policy *ret)
{
  static const struct pod_security free_of_rules = { POD_SECURITY_PRIVILEGED, POD_SECURITY_LATEST };
  struct pod_security audit = free_of_rules;
  bool enforced;

  *ret = (struct policy){ .enforce = free_of_rules, .warn = free_of_rules, .errs = { .a = a } };
  enforced = read_mode(ret, labels, "enforce", POD_SECURITY_RESTRICTED, &ret->enforce);
  (void)read_mode(ret, labels, "audit", POD_SECURITY_PRIVILEGED, &audit);
  (void)read_mode(ret, labels, "warn", POD_SECURITY_PRIVILEGED, &ret->warn);
  /* What is enforced is warned of, too, unless somebody has said what to warn of. */
  if (json_get(labels, PREFIX "warn") || !enforced || ret->enforce.level <= ret->warn.level)
    return;
  ret->warn.level = ret->enforce.level;
  if (!json_get(labels, PREFIX "warn-version"))
    ret->warn.minor = ret->enforce.minor;
}

/* -- namespaces -- */

/* Pods that would be refused now, by what is wrong with them. */
struct group {
  const char *what, *first; /* first: the name that sorts first */
  size_t n;
};

/* Of the pods of one controller the first comes before those of others, the rest behind: they are all alike. */
static size_t
order_pods(struct arena *a, const struct store_list *pods, const struct json **ret)
{
  struct json *seen = json_new_object(a);
  const struct json **later = arena_array_of(a, const struct json *, pods->n + 1);
  size_t n = 0, n_later = 0;

  for (size_t i = 0; i < pods->n; i++) {
    const struct json *pod = record_tree(pods->items[i]);
    const char *uid = json_get_str_or(object_controller(pod), "uid", "");

    if (*uid && json_get(seen, uid))
      later[n_later++] = pod;
    else
      ret[n++] = pod;
    if (*uid)
      json_set(a, seen, uid, json_new_null(a));
  }
  for (size_t i = 0; i < n_later; i++)
    ret[n++] = later[i];
  return n;
}

static size_t
group_pods(struct rest_call *c, const struct pod_security *s, const struct json **pods, size_t n, struct group *groups)
{
  size_t n_groups = 0, g;

  for (size_t i = 0; i < n; i++) {
    const char *what = pod_security_check(c->a, s, (int)personality_minor(c->personality),
                                          json_get(pods[i], "metadata"), json_get(pods[i], "spec"), false);
    const char *name = object_name(pods[i]);

    if (!*what)
      continue;
    for (g = 0; g < n_groups && strcmp(groups[g].what, what) != 0; g++)
      ;
    if (g == n_groups)
      groups[n_groups++] = (struct group){ .what = what, .first = name };
    groups[g].n++;
    if (strcmp(name, groups[g].first) < 0)
      groups[g].first = name;
  }
  return n_groups;
}

static const char *
group_text(struct arena *a, const struct group *g)
{
  if (g->n == 1)
    return arena_printf(a, "%s: %s", g->first, g->what);
  return arena_printf(a, "%s (and %zu other %s): %s", g->first, g->n - 1, g->n == 2 ? "pod" : "pods", g->what);
}

/* A stricter standard: warn of the pods that are there and would not be let in now. */
static int
warn_of_pods(struct rest_call *c, const char *ns, const struct pod_security *s, struct kerr *reterr)
{
  struct store_list list;
  const struct json **pods;
  struct group *groups;
  const char **texts;
  size_t n, n_groups;

  if (admission_list(c, "", "v1", "pods", ns, &list, reterr) < 0)
    return -(int)reterr->code;
  pods = arena_array_of(c->a, const struct json *, list.n + 1);
  n = order_pods(c->a, &list, pods);
  if (n > PODS_MAX) {
    rest_warn(c, "new PodSecurity enforce level only checked against the first %d of %zu existing pods", PODS_MAX, n);
    n = PODS_MAX;
  }
  groups = arena_array_of(c->a, struct group, n + 1);
  n_groups = group_pods(c, s, pods, n, groups);
  if (n_groups)
    rest_warn(c, "existing pods in namespace \"%s\" violate the new PodSecurity enforce level \"%s\"", ns,
              pod_security_text(c->a, s));
  texts = arena_array_of(c->a, const char *, n_groups + 1);
  for (size_t i = 0; i < n_groups; i++)
    texts[i] = group_text(c->a, &groups[i]);
  qsort(texts, n_groups, sizeof texts[0], text_order);
  for (size_t i = 0; i < n_groups; i++)
    rest_warn(c, "%s", texts[i]);
  return 0;
}

static bool
same_errors(const struct field_errors *x, const struct field_errors *y)
{
  return strcmp(field_errors_text(x->a, x), field_errors_text(y->a, y)) == 0;
}

static int
check_namespace(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  struct policy now, before;

  if (*c->info.subresource)
    return 0;
  read_policy(c->a, object_labels(o), &now);
  read_policy(c->a, object_labels(old), &before);
  if (now.errs.n && (!old || !before.errs.n || !same_errors(&now.errs, &before.errs)))
    return rest_invalid(c, object_name(o), &now.errs, reterr);
  if (!old || now.enforce.level == POD_SECURITY_PRIVILEGED ||
      (now.enforce.minor == before.enforce.minor && now.enforce.level <= before.enforce.level))
    return 0;
  return warn_of_pods(c, object_name(o), &now.enforce, reterr);
}

/* -- pods, and what has a template of them -- */

static bool
same_images(const struct json *now, const struct json *before)
{
  if (json_count(now) != json_count(before))
    return false;
  for (size_t i = 0; i < json_count(now); i++)
    if (strcmp(json_get_str_or(json_at(now, i), "image", ""), json_get_str_or(json_at(before, i), "image", "")) != 0)
      return false;
  return true;
}

/* Ephemeral containers are only ever added, each under its own name. */
static bool
same_ephemeral(const struct json *now, const struct json *before)
{
  for (json_each_item (c, now)) {
    const struct json *was = NULL;

    for (json_each_item (b, before))
      if (strcmp(json_get_str_or(*b, "name", ""), json_get_str_or(*c, "name", "")) == 0)
        was = *b;
    if (!was || strcmp(json_get_str_or(*c, "image", ""), json_get_str_or(was, "image", "")) != 0)
      return false;
  }
  return true;
}

static bool
changes_nothing(const struct json *o, const struct json *old)
{
  const struct json *now = json_get(o, "spec"), *before = json_get(old, "spec");

  return old && same_images(json_get(now, "containers"), json_get(before, "containers")) &&
         same_images(json_get(now, "initContainers"), json_get(before, "initContainers")) &&
         same_ephemeral(json_get(now, "ephemeralContainers"), json_get(before, "ephemeralContainers"));
}

static int
check_spec(struct rest_call *c, const struct json *o, const struct json *pod, bool enforce, struct kerr *reterr)
{
  const struct json *ns = admission_lookup(c, "", "v1", "namespaces", "", c->info.namespace_);
  const struct json *meta = json_get(pod, "metadata"), *spec = json_get(pod, "spec");
  int newest = (int)personality_minor(c->personality);
  struct policy p;
  const char *what;

  read_policy(c->a, object_labels(ns), &p);
  if (enforce) {
    what = pod_security_check(c->a, &p.enforce, newest, meta, spec, true);
    if (*what)
      return rest_forbidden(
          c, *c->info.name ? c->info.name : object_name(o),
          arena_printf(c->a, "violates PodSecurity \"%s\": %s", pod_security_text(c->a, &p.enforce), what), reterr);
  }
  what = pod_security_check(c->a, &p.warn, newest, meta, spec, true);
  if (*what)
    rest_warn(c, "would violate PodSecurity \"%s\": %s", pod_security_text(c->a, &p.warn), what);
  return 0;
}

static int
check_pod(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  static const char *const ignored[] = { "exec", "attach",      "binding", "eviction",
                                         "log",  "portforward", "proxy",   "status" };

  for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
    if (strcmp(c->info.subresource, ignored[i]) == 0)
      return 0;
  return changes_nothing(o, old) ? 0 : check_spec(c, o, o, true, reterr);
}

static int
validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *spec = json_get(o, "spec"), *template;

  if (strcmp(c->info.resource, "namespaces") == 0)
    return check_namespace(c, o, old, reterr);
  if (strcmp(c->info.resource, "pods") == 0)
    return check_pod(c, o, old, reterr);
  if (*c->info.subresource)
    return 0;
  template = strcmp(c->info.resource, "podtemplates") == 0 ? json_get(o, "template") : json_get(spec, "template");
  if (strcmp(c->info.resource, "cronjobs") == 0)
    template = json_dig(spec, "jobTemplate", "spec", "template", NULL);
  return template ? check_spec(c, o, template, false, reterr) : 0;
}

static const struct admission_target targets[] = { { "", "namespaces" },
                                                   { "", "pods" },
                                                   { "", "replicationcontrollers" },
                                                   { "", "podtemplates" },
                                                   { "apps", "replicasets" },
                                                   { "apps", "deployments" },
                                                   { "apps", "statefulsets" },
                                                   { "apps", "daemonsets" },
                                                   { "batch", "jobs" },
                                                   { "batch", "cronjobs" },
                                                   { NULL, NULL } };

const struct admission_plugin admission_pod_security = {
  .name = "PodSecurity",
  .targets = targets,
  .validate = validate,
};
