/* What a definition has beside its schemas: names, columns, subresources, selectable fields, conversion. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "cel_crd.h"
#include "codec.h"
#include "crd_validate.h"

#define SELECTABLE_MAX 8 /* MaxSelectableFields */

const char *
crd_label_problems(struct arena *a, struct span s)
{
  const char *problems[TEXT_PROBLEMS_MAX], *all = NULL;
  size_t n = text_check(a, TEXT_DNS1035_LABEL, s, problems);

  for (size_t i = 0; i < n; i++)
    all = i ? arena_printf(a, "%s,%s", all, problems[i]) : problems[i];
  return all;
}

/* -- names -- */

static void
check_label(struct validation *v, const struct vpath *path, struct span s)
{
  const char *problems = s.n ? crd_label_problems(v->a, s) : NULL;

  if (problems)
    verr_invalid(v, path, s, problems);
}

static void
check_kind(struct validation *v, const struct vpath *path, struct span s)
{
  char *lower = arena_strndup(v->a, s.p ? s.p : "", s.n);
  const char *problems;

  for (char *p = lower; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  problems = s.n ? crd_label_problems(v->a, span_of(lower)) : NULL;
  if (problems)
    verr_invalid(v, path, s, arena_printf(v->a, "may have mixed case, but should otherwise match: %s", problems));
}

static void
check_words(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span s = json_span(json_at(list, i));
    const char *problems = crd_label_problems(v->a, s);

    if (problems)
      verr_invalid(v, VP_ITEM(path, i), s, problems);
  }
}

void
crd_validate_names(struct validation *v, const struct vpath *path, const struct json *names)
{
  struct span kind = json_text_of(names, "kind"), list = json_text_of(names, "listKind");

  check_label(v, VP(path, "plural"), json_text_of(names, "plural"));
  check_label(v, VP(path, "singular"), json_text_of(names, "singular"));
  check_kind(v, VP(path, "kind"), kind);
  check_kind(v, VP(path, "listKind"), list);
  check_words(v, VP(path, "shortNames"), json_get(names, "shortNames"));
  if (kind.n && span_eq(kind, list))
    verr_invalid(v, VP(path, "listKind"), list, "kind and listKind may not be the same");
  check_words(v, VP(path, "categories"), json_get(names, "categories"));
}

/* -- paths, columns, subresources -- */

/* True when it is one. */
static bool
check_simple_path(struct validation *v, const struct vpath *path, struct span s)
{
  if (s.p[0] == '.')
    return true;
  verr_invalid(v, path, s, "must be a simple json path starting with .");
  return false;
}

static bool
is_one_of(struct span s, const char *const *words)
{
  for (; *words; words++)
    if (span_is(s, *words))
      return true;
  return false;
}

