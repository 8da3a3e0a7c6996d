/* allocate: what the scheduler would do with claims, and why it would not. Nothing is changed. */
#include <string.h>

#include "alloc.h"
#include "alloc_batch.h"
#include "alloc_explain.h"
#include "batch.h"
#include "ceilings.h"
#include "kube_target.h"
#include "manifest.h"
#include "object.h"
#include "yaml.h"

struct allocate_options {
  struct kube_options kube;
  struct cli_list files, features;
  const char *batch, *node, *output;
  bool all_nodes, explain;
};

static const char *const outputs[] = { "wide", "json", "yaml", NULL };

#define WHERE_ROWS                                                                                                \
  { "filename", 'f',                                                                                              \
    CLI_FILES,  offsetof(struct allocate_options, files),                                                         \
    "FILE",     "files with nodes, slices, classes, claims and taint rules; without any, those of the cluster",   \
    NULL },                                                                                                       \
      { "node", 0, CLI_STRING, offsetof(struct allocate_options, node), "NODE", "only this node", NULL },         \
      { "feature", 0,                                                                                             \
        CLI_LIST,  offsetof(struct allocate_options, features),                                                   \
        "NAME",    "turn on one of the allocator's features: ListTypeAttributes, DerivedAttributes, ...",         \
        NULL },                                                                                                   \
  {                                                                                                               \
    "output", 'o', CLI_STRING, offsetof(struct allocate_options, output), "FORMAT", "wide, json or yaml", outputs \
  }

static const struct cli_option allocate_rows[] = {
  WHERE_ROWS,
  { "all-nodes", 0, CLI_BOOL, offsetof(struct allocate_options, all_nodes), NULL,
    "every node, instead of the first that fits", NULL },
  { "explain", 0, CLI_BOOL, offsetof(struct allocate_options, explain), NULL, "say why a node does not fit", NULL },
  { "batch", 0, CLI_STRING, offsetof(struct allocate_options, batch), "FILE",
    "recorded questions, one JSON object a line; - for standard input", NULL },
  KUBE_ROWS(struct allocate_options, kube),
  CLI_OPTIONS_END,
};
/* What the question is about. */
struct subject {
  struct cli *cli;
  const struct allocate_options *o;
  struct alloc_world *w;
  struct alloc_usage *u;
  struct json *claims; /* those to allocate, in order */
  struct json *nodes;
  struct alloc_sum sum; /* of the explanations */
};

static bool
asked_for(const struct subject *s, const struct json *claim)
{
  for (size_t i = 0; i < s->cli->n_args; i++)
    if (strcmp(s->cli->args[i], object_name(claim)) == 0)
      return true;
  return s->cli->n_args == 0;
}

static void
take_object(struct subject *s, struct json *object)
{
  const char *kind = object_kind(object);

  if (strcmp(kind, "ResourceSlice") == 0)
    alloc_world_borrow_slice(s->w, object);
  else if (strcmp(kind, "DeviceClass") == 0)
    alloc_world_borrow_class(s->w, object);
  else if (strcmp(kind, "DeviceTaintRule") == 0)
    alloc_world_borrow_taint_rule(s->w, object);
  else if (strcmp(kind, "Node") == 0)
    json_append(s->cli->arena, s->nodes, object);
  else if (strcmp(kind, "ResourceClaim") == 0 && json_dig(object, "status", "allocation", NULL))
    alloc_usage_set_claim(s->u, object);
  else if (strcmp(kind, "ResourceClaim") == 0 && asked_for(s, object))
    json_append(s->cli->arena, s->claims, object);
}

/* Slices that name a node stand for it when no Node object is there. */
static void
nodes_of_slices(struct subject *s, const struct manifests *m)
{
  struct arena *a = s->cli->arena;

  for (size_t i = 0; i < m->n && json_count(s->nodes) == 0; i++) {
    const char *name = json_get_str(json_get(m->list[i].object, "spec"), "nodeName");

    if (name && strcmp(object_kind(m->list[i].object), "ResourceSlice") == 0)
      json_set_str(a, json_ensure_object(a, json_append(a, s->nodes, json_new_object(a)), "metadata"), "name", name);
  }
}

/*
 * The allocator reads the current version with its defaults in place; files may have any version, and leave the
 * defaults out. What is neither a node nor of the group (the pods beside a claim) is left alone.
 */
