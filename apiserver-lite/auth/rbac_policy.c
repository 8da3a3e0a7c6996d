#include "rbac_policy.h"

#include <assert.h>
#include <string.h>

#include "ceilings.h"
#include "embed.h"
#include "number.h"
#include "object.h"

EMBED_FILE(cluster_roles, "apiserver-lite/auth/policy/cluster-roles.rbac");
EMBED_FILE(controller_roles, "apiserver-lite/auth/policy/controller-roles.rbac");
EMBED_FILE(namespace_roles, "apiserver-lite/auth/policy/namespace-roles.rbac");

#define GROUP      "rbac.authorization.k8s.io"
#define CONTROLLER "system:controller:"
#define WORDS_MAX  8

/* A line without its conditions. */
struct words {
  struct span w[WORDS_MAX];
  size_t n;
};

struct reading {
  const struct personality *personality;
  struct arena *a; /* of one role and its bindings */
  rbac_policy_fn *visit;
  void *payload;
  const char *ns, *name; /* of the role; name NULL: it is not there in this cluster */
  struct json *role;     /* NULL: has been visited */
  bool controller;
};

/* -- conditions -- */

/* A gate that became unconditional and went is on for ever. */
static bool
gate_holds(const struct reading *r, struct span gate)
{
  const char *name = arena_strndup(r->a, gate.p, gate.n);

  return personality_gate(r->personality, name) || personality_gate_passed(r->personality, name);
}

/* The minor of "1.30"; `open` for an end that is not said. */
static int
minor_of(struct span release, int open)
{
  int64_t minor;

  if (!release.n)
    return open;
  return span_starts(release, SPAN("1.")) && number_int64(span_make(release.p + 2, release.n - 2), &minor) ? (int)minor
                                                                                                           : -1;
}

/* "[1.27-1.31]", "[1.27-]", "[-1.31]", "[1.30]" */
static bool
release_holds(const struct reading *r, struct span word)
{
  struct span to, from = span_cut(span_make(word.p + 1, word.n - 2), '-', &to);
  int first = minor_of(from, 0), last = to.p ? minor_of(to, INT32_MAX) : first,
      minor = personality_minor(r->personality);

  assert(span_ends(word, SPAN("]")) && first >= 0 && last >= first);
  return minor >= first && minor <= last;
}

/* Cut a line into words; false: it is not for this cluster. */
static bool
read_words(const struct reading *r, struct span line, struct words *ret)
{
  bool holds = true;

  ret->n = 0;
  for (struct span left = span_trim(line); left.p && left.n;) {
    struct span word = span_cut(left, ' ', &left);

    if (word.p[0] == '@') {
      holds = holds && gate_holds(r, span_make(word.p + 1, word.n - 1));
    } else if (word.p[0] == '[') {
      holds = holds && release_holds(r, word);
    } else {
      assert(ret->n < WORDS_MAX);
      ret->w[ret->n++] = word;
    }
  }
  return holds;
}

/* -- objects -- */

static const char *
text_of(const struct reading *r, struct span s)
{
  return arena_strndup(r->a, s.p, s.n);
}

static struct json *
object_new(const struct reading *r, const char *kind, const char *name)
{
  struct json *o = json_new_object(r->a), *meta;

  json_set_str(r->a, o, "apiVersion", GROUP "/v1");
  json_set_str(r->a, o, "kind", kind);
  meta = json_ensure_object(r->a, o, "metadata");
  json_set_str(r->a, meta, "name", name);
  if (*r->ns)
    json_set_str(r->a, meta, "namespace", r->ns);
  json_set_str(r->a, json_ensure_object(r->a, meta, "annotations"), "rbac.authorization.kubernetes.io/autoupdate",
               "true");
  json_set_str(r->a, json_ensure_object(r->a, meta, "labels"), "kubernetes.io/bootstrapping", "rbac-defaults");
  return o;
}

static int
visit(const struct reading *r, const char *resource, struct json *object, struct kerr *reterr)
{
  struct rbac_policy_object o = { .resource = resource, .ns = r->ns, .object = object, .arena = r->a };

  return r->visit(r->payload, &o, reterr);
}

