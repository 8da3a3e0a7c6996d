#include "validate_tags.h"

/* One walk: where errors go, and what an error of a beta rule is worth. */
struct walk {
  struct validation *v;
  bool beta_on, update;
};

/* A value with its old self. `known`: there was an old parent, so that an absent `old` means "was not set". */
struct subject {
  const struct json *now, *old;
  bool known;
  enum tag_form form;
};

static bool
is_set(const struct json *v, enum tag_form form)
{
  if (form == TAG_POINTER)
    return json_type(v) != JSON_NULL;
  switch (json_type(v)) {
  case JSON_NULL:
    return false;
  case JSON_BOOL:
    return v->u.boolean;
  case JSON_INT:
    return v->u.integer != 0;
  case JSON_NUMBER:
    return json_double(v) != 0;
  case JSON_STRING:
    return v->count != 0;
  case JSON_ARRAY:
    return v->count != 0;
  case JSON_OBJECT:
    return form == TAG_VALUE || v->count != 0;
  }
  return false;
}

/* Members of unions: the letter before the name says how it is held. */
static bool
member_is_set(const struct json *obj, const char *member)
{
  return is_set(json_get(obj, member + 1), *member == 'p' ? TAG_POINTER : *member == 'l' ? TAG_LIST : TAG_VALUE);
}

static struct verr *
report(struct walk *w, const struct tag_rule *r, enum field_error_type type, const struct vpath *path,
       const char *value, const char *origin, const char *detail)
{
  struct verr *e = verr_add(w->v, type, path, value, "%s", detail);
  e->origin = origin;
  e->beta = r->beta;
  return e;
}

static bool
items_match(const struct json *x, const struct json *y, const char *const *keys)
{
  for (size_t i = 0; keys[i]; i++)
    if (!(*keys[i] ? json_same(json_get(x, keys[i]), json_get(y, keys[i])) : json_same(x, y)))
      return false;
  return true;
}

static const struct json *
find_item(const struct json *list, const struct json *item, const char *const *keys)
{
  for (json_each_item (p, list))
    if (items_match(*p, item, keys))
      return *p;
  return NULL;
}

static void
check_unique(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct json *list)
{
  for (size_t i = 1; i < json_count(list); i++)
    for (size_t j = 0; j < i; j++)
      if (items_match(json_at(list, j), json_at(list, i), r->names)) {
        const struct json *item = json_at(list, i);
        report(w, r, FIELD_DUPLICATE, VP_ITEM(path, i),
               json_is(item, JSON_STRING) ? vquote(w->v->a, json_span(item)) : vjson(w->v->a, item), NULL, "");
        break;
      }
}

static void
check_enum(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct json *value)
{
  struct span s = json_is(value, JSON_STRING) ? json_span(value) : SPAN("");
  for (size_t i = 0; r->names[i]; i++)
    if (span_is(s, r->names[i]))
      return;
  verr_not_supported(w->v, path, s, r->names);
  w->v->list[w->v->n - 1].beta = r->beta;
}

static void
check_text(struct walk *w, const struct tag_rule *r, const struct vpath *path, struct span s, enum text_format f,
           struct span shown, const char *prefix, const char *origin)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = text_check(w->v->a, f, s, problems);
  for (size_t i = 0; i < n; i++)
    report(w, r, FIELD_INVALID, path, vquote(w->v->a, shown), origin ? origin : text_origin(f),
           arena_printf(w->v->a, "%s%s", prefix, problems[i]));
}

static void
check_too_long(struct walk *w, const struct tag_rule *r, const struct vpath *path, int64_t max, const char *unit,
               const char *origin)
{
  report(w, r, FIELD_TOO_LONG, path, NULL, origin,
         arena_printf(w->v->a, "may not be more than %lld %s", (long long)max, unit));
}

