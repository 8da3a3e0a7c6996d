#include "explain.h"

#include <string.h>

#include "alloc_explain.h"
#include "claim.h"
#include "explain_classic.h"
#include "explain_world.h"
#include "pod_claims.h"

/* -- one claim -- */

static const char *
devices_text(struct arena *a, const struct json *claim)
{
  const char *all = "";

  for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL)))
    all = arena_printf(a, "%s%s%s/%s/%s", all, *all ? ", " : "", json_get_str_or(*p, "driver", ""),
                       json_get_str_or(*p, "pool", ""), json_get_str_or(*p, "device", ""));
  return all;
}

/* What the allocator says of one node, and why. */
static struct json *
explain_node(struct explain_world *w, struct alloc_job *job, const struct json *node)
{
  const struct alloc_explanation *e = alloc_job_explain(job, w->usage, node, w->a);

  alloc_explanation_text(e, true, w->text);
  return alloc_explanation_json(e, w->a);
}

static void
add_claim(struct explain_world *w, const struct json *claim, struct json *list)
{
  struct json *o = json_append(w->a, list, json_new_object(w->a));
  bool allocated = claim_allocation(claim) != NULL;
  struct alloc_job *job;

  json_set_str(w->a, o, "name", object_name(claim));
  json_set_str(w->a, o, "state", object_is_deleting(claim) ? "deleted" : allocated ? "allocated" : "pending");
  strbuf_printf(w->text, "\nclaim %s: %s", object_name(claim), json_get_str_or(o, "state", ""));
  if (allocated) {
    json_set_str(w->a, o, "allocation", devices_text(w->a, claim));
    strbuf_printf(w->text, ", has %s\n", json_get_str_or(o, "allocation", ""));
    return;
  }
  strbuf_putc(w->text, '\n');
  if (!w->world || explain_is_classic(w, claim)) /* not for the allocator: its driver decides */
    return;
  job = alloc_job_new(w->world, &claim, 1);
  for (size_t i = 0; i < w->nodes.n; i++)
    json_append(w->a, json_ensure_array(w->a, o, "nodes"), explain_node(w, job, record_tree(w->nodes.items[i])));
  alloc_job_free(job);
}

static void
heading(struct strbuf *text, const struct json *o)
{
  strbuf_printf(text, "%s %s/%s %s\n", json_get_str_or(o, "kind", ""), json_get_str_or(o, "namespace", ""),
                json_get_str_or(o, "name", ""), json_get_str_or(o, "summary", ""));
  if (json_get_str(o, "advice"))
    strbuf_printf(text, "hint: %s\n", json_get_str(o, "advice"));
}

int
explain_claim(struct kclient *c, struct personality *p, const char *ns, const char *name, struct arena *a,
              struct json **ret, struct strbuf *text, struct kerr *reterr)
{
  struct json *o = json_new_object(a);
  const struct json *claim;
  struct explain_world w;
  int r = explain_world_open(c, p, a, text, &w, reterr);

  claim = r == 0 ? explain_find(&w.claims, ns, name) : NULL;
  if (r == 0 && !claim)
    r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "resourceclaims.resource.k8s.io \"%s\" not found", name);
  if (r == 0) {
    json_set_str(a, o, "kind", "ResourceClaim");
    json_set_str(a, o, "namespace", ns);
    json_set_str(a, o, "name", name);
    json_set_str(a, o, "summary",
                 claim_allocation(claim) ? "is allocated"
                                         : "is not allocated: that happens when a pod that uses it is scheduled");
    heading(text, o);
    add_claim(&w, claim, json_ensure_array(a, o, "claims"));
    *ret = o;
  }
  explain_world_close(&w);
  return r;
}

/* -- one pod -- */

#define DRIVERS_TOLD_SINCE 28 /* by the claim controller, while there were drivers' controllers */

/* In one sentence, and what to do when there is something to do. */
static void
summarize(const struct explain_world *w, const struct json *pod, struct json *o)
{
  struct arena *a = w->a;
  bool told = w->dra->scheduling && w->minor >= DRIVERS_TOLD_SINCE;
  const char *node = json_get_str_or(json_get(pod, "spec"), "nodeName", "");
  const char *phase = json_get_str_or(json_get(pod, "status"), "phase", "Pending");
  const struct json *scheduled = object_condition(pod, "PodScheduled");
  bool ours = scheduled && strcmp(json_get_str_or(scheduled, "status", ""), "True") == 0;

  if (*node && !ours && json_count(json_dig(pod, "spec", "resourceClaims", NULL)) > 0) {
    json_set(
        a, o, "summary",
        json_new_strf(a, "names its node (%s) itself, so the scheduler never saw it and %s", node,
                      told ? "drivers can only allocate its claims for that node" : "nobody allocates its claims"));
    json_set_str(a, o, "advice",
                 "replace spec.nodeName by spec.nodeSelector {kubernetes.io/hostname: NODE}: the scheduler then "
                 "allocates the claims on "
                 "that node, and binds the pod to it");
  } else if (*node) {
    json_set(a, o, "summary", json_new_strf(a, "is on node %s, phase %s", node, phase));
  } else if (scheduled) {
    json_set(a, o, "summary", json_new_strf(a, "is pending: %s", json_get_str_or(scheduled, "message", "")));
  } else {
    json_set_str(
        a, o, "summary",
        "is pending, and the scheduler has not tried it yet: a claim it uses is not there, or is being deleted");
  }
}

static void
add_entry(struct explain_world *w, const struct json *pod, const struct json *entry, struct json *claims)
{
  const char *name;
  const struct json *claim = explain_claim_of_entry(w, pod, entry, &name);
  struct json *o;

  if (claim) {
    add_claim(w, claim, claims);
    return;
  }
  o = json_append(w->a, claims, json_new_object(w->a));
  json_set_str(w->a, o, "name", name ? name : json_get_str_or(entry, "name", ""));
  json_set_str(w->a, o, "state", "missing");
  if (pod_claim_template(entry))
    json_set(w->a, o, "reason",
             json_new_strf(w->a, "not made yet from template %s; see the pod's events", pod_claim_template(entry)));
  else
    json_set(w->a, o, "reason",
             json_new_strf(w->a, "there is no claim %s in namespace %s", name ? name : "", object_namespace(pod)));
  strbuf_printf(w->text, "\nclaim %s: missing, %s\n", json_get_str_or(o, "name", ""), json_get_str_or(o, "reason", ""));
}

int
explain_pod(struct kclient *c, struct personality *p, const char *ns, const char *name, struct arena *a,
            struct json **ret, struct strbuf *text, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  struct json *o = json_new_object(a);
  struct explain_world w;
  int code = kclient_get(c, &KC_PODS, ns, name, &r, reterr);

  if (code < 0)
    return code;
  code = explain_world_open(c, p, a, text, &w, reterr);
  if (code == 0) {
    json_set_str(a, o, "kind", "Pod");
    json_set_str(a, o, "namespace", ns);
    json_set_str(a, o, "name", name);
    summarize(&w, record_tree(r), o);
    heading(text, o);
    explain_negotiation(&w, record_tree(r), o);
    for (json_each_item (e, json_dig(record_tree(r), "spec", "resourceClaims", NULL)))
      add_entry(&w, record_tree(r), *e, json_ensure_array(a, o, "claims"));
    *ret = o;
  }
  explain_world_close(&w);
  return code;
}
