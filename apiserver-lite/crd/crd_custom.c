#include "crd_custom.h"

#include <stdatomic.h>
#include <string.h>

#include "ceilings.h"
#include "cel_crd.h"
#include "cel_regex.h"
#include "crd_version.h"
#include "object.h"

/* A definition with what it owns. */
struct owned {
  struct custom_definition d; /* first */
  atomic_int refs;
  struct arena *a;
  struct cel_regex *regexes;
};

static const struct kind_subresource *
subresources_of(struct arena *a, const struct custom *c, size_t *ret_n)
{
  const uint32_t verbs = KIND_VERB_GET | KIND_VERB_PATCH | KIND_VERB_UPDATE;
  struct kind_subresource *subs = arena_array_of(a, struct kind_subresource, 2);
  size_t n = 0;

  if (c->scale)
    subs[n++] = (struct kind_subresource){ "scale", "autoscaling", "v1", "Scale", verbs };
  if (c->has_status)
    subs[n++] = (struct kind_subresource){ "status", "", "", c->kind.kind, verbs };
  *ret_n = n;
  return subs;
}

static const char *const *
words_of(struct arena *a, const struct json *list)
{
  const char **words = arena_array_of(a, const char *, json_count(list) + 1);

  for (size_t i = 0; i < json_count(list); i++)
    words[i] = arena_strdup(a, json_str(json_at(list, i)));
  return words;
}

static const char *
text_of(struct arena *a, const struct json *o, const char *name)
{
  return arena_strdup(a, json_get_str_or(o, name, ""));
}

/* -- the parts of a version -- */

static void
take_columns(struct arena *a, const struct json *list, struct custom *c)
{
  struct custom_column *columns = arena_array_of(a, struct custom_column, json_count(list) + 1);

  for (size_t i = 0; i < json_count(list) && !c->columns_broken; i++) {
    const struct json *col = json_at(list, i);
    const char *path = text_of(a, col, "jsonPath"), *words = text_of(a, col, "description");

    columns[i] = (struct custom_column){ .name = text_of(a, col, "name"),
                                         .type = text_of(a, col, "type"),
                                         .format = text_of(a, col, "format"),
                                         .priority = json_get_int(col, "priority", 0),
                                         .path = jsonpath_parse(a, span_of(path)) };
    columns[i].description =
        *words ? words : arena_printf(a, "Custom resource definition column (in JSONPath format): %s", path);
    c->columns_broken = !columns[i].path;
    c->n_columns += !c->columns_broken;
  }
  c->columns = columns;
}

/* Age, where a definition has no columns of its own (getColumnsForVersion). */
static void
take_default_columns(struct arena *a, struct custom *c)
{
  struct custom_column *age = arena_new_of(a, struct custom_column);

  *age = (struct custom_column){ .name = "Age",
                                 .type = "date",
                                 .format = "",
                                 .description = custom_age_description,
                                 .path = jsonpath_parse(a, SPAN(".metadata.creationTimestamp")) };
  c->columns = age;
  c->n_columns = 1;
}

static void
take_selectable(struct arena *a, const struct json *list, struct custom *c)
{
  struct custom_selectable *fields = arena_array_of(a, struct custom_selectable, json_count(list) + 1);

  for (size_t i = 0; i < json_count(list); i++) {
    const char *path = text_of(a, json_at(list, i), "jsonPath");
    const struct jsonpath *parsed = jsonpath_parse(a, span_of(path));

    if (parsed)
      fields[c->n_selectable++] = (struct custom_selectable){ .name = path + (*path == '.'), .path = parsed };
  }
  c->selectable = fields;
}

static void
take_scale(struct arena *a, const struct json *scale, struct custom *c)
{
  struct custom_scale *s;

  if (!json_is(scale, JSON_OBJECT))
    return;
  s = arena_new_of(a, struct custom_scale);
  *s = (struct custom_scale){ .spec_path = text_of(a, scale, "specReplicasPath"),
                              .status_path = text_of(a, scale, "statusReplicasPath") };
  if (json_get_str(scale, "labelSelectorPath"))
    s->selector_path = text_of(a, scale, "labelSelectorPath");
  c->scale = s;
}