void
crd_validate_columns(struct validation *v, const struct vpath *path, const struct json *columns)
{
  static const char *const types[] = { "boolean", "date", "integer", "number", "string", NULL };
  static const char *const formats[] = { "byte",  "date",  "date-time", "double", "float",
                                         "int32", "int64", "password",  NULL };

  for (size_t i = 0; i < json_count(columns); i++) {
    const struct json *c = json_at(columns, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span type = json_text_of(c, "type"), format = json_text_of(c, "format"), p = json_text_of(c, "jsonPath");

    if (!json_text_of(c, "name").n)
      verr_required(v, VP(at, "name"), "");
    if (!type.n)
      verr_required(v, VP(at, "type"), "must be one of boolean,date,integer,number,string");
    else if (!is_one_of(type, types))
      verr_invalid(v, VP(at, "type"), type, "must be one of boolean,date,integer,number,string");
    if (format.n && !is_one_of(format, formats))
      verr_invalid(v, VP(at, "format"), format, "must be one of byte,date,date-time,double,float,int32,int64,password");
    if (!p.n)
      verr_required(v, VP(at, "JSONPath"), "");
    else
      (void)check_simple_path(v, VP(at, "JSONPath"), p);
  }
}

static void
check_scale_path(struct validation *v, const struct vpath *path, struct span s, const char *const *roots,
                 const char *detail)
{
  bool below = false;

  if (!s.n) {
    verr_required(v, path, "");
    return;
  }
  for (; *roots; roots++)
    below = below || span_starts(s, span_of(*roots));
  if (check_simple_path(v, path, s) && !below)
    verr_invalid(v, path, s, detail);
}

void
crd_validate_subresources(struct validation *v, const struct vpath *path, const struct json *subs)
{
  static const char *const spec[] = { ".spec.", NULL }, *const status[] = { ".status.", NULL },
                           *const either[] = { ".spec.", ".status.", NULL };
  const struct json *scale = json_get(subs, "scale");

  if (!json_is(scale, JSON_OBJECT))
    return;
  check_scale_path(v, VP(path, "scale.specReplicasPath"), json_text_of(scale, "specReplicasPath"), spec,
                   "should be a json path under .spec");
  check_scale_path(v, VP(path, "scale.statusReplicasPath"), json_text_of(scale, "statusReplicasPath"), status,
                   "should be a json path under .status");
  if (json_text_of(scale, "labelSelectorPath").n)
    check_scale_path(v, VP(path, "scale.labelSelectorPath"), json_text_of(scale, "labelSelectorPath"), either,
                     "should be a json path under either .spec or .status");
}

/* -- selectable fields -- */

static void
check_selectable(struct validation *v, const struct vpath *at, struct span text, const struct json *schema,
                 const char **seen, size_t *n_seen)
{
  const char *path = NULL, *error = NULL, *p = arena_strndup(v->a, text.p ? text.p : "", text.n);
  const struct json *found = cel_crd_field_path(v->a, schema, p, false, &path, &error);
  struct span type = json_text_of(found, "type"), rest;

  if (!found) {
    verr_invalid(v, at, text, arena_printf(v->a, "is an invalid path: %s", error ? error : ""));
    return;
  }
  if (span_is(span_cut(span_of(path), '.', &rest), "metadata"))
    verr_invalid(v, at, text, "must not point to fields in metadata");
  if (!span_is(type, "string") && !span_is(type, "boolean") && !span_is(type, "integer"))
    verr_invalid(v, at, text,
                 "must point to a field of type string, boolean or integer. Enum string fields and strings with "
                 "formats are allowed.");
  for (size_t i = 0; i < *n_seen; i++)
    if (strcmp(seen[i], path) == 0) {
      verr_duplicate(v, at, text);
      return;
    }
  seen[(*n_seen)++] = path;
}

void
crd_validate_selectable(struct validation *v, const struct vpath *path, const struct json *fields,
                        const struct json *schema, bool too_many)
{
  const char **seen = arena_array_of(v->a, const char *, json_count(fields) + 1);
  size_t n = 0;

  for (size_t i = 0; i < json_count(fields); i++) {
    const struct vpath *at = VP(VP_ITEM(path, i), "jsonPath");
    struct span text = json_text_of(json_at(fields, i), "jsonPath");

    if (text.n)
      check_selectable(v, at, text, schema, seen, &n);
    else
      verr_required(v, at, "");
  }
  if (n > SELECTABLE_MAX && !too_many)
    verr_too_many(v, path, n, SELECTABLE_MAX);
}

/* -- conversion -- */

static void
check_ca(struct validation *v, const struct vpath *path, const struct json *client)
{
  _cleanup_strbuf_ struct strbuf pem = STRBUF_INIT(CEIL_REQUEST_BODY);
  struct span text = json_text_of(client, "caBundle");

  if (text.n && (!codec_unbase64(&pem, text) || !memmem(pem.p, pem.n, "-----BEGIN CERTIFICATE-----", 27)))
    verr_invalid(v, VP(path, "caBundle"), text, "unable to load root certificates: unable to parse bytes as PEM block");
}

static void
check_client(struct validation *v, const struct vpath *path, const struct json *client, const struct crd_leniency *let)
{
  validate_webhook_client(v, path, client);
  if (!let->any_ca)
    check_ca(v, path, client);
}

void
crd_validate_conversion(struct validation *v, const struct json *spec, const struct crd_leniency *let)
{
  static const char *const strategies[] = { "None", "Webhook", NULL };
  const struct vpath *path = VP(VP(NULL, "spec"), "conversion");
  const struct json *conversion = json_get(spec, "conversion"), *webhook = json_get(conversion, "webhook");
  const struct json *client = json_get(webhook, "clientConfig"),
                    *versions = json_get(webhook, "conversionReviewVersions");
  struct span strategy = json_text_of(conversion, "strategy");

  if (!json_is(conversion, JSON_OBJECT))
    return;
  if (!strategy.n)
    verr_required(v, VP(path, "strategy"), "");
  else if (!is_one_of(strategy, strategies))
    verr_not_supported(v, VP(path, "strategy"), strategy, strategies);
  if (span_is(strategy, "Webhook")) {
    if (json_is(client, JSON_OBJECT))
      check_client(v, VP(path, "webhookClientConfig"), client, let);
    else
      verr_required(v, VP(path, "webhookClientConfig"), "required when strategy is set to Webhook");
    validate_review_versions(v, VP(path, "conversionReviewVersions"), versions, let->any_review_version, "");
    return;
  }
  if (json_is(client, JSON_OBJECT))
    verr_forbidden(v, VP(path, "webhookClientConfig"), "should not be set when strategy is not set to Webhook");
  if (json_count(versions))
    verr_forbidden(v, VP(path, "conversionReviewVersions"), "should not be set when strategy is not set to Webhook");
}
