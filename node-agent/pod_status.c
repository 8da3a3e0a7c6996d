#include "pod_status.h"

#include "object.h"

static const char *
restart_policy(const struct json *pod)
{
  return json_get_str_or(json_get(pod, "spec"), "restartPolicy", "Always");
}

bool
pod_restarts(const struct json *pod, const struct container_view *c, int exit_code)
{
  const char *policy = restart_policy(pod);

  if (c->sidecar)
    return true;
  if (c->init && exit_code == 0)
    return false;
  return strcmp(policy, "Never") != 0 && (c->init || strcmp(policy, "Always") == 0 || exit_code != 0);
}

/* -- phase -- */

struct tally {
  int pending_init, failed_init, waiting, running, stopped, stopped_for_good, succeeded;
};

static void
tally_init(const struct pod_view *v, const struct container_view *c, struct tally *t)
{
  const struct container_end *end = c->now.set ? &c->now : c->waiting_reason && c->last.set ? &c->last : NULL;

  if (c->sidecar) {
    t->running += c->running;
    t->pending_init += c->running ? !c->started : !end;
    t->waiting += !c->running && !end;
  } else if (c->running || !end) {
    t->pending_init++;
  } else if (end->exit_code != 0) {
    if (v->terminal || !pod_restarts(v->pod, c, end->exit_code))
      t->failed_init++;
    else
      t->pending_init++; /* it will be tried again */
  } else if (!c->now.set) {
    t->pending_init++;
  }
}

static struct tally
count_containers(const struct pod_view *v)
{
  struct tally t = { 0 };

  for (size_t i = 0; i < v->n; i++) {
    const struct container_view *c = &v->containers[i];
    const struct container_end *end = c->now.set ? &c->now : c->waiting_reason && c->last.set ? &c->last : NULL;

    if (c->init) {
      tally_init(v, c, &t);
    } else if (c->running) {
      t.running++;
    } else if (end) {
      t.stopped++;
      t.stopped_for_good += !pod_restarts(v->pod, c, end->exit_code);
      t.succeeded += c->now.set && end->exit_code == 0;
    } else {
      t.waiting++;
    }
  }
  return t;
}

/* Did a container of the main list ever run? Then the pod stays initialized, whatever its sidecars do. */
static bool
any_started(const struct pod_view *v)
{
  for (size_t i = 0; i < v->n; i++)
    if (!v->containers[i].init && (v->containers[i].running || v->containers[i].now.set || v->containers[i].last.set))
      return true;
  return false;
}

const char *
pod_phase(const struct pod_view *v)
{
  struct tally t = count_containers(v);

  if (v->phase)
    return v->phase;
  if (t.failed_init > 0)
    return "Failed";
  if ((t.pending_init > 0 && !any_started(v)) || t.waiting > 0)
    return "Pending";
  if (t.running > 0)
    return "Running";
  if (t.stopped > 0) {
    if (!v->terminal && t.stopped != t.stopped_for_good)
      return "Running"; /* one of them is about to be restarted */
    return t.stopped == t.succeeded ? "Succeeded" : "Failed";
  }
  return "Pending";
}

/* -- conditions -- */

static bool
init_done(const struct container_view *c)
{
  return c->sidecar ? c->started : c->now.set && c->now.exit_code == 0;
}

/* "[a b]", as Go prints a list of strings; NULL when nothing is in it. */
static char *
names_where(struct arena *a, const struct pod_view *v, bool (*wanted)(const struct container_view *))
{
  struct strbuf b;
  char *out = NULL;

  strbuf_init(&b, 64 * 1024);
  for (size_t i = 0; i < v->n; i++)
    if (wanted(&v->containers[i]))
      strbuf_printf(&b, "%s%s", b.n ? " " : "", v->containers[i].name);
  if (b.n)
    out = arena_printf(a, "[%s]", b.p);
  strbuf_release(&b);
  return out;
}

static bool
init_incomplete(const struct container_view *c)
{
  return c->init && !init_done(c);
}

static bool
not_ready(const struct container_view *c)
{
  return (!c->init || c->sidecar) && !c->ready;
}

static void
condition(struct arena *a, const struct pod_view *v, struct json *list, const char *type, bool on, const char *reason,
          const char *message)
{
  struct json *c = json_append(a, list, json_new_object(a));
  const struct json *old = object_condition(v->pod, type);
  const char *status = on ? "True" : "False";
  char stamp[CLOCK_TEXT_MAX];
  bool same = old && strcmp(json_get_str_or(old, "status", ""), status) == 0 && json_get_str(old, "lastTransitionTime");

  json_set_str(a, c, "type", type);
  json_set_str(a, c, "status", status);
  json_set_str(a, c, "lastTransitionTime",
               same ? json_get_str(old, "lastTransitionTime") : clock_rfc3339(v->now, false, stamp));
  json_set_int(a, c, "observedGeneration", object_generation(v->pod));
  /* It is a patch: null takes away what was there. */
  if (reason || json_get(old, "reason"))
    json_set(a, c, "reason", reason ? json_new_str(a, reason) : json_new_null(a));
  if (message || json_get(old, "message"))
    json_set(a, c, "message", message ? json_new_str(a, message) : json_new_null(a));
}