/* What clients of an old version are told: the definition's words, or upstream's. */
static void
take_deprecation(struct arena *a, const struct json *spec, const struct json *version, struct custom *c)
{
  const char *best = NULL, *text;

  c->deprecated = json_get_bool(version, "deprecated", false);
  if (!c->deprecated)
    return;
  for (json_each_item (v, json_get(spec, "versions"))) {
    const char *name = json_get_str_or(*v, "name", "");

    if (json_get_bool(*v, "served", false) && !json_get_bool(*v, "deprecated", false) &&
        version_compare(name, c->kind.version) > 0 && (!best || version_compare(name, best) > 0))
      best = name;
  }
  text = arena_printf(a, "%s/%s %s is deprecated", c->kind.group, c->kind.version, c->kind.kind);
  if (best)
    text = arena_printf(a, "%s; use %s/%s %s", text, c->kind.group, best, c->kind.kind);
  c->deprecation_warning =
      json_get_str(version, "deprecationWarning") ? text_of(a, version, "deprecationWarning") : text;
}

static void
take_resource(struct arena *a, const struct json *names, struct custom *c)
{
  struct custom_definition *d = c->definition;
  const char *plural = text_of(a, names, "plural");

  c->resource = (struct kind_resource){
    .group = d->group,
    .version = c->kind.version,
    .resource = plural,
    .singular = text_of(a, names, "singular"),
    .kind = c->kind.kind,
    .short_names = words_of(a, json_get(names, "shortNames")),
    .categories = words_of(a, json_get(names, "categories")),
    .of = &c->kind,
    .namespaced = d->namespaced,
    .flags = KIND_RES_GENERATION | (c->has_status ? KIND_RES_STATUS : 0) | (c->scale ? KIND_RES_SCALE : 0),
    .storage_group = d->group,
    .storage_prefix = arena_printf(a, "%s/%s", d->group, plural),
    .selectors = "metadata.name metadata.namespace",
    .verbs = KIND_VERB_CREATE | KIND_VERB_DELETE | KIND_VERB_DELETECOLLECTION | KIND_VERB_GET | KIND_VERB_LIST |
             KIND_VERB_PATCH | KIND_VERB_UPDATE | KIND_VERB_WATCH,
    .on = c->served,
  };
  c->resource.subs = subresources_of(a, c, &c->resource.n_subs);
}

static void
take_version(struct schema_compiler *sc, const struct json *crd, const struct json *version, struct custom *c)
{
  struct arena *a = sc->a;
  const struct json *spec = json_get(crd, "spec"), *names = json_dig(crd, "status", "acceptedNames", NULL);
  const struct json *schema = json_dig(version, "schema", "openAPIV3Schema", NULL);

  c->kind = (struct kind){ .group = c->definition->group,
                           .version = text_of(a, version, "name"),
                           .kind = text_of(a, names, "kind"),
                           .custom = c };
  c->served = json_get_bool(version, "served", false);
  c->storage = json_get_bool(version, "storage", false);
  c->has_status = json_dig(version, "subresources", "status", NULL) != NULL;
  take_scale(a, json_dig(version, "subresources", "scale", NULL), c);
  take_resource(a, names, c);
  take_deprecation(a, spec, version, c);
  if (json_count(json_get(version, "additionalPrinterColumns")))
    take_columns(a, json_get(version, "additionalPrinterColumns"), c);
  else
    take_default_columns(a, c);
  take_selectable(a, json_get(version, "selectableFields"), c);
  c->schema = schema_compile(sc, schema);
  c->rules = cel_crd_new(schema);
}

/* -- the whole -- */

