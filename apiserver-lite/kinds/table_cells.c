/* Cells that a path and a way to show what is there can say. */
#include "table_cells.h"

#include <string.h>

#include "clock.h"
#include "object.h"

const struct json *
table_at(const struct json *o, const char *path)
{
  while (o && *path) {
    size_t n = strcspn(path, ".");

    o = json_get_n(o, path, n);
    path += n + (path[n] == '.');
  }
  return o;
}

char *
table_duration(struct arena *a, int64_t ns)
{
  int64_t s = ns / CLOCK_SEC, m = s / 60, h = s / 3600, d = h / 24;

  if (s < -1)
    return arena_strdup(a, "<invalid>");
  if (s < 0)
    return arena_strdup(a, "0s");
  if (s < 120)
    return arena_printf(a, "%llds", (long long)s);
  if (m < 10)
    return s % 60 ? arena_printf(a, "%lldm%llds", (long long)m, (long long)(s % 60))
                  : arena_printf(a, "%lldm", (long long)m);
  if (m < 180)
    return arena_printf(a, "%lldm", (long long)m);
  if (h < 8)
    return m % 60 ? arena_printf(a, "%lldh%lldm", (long long)h, (long long)(m % 60))
                  : arena_printf(a, "%lldh", (long long)h);
  if (h < 48)
    return arena_printf(a, "%lldh", (long long)h);
  if (h < 192)
    return h % 24 ? arena_printf(a, "%lldd%lldh", (long long)d, (long long)(h % 24))
                  : arena_printf(a, "%lldd", (long long)d);
  if (d < 730)
    return arena_printf(a, "%lldd", (long long)d);
  if (d < 2920)
    return d % 365 ? arena_printf(a, "%lldy%lldd", (long long)(d / 365), (long long)(d % 365))
                   : arena_printf(a, "%lldy", (long long)(d / 365));
  return arena_printf(a, "%lldy", (long long)(d / 365));
}

/* -- how a value is shown -- */

static struct json *
text_or(const struct table_cell_context *t, const char *path, const char *absent)
{
  const char *s = json_str(table_at(t->o, path));

  return json_new_str(t->a, s && *s ? s : absent);
}

struct json *
cell_text(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "");
}

struct json *
cell_text_or_none(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "<none>");
}

struct json *
cell_text_or_unset(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "<unset>");
}

struct json *
cell_text_or_unknown(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "<unknown>");
}

struct json *
cell_integer(const struct table_cell_context *t, const char *path)
{
  return json_new_int(t->a, json_int_or(table_at(t->o, path), 0));
}

struct json *
cell_boolean(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return json_new_bool(t->a, json_is(v, JSON_BOOL) && v->u.boolean);
}

/* A number or percentage that may be unset. */
struct json *
cell_number_or_na(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return v ? json_new_str(t->a, json_str(v) ? json_str(v) : json_text(t->a, v, JSON_COMPACT))
           : json_new_str(t->a, "N/A");
}

struct json *
cell_number_or_none(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return v ? json_new_int(t->a, json_int_or(v, 0)) : json_new_str(t->a, "<none>");
}

/* A number as text. */
struct json *
cell_text_of_number(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return json_new_str(t->a, v ? json_text(t->a, v, JSON_COMPACT) : "<unset>");
}

struct json *
cell_count(const struct table_cell_context *t, const char *path)
{
  return json_new_int(t->a, (int64_t)json_count(table_at(t->o, path)));
}

/* data and binaryData of config maps; data of secrets. */
struct json *
cell_count_data(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return json_new_int(t->a, (int64_t)(json_count(json_get(t->o, "data")) + json_count(json_get(t->o, "binaryData"))));
}

struct json *
table_age(const struct table_cell_context *t, const char *path)
{
  const char *s = json_str(table_at(t->o, path));
  int64_t then;

  if (!s || !clock_parse_rfc3339(span_of(s), &then))
    return json_new_str(t->a, "<unknown>");
  return json_new_str(t->a, table_duration(t->a, t->now - then));
}

struct json *
cell_age(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return table_age(t, "metadata.creationTimestamp");
}

struct json *
cell_age_or_none(const struct table_cell_context *t, const char *path)
{
  return table_at(t->o, path) ? table_age(t, path) : json_new_str(t->a, "<none>");
}

/* "a,b" of one member of each item; `path` is "list#member". */
struct json *
cell_joined(const struct table_cell_context *t, const char *path)
{
  const char *hash = strchr(path, '#'), *all = "";
  const struct json *list = table_at(t->o, arena_strndup(t->a, path, (size_t)(hash - path)));

  for (json_each_item (p, list)) {
    const char *s = hash[1] ? json_get_str_or(*p, hash + 1, "") : json_str(*p) ? json_str(*p) : "";

    all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", s);
  }
  return json_new_str(t->a, all);
}

/* A list of names. */
struct json *
cell_modes(const struct table_cell_context *t, const char *path)
{
  const struct json *list = table_at(t->o, path);

  return json_count(list) ? cell_joined(t, arena_printf(t->a, "%s#", path)) : json_new_str(t->a, "<none>");
}

