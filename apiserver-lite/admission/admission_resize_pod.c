/*
 * PodResizeValidator (plugin/pkg/admission/podresize, from 1.36 on): a pod on a node is not resized to more than the
 * node has, nor where the node's kubelet cannot do it.
 */
#include <inttypes.h>
#include <string.h>

#include "admission.h"
#include "amounts.h"
#include "object.h"
#include "status.h"

/* 403 with a cause that says which rule it was. */
static int
refuse(struct rest_call *c, const struct json *o, const char *reason, const char *why, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct status_subject about = rest_subject(c, admission_name(c, o));
  int r = admission_forbid(c, o, why, &err);

  c->refusal = status_from_kerr(c->a, &err, &about, 0);
  status_add_cause(c->a, c->refusal, reason, NULL, NULL);
  (void)kerr_move(reterr, &err);
  return r;
}

static const struct {
  const char *name;
  int64_t (*shown)(const struct quantity *q);
} looked_at[] = { { "cpu", quantity_milli }, { "memory", quantity_value } };

static int
check_room(struct rest_call *c, const struct json *o, const struct json *node, struct kerr *reterr)
{
  const struct json *allocatable = json_dig(node, "status", "allocatable", NULL);
  const char *text = "";
  struct amounts asked = { .n = 0 };

  amounts_of_pod(json_get(o, "spec"), "requests", true, &asked);
  for (size_t i = 0; i < ARRAY_SIZE(looked_at); i++) {
    struct quantity has = quantity_from_int(0, QUANTITY_DECIMAL_SI);
    const struct amount *wanted = amounts_find(&asked, looked_at[i].name);

    (void)amounts_read(allocatable, looked_at[i].name, &has);
    if (wanted && quantity_cmp(&wanted->amount, &has) > 0)
      text = arena_printf(c->a, "%s%s%s, requested: %" PRId64 ", allocatable: %" PRId64, text, *text ? "; " : "",
                          looked_at[i].name, looked_at[i].shown(&wanted->amount), looked_at[i].shown(&has));
  }
  if (!*text)
    return 0;
  return refuse(c, o, "NodeCapacity", arena_printf(c->a, "node didn't have enough allocatable resources: %s", text),
                reterr);
}

static int
resize_validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const char *name = json_get_str_or(json_get(o, "spec"), "nodeName", ""), *os;
  const struct json *node;

  if (!old || strcmp(c->info.subresource, "resize") != 0 || !*name || personality_minor(c->personality) < 36 ||
      !personality_gate(c->personality, "InPlacePodVerticalScaling") ||
      json_equal(json_get(o, "spec"), json_get(old, "spec")))
    return 0;
  node = admission_lookup(c, "", "v1", "nodes", "", name);
  if (!node)
    return admission_forbid(c, o, arena_printf(c->a, "node \"%s\" not found", name), reterr);
  os = json_get_str_or(object_labels(node), "kubernetes.io/os", "linux");
  if (strcmp(os, "linux") != 0)
    return refuse(c, o, "UnsupportedPlatform",
                  arena_printf(c->a, "pod resize is only supported on linux nodes, node \"%s\" is \"%s\"", name, os),
                  reterr);
  return check_room(c, o, node, reterr);
}

const struct admission_plugin admission_resize_pod = {
  .name = "PodResizeValidator",
  .targets = admission_pods,
  .validate = resize_validate,
};
