/*
 * timeline [pod NAME]: what happened, who did it, in which order.
 *
 * The source is the API server's own history: a watch that starts at an old revision tells every change since. It goes
 * back as far as the server remembers (five minutes, as etcd's usual compaction); what is older shows as objects that
 * are there from the start.
 */
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "kclient_dra.h"
#include "kube_target.h"
#include "thread.h"
#include "timeline.h"

struct timeline_options {
  struct kube_options kube;
  const char *output;
};

static const struct cli_option timeline_rows[] = { CLI_OPTION_JSON(struct timeline_options, output),
                                                   KUBE_ROWS(struct timeline_options, kube), CLI_OPTIONS_END };

#define COLLECTIONS 4
#define LISTEN      "1" /* seconds: a watch does not say when history ends and the present begins */

/* One collection's history, read in a thread of its own: the watches last as long as one. */
struct history {
  struct kclient *client;
  struct arena *a;
  const char *path;
  struct kclient_reply reply;
  struct kerr err;
};

static int
read_from(struct history *h, const char *revision, struct kerr *reterr)
{
  const char *path =
      arena_printf(h->a, "%s?watch=true&timeoutSeconds=" LISTEN "&resourceVersion=%s", h->path, revision);

  return kclient_raw(h->client, h->a, "GET", path, "application/json", NULL, (struct span){ NULL, 0 }, &h->reply,
                     reterr);
}

/* "too old resource version: 1 (1234)": where history begins. */
static const char *
oldest_revision(struct arena *a, struct span body)
{
  const char *text = arena_strndup(a, body.p, body.n), *at = strstr(text, "too old resource version: ");
  const char *from = at ? strchr(at, '(') : NULL, *to = from ? strchr(from, ')') : NULL;

  return to ? arena_strndup(a, from + 1, (size_t)(to - from - 1)) : NULL;
}

static void *
history_read(void *arg)
{
  struct history *h = arg;
  const char *oldest;

  if (read_from(h, "1", &h->err) < 0)
    return NULL;
  oldest = oldest_revision(h->a, h->reply.body);
  if (oldest)
    (void)read_from(h, oldest, &h->err);
  return NULL;
}

/* -- lines of a watch into the timeline -- */

static int
take_events(struct timeline *t, struct arena *a, const struct history *h, struct kerr *reterr)
{
  struct span rest = h->reply.body, line;

  if (h->reply.status != 200)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "%s: %.*s", h->path, SPAN_FMT(h->reply.body));
  while (rest.n) {
    const struct json *object;
    struct json *event;

    line = span_cut(rest, '\n', &rest);
    if (line.n == 0)
      continue;
    if (json_parse(a, line, NULL, &event, reterr) < 0)
      return kerr_wrap(reterr, "%s", h->path);
    object = json_get(event, "object");
    if (object && json_get(object, "metadata"))
      timeline_add(t, json_get_str_or(event, "type", ""), object);
  }
  return 0;
}

static const char *
path_of(struct cli *cli, const struct kube *k, const struct kclient_resource *res, const char *version)
{
  return arena_printf(cli->arena, "%s%s/%s/namespaces/%s/%s", *res->group ? "/apis/" : "/api", res->group, version,
                      k->ns, res->resource);
}

/* The version that the server has; NULL when it does not serve the collection. */
static const char *
version_of(const struct kube *k, const struct kclient_resource *res)
{
  for (size_t i = 0; res && i < k->map.n; i++)
    if (strcmp(k->map.list[i].res.group, res->group) == 0 && strcmp(k->map.list[i].res.resource, res->resource) == 0)
      return k->map.list[i].res.version;
  return NULL;
}

static void
free_arena(void *a)
{
  arena_free(a);
}