static int
admit(struct subject *s, const struct personality *p, struct manifest *m, struct kerr *reterr)
{
  struct arena *a = s->cli->arena;
  const struct kind *k, *current;
  struct json *o = m->object;
  int r;

  if (strcmp(object_kind(o), "Node") != 0 &&
      strncmp(object_api_version(o), "resource.k8s.io/", strlen("resource.k8s.io/")) != 0)
    return 0;
  r = manifest_admit(a, o, p, clock_wall(s->cli->clock), &k, &m->object, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "%s: %s %s", m->source, object_kind(o), object_name(o));
  current = kind_find_api_version("resource.k8s.io/v1", object_kind(o));
  if (current && current != k)
    r = kind_convert(a, k, current, m->object, &m->object, reterr);
  if (r == 0)
    take_object(s, m->object);
  return r;
}

static int
read_files(struct subject *s, struct kerr *reterr)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  struct manifests m;
  int r = personality_new(NULL, "AllAlpha=true,AllBeta=true", NULL, &p, reterr); /* keep what gates might drop */

  if (r == 0)
    r = manifests_read(s->cli->arena, &s->o->files, false, &m, reterr);
  if (r < 0)
    return r;
  for (size_t i = 0; i < m.n && r == 0; i++)
    r = admit(s, p, &m.list[i], reterr);
  if (r == 0)
    nodes_of_slices(s, &m);
  return r;
}

static int
read_cluster(struct subject *s, struct kerr *reterr)
{
  static const struct {
    const struct kclient_resource *resource;
    const char *kind;
  } wanted[] = {
    { &KC_NODES, "Node" },
    { &KC_DEVICECLASSES, "DeviceClass" },
    { &KC_RESOURCESLICES, "ResourceSlice" },
    { &KC_DEVICETAINTRULES, "DeviceTaintRule" },
    { &KC_RESOURCECLAIMS, "ResourceClaim" },
  };
  _cleanup_(kclient_freep) struct kclient *c = NULL;
  int r = cluster_access_client(s->cli, &s->o->kube.target, &c, NULL, reterr);

  for (size_t i = 0; r == 0 && i < ARRAY_SIZE(wanted); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct kclient_list list;

    if (kclient_list(c, wanted[i].resource, NULL, NULL, &list, &err) < 0) {
      if (err.code == KERR_NOT_FOUND) /* a kind that this release does not serve */
        continue;
      return kerr_move(reterr, &err);
    }
    for (size_t k = 0; k < list.n; k++) {
      struct json *object = json_copy(s->cli->arena, record_tree(list.items[k]));

      json_set_str(s->cli->arena, object, "kind", wanted[i].kind);
      take_object(s, object);
    }
    kclient_list_release(&list);
  }
  return r;
}

/* -- answers -- */

static void
say_devices(const struct json *claim, const struct json *allocation, bool wide, struct strbuf *out)
{
  strbuf_printf(out, "  claim %s\n", object_name(claim));
  for (json_each_item (r, json_dig(allocation, "devices", "results", NULL))) {
    strbuf_printf(out, "    %s: %s/%s/%s", json_get_str_or(*r, "request", ""), json_get_str_or(*r, "driver", ""),
                  json_get_str_or(*r, "pool", ""), json_get_str_or(*r, "device", ""));
    if (json_get_bool(*r, "adminAccess", false))
      strbuf_puts(out, " (admin access)");
    for (json_each_member (c, json_get(*r, "consumedCapacity")))
      strbuf_printf(out, " %s=%s", c->name, json_str(c->value) ? json_str(c->value) : "");
    strbuf_putc(out, '\n');
  }
  if (wide && json_get(allocation, "nodeSelector")) {
    strbuf_puts(out, "    node selector: ");
    json_write(out, json_get(allocation, "nodeSelector"), JSON_COMPACT);
    strbuf_putc(out, '\n');
  }
}

static struct json *
answer_json(struct subject *s, const struct json *node, struct json **allocations)
{
  struct arena *a = s->cli->arena;
  struct json *answer = json_new_object(a), *list;

  json_set_str(a, answer, "node", object_name(node));
  list = json_ensure_array(a, answer, "claims");
  for (size_t i = 0; i < json_count(s->claims); i++) {
    struct json *one = json_append(a, list, json_new_object(a));

    json_set_str(a, one, "name", object_name(json_at(s->claims, i)));
    json_set_str(a, one, "namespace", object_namespace(json_at(s->claims, i)));
    json_set(a, one, "allocation", allocations[i]);
  }
  return answer;
}