static void
check_pool_name(struct walk *w, const struct tag_rule *r, const struct vpath *path, struct span s)
{
  static const char origin[] = "format=k8s-resource-pool-name";
  if (s.n > 253)
    check_too_long(w, r, path, 253, "bytes", origin);
  struct span rest = s;
  for (int i = 0; rest.p; i++) {
    struct span part = span_cut(rest, '/', &rest);
    if (!part.n)
      report(w, r, FIELD_INVALID, path, vquote(w->v->a, s), origin,
             arena_printf(w->v->a, "segment %d: must not be empty", i));
    else
      check_text(w, r, path, part, TEXT_LONG_NAME, part, arena_printf(w->v->a, "segment %d: ", i), origin);
  }
}

static void
check_identifier(struct walk *w, const struct tag_rule *r, const struct vpath *path, struct span s, const char *origin)
{
  if (s.n > 32)
    check_too_long(w, r, path, 32, "bytes", origin);
  check_text(w, r, path, s, TEXT_C_IDENTIFIER, s, "", origin);
}

static void
check_qualified_name(struct walk *w, const struct tag_rule *r, const struct vpath *path, struct span s)
{
  static const char origin[] = "format=k8s-resource-fully-qualified-name";
  struct span rest, more = { 0 }, domain = span_cut(s, '/', &rest);
  if (!rest.p) {
    check_identifier(w, r, path, s, origin);
    report(w, r, FIELD_INVALID, path, vquote(w->v->a, s), origin,
           "a fully qualified name must be a domain and a name separated by a slash");
    return;
  }
  struct span name = span_cut(rest, '/', &more);
  if (more.p) /* upstream looks no further at names with two slashes */
    return;
  if (!domain.n)
    report(w, r, FIELD_INVALID, path, "\"\"", origin, "prefix must not be empty");
  else {
    if (domain.n > 63)
      check_too_long(w, r, path, 63, "bytes", origin);
    check_text(w, r, path, domain, TEXT_LONG_NAME, domain, "prefix: ", origin);
  }
  if (!name.n)
    report(w, r, FIELD_INVALID, path, "\"\"", origin, "name must not be empty");
  else
    check_identifier(w, r, path, name, origin);
}

static void
check_extended_resource(struct walk *w, const struct tag_rule *r, const struct vpath *path, struct span s)
{
  static const char origin[] = "format=k8s-extended-resource-name";
  const char *text = arena_strndup(w->v->a, s.p, s.n), *value = vquote(w->v->a, s);
  if (!strchr(text, '/'))
    report(w, r, FIELD_INVALID, path, value, origin,
           "a name must be a domain-prefixed path, such as 'example.com/my-prop'");
  else if (strstr(text, "kubernetes.io/"))
    report(w, r, FIELD_INVALID, path, value, origin, "must not have \"kubernetes.io/\" domain");
  if (span_starts(s, SPAN("requests.")))
    report(w, r, FIELD_INVALID, path, value, origin, "must not have \"requests.\" prefix");
  check_text(w, r, path, span_of(arena_printf(w->v->a, "requests.%s", text)), TEXT_LABEL_KEY, s, "", origin);
}

static void
check_format(struct walk *w, const struct tag_rule *r, const struct vpath *path, struct span s)
{
  static const enum text_format plain[] = {
    [FORMAT_SHORT_NAME] = TEXT_SHORT_NAME,
    [FORMAT_LONG_NAME] = TEXT_LONG_NAME,
    [FORMAT_LONG_NAME_CASELESS] = TEXT_LONG_NAME_CASELESS,
    [FORMAT_LABEL_KEY] = TEXT_LABEL_KEY,
    [FORMAT_PREFIXED_LABEL_KEY] = TEXT_PREFIXED_LABEL_KEY,
    [FORMAT_LABEL_VALUE] = TEXT_LABEL_VALUE,
    [FORMAT_PATH_SEGMENT] = TEXT_PATH_SEGMENT,
    [FORMAT_UUID] = TEXT_UUID,
  };
  if (r->n == FORMAT_POOL_NAME)
    check_pool_name(w, r, path, s);
  else if (r->n == FORMAT_EXTENDED_RESOURCE)
    check_extended_resource(w, r, path, s);
  else if (r->n == FORMAT_QUALIFIED_NAME)
    check_qualified_name(w, r, path, s);
  else
    check_text(w, r, path, s, plain[r->n], s, "", NULL);
}