static struct json *
conditions(struct arena *a, const struct pod_view *v, const char *phase)
{
  struct json *list = json_new_array(a);
  char *incomplete = names_where(a, v, init_incomplete), *unready = names_where(a, v, not_ready);
  bool succeeded = strcmp(phase, "Succeeded") == 0, failed = strcmp(phase, "Failed") == 0, ready;
  const char *reason = NULL, *message = NULL;

  condition(a, v, list, "PodReadyToStartContainers", v->sandbox, NULL, NULL);
  if (succeeded)
    condition(a, v, list, "Initialized", true, "PodCompleted", NULL);
  else if (!incomplete || any_started(v))
    condition(a, v, list, "Initialized", true, NULL, NULL);
  else
    condition(a, v, list, "Initialized", false, "ContainersNotInitialized",
              arena_printf(a, "containers with incomplete status: %s", incomplete));
  ready = !succeeded && !failed && !unready;
  if (succeeded || failed)
    reason = succeeded ? "PodCompleted" : "PodFailed";
  else if (unready) {
    reason = "ContainersNotReady";
    message = arena_printf(a, "containers with unready status: %s", unready);
  }
  const char *gate_reason = reason, *gate_message = message;
  bool pod_ready = ready;
  for (json_each_item (p, json_dig(v->pod, "spec", "readinessGates", NULL))) {
    const char *type = json_get_str_or(*p, "conditionType", "");
    const struct json *c = object_condition(v->pod, type);
    if (!ready || (c && strcmp(json_get_str_or(c, "status", ""), "True") == 0))
      continue;
    const char *text =
        c ? arena_printf(a, "the status of pod readiness gate \"%s\" is not \"True\", but %s", type,
                         json_get_str_or(c, "status", ""))
          : arena_printf(a, "corresponding condition of pod readiness gate \"%s\" does not exist.", type);
    gate_message = pod_ready ? text : arena_printf(a, "%s, %s", gate_message, text);
    gate_reason = "ReadinessGatesNotReady";
    pod_ready = false;
  }
  condition(a, v, list, "Ready", pod_ready, gate_reason, gate_message);
  condition(a, v, list, "ContainersReady", ready, reason, message);
  condition(a, v, list, "PodScheduled", true, NULL, NULL);
  return list;
}

/* -- containers -- */

static struct json *
stamp(struct arena *a, int64_t wall_ns)
{
  char text[CLOCK_TEXT_MAX];

  return json_new_str(a, clock_rfc3339(wall_ns, false, text)); /* 0 is 1970-01-01T00:00:00Z, as containerd has it */
}

static void
set_end(struct arena *a, struct json *state, const struct container_end *end)
{
  struct json *t = json_set(a, state, "terminated", json_new_object(a));

  json_set_int(a, t, "exitCode", end->exit_code);
  if (end->signal && strcmp(end->reason, "Error") != 0)
    json_set_int(a, t, "signal", end->signal);
  json_set_str(a, t, "reason", end->reason);
  if (end->message && *end->message)
    json_set_str(a, t, "message", end->message);
  json_set(a, t, "startedAt", stamp(a, end->started_at));
  json_set(a, t, "finishedAt", stamp(a, end->finished_at));
  json_set_str(a, t, "containerID", end->id);
}

static struct json *
container_status(struct arena *a, const struct container_view *c)
{
  struct json *s = json_new_object(a), *state = json_new_object(a), *last = json_new_object(a);

  if (c->running)
    json_set(a, json_set(a, state, "running", json_new_object(a)), "startedAt", stamp(a, c->started_at));
  else if (c->now.set)
    set_end(a, state, &c->now);
  else {
    struct json *w = json_set(a, state, "waiting", json_new_object(a));
    json_set_str(a, w, "reason", c->waiting_reason ? c->waiting_reason : "ContainerCreating");
    if (c->waiting_message && *c->waiting_message)
      json_set_str(a, w, "message", c->waiting_message);
  }
  if (c->last.set)
    set_end(a, last, &c->last);
  json_set_str(a, s, "name", c->name);
  json_set(a, s, "state", state);
  json_set(a, s, "lastState", last);
  json_set_bool(a, s, "ready", c->ready);
  json_set_int(a, s, "restartCount", c->restarts);
  json_set_str(a, s, "image", c->image);
  json_set_str(a, s, "imageID", c->image_id);
  if (*c->id)
    json_set_str(a, s, "containerID", c->id);
  json_set_bool(a, s, "started", c->started);
  return s;
}

static void
set_ips(struct arena *a, struct json *status, const struct pod_view *v)
{
  json_set_str(a, status, "hostIP", v->host_ip);
  json_set_str(a, json_append(a, json_set(a, status, "hostIPs", json_new_array(a)), json_new_object(a)), "ip",
               v->host_ip);
  if (!v->pod_ip)
    return;
  json_set_str(a, status, "podIP", v->pod_ip);
  json_set_str(a, json_append(a, json_set(a, status, "podIPs", json_new_array(a)), json_new_object(a)), "ip",
               v->pod_ip);
}

struct json *
pod_status(struct arena *a, const struct pod_view *v)
{
  struct json *status = json_new_object(a), *init = json_new_array(a), *main_list = json_new_array(a);
  const char *phase = pod_phase(v);

  json_set_int(a, status, "observedGeneration", object_generation(v->pod));
  json_set_str(a, status, "phase", phase);
  if (v->reason)
    json_set_str(a, status, "reason", v->reason);
  if (v->message)
    json_set_str(a, status, "message", v->message);
  json_set(a, status, "startTime", stamp(a, v->start_time));
  if (v->phase) /* rejected: nothing of it ever was */
    return status;
  json_set(a, status, "conditions", conditions(a, v, phase));
  set_ips(a, status, v);
  for (size_t i = 0; i < v->n; i++)
    json_append(a, v->containers[i].init ? init : main_list, container_status(a, &v->containers[i]));
  if (json_count(init))
    json_set(a, status, "initContainerStatuses", init);
  json_set(a, status, "containerStatuses", main_list);
  return status;
}
