/* Warnings about pods and templates of them (pkg/api/pod/warnings.go, pkg/api/node, pkg/api/job). */
#include "object.h"
#include "pod.h"
#include "validate_address.h"
#include "validate_pod.h"
#include "validate_warnings.h"

#define SECCOMP_POD       "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR          "container.apparmor.security.beta.kubernetes.io/"

/* A pod or a template under examination. */
struct pod_warner {
  struct pod_visit visit; /* spec and metadata */
  struct warner *w;
  const struct vpath *path; /* NULL: of a pod */
  struct json *ports;       /* of all containers so far: each with where it is */
};

/* -- where it may go -- */

static const char *
deprecated_label(struct span key)
{
  static const char *const labels[][2] = {
    { "beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead" },
    { "beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead" },
    { "failure-domain.beta.kubernetes.io/region",
      "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead" },
    { "failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead" },
    { "beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead" },
    { "app.kubernetes.io/created-by", "deprecated since v1.9" },
    { "scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead" },
    { "node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead" },
  };
  for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
    if (span_is(key, labels[i][0]))
      return labels[i][1];
  return NULL;
}

/* `preferred`: there values that no label can have are not refused. */
static void
warn_term(struct warner *w, const struct vpath *path, const struct json *term, bool preferred)
{
  const struct json *list = json_get(term, "matchExpressions");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(VP(path, "matchExpressions"), i);
    const struct json *values = json_get(json_at(list, i), "values");
    struct span key = json_text_of(json_at(list, i), "key");
    const char *old = deprecated_label(key), *problems[TEXT_PROBLEMS_MAX];
    if (old)
      warn(w, VP(at, "key"), arena_printf(w->a, "%.*s is %s", SPAN_FMT(key), old));
    for (size_t k = 0; k < json_count(values) && preferred; k++) {
      struct span value = json_span(json_at(values, k));
      size_t n = text_check(w->a, TEXT_LABEL_VALUE, value, problems);
      for (size_t p = 0; p < n; p++)
        warn(w, VP_ITEM(VP(at, "values"), k), arena_printf(w->a, "%.*s is invalid, %s", SPAN_FMT(value), problems[p]));
    }
  }
}

static void
warn_node_affinity(struct warner *w, const struct vpath *up, const struct json *affinity)
{
  static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution",
                    preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
  const struct json *terms = json_dig(affinity, required, "nodeSelectorTerms", NULL),
                    *wishes = json_get(affinity, preferred);
  const struct vpath *path = VP(VP(up, "affinity"), "nodeAffinity");
  for (size_t i = 0; i < json_count(terms); i++)
    warn_term(w, VP_ITEM(VP(VP(path, required), "nodeSelectorTerms"), i), json_at(terms, i), false);
  for (size_t i = 0; i < json_count(wishes); i++)
    warn_term(w, VP(VP_ITEM(VP(path, preferred), i), "preference"), json_get(json_at(wishes, i), "preference"), true);
}

static const char matches_nothing[] = "a null labelSelector results in matching no pod";

static void
warn_placement(struct warner *w, const struct vpath *path, const struct json *spec)
{
  const struct json *list = json_get(spec, "topologySpreadConstraints");
  for (json_each_member (m, json_get(spec, "nodeSelector"))) {
    const char *old = deprecated_label(span_make(m->name, m->name_len));
    if (old)
      warn(w, VP_KEY(VP(path, "nodeSelector"), m->name), old);
  }
  warn_node_affinity(w, path, json_dig(spec, "affinity", "nodeAffinity", NULL));
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(VP(path, "topologySpreadConstraints"), i);
    struct span key = json_text_of(json_at(list, i), "topologyKey");
    const char *old = deprecated_label(key);
    if (old)
      warn(w, VP(at, "topologyKey"), arena_printf(w->a, "%.*s is %s", SPAN_FMT(key), old));
    if (!json_has(json_at(list, i), "labelSelector"))
      warn(w, VP(at, "labelSelector"), matches_nothing);
  }
}

