/* cel lint: every expression in manifests: does it compile, what may it cost, does what it reads exist. */
#include <inttypes.h>
#include <string.h>

#include "cel_crd.h"
#include "cel_inventory.h"
#include "cel_policy.h"
#include "ceilings.h"
#include "object.h"

struct lint_options {
  struct kube_options kube;
  struct cli_list files, slices, gates_on;
  bool live;
};

static const struct cli_option lint_rows[] = {
  { "filename", 'f', CLI_FILES, offsetof(struct lint_options, files), "FILE", "files, folders or - to look at", NULL },
  { "slices", 0, CLI_FILES, offsetof(struct lint_options, slices), "FILE",
    "files with ResourceSlices: selectors are checked against their attributes", NULL },
  { "live", 0, CLI_BOOL, offsetof(struct lint_options, live), NULL, "check against the slices of the cluster", NULL },
  { "feature", 0, CLI_LIST, offsetof(struct lint_options, gates_on), "NAME",
    "accept what this alpha feature allows: DRAListTypeAttributes", NULL },
  KUBE_ROWS(struct lint_options, kube),
  CLI_OPTIONS_END,
};

struct lint {
  struct cli *cli;
  const struct manifest *at; /* the object under work */
  struct inventory inv;
  bool has_inventory;
  struct cel_dra_features features;
  size_t expressions, errors, warnings;
};

/* -- saying -- */

static void
say(struct lint *l, const char *what, const char *path, const char *text)
{
  printf("%s: %s/%s: %s: %s: %s\n", l->at->source, object_kind(l->at->object), object_name(l->at->object), path, what,
         text);
}

static void
error(struct lint *l, const char *path, const char *text)
{
  l->errors++;
  say(l, "error", path, text);
}

static void
warning(struct lint *l, const char *path, const char *text)
{
  l->warnings++;
  say(l, "warning", path, text);
}

/* -- selectors of devices -- */

struct referring {
  struct lint *l;
  const char *path;
  struct span source;
};

static void
check_reference(const struct cel_reference *r, void *arg)
{
  struct referring *f = arg;
  struct arena *a = f->l->cli->arena;
  struct cel_reference domain = *r;
  const char *nearest, *what = r->capacity ? "capacity" : "attribute", *text;

  domain.id = (struct span){ NULL, 0 };
  if (inventory_has(&f->l->inv, r) || (r->id.p && !inventory_has(&f->l->inv, &domain)))
    return; /* what is below an unknown domain was said with the domain */
  nearest = inventory_nearest(&f->l->inv, r);
  text = r->id.p
             ? arena_printf(a, "no device has the %s \"%.*s\" in \"%.*s\"", what, SPAN_FMT(r->id), SPAN_FMT(r->domain))
             : arena_printf(a, "no device has a%s %s of \"%.*s\"", r->capacity ? "" : "n", what, SPAN_FMT(r->domain));
  if (nearest)
    text = arena_printf(a, "%s; did you mean \"%s\"?", text, nearest);
  warning(f->l, f->path, cel_show_place(a, f->source, r->pos, text) + strlen("ERROR: <input>:"));
}

/* Does any device match? A selector that none does is likely a mistake. */
static void
check_matches(struct lint *l, const char *path, const struct cel_selector *s)
{
  _cleanup_arena_ struct arena *a = arena_new(256 * MiB);
  const char *why = "";

  for (size_t i = 0; i < l->inv.n; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct cel_device *ready;
    bool match = false;

    if (inventory_ready(a, &l->inv.list[i], &ready, &err) < 0 || cel_selector_match(s, ready, a, &match, &err) < 0) {
      warning(l, path, arena_printf(l->cli->arena, "fails on %s: %s", inventory_name(a, &l->inv.list[i]), err.msg));
      return; /* such an error ends an allocation: one is enough */
    }
    if (match)
      return;
    if (!*why)
      why = arena_strdup(l->cli->arena, cel_selector_why_not(s, ready, a));
    arena_reset(a);
  }
  warning(l, path,
          arena_printf(l->cli->arena, "none of %zu devices matches%s%s", l->inv.n, *why ? "; false is: " : "", why));
}

static void
check_selector(struct lint *l, const char *path, const char *expression)
{
  struct referring f = { l, path, span_of(expression) };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_selector *s;

  l->expressions++;
  if (cel_selector_validate(f.source, &l->features, &err) < 0 && err.code != KERR_FORBIDDEN) {
    error(l, path, err.msg);
    return;
  }
  kerr_release(&err);
  if (cel_selector_compile(f.source, &s, &err) < 0) {
    error(l, path, err.msg);
    return;
  }
  if (cel_selector_cost(s) > CEL_DRA_COST_MAX)
    error(l, path,
          arena_printf(l->cli->arena, "too complex, exceeds cost limit: may cost %" PRIu64 " of %" PRIu64,
                       cel_selector_cost(s), CEL_DRA_COST_MAX));
  else if (l->cli->verbosity > 0)
    say(l, "ok", path,
        arena_printf(l->cli->arena, "costs at most %" PRIu64 " of %" PRIu64, cel_selector_cost(s), CEL_DRA_COST_MAX));
  if (l->has_inventory) {
    size_t before = l->warnings;

    cel_show_references(s, check_reference, &f);
    if (l->warnings == before)
      check_matches(l, path, s);
  }
  cel_selector_unref(s);
}