static int
visit_role(struct reading *r, struct kerr *reterr)
{
  struct json *role = steal_pointer(&r->role);

  return role ? visit(r, *r->ns ? "roles" : "clusterroles", role, reterr) : 0;
}

static struct json *
binding_new(const struct reading *r, const char *name)
{
  struct json *o = object_new(r, *r->ns ? "RoleBinding" : "ClusterRoleBinding", name);
  struct json *ref = json_ensure_object(r->a, o, "roleRef");

  json_set_str(r->a, ref, "apiGroup", GROUP);
  json_set_str(r->a, ref, "kind", *r->ns ? "Role" : "ClusterRole");
  json_set_str(r->a, ref, "name", r->name);
  return o;
}

/* `who`: "user:NAME", "group:NAME" or "account:NAMESPACE/NAME" */
static void
add_subject(const struct reading *r, struct json *binding, struct span who)
{
  struct json *s = json_append(r->a, json_ensure_array(r->a, binding, "subjects"), json_new_object(r->a));
  struct span name, ns, kind = span_cut(who, ':', &name);

  if (span_is(kind, "account")) {
    ns = span_cut(name, '/', &name);
    json_set_str(r->a, s, "kind", "ServiceAccount");
    json_set_str(r->a, s, "namespace", text_of(r, ns));
  } else {
    assert(span_is(kind, "user") || span_is(kind, "group"));
    json_set_str(r->a, s, "apiGroup", GROUP);
    json_set_str(r->a, s, "kind", span_is(kind, "user") ? "User" : "Group");
  }
  json_set_str(r->a, s, "name", text_of(r, name));
}

static int
visit_binding(const struct reading *r, struct json *binding, struct kerr *reterr)
{
  return visit(r, *r->ns ? "rolebindings" : "clusterrolebindings", binding, reterr);
}

/* -- lines -- */

static struct span
after(struct span word, const char *prefix)
{
  struct span p = span_of(prefix);

  return span_starts(word, p) ? span_make(word.p + p.n, word.n - p.n) : (struct span){ NULL, 0 };
}

static const char *
aggregate_label(const struct reading *r, struct span to)
{
  return arena_printf(r->a, GROUP "/aggregate-to-%.*s", SPAN_FMT(to));
}

/* of:X and into:X */
static void
add_aggregation(const struct reading *r, struct span word)
{
  struct span of = after(word, "of:"), into = after(word, "into:");

  assert(of.p || into.p);
  if (into.p) {
    json_set_str(r->a, json_ensure_object(r->a, json_find(r->role, "metadata"), "labels"), aggregate_label(r, into),
                 "true");
    return;
  }
  struct json *rule = json_ensure_object(r->a, r->role, "aggregationRule");
  struct json *selector =
      json_append(r->a, json_ensure_array(r->a, rule, "clusterRoleSelectors"), json_new_object(r->a));

  json_set_str(r->a, json_ensure_object(r->a, selector, "matchLabels"), aggregate_label(r, of), "true");
}

/* role NAME ..., role NAMESPACE/NAME, controller NAME */
static void
begin_role(struct reading *r, const struct words *line)
{
  struct span name, ns = span_cut(line->w[1], '/', &name);

  r->controller = span_is(line->w[0], "controller");
  assert(line->n >= 2 && (r->controller || span_is(line->w[0], "role")));
  r->ns = name.p ? text_of(r, ns) : "";
  r->name = arena_printf(r->a, "%s%.*s", r->controller ? CONTROLLER : "", SPAN_FMT(name.p ? name : ns));
  r->role = object_new(r, *r->ns ? "Role" : "ClusterRole", r->name);
  for (size_t i = 2; i < line->n; i++)
    add_aggregation(r, line->w[i]);
}