/* A map of labels, or a LabelSelector, as text. */
struct json *
cell_labels(const struct table_cell_context *t, const char *path)
{
  const struct json *map = table_at(t->o, path);
  const struct json *match = json_is(json_get(map, "matchLabels"), JSON_OBJECT) ? json_get(map, "matchLabels") : map;
  const char *all = "";

  for (json_each_member (m, match)) {
    if (!json_is(m->value, JSON_STRING))
      continue;
    all = arena_printf(t->a, "%s%s%s=%s", all, *all ? "," : "", m->name, json_str(m->value));
  }
  return json_new_str(t->a, *all ? all : "<none>");
}

/* "ready/wanted"; `path` is "status.x#spec.y", and what is wanted defaults to 1 when unset. */
struct json *
cell_of(const struct table_cell_context *t, const char *path)
{
  const char *hash = strchr(path, '#');
  int64_t have = json_int_or(table_at(t->o, arena_strndup(t->a, path, (size_t)(hash - path))), 0);
  int64_t want = json_int_or(table_at(t->o, hash + 1), 0);

  return json_new_strf(t->a, "%lld/%lld", (long long)have, (long long)want);
}

struct json *
cell_access_modes(const struct table_cell_context *t, const char *path)
{
  static const char *const brief[][2] = {
    { "ReadWriteOnce", "RWO" }, { "ReadOnlyMany", "ROX" }, { "ReadWriteMany", "RWX" }, { "ReadWriteOncePod", "RWOP" }
  };
  const char *all = "";

  for (size_t i = 0; i < ARRAY_SIZE(brief); i++)
    for (json_each_item (p, table_at(t->o, path)))
      if (json_str(*p) && strcmp(json_str(*p), brief[i][0]) == 0) {
        all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", brief[i][1]);
        break;
      }
  return json_new_str(t->a, all);
}

struct json *
cell_claim_ref(const struct table_cell_context *t, const char *path)
{
  const struct json *ref = table_at(t->o, path);

  if (!ref)
    return json_new_str(t->a, "");
  return json_new_strf(t->a, "%s/%s", json_get_str_or(ref, "namespace", ""), json_get_str_or(ref, "name", ""));
}

struct json *
cell_role_ref(const struct table_cell_context *t, const char *path)
{
  const struct json *ref = table_at(t->o, path);

  return json_new_strf(t->a, "%s/%s", json_get_str_or(ref, "kind", ""), json_get_str_or(ref, "name", ""));
}

/* Names of the subjects of one kind. */
struct json *
cell_subjects(const struct table_cell_context *t, const char *kind)
{
  const char *all = "";

  for (json_each_item (p, json_get(t->o, "subjects"))) {
    if (strcmp(json_get_str_or(*p, "kind", ""), kind) != 0)
      continue;
    all = arena_printf(t->a, "%s%s%s%s%s", all, *all ? ", " : "", json_get_str_or(*p, "namespace", ""),
                       json_get_str(*p, "namespace") ? "/" : "", json_get_str_or(*p, "name", ""));
  }
  return json_new_str(t->a, all);
}

/* "cpu: 1/2, memory: 0/1Gi": used and hard, requests or limits. */
struct json *
cell_quota(const struct table_cell_context *t, const char *what)
{
  bool limits = strcmp(what, "limits") == 0;
  const char *all = "";

  for (json_each_member (m, table_at(t->o, "status.hard"))) {
    const char *used = json_str(json_get_n(table_at(t->o, "status.used"), m->name, m->name_len));

    if ((strncmp(m->name, "limits.", 7) == 0) != limits)
      continue;
    all = arena_printf(t->a, "%s%s%s: %s/%s", all, *all ? ", " : "", m->name, used ? used : "0",
                       json_str(m->value) ? json_str(m->value) : "");
  }
  return json_new_str(t->a, all);
}

struct json *
cell_job_status(const struct table_cell_context *t, const char *path)
{
  static const char *const shown[] = { "Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet" };

  (void)path;
  for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
    const struct json *c = object_condition(t->o, shown[i]);

    if (c && strcmp(json_get_str_or(c, "status", ""), "True") == 0)
      return json_new_str(t->a, shown[i]);
  }
  return json_new_str(t->a, object_is_deleting(t->o) ? "Terminating" : "Running");
}

struct json *
cell_job_completions(const struct table_cell_context *t, const char *path)
{
  int64_t done = json_int_or(table_at(t->o, "status.succeeded"), 0),
          want = json_int_or(table_at(t->o, "spec.completions"), -1);
  int64_t parallel = json_int_or(table_at(t->o, "spec.parallelism"), 0);

  (void)path;
  if (want >= 0)
    return json_new_strf(t->a, "%lld/%lld", (long long)done, (long long)want);
  return parallel > 1 ? json_new_strf(t->a, "%lld/1 of %lld", (long long)done, (long long)parallel)
                      : json_new_strf(t->a, "%lld/1", (long long)done);
}

struct json *
cell_job_duration(const struct table_cell_context *t, const char *path)
{
  const char *start = json_str(table_at(t->o, "status.startTime")),
             *end = json_str(table_at(t->o, "status.completionTime"));
  int64_t from, to = t->now;

  (void)path;
  if (!start || !clock_parse_rfc3339(span_of(start), &from))
    return json_new_str(t->a, "");
  if (end && !clock_parse_rfc3339(span_of(end), &to))
    to = t->now;
  return json_new_str(t->a, table_duration(t->a, to - from));
}