static int
read_all(struct cli *cli, struct kube *k, int minor, struct timeline *t, struct kerr *reterr)
{
  const struct kclient_dra *dra = kclient_dra_of(minor);
  const struct kclient_resource *collections[COLLECTIONS] = { &KC_PODS, dra->claims, dra->scheduling, &KC_EVENTS };
  struct history list[COLLECTIONS];
  pthread_t threads[COLLECTIONS];
  size_t n = 0;
  int r = 0;

  for (size_t i = 0; i < COLLECTIONS; i++) {
    const char *version = version_of(k, collections[i]);

    if (!version)
      continue;
    list[n] = (struct history){ .client = k->client,
                                .a = arena_new(CEIL_ARENA_CYCLE),
                                .path = path_of(cli, k, collections[i], version),
                                .err = KERR_INIT };
    thread_start(&threads[n], "history", history_read, &list[n]);
    n++;
  }
  for (size_t i = 0; i < n; i++)
    pthread_join(threads[i], NULL);
  for (size_t i = 0; i < n; i++) {
    if (r == 0 && list[i].err.code != KERR_OK)
      r = kerr_move(reterr, &list[i].err);
    if (r == 0)
      r = take_events(t, cli->arena, &list[i], reterr);
    kerr_release(&list[i].err);
    arena_defer(cli->arena, free_arena, list[i].a); /* the objects point into it */
  }
  return r;
}

/* -- output -- */

static void
print_lines(const struct json *lines)
{
  const struct json *before = NULL;

  for (json_each_item (p, lines)) {
    const char *time = json_get_str_or(*p, "time", ""), *clock = strchr(time, 'T'),
               *who = json_get_str_or(*p, "who", "");
    bool same = before && strcmp(json_get_str_or(before, "time", ""), time) == 0;

    printf("%-9.8s %-24s %s/%s %s\n", same || !clock ? "" : clock + 1, who, json_get_str_or(*p, "kind", ""),
           json_get_str_or(*p, "name", ""), json_get_str_or(*p, "what", ""));
    before = *p;
  }
}

static int
subject(struct cli *cli, const char **ret_pod, struct kerr *reterr)
{
  const char *first = cli->n_args ? cli->args[0] : NULL, *slash = first ? strchr(first, '/') : NULL;
  size_t n = slash ? (size_t)(slash - first) : first ? strlen(first) : 0;
  bool is_pod = first && (strncmp(first, "pods", n) == 0 || strncmp(first, "po", n) == 0) && n >= 2;

  *ret_pod = slash ? slash + 1 : cli->n_args == 2 ? cli->args[1] : NULL;
  if (first && (!is_pod || !*ret_pod || (slash && cli->n_args > 1)))
    return kerr_set(reterr, KERR_USAGE, NULL, "the timeline of what? as in: dralab timeline, dralab timeline pod NAME");
  return 0;
}

static int
timeline_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct timeline_options *o = options;
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  struct kube k = { .client = NULL };
  struct timeline *t = NULL;
  const struct json *lines;
  const char *pod;
  int r = subject(cli, &pod, reterr);

  if (r < 0)
    return r;
  r = kube_open(cli, &o->kube, &k, reterr);
  if (r == 0)
    r = kube_release(&k, cli->arena, &p, reterr);
  if (r == 0) {
    t = timeline_new(cli->arena, personality_minor(p), k.ns, pod);
    r = read_all(cli, &k, personality_minor(p), t, reterr);
  }
  kube_close(&k);
  if (r < 0)
    return kube_fail(reterr);
  lines = timeline_lines(t);
  if (o->output)
    printf("%s\n", json_text(cli->arena, lines, JSON_INDENT2));
  else if (json_count(lines) == 0)
    fprintf(stderr, "Nothing has happened%s%s that the server still remembers.\n", pod ? " to pod " : "",
            pod ? pod : "");
  else
    print_lines(lines);
  return 0;
}

extern const struct cli_command cmd_timeline;
const struct cli_command cmd_timeline = {
  .name = "timeline",
  .args = "[pod NAME]",
  .summary = "Tell what happened to pods and their claims, and who did it, in order",
  .options = timeline_rows,
  .options_size = sizeof(struct timeline_options),
  .run = timeline_run,
};
