#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "rbac.h"
#include "rbac_rule.h"

/* Text of the rules that are missing. */
#define TEXT_MAX ((size_t)1 << 20)

/* The smallest piece of a rule: one verb on one resource (of one name), or on one path. */
struct right {
  const char *verb, *group, *resource, *name; /* name NULL: all */
  const char *path;                           /* NULL: a resource */
};

struct rights {
  struct arena *a;
  struct right *list;
  size_t n, cap;
};

static void
add_right(struct rights *r, struct right right)
{
  if (r->n == r->cap) {
    size_t cap = r->cap ? 2 * r->cap : 32;
    struct right *more = arena_array_of(r->a, struct right, cap);

    for (size_t i = 0; i < r->n; i++)
      more[i] = r->list[i];
    r->list = more;
    r->cap = cap;
  }
  r->list[r->n++] = right;
}

static const char *
item_text(const struct json *v)
{
  return json_str(v) ? json_str(v) : "";
}

static void
break_down(struct rights *r, const struct json *rule)
{
  const struct json *verbs = json_get(rule, "verbs"), *names = json_get(rule, "resourceNames");

  for (json_each_item (g, json_get(rule, "apiGroups")))
    for (json_each_item (res, json_get(rule, "resources")))
      for (json_each_item (v, verbs)) {
        struct right right = { .verb = item_text(*v), .group = item_text(*g), .resource = item_text(*res) };

        if (json_count(names) == 0)
          add_right(r, right);
        for (json_each_item (name, names)) {
          right.name = item_text(*name);
          add_right(r, right);
        }
      }
  for (json_each_item (p, json_get(rule, "nonResourceURLs")))
    for (json_each_item (v, verbs))
      add_right(r, (struct right){ .verb = item_text(*v), .path = item_text(*p) });
}

/* One owner's rule covers a right whole or not at all. */
static bool
rule_covers(const struct json *rule, const struct right *right)
{
  const struct json *names = json_get(rule, "resourceNames");
  const char *slash;

  if (!rbac_rule_has(json_get(rule, "verbs"), right->verb))
    return false;
  if (right->path)
    return rbac_rule_has_path(json_get(rule, "nonResourceURLs"), right->path);
  if (!rbac_rule_has(json_get(rule, "apiGroups"), right->group))
    return false;
  if (json_count(names) && (!right->name || !json_list_has(names, right->name)))
    return false;
  if (rbac_rule_has(json_get(rule, "resources"), right->resource))
    return true;
  slash = strchr(right->resource, '/');
  return slash && rbac_rule_has_resource(json_get(rule, "resources"), "*", slash + 1);
}

static bool
rules_cover(const struct json *rules, const struct right *right)
{
  for (json_each_item (rule, rules))
    if (rule_covers(*rule, right))
      return true;
  return false;
}

struct cover {
  struct rights *wanted;
  bool *covered;
};

static bool
cover_rights(void *payload, const struct rbac_grant *g)
{
  struct cover *c = payload;

  for (size_t i = 0; g->rule && i < c->wanted->n; i++)
    c->covered[i] = c->covered[i] || rule_covers(g->rule, &c->wanted->list[i]);
  return true;
}

static void
put_quoted(struct strbuf *b, const char *label, const char *value)
{
  strbuf_puts(b, label);
  codec_go_quote(b, span_of(value));
  strbuf_puts(b, "]");
}

static bool
same_thing(const struct right *x, const struct right *y)
{
  return !x->path && !y->path && strcmp(x->group, y->group) == 0 && strcmp(x->resource, y->resource) == 0 &&
         (x->name ? y->name && strcmp(x->name, y->name) == 0 : !y->name);
}

/* Upstream's CompactString; rights on one resource become one line with all their verbs. */
static const char *
describe_right(struct rights *r, bool *done, size_t at)
{
  const struct right *x = &r->list[at];
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, TEXT_MAX);
  if (x->path) {
    put_quoted(&b, "{NonResourceURLs:[", x->path);
  } else {
    put_quoted(&b, "{APIGroups:[", x->group);
    put_quoted(&b, ", Resources:[", x->resource);
    if (x->name)
      put_quoted(&b, ", ResourceNames:[", x->name);
  }
  strbuf_puts(&b, ", Verbs:[");
  codec_go_quote(&b, span_of(x->verb));
  for (size_t i = at + 1; i < r->n; i++)
    if (!done[i] && same_thing(x, &r->list[i])) {
      done[i] = true;
      strbuf_putc(&b, ' ');
      codec_go_quote(&b, span_of(r->list[i].verb));
    }
  strbuf_puts(&b, "]}");
  return arena_strndup(r->a, b.p, b.n);
}

static const char *
describe_missing(struct rights *r, bool *covered)
{
  const char **lines = arena_array_of(r->a, const char *, r->n);
  _cleanup_strbuf_ struct strbuf b;
  size_t n = 0;

  strbuf_init(&b, TEXT_MAX);
  for (size_t i = 0; i < r->n; i++)
    if (!covered[i])
      lines[n++] = describe_right(r, covered, i);
  qsort(lines, n, sizeof *lines, text_order);
  for (size_t i = 0; i < n; i++) {
    if (i && strcmp(lines[i], lines[i - 1]) == 0)
      continue;
    strbuf_puts(&b, i ? "\n" : "");
    strbuf_puts(&b, lines[i]);
  }
  return arena_strndup(r->a, b.p ? b.p : "", b.n);
}

bool
rbac_covers(struct auth_source *s, struct arena *a, const struct exchange_user *user, const char *ns,
            const struct json *rules, const char **ret_missing)
{
  struct rights wanted = { .a = a };
  struct cover c = { .wanted = &wanted };

  for (json_each_item (rule, rules))
    break_down(&wanted, *rule);
  c.covered = arena_array_of(a, bool, wanted.n + 1);
  rbac_visit(s, a, user, ns, cover_rights, &c);
  for (size_t i = 0; i < wanted.n; i++)
    if (!c.covered[i]) {
      *ret_missing = describe_missing(&wanted, c.covered);
      return false;
    }
  *ret_missing = NULL;
  return true;
}

static void
set_list(struct arena *a, struct json *rule, const char *name, const char *item)
{
  json_append_str(a, json_ensure_array(a, rule, name), item);
}

struct json *
rbac_uncovered(struct arena *a, const struct json *owned, const struct json *wanted)
{
  struct json *list = json_new_array(a);
  struct rights rights = { .a = a };

  for (json_each_item (rule, wanted))
    break_down(&rights, *rule);
  for (size_t i = 0; i < rights.n; i++) {
    const struct right *right = &rights.list[i];
    struct json *rule;

    if (rules_cover(owned, right))
      continue;
    rule = json_append(a, list, json_new_object(a));
    set_list(a, rule, "verbs", right->verb);
    if (right->path) {
      set_list(a, rule, "nonResourceURLs", right->path);
      continue;
    }
    set_list(a, rule, "apiGroups", right->group);
    set_list(a, rule, "resources", right->resource);
    if (right->name)
      set_list(a, rule, "resourceNames", right->name);
  }
  return list;
}
