/* describe TYPE NAME: an object in words and indentation, with its events, as kubectl describes what it has no page of
 * its own for. */
#include <ctype.h>
#include <string.h>

#include "ceilings.h"
#include "kube_print.h"
#include "kube_target.h"

struct describe_options {
  struct kube_options kube;
  const char *labels;
};

static const struct cli_option describe_rows[] = {
  { "selector", 'l', CLI_STRING, offsetof(struct describe_options, labels), "SELECTOR", "label selector", NULL },
  KUBE_ALL_ROW(struct describe_options, kube),
  KUBE_ROWS(struct describe_options, kube),
  CLI_OPTIONS_END,
};

/* "resourceClaimName" → "Resource Claim Name" */
static char *
title(struct arena *a, const char *name)
{
  char *out = arena_alloc(a, strlen(name) * 2 + 1), *to = out;

  for (const char *c = name; *c; c++) {
    bool begins =
        c == name || (isupper((unsigned char)*c) && (islower((unsigned char)c[-1]) || islower((unsigned char)c[1])));

    if (begins && c != name)
      *to++ = ' ';
    *to++ = (char)(c == name ? toupper((unsigned char)*c) : *c);
  }
  return out;
}

static bool
is_plain(const struct json *v)
{
  return !json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY);
}

static const char *
plain(struct arena *a, const struct json *v)
{
  return json_str(v) ? json_str(v) : json_text(a, v, JSON_COMPACT);
}

static void
indent(struct strbuf *out, int level)
{
  for (int i = 0; i < level * 2; i++)
    strbuf_putc(out, ' ');
}

static void write_value(struct arena *a, struct strbuf *out, const struct json *v, int level);

static void
write_member(struct arena *a, struct strbuf *out, const char *label, const struct json *v, size_t width, int level)
{
  if (json_is(v, JSON_OBJECT) && json_count(v) == 0)
    return;
  indent(out, level);
  if (is_plain(v)) {
    strbuf_printf(out, "%s:%*s%s\n", label, (int)(width - strlen(label)) + 2, "", plain(a, v));
    return;
  }
  strbuf_printf(out, "%s:\n", label);
  write_value(a, out, v, level + 1);
}

static void
write_value(struct arena *a, struct strbuf *out, const struct json *v, int level)
{
  size_t width = 0;

  for (json_each_member (m, v))
    if (is_plain(m->value) && strlen(title(a, m->name)) > width)
      width = strlen(title(a, m->name));
  for (json_each_member (m, v))
    write_member(a, out, title(a, m->name), m->value, width, level);
  for (json_each_item (p, v)) {
    if (is_plain(*p)) {
      indent(out, level);
      strbuf_printf(out, "%s\n", plain(a, *p));
    } else {
      write_value(a, out, *p, level);
    }
  }
}

static void
write_map(struct arena *a, struct strbuf *out, const char *label, const struct json *map)
{
  bool first = true;

  strbuf_printf(out, "%-14s", label);
  for (json_each_member (m, map)) {
    strbuf_printf(out, "%*s%s%s%s\n", first ? 0 : 14, "", m->name, strcmp(label, "Labels:") == 0 ? "=" : ": ",
                  plain(a, m->value));
    first = false;
  }
  if (first)
    strbuf_puts(out, "<none>\n");
}

static void
write_metadata(struct arena *a, struct strbuf *out, const struct json *o)
{
  static const char *const shown[] = { "name", "namespace", "labels", "annotations", "managedFields" };
  struct json *rest = json_shallow(a, json_get(o, "metadata"));

  strbuf_printf(out, "%-14s%s\n", "Name:", object_name(o));
  strbuf_printf(out, "%-14s%s\n", "Namespace:", object_namespace(o));
  write_map(a, out, "Labels:", object_labels(o));
  write_map(a, out, "Annotations:", object_annotations(o));
  strbuf_printf(out, "%-14s%s\n", "API Version:", object_api_version(o));
  strbuf_printf(out, "%-14s%s\n", "Kind:", object_kind(o));
  for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
    (void)json_remove(rest, shown[i]);
  strbuf_puts(out, "Metadata:\n");
  write_value(a, out, rest, 1);
}

static const char *
event_age(struct cli *cli, const struct json *event)
{
  const char *at = json_get_str(event, "lastTimestamp");
  int64_t then;

  if (!at)
    at = json_get_str_or(event, "eventTime", "");
  if (!clock_parse_rfc3339(span_of(at), &then))
    return "<unknown>";
  return arena_printf(cli->arena, "%llds", (long long)((clock_wall(cli->clock) - then) / CLOCK_SEC));
}

