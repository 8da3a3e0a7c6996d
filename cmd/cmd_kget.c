/* get TYPE [NAME...]: what kubectl get does, and the devices of claims in wide output. */
#include <string.h>

#include "ceilings.h"
#include "kube_print.h"
#include "kube_target.h"
#include "status.h"
#include "yaml.h"

#define TABLE_ACCEPT "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

static const char *const formats[] = { "wide", "json", "yaml", "name", NULL };

struct get_options {
  struct kube_options kube;
  const char *output, *labels, *fields;
  bool watch, watch_only, no_headers, show_labels, ignore_not_found;
};

static const struct cli_option get_rows[] = {
  { "output", 'o', CLI_STRING, offsetof(struct get_options, output), "FORMAT", "wide, json, yaml or name", formats },
  { "selector", 'l', CLI_STRING, offsetof(struct get_options, labels), "SELECTOR", "label selector, as key=value",
    NULL },
  { "field-selector", 0, CLI_STRING, offsetof(struct get_options, fields), "SELECTOR",
    "field selector, as spec.nodeName=x", NULL },
  { "watch", 'w', CLI_BOOL, offsetof(struct get_options, watch), NULL, "go on with changes after the list", NULL },
  { "watch-only", 0, CLI_BOOL, offsetof(struct get_options, watch_only), NULL, "changes only", NULL },
  { "no-headers", 0, CLI_BOOL, offsetof(struct get_options, no_headers), NULL, "no header line", NULL },
  { "show-labels", 0, CLI_BOOL, offsetof(struct get_options, show_labels), NULL, "all labels in the last column",
    NULL },
  { "ignore-not-found", 0, CLI_BOOL, offsetof(struct get_options, ignore_not_found), NULL,
    "no error when there is nothing", NULL },
  KUBE_ALL_ROW(struct get_options, kube),
  KUBE_ROWS(struct get_options, kube),
  CLI_OPTIONS_END,
};

struct get {
  struct cli *cli;
  struct kube kube;
  const struct get_options *o;
  bool printed; /* a table stands above: an empty line goes between */
};

static char *
item_path(struct get *g, const struct kube_item *item, const char *more)
{
  const char *ns = kube_ns_of(&g->kube, item->info),
             *selectors = kube_selectors(g->cli->arena, g->o->labels, g->o->fields);
  const struct kclient_resource *res = &item->info->res;
  bool one = item->name != NULL;

  return arena_printf(g->cli->arena, "%s%s/%s%s%s/%s%s%s?%s%s%s", *res->group ? "/apis/" : "/api", res->group,
                      res->version, ns ? "/namespaces/" : "", ns ? ns : "", res->resource, one ? "/" : "",
                      one ? item->name : "", more, selectors && !one ? "&" : "", selectors && !one ? selectors : "");
}

/* An answer that is an error becomes one. */
static int
fetch(struct get *g, const char *path, const char *accept, struct json **ret, struct kerr *reterr)
{
  struct kclient_reply reply;
  int r =
      kclient_raw(g->kube.client, g->cli->arena, "GET", path, accept, NULL, (struct span){ NULL, 0 }, &reply, reterr);

  if (r == 0)
    r = json_parse(g->cli->arena, reply.body, NULL, ret, reterr);
  if (r == 0 && reply.status >= 400)
    r = status_to_kerr(*ret, reply.status, reterr);
  return r;
}

static bool
is_claims(const struct resource_info *info)
{
  return strcmp(info->res.group, "resource.k8s.io") == 0 && strcmp(info->res.resource, "resourceclaims") == 0;
}

static struct table_style
style_of(const struct get *g, const struct kube_item *item, bool several, bool headers)
{
  bool wide = g->o->output && strcmp(g->o->output, "wide") == 0;

  return (struct table_style){
    .wide = wide,
    .with_namespace = !g->kube.ns && item->info->res.namespaced,
    .headers = headers && !g->o->no_headers,
    .show_labels = g->o->show_labels,
    .prefix = several ? arena_printf(g->cli->arena, "%s/", item->info->subject) : NULL,
    .extra_header = "DEVICES",
    .extra = wide && is_claims(item->info) ? kube_claim_devices : NULL,
  };
}