static void
check_number(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct json *value)
{
  int64_t n = json_int_or(value, 0);
  bool low = r->op == TAG_MINIMUM;
  if (low ? n >= r->n : n <= r->n)
    return;
  report(w, r, FIELD_INVALID, path, arena_printf(w->v->a, "%lld", (long long)n), low ? "minimum" : "maximum",
         arena_printf(w->v->a, "must be %s than or equal to %lld", low ? "greater" : "less", (long long)r->n));
}

static void
check_update(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct subject *s)
{
  if (!w->update || (!s->known && s->form == TAG_VALUE))
    return;
  bool was = is_set(s->old, s->form), is = is_set(s->now, s->form);
  if ((r->n & TAG_NO_SET) && !was && is)
    report(w, r, FIELD_INVALID, path, "null", "update", "field cannot be set once created");
  if ((r->n & TAG_NO_UNSET) && was && !is)
    report(w, r, FIELD_INVALID, path, "null", "update", "field cannot be cleared once set");
  if ((r->n & TAG_NO_MODIFY) && was && is)
    report(w, r, FIELD_INVALID, path, "null", "update", "field cannot be modified once set");
  for (size_t i = 0; (r->n & TAG_NO_ADD_ITEM) && i < json_count(s->now); i++)
    if (!find_item(s->old, json_at(s->now, i), r->names))
      report(w, r, FIELD_FORBIDDEN, VP_ITEM(path, i), NULL, "update", "item may not be added");
  for (size_t i = 0; (r->n & TAG_NO_REMOVE_ITEM) && i < json_count(s->old); i++)
    if (!find_item(s->now, json_at(s->old, i), r->names))
      report(w, r, FIELD_FORBIDDEN, path, NULL, "update", "item may not be removed");
}

static void
check_union(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct subject *s)
{
  struct arena *a = w->v->a;
  const char *all = "", *set = "";
  size_t nset = 0;
  bool changed = false;
  for (size_t i = 0; r->names[i]; i++) {
    bool is = member_is_set(s->now, r->names[i]);
    changed |= is != member_is_set(s->old, r->names[i]);
    all = arena_printf(a, "%s%s`%s`", all, i ? ", " : "", r->names[i] + 1);
    if (is)
      set = arena_printf(a, "%s%s%s", set, nset++ ? ", " : "", r->names[i] + 1);
  }
  if (w->update && s->old && !changed)
    return;
  if (nset > 1)
    report(w, r, FIELD_INVALID, path, arena_printf(a, "\"{%s}\"", set), "union",
           arena_printf(a, "must specify %s one of: %s", r->op == TAG_UNION ? "exactly" : "at most", all));
  else if (!nset && r->op == TAG_UNION)
    report(w, r, FIELD_INVALID, path, "\"\"", "union", arena_printf(a, "must specify one of: %s", all));
}

static void
check_dependent(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct subject *s)
{
  bool trigger = member_is_set(s->now, r->names[0]), dependent = member_is_set(s->now, r->names[1]);
  if (w->update && s->old && trigger == member_is_set(s->old, r->names[0]) &&
      dependent == member_is_set(s->old, r->names[1]))
    return;
  const struct vpath *at = VP(path, r->names[1] + 1);
  if (trigger && !dependent && r->op == TAG_DEPENDENT_REQUIRED)
    report(w, r, FIELD_REQUIRED, at, NULL, "dependentRequired",
           arena_printf(w->v->a, "must be set when %s is set", r->names[0] + 1));
  if (trigger && dependent && r->op == TAG_DEPENDENT_FORBIDDEN)
    report(w, r, FIELD_FORBIDDEN, at, NULL, "dependentForbidden",
           arena_printf(w->v->a, "may not be set when %s is set", r->names[0] + 1));
}