static void
fill(struct owned *o, struct schema_compiler *sc, const struct json *crd, struct webhook_client *webhooks)
{
  struct custom_definition *d = &o->d;
  const struct json *spec = json_get(crd, "spec"), *versions = json_get(spec, "versions");
  const char *stored = "";

  d->name = arena_strdup(o->a, object_name(crd));
  d->uid = arena_strdup(o->a, object_uid(crd));
  d->group = text_of(o->a, spec, "group");
  d->list_kind = text_of(o->a, json_dig(crd, "status", "acceptedNames", NULL), "listKind");
  d->namespaced = strcmp(json_get_str_or(spec, "scope", ""), "Namespaced") == 0;
  d->generation = object_generation(crd);
  d->names = json_copy(o->a, json_dig(crd, "status", "acceptedNames", NULL));
  d->terminating = object_is_deleting(crd) || object_condition_is_true(crd, "Terminating");
  d->preserve = json_get_bool(spec, "preserveUnknownFields", false);
  d->conversion = json_copy(o->a, json_get(spec, "conversion"));
  if (strcmp(json_get_str_or(d->conversion, "strategy", ""), "Webhook") == 0)
    d->webhooks = webhooks;
  d->stored_elsewhere = json_count(json_dig(crd, "status", "storedVersions", NULL)) > 1;
  d->n_versions = json_count(versions);
  d->versions = arena_array_of(o->a, struct custom, d->n_versions + 1);
  for (size_t i = 0; i < d->n_versions; i++) {
    d->versions[i].definition = d;
    d->versions[i].serial = (uint64_t)d->revision << 8 | (i & 0xff);
    take_version(sc, crd, json_at(versions, i), &d->versions[i]);
    if (d->versions[i].storage) {
      d->storage = &d->versions[i];
      stored = d->storage->kind.version;
    }
  }
  for (size_t i = 0; i < d->n_versions; i++)
    d->versions[i].resource.storage_version = stored;
}

struct custom_definition *
custom_definition_new(struct record *r, struct webhook_client *webhooks)
{
  _cleanup_arena_ struct arena *passing = arena_new(CEIL_ARENA_REQUEST);
  struct schema_compiler sc = { .regexes = NULL };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *crd;
  struct owned *o;

  /* Not record_tree(): the record would keep it, and nobody reads definitions often. */
  if (json_parse(passing, record_bytes(r), NULL, &crd, &err) < 0 || !object_condition_is_true(crd, "Established"))
    return NULL;
  o = mem_alloc(sizeof *o);
  atomic_init(&o->refs, 1);
  o->a = sc.a = arena_new(CEIL_ARENA_REQUEST);
  o->d.revision = o->d.since = record_revision(r);
  o->d.record = record_ref(r);
  fill(o, &sc, crd, webhooks);
  o->regexes = sc.regexes;
  if (!o->d.storage) { /* validation does not let such a definition in */
    custom_definition_unref(&o->d);
    return NULL;
  }
  return &o->d;
}

struct custom_definition *
custom_definition_ref(struct custom_definition *d)
{
  struct owned *o = container_of(d, struct owned, d);

  (void)atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
  return d;
}

void
custom_definition_unref(struct custom_definition *d)
{
  struct owned *o;

  if (!d)
    return;
  o = container_of(d, struct owned, d);
  if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) > 1)
    return;
  for (size_t i = 0; i < d->n_versions; i++)
    cel_crd_free(d->versions[i].rules);
  record_unref(o->d.record);
  cel_regex_free_list(o->regexes);
  arena_free(o->a);
  free(o);
}

bool
custom_definition_same(const struct custom_definition *x, const struct custom_definition *y)
{
  return strcmp(x->uid, y->uid) == 0 && x->generation == y->generation && json_equal(x->names, y->names);
}

const struct custom *
custom_version_find(const struct custom_definition *d, const char *version)
{
  for (size_t i = 0; i < d->n_versions; i++)
    if (strcmp(d->versions[i].kind.version, version) == 0)
      return &d->versions[i];
  return NULL;
}