static void
print(struct get *g, const struct json *table, const struct table_style *style)
{
  _cleanup_strbuf_ struct strbuf out;

  strbuf_init(&out, CEIL_REPLY);
  kube_print_table(g->cli->arena, table, style, &out);
  fwrite(out.p, 1, out.n, stdout);
  fflush(stdout);
}

static const char *
table_query(struct get *g, const struct kube_item *item)
{
  return style_of(g, item, false, true).extra ? "includeObject=Object" : "includeObject=Metadata";
}

static int
get_table(struct get *g, const struct kube_item *item, bool several, bool *ret_some, struct kerr *reterr)
{
  struct table_style style = style_of(g, item, several, true);
  struct json *table;
  int r = fetch(g, item_path(g, item, table_query(g, item)), TABLE_ACCEPT, &table, reterr);

  if (r < 0)
    return r;
  if (json_count(json_get(table, "rows")) == 0)
    return 0;
  if (several && g->printed)
    putchar('\n');
  print(g, table, &style);
  *ret_some = g->printed = true;
  return 0;
}

/* Objects for json, yaml and name: one alone, several as a List. */
static int
get_objects(struct get *g, const struct kube_item *items, size_t n, struct kerr *reterr)
{
  struct json *all = json_new_object(g->cli->arena), *list, *doc = NULL;
  _cleanup_strbuf_ struct strbuf out = { 0 };

  json_set_str(g->cli->arena, all, "apiVersion", "v1");
  list = json_ensure_array(g->cli->arena, all, "items");
  for (size_t i = 0; i < n; i++) {
    int r = fetch(g, item_path(g, &items[i], ""), "application/json", &doc, reterr);

    if (r < 0)
      return r;
    if (items[i].name) {
      json_append(g->cli->arena, list, doc);
      continue;
    }
    for (size_t k = 0; k < json_count(json_get(doc, "items")); k++) {
      struct json *o = json_item(json_find(doc, "items"), k);

      json_set_str(g->cli->arena, o, "apiVersion",
                   gv_text(g->cli->arena, items[i].info->res.group, items[i].info->res.version));
      json_set_str(g->cli->arena, o, "kind", items[i].info->res.kind);
      json_append(g->cli->arena, list, o);
    }
  }
  json_set_str(g->cli->arena, all, "kind", "List");
  json_set_str(g->cli->arena, json_ensure_object(g->cli->arena, all, "metadata"), "resourceVersion", "");
  strbuf_init(&out, CEIL_REPLY);
  if (strcmp(g->o->output, "name") == 0) {
    for (json_each_item (p, list))
      for (size_t i = 0; i < n; i++)
        if (strcmp(items[i].info->res.kind, object_kind(*p)) == 0) {
          strbuf_printf(&out, "%s/%s\n", items[i].info->subject, object_name(*p));
          break;
        }
  } else {
    const struct json *what = n == 1 && items[0].name ? json_at(list, 0) : all;

    if (strcmp(g->o->output, "yaml") == 0)
      yaml_write(&out, what);
    else
      json_write(&out, what, JSON_INDENT4);
    if (out.n && out.p[out.n - 1] != '\n')
      strbuf_putc(&out, '\n');
  }
  fwrite(out.p, 1, out.n, stdout);
  return 0;
}

/* -- watch: rows as they come -- */

struct watching {
  struct get *g;
  const struct kube_item *item;
  struct strbuf line;
  struct json *columns; /* only the first event has them */
  struct arena *keep;
  bool headers;
};