static void
check_keys(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct subject *s)
{
  for (json_each_member (m, s->now))
    if (!w->update || !json_get_n(s->old, m->name, m->name_len))
      check_format(w, r, path, span_make(m->name, m->name_len));
}

static void
check_rule(struct walk *w, const struct tag_rule *r, const struct vpath *path, const struct subject *s)
{
  struct span text = json_is(s->now, JSON_STRING) ? json_span(s->now) : SPAN("");
  bool absent = s->form == TAG_POINTER && json_type(s->now) == JSON_NULL;
  switch (r->op) {
  case TAG_OPTIONAL:
    return;
  case TAG_REQUIRED:
    if (!is_set(s->now, s->form))
      report(w, r, FIELD_REQUIRED, path, NULL, NULL, "");
    return;
  case TAG_FORBIDDEN:
    if (is_set(s->now, s->form))
      report(w, r, FIELD_FORBIDDEN, path, NULL, NULL, "");
    return;
  case TAG_MAX_ITEMS:
    if (json_count(s->now) > (size_t)r->n) {
      verr_too_many(w->v, path, json_count(s->now), (size_t)r->n);
      w->v->list[w->v->n - 1].beta = r->beta;
    }
    return;
  case TAG_MIN_ITEMS:
    if (json_count(s->now) < (size_t)r->n)
      report(w, r, FIELD_TOO_FEW, path, arena_printf(w->v->a, "%zu", json_count(s->now)), "minItems",
             arena_printf(w->v->a, "must have at least %lld items", (long long)r->n));
    return;
  case TAG_MAX_BYTES:
    if (text.n > (size_t)r->n)
      check_too_long(w, r, path, r->n, "bytes", "maxBytes");
    return;
  case TAG_MAX_LENGTH:
    if (span_runes(text) > (size_t)r->n)
      check_too_long(w, r, path, r->n, "characters", "maxLength");
    return;
  case TAG_MINIMUM:
  case TAG_MAXIMUM:
    if (!absent)
      check_number(w, r, path, s->now);
    return;
  case TAG_FORMAT:
    if (!absent)
      check_format(w, r, path, text);
    return;
  case TAG_ENUM:
    if (!absent)
      check_enum(w, r, path, s->now);
    return;
  case TAG_UNIQUE:
    check_unique(w, r, path, s->now);
    return;
  case TAG_EACH_KEY:
    check_keys(w, r, path, s);
    return;
  case TAG_IMMUTABLE:
    if (w->update)
      report(w, r, FIELD_INVALID, path, "null", "immutable", "field is immutable");
    return;
  case TAG_UPDATE:
    check_update(w, r, path, s);
    return;
  case TAG_MONOTONIC:
    if (w->update && json_int_or(s->now, 0) < json_int_or(s->old, 0))
      verr_add(w->v, FIELD_INVALID, path, vjson(w->v->a, s->now), "must not be decremented")->beta = r->beta;
    return;
  case TAG_UNION:
  case TAG_ZERO_OR_ONE:
    check_union(w, r, path, s);
    return;
  case TAG_DEPENDENT_REQUIRED:
  case TAG_DEPENDENT_FORBIDDEN:
    check_dependent(w, r, path, s);
    return;
  }
}

static bool
rule_applies(const struct walk *w, const struct tag_rule *r)
{
  if (!r->gate)
    return true;
  return *r->gate == '!' ? !validation_gate(w->v, r->gate + 1) : validation_gate(w->v, r->gate);
}

/* The rules of one value; false when one of them ends the matter. Rules that stop come first and are all run. */
static bool
run_rules(struct walk *w, const struct tag_rule *rules, size_t n, const struct vpath *path, const struct subject *s)
{
  bool ended = false;
  for (size_t i = 0; i < n; i++) {
    const struct tag_rule *r = &rules[i];
    if (ended && !r->stop)
      return false;
    if (!rule_applies(w, r))
      continue;
    size_t before = w->v->n;
    check_rule(w, r, path, s);
    bool failed = r->op == TAG_OPTIONAL ? !is_set(s->now, s->form) : w->v->n > before;
    if (r->silent || (r->beta && !w->beta_on))
      w->v->n = before;
    ended |= failed && r->stop;
  }
  return !ended;
}