static void
warn_pod_affinity(struct warner *w, const struct vpath *up, const struct json *affinity)
{
  static const char *const affinities[] = { "podAffinity", "podAntiAffinity" };
  static const char *const lists[] = { "requiredDuringSchedulingIgnoredDuringExecution",
                                       "preferredDuringSchedulingIgnoredDuringExecution" };
  for (size_t k = 0; k < ARRAY_SIZE(affinities); k++)
    for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
      const struct json *list = json_dig(affinity, affinities[k], lists[l], NULL);
      for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i), *term = l ? json_get(item, "podAffinityTerm") : item;
        const struct vpath *entry = VP_ITEM(VP(VP(VP(up, "affinity"), affinities[k]), lists[l]), i);
        if (!json_has(term, "labelSelector"))
          warn(w, VP(l ? VP(entry, "podAffinityTerm") : entry, "labelSelector"), matches_nothing);
      }
    }
}

/* -- volumes -- */

static void
warn_volumes(struct warner *w, const struct vpath *path, const struct json *volumes)
{
  static const struct {
    const char *name, *shown, *text;
  } gone[] = {
    { "photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+" },
    { "gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+" },
    { "scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+" },
    { "flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+" },
    { "storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+" },
    { "quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+" },
    { "glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+" },
    { "ephemeral", NULL, NULL },
    { "cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+" },
    { "rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+" },
  };
  bool git = personality_minor(w->p) < 33 || personality_gate(w->p, "GitRepoVolumeDriver");
  for (size_t i = 0; i < json_count(volumes); i++)
    for (size_t k = 0; k < ARRAY_SIZE(gone); k++) {
      const struct json *source = json_get(json_at(volumes, i), gone[k].name),
                        *spec = json_dig(source, "volumeClaimTemplate", "spec", NULL);
      const struct vpath *at = VP_ITEM(VP(path, "volumes"), i);
      if (json_type(source) == JSON_NULL)
        continue;
      if (gone[k].text)
        warn(w, VP(at, gone[k].shown), git && !strcmp(gone[k].name, "gitRepo") ? "deprecated in v1.11" : gone[k].text);
      else
        warn_claim_amounts(w, VP(VP(VP(at, "ephemeral"), "volumeClaimTemplate"), "spec"), spec);
    }
}

/* A path in a volume, without slashes at its end, and what puts it there. */
struct placed {
  struct span path;
  const char *source;
};

/* Those of one volume. */
struct placed_list {
  struct placed *list;
  size_t n;
  const char *volume, *kind;
};

static const char *
placed_text(struct arena *a, const struct placed *p)
{
  return *p->source ? arena_printf(a, "%s (%s)", vquote(a, p->path), p->source) : vquote(a, p->path);
}

static bool
is_below(struct span path, struct span dir)
{
  return span_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/');
}

static void
place(struct warner *w, struct placed_list *l, struct span path, const char *source)
{
  while (span_ends(path, SPAN("/")))
    path.n--;
  struct placed now = { path, source };
  for (size_t i = 0; i < l->n && path.n; i++)
    if (l->list[i].path.n && (is_below(l->list[i].path, path) || is_below(path, l->list[i].path)))
      warn(w, NULL,
           arena_printf(w->a, "volume %s (%s): overlapping paths: %s with %s", l->volume, l->kind,
                        placed_text(w->a, &now), placed_text(w->a, &l->list[i])));
  l->list[l->n++] = now;
}

static void
place_items(struct warner *w, struct placed_list *l, const struct json *items, const char *source)
{
  for (json_each_item (p, items))
    place(w, l, json_text_of(*p, "path"), source);
}