/* A controller is bound to its service account, without a line that says so. */
static int
end_role(struct reading *r, struct kerr *reterr)
{
  int e = visit_role(r, reterr);

  if (e == 0 && r->name && r->controller) {
    struct json *binding = binding_new(r, r->name);

    add_subject(r, binding, span_of(arena_printf(r->a, "account:kube-system/%s", r->name + strlen(CONTROLLER))));
    e = visit_binding(r, binding, reterr);
  }
  r->name = NULL;
  arena_reset(r->a);
  return e;
}

static void
add_list(const struct reading *r, struct json *rule, const char *name, struct span words)
{
  struct json *list = json_ensure_array(r->a, rule, name);

  while (words.p) {
    struct span gate, word = span_cut(span_cut(words, ',', &words), '@', &gate);

    if (!gate.p || gate_holds(r, gate))
      json_append_str(r->a, list, span_is(word, "core") ? "" : text_of(r, word));
  }
}

static void
add_rule(const struct reading *r, const struct words *line)
{
  struct json *rule = json_append(r->a, json_ensure_array(r->a, r->role, "rules"), json_new_object(r->a));
  struct span names;

  assert(line->n == 2 || line->n == 3);
  if (line->n == 2) {
    add_list(r, rule, "nonResourceURLs", line->w[0]);
  } else {
    add_list(r, rule, "apiGroups", line->w[0]);
    add_list(r, rule, "resources", span_cut(line->w[1], '=', &names));
    if (names.p)
      add_list(r, rule, "resourceNames", names);
  }
  add_list(r, rule, "verbs", line->w[line->n - 1]);
}

static int
add_binding(struct reading *r, const struct words *line, struct kerr *reterr)
{
  struct span as = line->n > 1 ? after(line->w[1], "as:") : (struct span){ NULL, 0 };
  struct json *binding = binding_new(r, as.p ? text_of(r, as) : r->name);
  int e = visit_role(r, reterr);

  for (size_t i = as.p ? 2 : 1; i < line->n; i++)
    add_subject(r, binding, line->w[i]);
  return e != 0 ? e : visit_binding(r, binding, reterr);
}

static int
read_line(struct reading *r, struct span line, struct kerr *reterr)
{
  struct words words;
  bool inner = line.n && line.p[0] == ' ';

  if (!line.n || line.p[0] == '#')
    return 0;
  if (!inner) {
    int e = end_role(r, reterr);

    if (e != 0)
      return e;
  }
  if (!read_words(r, line, &words) || (inner && !r->name))
    return 0;
  if (!inner)
    begin_role(r, &words);
  else if (span_is(words.w[0], "bind"))
    return add_binding(r, &words, reterr);
  else
    add_rule(r, &words);
  return 0;
}

int
rbac_policy_visit(const struct personality *p, rbac_policy_fn *fn, void *payload, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct reading r = { .personality = p, .a = a, .visit = fn, .payload = payload, .ns = "" };
  struct span files[] = { EMBED_SPAN(cluster_roles), EMBED_SPAN(controller_roles), EMBED_SPAN(namespace_roles) };
  int e = 0;

  for (size_t i = 0; i < ARRAY_SIZE(files) && e == 0; i++) {
    while (files[i].p && e == 0)
      e = read_line(&r, span_cut(files[i], '\n', &files[i]), reterr);
    if (e == 0)
      e = end_role(&r, reterr);
  }
  return e;
}

struct search {
  struct arena *a;
  const char *role;
  const struct json *rules;
};

static int
find_role(void *payload, const struct rbac_policy_object *o, struct kerr *reterr)
{
  struct search *s = payload;

  (void)reterr;
  if (strcmp(o->resource, "clusterroles") != 0 || strcmp(object_name(o->object), s->role) != 0)
    return 0;
  s->rules = json_copy(s->a, json_get(o->object, "rules"));
  return 1;
}

const struct json *
rbac_policy_rules(const struct personality *p, struct arena *a, const char *role)
{
  struct search s = { .a = a, .role = role };
  _cleanup_kerr_ struct kerr never = KERR_INIT;

  return rbac_policy_visit(p, find_role, &s, &never) == 1 ? s.rules : NULL;
}
