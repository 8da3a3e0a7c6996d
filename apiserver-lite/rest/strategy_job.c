/* A job selects its pods by labels that nobody else has, unless its maker chose others (pkg/registry/batch/job). */
#include "object.h"
#include "strategy.h"

/* The names of these labels had no prefix before 1.27, and pods have those, too. */
#define UID_LABEL     "controller-uid"
#define NAME_LABEL    "job-name"
#define PREFIX        "batch.kubernetes.io/"
#define PREFIXED_FROM 27

/* What the client has set stays, for validation to refuse. */
static void
put_absent(struct arena *a, struct json *o, const char *name, const char *value)
{
  if (!json_get(o, name))
    json_set_str(a, o, name, value);
}

static int
job_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct json *spec = json_ensure_object(c->a, o, "spec");
  bool prefixed = personality_minor(c->personality) >= PREFIXED_FROM;

  (void)reterr;
  if (json_get_bool(spec, "manualSelector", false))
    return 0;
  struct json *template = json_ensure_object(c->a, spec, "template");
  struct json *labels = json_ensure_object(c->a, json_ensure_object(c->a, template, "metadata"), "labels");
  struct json *selected = json_ensure_object(c->a, json_ensure_object(c->a, spec, "selector"), "matchLabels");
  put_absent(c->a, labels, NAME_LABEL, object_name(o));
  put_absent(c->a, labels, UID_LABEL, object_uid(o));
  if (prefixed) {
    put_absent(c->a, labels, PREFIX NAME_LABEL, object_name(o));
    put_absent(c->a, labels, PREFIX UID_LABEL, object_uid(o));
  }
  put_absent(c->a, selected, prefixed ? PREFIX UID_LABEL : UID_LABEL, object_uid(o));
  json_sort_members(labels);
  json_sort_members(selected);
  if (c->unlabelled &&
      json_count(object_labels(o))) /* its labels are those of its pods: upstream has one map for both */
    json_set(c->a, json_ensure_object(c->a, o, "metadata"), "labels", json_copy(c->a, labels));
  c->reshape = true;
  return 0;
}

const struct strategy strategy_job = {
  .group = "batch",
  .kind = "Job",
  .prepare_create = job_create,
};