/* Upstream looks at one of the members, should there be several. */
static void
place_projection(struct warner *w, struct placed_list *l, const struct json *s)
{
  static const char *const certificate[][2] = { { "certificateChainPath", "PodCertificate chain" },
                                                { "keyPath", "PodCertificate key" },
                                                { "credentialBundlePath", "PodCertificate credential bundle" } };
  const struct json *map = json_get(s, "configMap"), *secret = json_get(s, "secret"),
                    *bundle = json_get(s, "clusterTrustBundle");
  if (json_has(map, "items"))
    place_items(w, l, json_get(map, "items"),
                arena_printf(w->a, "ConfigMap %s", vquote(w->a, json_text_of(map, "name"))));
  else if (json_has(secret, "items"))
    place_items(w, l, json_get(secret, "items"),
                arena_printf(w->a, "Secret %s", vquote(w->a, json_text_of(secret, "name"))));
  else if (json_has(json_get(s, "downwardAPI"), "items"))
    place_items(w, l, json_dig(s, "downwardAPI", "items", NULL), "DownwardAPI");
  else if (json_has(s, "serviceAccountToken"))
    place(w, l, json_text_of(json_get(s, "serviceAccountToken"), "path"), "ServiceAccountToken");
  else if (json_type(bundle) != JSON_NULL)
    place(w, l, json_text_of(bundle, "path"),
          arena_printf(w->a, "ClusterTrustBundle %s",
                       vquote(w->a, json_text_of(bundle, json_has(bundle, "name") ? "name" : "signerName"))));
  else
    for (size_t i = 0; i < ARRAY_SIZE(certificate); i++)
      if (json_text_of(json_get(s, "podCertificate"), certificate[i][0]).n)
        place(w, l, json_text_of(json_get(s, "podCertificate"), certificate[i][0]), certificate[i][1]);
}

static bool
is_empty_projection(const struct json *s)
{
  for (json_each_member (m, s))
    if (json_type(m->value) != JSON_NULL)
      return false;
  return true;
}

/* How many paths there may be in a volume. */
static size_t
count_paths(const struct json *volume)
{
  size_t n = json_count(json_dig(volume, "configMap", "items", NULL)) +
             json_count(json_dig(volume, "secret", "items", NULL)) +
             json_count(json_dig(volume, "downwardAPI", "items", NULL));
  for (json_each_item (s, json_dig(volume, "projected", "sources", NULL)))
    n += 3 + json_count(json_dig(*s, "configMap", "items", NULL)) + json_count(json_dig(*s, "secret", "items", NULL)) +
         json_count(json_dig(*s, "downwardAPI", "items", NULL));
  return n;
}

/* warningsForOverlappingVirtualPaths */
static void
warn_overlaps(struct warner *w, const struct json *volumes)
{
  static const struct {
    const char *member, *shown, *name;
  } sources[] = { { "configMap", "ConfigMap ", "name" },
                  { "secret", "Secret ", "secretName" },
                  { "downwardAPI", "DownwardAPI", NULL } };
  for (json_each_item (v, volumes)) {
    struct placed_list l = { .list = arena_array_of(w->a, struct placed, count_paths(*v) + 1),
                             .volume = vquote(w->a, json_text_of(*v, "name")) };
    for (size_t k = 0; k < ARRAY_SIZE(sources); k++) {
      const struct json *source = json_get(*v, sources[k].member);
      const char *name = sources[k].name ? vquote(w->a, json_text_of(source, sources[k].name)) : "";
      l.n = 0;
      l.kind = arena_printf(w->a, "%s%s", sources[k].shown, name);
      place_items(w, &l, json_get(source, "items"), "");
    }
    l.n = 0;
    l.kind = "Projected";
    for (json_each_item (s, json_dig(*v, "projected", "sources", NULL)))
      if (is_empty_projection(*s))
        warn(w, NULL, arena_printf(w->a, "volume %s (Projected) has no sources provided", l.volume));
      else
        place_projection(w, &l, *s);
  }
}

/* -- lists in which something is twice -- */

static void
warn_twice(struct warner *w, const struct vpath *path, const struct json *list, const char *member)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span now = json_text_of(json_at(list, i), member);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(list, j), member), now)) {
        warn(w, VP(VP_ITEM(path, i), member), arena_printf(w->a, "duplicate %s %s", member, vquote(w->a, now)));
        break;
      }
  }
}

static void
warn_pull_secrets(struct warner *w, const struct vpath *path, const struct json *list)
{
  warn_twice(w, path, list, "name");
  for (size_t i = 0; i < json_count(list); i++)
    if (!json_text_of(json_at(list, i), "name").n)
      warn(w, VP(VP_ITEM(path, i), "name"), "invalid empty name \"\"");
}

/* -- containers -- */