static void
write_events(struct cli *cli, struct kube *k, struct strbuf *out, const struct json *o)
{
  struct arena *a = cli->arena;
  const char *ns = *object_namespace(o) ? object_namespace(o) : "default";
  struct text_table *t = text_table_new(a, 5);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct kclient_list list;

  if (kclient_list(k->client, &KC_EVENTS, ns,
                   kube_selectors(a, NULL, arena_printf(a, "involvedObject.uid=%s", object_uid(o))), &list, &err) < 0) {
    strbuf_printf(out, "Events:       <%s>\n", err.msg);
    return;
  }
  strbuf_printf(out, "Events:       %s\n", list.n ? "" : "<none>");
  text_table_add(t, (const char *[]){ "  Type", "Reason", "Age", "From", "Message" });
  text_table_add(t, (const char *[]){ "  ----", "------", "---", "----", "-------" });
  for (size_t i = 0; i < list.n; i++) {
    const struct json *e = record_tree(list.items[i]);
    const char *from =
        json_get_str_or(json_get(e, "source"), "component", json_get_str_or(e, "reportingComponent", ""));

    text_table_add(t, (const char *[]){ arena_printf(a, "  %s", json_get_str_or(e, "type", "")),
                                        json_get_str_or(e, "reason", ""), event_age(cli, e), from,
                                        json_get_str_or(e, "message", "") });
  }
  if (list.n)
    text_table_print(t, out);
  kclient_list_release(&list);
}

static void
describe_object(struct cli *cli, struct kube *k, const struct json *o)
{
  static const char *const done[] = { "apiVersion", "kind", "metadata" };
  _cleanup_strbuf_ struct strbuf out;
  struct json *rest = json_shallow(cli->arena, o);

  strbuf_init(&out, CEIL_REPLY);
  write_metadata(cli->arena, &out, o);
  for (size_t i = 0; i < ARRAY_SIZE(done); i++)
    (void)json_remove(rest, done[i]);
  write_value(cli->arena, &out, rest, 0);
  write_events(cli, k, &out, o);
  fwrite(out.p, 1, out.n, stdout);
}

static int
describe_item(struct cli *cli, struct kube *k, const struct kube_item *item, const char *labels, bool *first,
              struct kerr *reterr)
{
  struct kclient_list list = { .n = 0 };
  struct record *one;
  int r;

  if (item->name) {
    r = kclient_get(k->client, &item->info->res, kube_ns_of(k, item->info), item->name, &one, reterr);
    if (r < 0)
      return r;
    list = (struct kclient_list){ .items = mem_calloc(1, sizeof(struct record *)), .n = 1 };
    list.items[0] = one;
  } else {
    r = kclient_list(k->client, &item->info->res, kube_ns_of(k, item->info), kube_selectors(cli->arena, labels, NULL),
                     &list, reterr);
    if (r < 0)
      return r;
  }
  for (size_t i = 0; i < list.n; i++) {
    struct json *o = json_copy(cli->arena, record_tree(list.items[i]));

    json_set_str(cli->arena, o, "apiVersion", gv_text(cli->arena, item->info->res.group, item->info->res.version));
    json_set_str(cli->arena, o, "kind", item->info->res.kind);
    if (!*first)
      fputs("\n\n", stdout);
    *first = false;
    describe_object(cli, k, o);
  }
  kclient_list_release(&list);
  return 0;
}

static int
describe_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct describe_options *o = options;
  struct kube k = { .client = NULL };
  struct kube_item *items;
  bool first = true;
  size_t n = 0;
  int r = kube_open(cli, &o->kube, &k, reterr);

  if (r == 0)
    r = kube_items(cli, &k, &items, &n, reterr);
  for (size_t i = 0; r == 0 && i < n; i++)
    r = describe_item(cli, &k, &items[i], o->labels, &first, reterr);
  if (r == 0 && first)
    fprintf(stderr, "No resources found in %s namespace.\n", k.ns ? k.ns : "any");
  kube_close(&k);
  return r < 0 ? kube_fail(reterr) : 0;
}

extern const struct cli_command cmd_describe;
const struct cli_command cmd_describe = {
  .name = "describe",
  .args = "TYPE [NAME...]",
  .summary = "Show an object in detail, with its events",
  .options = describe_rows,
  .options_size = sizeof(struct describe_options),
  .run = describe_run,
};
