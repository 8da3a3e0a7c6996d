#include "alloc_batch.h"

#include <string.h>

#include "alloc_job.h"
#include "alloc_usage.h"
#include "ceilings.h"

static void
features_read(const struct json *question, struct alloc_features *f, enum alloc_channel *channel)
{
  const char *name = json_get_str_or(question, "channel", "");
  const struct json *features = json_get(question, "features");

  memset(f, 0, sizeof *f);
  for (json_each_member (m, features))
    (void)alloc_features_set(f, m->name, json_is(m->value, JSON_BOOL) && m->value->u.boolean);
  *channel = alloc_channel_of(f);
  if (strcmp(name, "stable") == 0)
    *channel = ALLOC_STABLE;
  if (strcmp(name, "incubating") == 0)
    *channel = ALLOC_INCUBATING;
  if (strcmp(name, "experimental") == 0)
    *channel = ALLOC_EXPERIMENTAL;
}

struct alloc_world *
alloc_batch_world(const struct json *question)
{
  const struct json *list;
  struct alloc_features f;
  enum alloc_channel channel;
  struct alloc_world *w;

  features_read(question, &f, &channel);
  w = alloc_world_new(&f, channel);
  list = json_get(question, "resourceSlices");
  for (json_each_item (s, list))
    alloc_world_borrow_slice(w, *s);
  list = json_get(question, "deviceClasses");
  for (json_each_item (c, list))
    alloc_world_borrow_class(w, *c);
  list = json_get(question, "nodes");
  for (json_each_item (n, list))
    alloc_world_borrow_node(w, *n);
  if (json_get(question, "node"))
    alloc_world_borrow_node(w, json_get(question, "node"));
  list = json_get(question, "taintRules");
  for (json_each_item (r, list))
    alloc_world_borrow_taint_rule(w, *r);
  return w;
}

/* -- cases -- */

static struct json *
node_answer(struct arena *a, struct alloc_job *j, const struct alloc_usage *u, const struct json *node,
            const struct alloc_options *options, bool *ret_fits, bool *ret_fatal)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *answer = json_new_object(a), **allocations, *list;
  struct alloc_answer run;
  int r = alloc_job_run(j, u, node, options, &run, &err);

  *ret_fits = *ret_fatal = false;
  if (r == 0 && run.outcome == ALLOC_UNSCHEDULABLE) {
    json_set_bool(a, answer, "unschedulable", true);
    return answer;
  }
  if (r == 0)
    r = alloc_job_allocations(j, a, &allocations, &err);
  if (r < 0) {
    json_set_str(a, answer, "error", err.msg);
    if (run.node_only)
      json_set_bool(a, answer, "nodeOnly", true);
    *ret_fatal = !run.node_only;
    return answer;
  }
  list = json_ensure_array(a, answer, "result");
  for (uint32_t i = 0; i < j->n_claims; i++)
    json_append(a, list, allocations[i]);
  *ret_fits = true;
  return answer;
}

static struct json *
nodes_answer(struct arena *a, struct alloc_job *j, const struct alloc_usage *u, const struct json *question,
             const struct alloc_options *options)
{
  const struct json *nodes = json_get(question, "nodes");
  bool first = strcmp(json_get_str_or(question, "mode", ""), "first") == 0, fits = false, fatal = false;
  struct json *answer = json_new_object(a), *list = json_ensure_array(a, answer, "nodes");

  for (json_each_item (n, nodes)) {
    struct json *one;

    if (fatal || (first && fits))
      break;
    one = json_append(a, list, node_answer(a, j, u, *n, options, &fits, &fatal));
    json_set_str(a, one, "node", json_get_str_or(json_get(*n, "metadata"), "name", ""));
  }
  return answer;
}

struct json *
alloc_batch_case(struct arena *a, const struct json *question, const struct alloc_options *options)
{
  const struct json *claims = json_get(question, "claims"), *allocated = json_get(question, "allocated");
  struct alloc_world *w = alloc_batch_world(question);
  struct alloc_usage *u = alloc_usage_new();
  struct alloc_job *j;
  struct json *answer;
  bool fits, fatal;

  if (allocated)
    alloc_usage_add(u, allocated);
  j = alloc_job_new(w, json_is(claims, JSON_ARRAY) ? (const struct json *const *)claims->u.items : NULL,
                    json_count(claims));
  if (json_get(question, "nodes"))
    answer = nodes_answer(a, j, u, question, options);
  else
    answer = node_answer(a, j, u, json_get(question, "node"), options, &fits, &fatal);
  alloc_job_free(j);
  alloc_usage_free(u);
  alloc_world_free(w);
  return answer;
}

/* -- pools -- */

static void
slice_names(struct arena *a, const struct alloc_world *w, struct json *pool, const char *name, struct slice *const *v,
            uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    json_append_str(a, json_ensure_array(a, pool, name), world_text(w, v[i]->name));
}

static void
set_names(struct arena *a, const struct view_pool *p, struct json *pool)
{
  struct slice **counted = p->slices + p->n_targets + p->n_others;
  const char **names;
  size_t n = 0;

  for (uint32_t i = 0; i < p->n_counter_slices; i++)
    n += json_count(counted[i]->counter_sets);
  names = arena_array_of(a, const char *, n + 1);
  n = 0;
  for (uint32_t i = 0; i < p->n_counter_slices; i++)
    for (json_each_item (set, counted[i]->counter_sets))
      names[n++] = json_get_str_or(*set, "name", "");
  qsort(names, n, sizeof *names, text_order);
  for (size_t i = 0; i < n; i++)
    json_append_str(a, json_ensure_array(a, pool, "counterSets"), names[i]);
}