/* Does the value come without a reference to the one it hides? */
static bool
hides(struct arena *a, const struct json *var)
{
  struct span name = json_text_of(var, "name"), value = json_text_of(var, "value");
  const char *ref = arena_printf(a, "$(%.*s)", SPAN_FMT(name));
  return json_has(var, "valueFrom") || span_is(value, ref) || !value.n || !memmem(value.p, value.n, ref, strlen(ref));
}

static void
warn_env(struct warner *w, const struct vpath *path, const struct json *vars)
{
  for (size_t i = 0; i < json_count(vars); i++) {
    const struct json *var = json_at(vars, i);
    struct span name = json_text_of(var, "name");
    if (validate_find_named(vars, name) != var && hides(w->a, var))
      warn(w, VP_ITEM(path, i),
           arena_printf(w->a, "hides previous definition of %s, which may be dropped when using apply",
                        vquote(w->a, name)));
  }
}

static void
warn_profiles(struct pod_warner *pw, const struct json *container)
{
  struct arena *a = pw->w->a;
  const struct json *annotations = json_get(pw->visit.meta, "annotations"),
                    *sc = json_get(container, "securityContext"),
                    *whole = json_dig(pw->visit.spec, "securityContext", "appArmorProfile", NULL);
  struct span name = json_text_of(container, "name");
  const char *seccomp = arena_printf(a, SECCOMP_CONTAINER "%.*s", SPAN_FMT(name)),
             *apparmor = arena_printf(a, APPARMOR "%.*s", SPAN_FMT(name));
  const struct vpath *path = VP(VP(pw->path, "metadata"), "annotations");
  if (!json_has(sc, "seccompProfile") && json_get(annotations, seccomp))
    warn(pw->w, VP_KEY(path, seccomp), "non-functional in v1.27+; use the \"seccompProfile\" field instead");
  if (!pw->path || json_has(sc, "appArmorProfile") || !json_get(annotations, apparmor))
    return; /* of pods the strategy says so, which makes the field */
  if (json_type(whole) == JSON_NULL ||
      !json_same(whole, pod_apparmor_profile(a, json_span(json_get(annotations, apparmor)))))
    warn(pw->w, VP_KEY(path, apparmor), "deprecated since v1.30; use the \"appArmorProfile\" field instead");
}

static void
warn_container(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  static const char *const names[] = { "memory", "ephemeral-storage" }, *const lists[] = { "limits", "requests" };
  struct pod_warner *pw = (struct pod_warner *)visit;
  warn_profiles(pw, container);
  for (size_t k = 0; k < ARRAY_SIZE(names); k++)
    for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
      warn_fraction(pw->w, VP_KEY(VP(VP(path, "resources"), lists[l]), names[k]),
                    json_dig(container, "resources", lists[l], names[k], NULL));
  warn_env(pw->w, VP(path, "env"), json_get(container, "env"));
}

/* -- ports of all containers -- */

/* What is to be said of a port beside one before it with the same number and protocol; NULL: nothing. */
static const char *
port_clash(const struct json *port, const struct json *before)
{
  int64_t host = json_get_int(port, "hostPort", 0), other = json_get_int(before, "hostPort", 0);
  struct span ip = json_text_of(port, "hostIP"), other_ip = json_text_of(before, "hostIP");
  if (span_eq(ip, other_ip) && host == other)
    return "duplicate port definition with";
  if (!host || !other)
    return "overlapping port definition with";
  return host == other && !ip.n != !other_ip.n ? "dangerously ambiguous port definition with" : NULL;
}

static void
warn_ports(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  struct pod_warner *pw = (struct pod_warner *)visit;
  struct arena *a = pw->w->a;
  const struct json *list = json_get(container, "ports");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *port = json_at(list, i);
    const struct vpath *at = VP_ITEM(VP(path, "ports"), i);
    struct span name = json_text_of(port, "name"), ip = json_text_of(port, "hostIP"),
                protocol = json_text_of(port, "protocol");
    long long host = json_get_int(port, "hostPort", 0), number = json_get_int(port, "containerPort", 0);
    if (ip.n && !host)
      warn(pw->w, at,
           arena_printf(a,
                        "hostIP set without hostPort: {Name:%.*s HostPort:%lld ContainerPort:%lld Protocol:%.*s "
                        "HostIP:%.*s}",
                        SPAN_FMT(name), host, number, SPAN_FMT(protocol), SPAN_FMT(ip)));
    for (json_each_item (p, pw->ports)) {
      const struct json *before = json_get(*p, "port");
      const char *clash =
          json_get_int(before, "containerPort", 0) == number && span_eq(json_text_of(before, "protocol"), protocol)
              ? port_clash(port, before)
              : NULL;
      if (clash)
        warn(pw->w, at, arena_printf(a, "%s %s", clash, json_get_str(*p, "at")));
    }
    struct json *seen = json_append(a, pw->ports, json_new_object(a));
    json_set(a, seen, "port", json_copy(a, port));
    json_set_str(a, seen, "at", vpath_text(a, at));
  }
}

