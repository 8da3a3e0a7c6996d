/*
 * Extended resources that a device class stands behind (KEP-5004,
 * extendeddynamicresources.go): the pod's containers ask for numbers, and the
 * scheduler makes a claim of them.
 */
#include <string.h>

#include "sched_internal.h"

#define IMPLICIT_PREFIX "deviceclass.resource.kubernetes.io/" /* upstream: ResourceDeviceClassPrefix */
#define ANNOTATION      "resource.kubernetes.io/extended-resource-claim"

/* The class behind a resource name, or NULL. Of several classes with the same explicit name the newest wins, then the
 * lesser name. */
static const char *
class_of(struct sched_attempt *t, const char *resource)
{
  const char *best = NULL, *best_time = "";
  struct record *r;
  size_t cursor = 0;

  if (strncmp(resource, IMPLICIT_PREFIX, strlen(IMPLICIT_PREFIX)) == 0)
    return kclient_cache_get(t->s->classes, NULL, resource + strlen(IMPLICIT_PREFIX))
               ? resource + strlen(IMPLICIT_PREFIX)
               : NULL;
  while ((r = kclient_cache_next(t->s->classes, &cursor)) != NULL) {
    const struct json *c = record_tree(r);
    const char *time = json_get_str_or(json_get(c, "metadata"), "creationTimestamp", "");
    int newer = strcmp(time, best_time);

    if (strcmp(json_get_str_or(json_get(c, "spec"), "extendedResourceName", ""), resource) != 0)
      continue;
    if (!best || newer > 0 || (newer == 0 && strcmp(object_name(c), best) < 0)) {
      best = object_name(c);
      best_time = time;
    }
  }
  return best;
}

static bool
may_be_extended(const char *name)
{
  return sched_resource_is_extended(name) || strncmp(name, IMPLICIT_PREFIX, strlen(IMPLICIT_PREFIX)) == 0;
}

static int
by_name(const void *x, const void *y)
{
  return strcmp(((const struct sched_amount *)x)->name, ((const struct sched_amount *)y)->name);
}

/* One request of the claim, and the line in the pod's status that says whose it is. */
static void
add_request(struct sched_attempt *t, struct json *requests, const char *container, const char *name,
            const char *resource, const char *device_class, int64_t count)
{
  struct json *request = json_append(t->a, requests, json_new_object(t->a)), *exactly, *mapping;

  json_set_str(t->a, request, "name", name);
  exactly = json_ensure_object(t->a, request, "exactly");
  json_set_str(t->a, exactly, "deviceClassName", device_class);
  json_set_str(t->a, exactly, "allocationMode", "ExactCount");
  json_set_int(t->a, exactly, "count", count);
  mapping = json_append(t->a, t->mappings, json_new_object(t->a));
  json_set_str(t->a, mapping, "containerName", container);
  json_set_str(t->a, mapping, "resourceName", resource);
  json_set_str(t->a, mapping, "requestName", name);
}

static void
add_container(struct sched_attempt *t, struct json *requests, const struct json *container, size_t index)
{
  struct sched_resources r = sched_resources_of(t->a, json_dig(container, "resources", "requests", NULL));

  if (r.n > 1)
    qsort(r.list, r.n, sizeof *r.list, by_name);
  for (size_t i = 0, k = 0; i < r.n; i++) {
    const char *device_class = may_be_extended(r.list[i].name) ? class_of(t, r.list[i].name) : NULL;

    if (!device_class)
      continue;
    add_request(t, requests, json_get_str_or(container, "name", ""),
                arena_printf(t->a, "container-%zu-request-%zu", index, k++), r.list[i].name, device_class,
                r.list[i].value);
  }
}

static struct json *
claim_new(struct sched_attempt *t)
{
  struct json *claim = json_new_object(t->a), *meta, *owner;

  json_set_str(t->a, claim, "apiVersion", "resource.k8s.io/v1");
  json_set_str(t->a, claim, "kind", "ResourceClaim");
  meta = json_ensure_object(t->a, claim, "metadata");
  json_set(t->a, meta, "generateName", json_new_strf(t->a, "%s-extended-resources-", object_name(t->tree)));
  json_set_str(t->a, meta, "namespace", object_namespace(t->tree));
  json_set_str(t->a, json_ensure_object(t->a, meta, "annotations"), ANNOTATION, "true");
  owner = json_append(t->a, json_ensure_array(t->a, meta, "ownerReferences"), json_new_object(t->a));
  json_set_str(t->a, owner, "apiVersion", "v1");
  json_set_str(t->a, owner, "kind", "Pod");
  json_set_str(t->a, owner, "name", object_name(t->tree));
  json_set_str(t->a, owner, "uid", object_uid(t->tree));
  json_set_bool(t->a, owner, "controller", true);
  return claim;
}

static void
note_names(struct sched_attempt *t)
{
  const char **names = arena_array_of(t->a, const char *, t->subject.requests.n);
  size_t n = 0;

  for (size_t i = 0; i < t->subject.requests.n; i++)
    if (may_be_extended(t->subject.requests.list[i].name) && class_of(t, t->subject.requests.list[i].name))
      names[n++] = t->subject.requests.list[i].name;
  t->subject.by_claims = names;
  t->subject.n_by_claims = n;
}

void
sched_extended_prepare(struct sched_attempt *t)
{
  const struct json *init = json_get(t->subject.spec, "initContainers"),
                    *main = json_get(t->subject.spec, "containers");
  struct json *requests;

  note_names(t);
  if (t->subject.n_by_claims == 0)
    return;
  t->extended = claim_new(t);
  t->mappings = json_new_array(t->a);
  requests = json_ensure_array(t->a, json_ensure_object(t->a, json_ensure_object(t->a, t->extended, "spec"), "devices"),
                               "requests");
  for (size_t i = 0; i < json_count(init); i++)
    add_container(t, requests, json_at(init, i), i);
  for (size_t i = 0; i < json_count(main); i++)
    add_container(t, requests, json_at(main, i), json_count(init) + i);
  t->claims[t->n_claims++] = (struct sched_claim){ .entry = "", .tree = t->extended, .allocate = true };
  t->n_allocate++;
}