/* One node; `ret_fits`. Answers for machines are collected in `list`. */
static int
try_node(struct subject *s, struct alloc_job *j, const struct json *node, struct json *list, struct strbuf *out,
         bool *ret_fits, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct arena *a = s->cli->arena;
  struct json **allocations = NULL;
  struct alloc_answer answer;
  int r = alloc_job_run(j, s->u, node, NULL, &answer, &err);

  *ret_fits = r == 0 && answer.outcome == ALLOC_OK;
  if (*ret_fits)
    r = alloc_job_allocations(j, a, &allocations, &err);
  if (r < 0 && !answer.node_only && !s->o->explain)
    return kerr_move(reterr, &err);
  if (!*ret_fits && s->o->explain) {
    struct alloc_explanation *e = alloc_job_explain(j, s->u, node, a);

    alloc_sum_add(&s->sum, e);
    if (list)
      json_append(a, list, alloc_explanation_json(e, a));
    else
      alloc_explanation_text(e, s->o->output != NULL, out);
    return 0;
  }
  if (list && *ret_fits)
    json_append(a, list, answer_json(s, node, allocations));
  if (list)
    return 0;
  strbuf_printf(out, "node %s: %s\n", object_name(node),
                *ret_fits ? "fits"
                : r < 0   ? err.msg
                          : "the claims do not fit");
  for (size_t i = 0; *ret_fits && i < json_count(s->claims); i++)
    say_devices(json_at(s->claims, i), allocations[i], s->o->output != NULL, out);
  return 0;
}

static int
try_nodes(struct subject *s, struct kerr *reterr)
{
  const char *format = s->o->output ? s->o->output : "";
  bool json = strcmp(format, "json") == 0, yaml = strcmp(format, "yaml") == 0, fits = false, any = false, asked = false;
  struct json *list = json || yaml ? json_new_array(s->cli->arena) : NULL;
  struct alloc_job *j = alloc_job_new(s->w, (const struct json *const *)s->claims->u.items, json_count(s->claims));
  _cleanup_strbuf_ struct strbuf out = STRBUF_INIT(CEIL_REPLY);
  int r = 0;

  for (json_each_item (n, s->nodes)) {
    if (s->o->node && strcmp(object_name(*n), s->o->node) != 0)
      continue;
    asked = true;
    r = try_node(s, j, *n, list, &out, &fits, reterr);
    any |= fits;
    if (r < 0 || (fits && !s->o->all_nodes))
      break;
  }
  alloc_job_free(j);
  if (!asked)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "there is no node '%s'", s->o->node);
  if (s->sum.nodes > 1 && !list)
    alloc_sum_text(&s->sum, &out);
  if (json)
    json_write(&out, list, JSON_INDENT4);
  if (json)
    strbuf_putc(&out, '\n');
  if (yaml)
    yaml_write(&out, list);
  if (r == 0)
    fwrite(strbuf_view(&out).p ? strbuf_view(&out).p : "", 1, out.n, stdout);
  return r < 0 ? r : any ? 0 : 1;
}

static int
features_read(const struct cli_list *names, struct alloc_features *f, struct kerr *reterr)
{
  *f = alloc_features_default();
  for (size_t i = 0; i < names->n; i++)
    if (!alloc_features_set(f, names->items[i], true))
      return kerr_set(reterr, KERR_USAGE, NULL, "the allocator has no feature '%s'", names->items[i]);
  return 0;
}

static int
allocate(struct cli *cli, const struct allocate_options *o, struct kerr *reterr)
{
  struct subject s = { .cli = cli, .o = o, .claims = json_new_array(cli->arena), .nodes = json_new_array(cli->arena) };
  struct alloc_features f;
  int r = features_read(&o->features, &f, reterr);

  if (r < 0)
    return r;
  s.w = alloc_world_new(&f, alloc_channel_of(&f));
  s.u = alloc_usage_new();
  r = o->files.n ? read_files(&s, reterr) : read_cluster(&s, reterr);
  if (r == 0 && json_count(s.claims) == 0)
    r = cli->n_args
            ? kerr_set(reterr, KERR_NOT_FOUND, NULL, "there is no claim '%s' that waits for devices", cli->args[0])
            : kerr_set(reterr, KERR_NOT_FOUND, NULL, "there is no claim to allocate");
  if (r == 0 && json_count(s.nodes) == 0)
    r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "there is no node");
  if (r == 0)
    r = try_nodes(&s, reterr);
  alloc_usage_free(s.u);
  alloc_world_free(s.w);
  return r;
}

static int
allocate_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct allocate_options *o = options;

  return o->batch ? batch_run(o->batch, alloc_batch_line, reterr) : allocate(cli, o, reterr);
}

extern const struct cli_command cmd_allocate;
const struct cli_command cmd_allocate = {
  .name = "allocate",
  .args = "[CLAIM...]",
  .summary = "What devices claims would get, without a server or without touching it",
  .help = "Claims are allocated together and in order, as those of one pod. Exit code 1 when no node fits.",
  .options = allocate_rows,
  .options_size = sizeof(struct allocate_options),
  .run = allocate_run,
};