/* pw->ports has all of them by now, in the order in which they are gone through again. */
static void
warn_port_names(struct pod_warner *pw)
{
  for (size_t i = 0; i < json_count(pw->ports); i++) {
    struct span name = json_text_of(json_get(json_at(pw->ports, i), "port"), "name");
    for (size_t j = 0; j < i && name.n; j++)
      if (span_eq(json_text_of(json_get(json_at(pw->ports, j), "port"), "name"), name)) {
        const char *other = json_get_str(json_at(pw->ports, j), "at");
        warn(pw->w, NULL,
             arena_printf(pw->w->a,
                          "%s: duplicate port name %s with %s, services and probes that select ports by name will use "
                          "%s",
                          json_get_str(json_at(pw->ports, i), "at"), vquote(pw->w->a, name), other, other));
        break;
      }
  }
}

/* -- the whole -- */

static void
warn_annotations(struct pod_warner *pw)
{
  static const char *const gone[][2] = {
    { "scheduler.alpha.kubernetes.io/critical-pod",
      "non-functional in v1.16+; use the \"priorityClassName\" field instead" },
    { "security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead" },
    { "security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead" },
  };
  const struct json *annotations = json_get(pw->visit.meta, "annotations");
  for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
    if (json_get(annotations, gone[i][0]))
      warn(pw->w, VP_KEY(VP(VP(pw->path, "metadata"), "annotations"), gone[i][0]), gone[i][1]);
}

static void
warn_spec(struct warner *w, const struct vpath *path, const struct json *spec, const struct json *meta)
{
  struct pod_warner pw = {
    .visit = { .spec = spec, .meta = meta }, .w = w, .path = path, .ports = json_new_array(w->a)
  };
  const struct json *servers = json_dig(spec, "dnsConfig", "nameservers", NULL), *hosts = json_get(spec, "hostAliases");
  const struct vpath *at = VP(path, "spec");
  warn_placement(w, at, spec);
  warn_annotations(&pw);
  warn_volumes(w, at, json_get(spec, "volumes"));
  warn_overlaps(w, json_get(spec, "volumes"));
  warn_twice(w, VP(at, "hostAliases"), hosts, "ip");
  warn_pull_secrets(w, VP(at, "imagePullSecrets"), json_get(spec, "imagePullSecrets"));
  warn_fraction(w, VP_KEY(VP(at, "overhead"), "memory"), json_dig(spec, "overhead", "memory", NULL));
  warn_fraction(w, VP_KEY(VP(at, "overhead"), "ephemeral-storage"),
                json_dig(spec, "overhead", "ephemeral-storage", NULL));
  if (!json_has(json_get(spec, "securityContext"), "seccompProfile") &&
      json_get(json_get(meta, "annotations"), SECCOMP_POD))
    warn(w, VP_KEY(VP(VP(path, "metadata"), "annotations"), SECCOMP_POD),
         "non-functional in v1.27+; use the \"seccompProfile\" field instead");
  validate_visit(&pw.visit, at, warn_container);
  validate_visit(&pw.visit, at, warn_ports);
  warn_port_names(&pw);
  if (json_get_int(spec, "terminationGracePeriodSeconds", 0) < 0)
    warn(w, VP(at, "terminationGracePeriodSeconds"),
         "must be >= 0; negative values are invalid and will be treated as 1");
  warn_pod_affinity(w, at, json_get(spec, "affinity"));
  for (size_t i = 0; i < json_count(servers); i++)
    warn_address(w->a, VP_ITEM(VP(VP(at, "dnsConfig"), "nameservers"), i), json_span(json_at(servers, i)), w->list);
  for (size_t i = 0; i < json_count(hosts); i++)
    warn_address(w->a, VP(VP_ITEM(VP(at, "hostAliases"), i), "ip"), json_text_of(json_at(hosts, i), "ip"), w->list);
}