/* Every {"cel": {"expression": ...}} in an object of DRA. */
static void
find_selectors(struct lint *l, const struct json *v, const char *path)
{
  struct arena *a = l->cli->arena;
  const char *expression = json_str(json_dig(v, "cel", "expression", NULL));
  size_t i = 0;

  if (expression)
    check_selector(l, arena_printf(a, "%s.cel.expression", path), expression);
  for (json_each_item (p, v))
    find_selectors(l, *p, arena_printf(a, "%s[%zu]", path, i++));
  for (json_each_member (m, v))
    if (!expression || strcmp(m->name, "cel") != 0)
      find_selectors(l, m->value, *path ? arena_printf(a, "%s.%s", path, m->name) : m->name);
}

/* -- hosts with reports -- */

static void
say_report(struct lint *l, const struct cel_report *r)
{
  for (uint32_t i = 0; i < r->n; i++) {
    _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REPLY);

    cel_error_text(&text, &r->items[i]);
    error(l, r->items[i].field, text.p + strlen(r->items[i].field) + 2);
  }
}

static size_t
count_rules(const struct json *v)
{
  size_t n = json_count(json_get(v, "x-kubernetes-validations"));

  for (json_each_item (p, v))
    n += count_rules(*p);
  for (json_each_member (m, v))
    n += strcmp(m->name, "x-kubernetes-validations") != 0 ? count_rules(m->value) : 0;
  return n;
}

static void
check_definition(struct lint *l, const struct json *o)
{
  size_t i = 0;

  for (json_each_item (v, json_dig(o, "spec", "versions", NULL))) {
    struct cel_report report = { .a = l->cli->arena };
    struct cel_crd_check check = {
      .schema = json_dig(*v, "schema", "openAPIV3Schema", NULL),
      .path = arena_printf(l->cli->arena, "spec.versions[%zu].schema.openAPIV3Schema", i++),
    };

    l->expressions += count_rules(check.schema);
    cel_crd_check(&check, &report);
    say_report(l, &report);
  }
}

static void
check_policy(struct lint *l, enum cel_policy_kind kind, const struct json *tree, const char *path)
{
  static const char *const lists[] = { "matchConditions", "variables", "validations", "auditAnnotations", "mutations" };
  struct cel_report report = { .a = l->cli->arena };

  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    l->expressions += json_count(json_get(tree, lists[i]));
  cel_policy_check(kind, tree, NULL, path, &report);
  say_report(l, &report);
}

static void
check_webhooks(struct lint *l, const struct json *o)
{
  size_t i = 0;

  for (json_each_item (p, json_get(o, "webhooks")))
    check_policy(l, CEL_POLICY_WEBHOOK, *p, arena_printf(l->cli->arena, "webhooks[%zu]", i++));
}

static void
check_object(struct lint *l, const struct manifest *m)
{
  const char *group = object_api_version(m->object), *kind = object_kind(m->object);

  l->at = m;
  if (strncmp(group, "resource.k8s.io/", strlen("resource.k8s.io/")) == 0)
    find_selectors(l, m->object, "");
  else if (strcmp(kind, "CustomResourceDefinition") == 0)
    check_definition(l, m->object);
  else if (strcmp(kind, "ValidatingAdmissionPolicy") == 0)
    check_policy(l, CEL_POLICY_VALIDATING, json_get(m->object, "spec"), "spec");
  else if (strcmp(kind, "MutatingAdmissionPolicy") == 0)
    check_policy(l, CEL_POLICY_MUTATING, json_get(m->object, "spec"), "spec");
  else if (strcmp(kind, "ValidatingWebhookConfiguration") == 0 || strcmp(kind, "MutatingWebhookConfiguration") == 0)
    check_webhooks(l, m->object);
}

static int
read_inventory(struct lint *l, const struct lint_options *o, const struct manifests *m, struct kerr *reterr)
{
  int r = 0;

  l->inv.a = l->cli->arena;
  if (o->slices.n || o->live)
    r = inventory_read(l->cli, &o->kube, &o->slices, &l->inv, reterr);
  for (size_t i = 0; r == 0 && i < m->n; i++)
    inventory_add(&l->inv, m->list[i].object);
  l->has_inventory = l->inv.n > 0;
  return r;
}

static int
lint_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct lint_options *o = options;
  struct lint l = { .cli = cli, .features = { .consumable_capacity = true } };
  struct manifests m;
  int r = manifests_read(cli->arena, &o->files, true, &m, reterr);

  for (size_t i = 0; i < o->gates_on.n; i++)
    l.features.list_type_attributes |= strcmp(o->gates_on.items[i], "DRAListTypeAttributes") == 0;
  if (r == 0)
    r = read_inventory(&l, o, &m, reterr);
  if (r < 0)
    return r;
  for (size_t i = 0; i < m.n; i++)
    check_object(&l, &m.list[i]);
  cli_note(cli, "%zu expressions: %zu errors, %zu warnings%s", l.expressions, l.errors, l.warnings,
           l.has_inventory ? "" : " (no devices to compare with: --slices FILE or --live)");
  return l.errors ? 1 : 0;
}

extern const struct cli_command cmd_cel_lint;
const struct cli_command cmd_cel_lint = {
  .name = "cel lint",
  .summary = "Check the CEL expressions in manifests",
  .help =
      "Looks at device selectors (DeviceClass, ResourceClaim, ResourceClaimTemplate), at the rules of\n"
      "CustomResourceDefinitions, and at admission policies and match conditions: does each compile as the API\n"
      "server would accept it, and within its cost. Where there are ResourceSlices, in the manifests, in --slices or\n"
      "in the cluster (--live), selectors are asked for attributes that no device has, and for devices they match.\n"
      "-v 1 shows the cost of each selector. Exits with 1 when there is an error.",
  .options = lint_rows,
  .options_size = sizeof(struct lint_options),
  .run = lint_run,
};