static struct json *
pool_answer(struct arena *a, const struct alloc_world *w, const struct view_pool *p)
{
  struct json *pool = json_new_object(a);

  json_set_str(a, pool, "driver", world_text(w, p->pool->driver));
  json_set_str(a, pool, "pool", world_text(w, p->pool->name));
  if (p->state == POOL_INCOMPLETE)
    json_set_bool(a, pool, "incomplete", true);
  if (p->state == POOL_INVALID)
    json_set_str(a, pool, "invalid", p->reason);
  if (p->state != POOL_USABLE)
    return pool;
  slice_names(a, w, pool, "slices", p->slices, p->n_targets);
  slice_names(a, w, pool, "otherSlices", p->slices + p->n_targets, p->n_others);
  set_names(a, p, pool);
  return pool;
}

struct json *
alloc_batch_pools(struct arena *a, const struct json *question)
{
  struct alloc_world *w = alloc_batch_world(question);
  struct node *n = node_new(w, json_get(question, "node"), NULL);
  const struct view *v = view_of(w, n);
  struct json *answer = json_new_object(a), *list;

  if (v->error) {
    json_set_bool(a, answer, "error", true);
  } else {
    list = json_ensure_array(a, answer, "pools");
    for (uint32_t i = 0; i < v->n_pools; i++)
      json_append(a, list, pool_answer(a, w, &v->pools[i]));
  }
  node_free(n);
  alloc_world_free(w);
  return answer;
}

/* -- helpers -- */

static struct json *
toleration_answer(struct arena *a, const struct json *question)
{
  const struct json *taints = json_get(question, "taints");
  struct json *answer = json_new_array(a);

  for (json_each_item (t, taints))
    json_append(a, answer, json_new_bool(a, toleration_matches(json_get(question, "toleration"), *t)));
  return answer;
}

static struct json *
taint_rules_answer(struct arena *a, const struct json *question)
{
  static const struct alloc_features none;
  struct alloc_world *w = alloc_world_new(&none, ALLOC_STABLE);
  const struct json *rules = json_get(question, "rules");
  struct json *answer = json_new_array(a);

  for (json_each_item (r, rules))
    alloc_world_borrow_taint_rule(w, *r);
  alloc_world_borrow_slice(w, json_get(question, "slice"));
  for (uint32_t i = 0; i < w->n_devices; i++) {
    struct json *list = json_append(a, answer, json_new_array(a));
    const struct device_side *side = w->devices[i].side;

    if (!side)
      continue;
    for (json_each_item (t, side->taints))
      json_append(a, list, json_copy(a, *t));
    for (uint32_t k = 0; k < side->n_rule_taints; k++)
      json_append(a, list, json_copy(a, side->rule_taints[k]));
  }
  alloc_world_free(w);
  return answer;
}

/* resourceclaim.ConfigForResult */
static struct json *
config_answer(struct arena *a, const struct json *question)
{
  const struct json *configs = json_get(question, "configs");
  const char *request = json_get_str_or(json_get(question, "result"), "request", "");
  struct span base = span_cut(span_of(request), '/', &(struct span){ 0 });
  struct json *answer = json_new_array(a);

  for (json_each_item (c, configs)) {
    const struct json *requests = json_get(*c, "requests"), *opaque = json_get(*c, "opaque");
    bool applies = json_count(requests) == 0;

    for (json_each_item (r, requests))
      applies |= json_str(*r) && (strcmp(json_str(*r), request) == 0 || span_is(base, json_str(*r)));
    if (applies && opaque && !json_is(opaque, JSON_NULL))
      json_append(a, answer, json_copy(a, *c));
  }
  return answer;
}

static const struct {
  const char *what;
  struct json *(*answer)(struct arena *a, const struct json *question);
} helpers[] = {
  { "toleration", toleration_answer },
  { "taintRules", taint_rules_answer },
  { "configForResult", config_answer },
};

int
alloc_batch_line(struct arena *a, struct span line, struct strbuf *out, struct kerr *reterr)
{
  struct json *question, *answer = NULL, *reply = json_new_object(a);
  const char *what;
  int r = json_parse(a, line, NULL, &question, reterr);

  if (r < 0)
    return r;
  if (!json_is(question, JSON_OBJECT))
    return kerr_set(reterr, KERR_PARSE, NULL, "not a JSON object");
  if (json_get(question, "id"))
    json_set(a, reply, "id", json_copy(a, json_get(question, "id")));
  what = json_get_str_or(question, "what", "");
  for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
    if (strcmp(what, helpers[i].what) == 0)
      answer = helpers[i].answer(a, question);
  if (answer) {
    json_set(a, reply, "result", answer);
  } else {
    answer = strcmp(what, "pools") == 0 ? alloc_batch_pools(a, question) : alloc_batch_case(a, question, NULL);
    for (json_each_member (m, answer))
      json_set(a, reply, m->name, m->value);
  }
  json_write(out, reply, JSON_COMPACT);
  strbuf_putc(out, '\n');
  return 0;
}