/* Names that become part of others. */
static void
warn_name(struct warner *w, const struct json *o, const char *where)
{
  const char *problems[TEXT_PROBLEMS_MAX], *text = "";
  size_t n = text_check(w->a, TEXT_DNS_LABEL, span_of(object_name(o)), problems);
  for (size_t i = 0; i < n; i++)
    text = arena_printf(w->a, "%s%s%s", text, i ? " " : "", problems[i]);
  if (n)
    warn(w, VP(VP(NULL, "metadata"), "name"),
         arena_printf(w->a,
                      "this is used in %s, which can result in surprising behavior; a DNS label is recommended: [%s]",
                      where, text));
}

/* Pods are updated by programs, which nobody tells anything. */
void
warn_pod(struct warner *w, const struct json *o, const struct json *old)
{
  if (old)
    return;
  warn_name(w, o, "the Pod's hostname");
  warn_spec(w, NULL, json_get(o, "spec"), json_get(o, "metadata"));
}

void
warn_pod_status(struct warner *w, const struct json *o)
{
  static const char *const lists[] = { "podIPs", "hostIPs" };
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
    const struct json *list = json_dig(o, "status", lists[k], NULL);
    for (size_t i = 0; i < json_count(list); i++)
      warn_address(w->a, VP(VP_ITEM(VP(VP(NULL, "status"), lists[k]), i), "ip"), json_text_of(json_at(list, i), "ip"),
                   w->list);
  }
}

/* -- templates -- */

#define COMPLETIONS_SOFT 100000
#define PARALLELISM_SOFT 10000

static void
warn_job(struct warner *w, const struct vpath *path, const struct json *spec)
{
  if (span_is(json_text_of(spec, "completionMode"), "Indexed") &&
      json_get_int(spec, "completions", 0) > COMPLETIONS_SOFT &&
      json_get_int(spec, "parallelism", 0) > PARALLELISM_SOFT)
    warn(w, path,
         "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes "
         "might not be able to track completedIndexes when a big number of indexes fail");
}

static const struct {
  const char *group, *kind;
  bool named;         /* a new one's name is looked at */
  const char *job[3]; /* where the spec of a job is, if there is one, ending with NULL */
} templates[] = {
  { "", "PodTemplate", false, { NULL } },
  { "", "ReplicationController", true, { "spec" } },
  { "apps", "DaemonSet", false, { "spec" } },
  { "apps", "Deployment", true, { "spec" } },
  { "apps", "ReplicaSet", true, { "spec" } },
  { "apps", "StatefulSet", false, { "spec" } },
  { "batch", "CronJob", true, { "spec", "jobTemplate", "spec" } },
  { "batch", "Job", true, { "spec" } },
};

void
warn_template(struct warner *w, const struct json *o, const struct json *old)
{
  struct vpath steps[ARRAY_SIZE(templates[0].job)];
  const struct vpath *path = NULL;
  size_t k = 0;
  while (strcmp(templates[k].kind, w->kind->kind) != 0 || strcmp(templates[k].group, w->kind->group) != 0)
    k++;
  if (!old && templates[k].named)
    warn_name(w, o, "Pod names and hostnames");
  if (old && object_generation(o) == object_generation(old))
    return;
  if (old && !strcmp(templates[k].kind, "ReplicationController"))
    o = old; /* upstream has the two the wrong way round */
  for (size_t i = 0; i < ARRAY_SIZE(steps) && templates[k].job[i]; i++) {
    steps[i] = (struct vpath){ .up = path, .name = templates[k].job[i] };
    path = &steps[i];
    o = json_get(o, templates[k].job[i]);
  }
  if (!strcmp(templates[k].group, "batch"))
    warn_job(w, path, o);
  const struct json *template = json_get(o, "template");
  if (json_type(template) != JSON_NULL)
    warn_spec(w, VP(path, "template"), json_get(template, "spec"), json_get(template, "metadata"));
}