static void
print_event(struct watching *w, struct span line)
{
  struct arena *keep = w->g->cli->arena;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct table_style style;
  struct json *event, *table;

  if (json_parse(a, line, NULL, &event, &err) < 0)
    return;
  table = json_find(event, "object");
  if (strcmp(json_get_str_or(event, "type", ""), "ERROR") == 0) {
    fprintf(stderr, "error: %s\n", json_get_str_or(table, "message", "the watch has ended"));
    return;
  }
  if (strcmp(json_get_str_or(event, "type", ""), "BOOKMARK") == 0)
    return;
  if (json_count(json_get(table, "columnDefinitions")) > 0)
    w->columns = json_copy(w->keep, json_get(table, "columnDefinitions"));
  else if (w->columns)
    json_set(a, table, "columnDefinitions", w->columns);
  w->g->cli->arena = a; /* what printing needs goes with the event */
  style = style_of(w->g, w->item, false, w->headers);
  print(w->g, table, &style);
  w->g->cli->arena = keep;
  w->headers = false;
}

static bool
take_chunk(void *arg, struct span bytes)
{
  struct watching *w = arg;

  for (size_t i = 0; i < bytes.n; i++) {
    if (bytes.p[i] != '\n') {
      strbuf_putc(&w->line, bytes.p[i]);
      continue;
    }
    print_event(w, strbuf_view(&w->line));
    strbuf_clear(&w->line);
  }
  return true;
}

static int
watch(struct get *g, const struct kube_item *item, struct kerr *reterr)
{
  struct watching w = { .g = g, .item = item, .keep = g->cli->arena, .headers = true };
  struct kube_item all = *item;
  char *path, *name_selector = NULL;
  int status, r;

  if (item->name)
    name_selector = arena_printf(g->cli->arena, "metadata.name%%3D%s", item->name);
  all.name = NULL;
  path = item_path(g, &all,
                   arena_printf(g->cli->arena, "watch=1&%s%s%s%s", table_query(g, item),
                                name_selector ? "&fieldSelector=" : "", name_selector ? name_selector : "",
                                g->o->watch_only ? "&resourceVersion=" : ""));
  strbuf_init(&w.line, CEIL_REPLY);
  r = kclient_raw_stream(g->kube.client, path, TABLE_ACCEPT, take_chunk, &w, &status, reterr);
  strbuf_release(&w.line);
  return r;
}

static int
get_all(struct get *g, struct kerr *reterr)
{
  struct kube_item *items;
  bool some = false;
  size_t n;
  int r = kube_items(g->cli, &g->kube, &items, &n, reterr);

  if (r < 0)
    return r;
  if (g->o->watch || g->o->watch_only)
    return n == 1 ? watch(g, &items[0], reterr)
                  : kerr_set(reterr, KERR_USAGE, NULL, "you may only specify a single resource type with --watch");
  if (g->o->output && strcmp(g->o->output, "wide") != 0)
    return get_objects(g, items, n, reterr);
  for (size_t i = 0; i < n; i++) {
    r = get_table(g, &items[i], n > 1, &some, reterr);
    if (r < 0)
      return r;
  }
  if (!some && !g->o->ignore_not_found && g->kube.ns && items[0].info->res.namespaced)
    fprintf(stderr, "No resources found in %s namespace.\n", g->kube.ns);
  else if (!some && !g->o->ignore_not_found)
    fputs("No resources found\n", stderr);
  return 0;
}

static int
get_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct get_options *o = options;
  struct get g = { .cli = cli, .o = o };
  int r;

  r = kube_open(cli, &o->kube, &g.kube, reterr);
  if (r == 0)
    r = get_all(&g, reterr);
  kube_close(&g.kube);
  if (r < 0 && o->ignore_not_found && reterr->code == KERR_NOT_FOUND) {
    kerr_release(reterr);
    return 0;
  }
  return r < 0 ? kube_fail(reterr) : 0;
}

extern const struct cli_command cmd_kget;
const struct cli_command cmd_kget = {
  .name = "get",
  .args = "TYPE[,TYPE...] [NAME...]",
  .summary = "Show objects of a cluster: nodes, pods, resourceclaims, resourceslices, ...",
  .help = "Types, short names and categories are those the server offers. `-o wide` names the devices of a claim.\n"
          "`get clusters`, `get kubeconfig` and `get token` are about clusters themselves.",
  .options = get_rows,
  .options_size = sizeof(struct get_options),
  .run = get_run,
};