static void walk_type(struct walk *w, const struct tag_type *t, const struct vpath *path, const struct json *now,
                      const struct json *old);

static void
walk_item(struct walk *w, const struct tag_field *f, const struct vpath *path, const struct json *now,
          const struct json *old)
{
  if (w->update && old && json_same(now, old))
    return;
  const struct subject s = { .now = now, .old = old, .known = old != NULL, .form = TAG_VALUE };
  run_rules(w, f->each, f->neach, path, &s);
  if (f->type)
    walk_type(w, f->type, path, now, old);
}

static void
walk_field(struct walk *w, const struct tag_field *f, const struct vpath *up, const struct json *now,
           const struct json *old)
{
  bool inlined = !*f->json;
  const struct vpath *path = inlined ? up : VP(up, f->json);
  const struct subject s = { .now = inlined ? now : json_get(now, f->json),
                             .old = inlined ? old : json_get(old, f->json),
                             .known = old != NULL,
                             .form = f->form };
  if (w->update && s.known && json_same(s.now, s.old) && is_set(s.now, s.form) == is_set(s.old, s.form))
    return;
  if (!run_rules(w, f->rules, f->nrules, path, &s) || (!f->type && !f->each))
    return;
  if (f->form == TAG_LIST)
    for (size_t i = 0; i < json_count(s.now); i++)
      walk_item(w, f, VP_ITEM(path, i), json_at(s.now, i),
                f->match ? find_item(s.old, json_at(s.now, i), f->match) : NULL);
  else if (f->form == TAG_MAP)
    for (json_each_member (m, s.now))
      walk_item(w, f, VP_KEY(path, m->name), m->value, json_get_n(s.old, m->name, m->name_len));
  else if (f->type && (f->form == TAG_VALUE || json_type(s.now) != JSON_NULL))
    walk_type(w, f->type, path, s.now, s.known && f->form == TAG_VALUE && !s.old ? json_new_object(w->v->a) : s.old);
}

static void
walk_type(struct walk *w, const struct tag_type *t, const struct vpath *path, const struct json *now,
          const struct json *old)
{
  const struct subject s = { .now = now, .old = old, .known = old != NULL, .form = TAG_VALUE };
  run_rules(w, t->rules, t->nrules, path, &s);
  for (size_t i = 0; i < t->nfields; i++)
    walk_field(w, &t->fields[i], path, now, old);
}

static const struct tag_root *
find_root(const struct kind *k)
{
  const struct tag_root *const tables[] = { tag_roots_resource, tag_roots_other };
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
    for (const struct tag_root *r = tables[i]; r->kind; r++)
      if (!strcmp(r->kind, k->kind) && !strcmp(r->version, k->version) && !strcmp(r->group, k->group))
        return r;
  return NULL;
}

/* Is "/status" one of the words of `paths`? */
static bool
path_listed(const char *paths, const char *subresource)
{
  size_t n = strlen(subresource);
  for (const char *p = paths; *p; p += strcspn(p, " "), p += *p == ' ')
    if (strcspn(p, " ") == n + 1 && !strncmp(p + 1, subresource, n))
      return true;
  return false;
}

void
validate_tags(struct validation *v, const struct json *o, const struct json *old, const char *subresource)
{
  const struct tag_root *root = find_root(v->kind);
  if (!root || !path_listed(root->paths, subresource) || validation_minor(v) < 33) /* tags came with 1.33 */
    return;
  struct walk w = { .v = v, .beta_on = validation_gate(v, "DeclarativeValidationBeta"), .update = old != NULL };
  walk_type(&w, root->type, NULL, o, old);
}
