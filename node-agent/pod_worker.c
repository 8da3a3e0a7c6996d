#include <signal.h>
#include <stdio.h>

#include "agent_internal.h"
#include "ceilings.h"
#include "fs.h"
#include "pod_inputs.h"

#define RETRY_FIRST   (100 * CLOCK_MS)
#define RETRY_MAX     (10 * CLOCK_SEC)
#define GRACE_DEFAULT 30

static void
wake_at(struct pod_worker *w, int64_t when)
{
  if (when < w->next)
    w->next = when;
}

/* Something did not work: again after a delay that doubles. */
static void
retry(struct pod_worker *w)
{
  wake_at(w, clock_mono(w->n->config.clock) + w->retry_ns);
  w->retry_ns = w->retry_ns * 2 > RETRY_MAX ? RETRY_MAX : w->retry_ns * 2;
}

static bool
is_terminal_phase(const char *phase)
{
  return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static void
add_containers(struct pod_worker *w, const char *list, bool init)
{
  for (json_each_item (p, json_dig(pod_tree(w), "spec", list, NULL))) {
    struct pod_container *c = &w->containers[w->n_containers++];

    *c = (struct pod_container){ .name = mem_strdup(json_get_str_or(*p, "name", "")),
                                 .init = init,
                                 .proc = CONTAINER_NONE,
                                 .kill_at = CLOCK_NEVER,
                                 .id = "",
                                 .image_id = "",
                                 .image = "" };
    c->sidecar = init && strcmp(json_get_str_or(*p, "restartPolicy", ""), "Always") == 0;
  }
}

struct pod_worker *
pod_worker_new(struct node_agent *n, struct record *pod)
{
  struct pod_worker *w = mem_alloc(sizeof *w);
  const struct json *spec = json_get(record_tree(pod), "spec"), *status = json_get(record_tree(pod), "status");
  int at = n->next_pod++;

  w->n = n;
  w->a = arena_new(CEIL_ARENA_CYCLE);
  w->pod = record_ref(pod);
  w->uid = mem_strdup(object_uid(record_tree(pod)));
  w->dir = mem_printf("%s/pods/%s", n->config.dir, w->uid);
  w->retry_ns = RETRY_FIRST;
  w->start_time = clock_wall(n->config.clock);
  /* An address of the machine's loopback network for each pod: they differ, and lead to the shared network. */
  (void)snprintf(w->pod_ip, sizeof w->pod_ip, "%.*s.%d", (int)(strrchr(n->host_ip, '.') - n->host_ip), n->host_ip,
                 2 + at % 250);
  if (json_get_str(status, "podIP"))
    (void)snprintf(w->pod_ip, sizeof w->pod_ip, "%s", json_get_str(status, "podIP"));
  if (json_get_str(status, "startTime"))
    (void)clock_parse_rfc3339(json_span(json_get(status, "startTime")), &w->start_time);
  w->containers =
      mem_calloc(json_count(json_get(spec, "initContainers")) + json_count(json_get(spec, "containers")) + 1,
                 sizeof *w->containers);
  add_containers(w, "initContainers", true);
  add_containers(w, "containers", false);
  if (fs_exists(w->dir)) { /* an earlier agent had it */
    for (size_t i = 0; i < w->n_containers; i++)
      pod_container_recover(w, &w->containers[i]);
  } else if (is_terminal_phase(json_get_str_or(status, "phase", ""))) {
    w->finished = true;
  }
  return w;
}

void
pod_worker_free(void *p)
{
  struct pod_worker *w = p;

  for (size_t i = 0; i < w->n_containers; i++) {
    container_release(&w->containers[i].proc);
    free(w->containers[i].name);
  }
  free(w->containers);
  record_unref(w->pod);
  arena_free(w->a);
  free(w->uid);
  free(w->dir);
  free(w->status);
  free(w);
}

void
pod_worker_update(struct pod_worker *w, struct record *pod)
{
  record_ref(pod);
  record_unref(w->pod);
  w->pod = pod;
}

void
pod_worker_gone(struct pod_worker *w)
{
  w->gone = true;
}

/* -- status -- */

static struct container_view
view_of(const struct pod_worker *w, const struct pod_container *c)
{
  const struct json *spec = pod_container_spec(w, c);
  bool init_wait = false;

  for (size_t i = 0; i < w->n_containers && !c->init; i++)
    init_wait = init_wait || w->containers[i].init;
  return (struct container_view){
    .name = c->name,
    .init = c->init,
    .sidecar = c->sidecar,
    .image = *c->image ? c->image : json_get_str_or(spec, "image", ""),
    .image_id = c->image_id,
    .id = c->id,
    .running = c->running,
    .waiting_reason = c->running || c->now.set ? NULL
                      : c->waiting_reason      ? c->waiting_reason
                      : init_wait || c->init   ? "PodInitializing"
                                               : "ContainerCreating",
    .waiting_message = c->waiting_message,
    .now = c->now,
    .last = c->last,
    .started_at = c->started_at,
    .ready = c->init && !c->sidecar ? c->now.set && c->now.exit_code == 0 : c->running && !c->stopping,
    .started = c->running,
    .restarts = c->attempt,
  };
}

static struct pod_view
pod_view_of(const struct pod_worker *w, struct arena *a)
{
  struct container_view *views = arena_array_of(a, struct container_view, w->n_containers + 1);
  bool sandbox = w->prepared, alive = false;

  for (size_t i = 0; i < w->n_containers; i++) {
    views[i] = view_of(w, &w->containers[i]);
    alive = alive || w->containers[i].proc.pid != 0;
  }
  struct pod_view v = { .pod = pod_tree(w),
                        .containers = views,
                        .n = w->n_containers,
                        .sandbox = sandbox,
                        .terminal = object_is_deleting(pod_tree(w)) && !alive,
                        .host_ip = w->n->host_ip,
                        .pod_ip = sandbox ? w->pod_ip : NULL,
                        .start_time = w->start_time,
                        .now = clock_wall(w->n->config.clock) };
  if (is_terminal_phase(pod_phase(&v)))
    v.sandbox = false;
  return v;
}

static void
write_status(struct pod_worker *w, struct arena *a, const struct pod_view *v)
{
  struct json *status = pod_status(a, v), *patch = json_new_object(a);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  char *text = json_text(a, status, JSON_COMPACT);

  if (w->gone || (w->status && strcmp(w->status, text) == 0))
    return;
  json_set_str(a, json_set(a, patch, "metadata", json_new_object(a)), "uid", w->uid);
  json_set(a, patch, "status", status);
  if (kclient_patch(w->n->config.client, &KC_PODS, "status", object_namespace(pod_tree(w)), object_name(pod_tree(w)),
                    KCLIENT_STRATEGIC_PATCH, NULL, patch, NULL, &err) < 0) {
    if (err.code == KERR_NOT_FOUND ||
        err.code == KERR_CONFLICT) /* gone, or another pod of that name: the watch says so */
      return;
    log_warn(w->n->config.log, AGENT_WHO, "status of pod %s/%s: %s", object_namespace(pod_tree(w)),
             object_name(pod_tree(w)), err.msg);
    retry(w);
    return;
  }
  free(w->status);
  w->status = mem_strdup(text);
}

/* -- beginning -- */

static bool
prepare(struct pod_worker *w, struct arena *a)
{
  struct pod_place place = {
    .config = &w->n->config, .pod = pod_tree(w), .dir = w->dir, .host_ip = w->n->host_ip, .pod_ip = w->pod_ip
  };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (fs_mkdirs(w->dir, 0755, &err) < 0 || pod_volumes(a, &place, &err) < 0) {
    pod_event(w, NULL, "Warning", "FailedMount", "%s", err.msg);
    retry(w);
    return false;
  }
  if (claim_cache_prepare(w->n->claims, w->n->config.client, pod_tree(w), &err) < 0) {
    pod_event(w, NULL, "Warning", "FailedPrepareDynamicResources", "Failed to prepare dynamic resources: %s", err.msg);
    retry(w);
    return false;
  }
  w->retry_ns = RETRY_FIRST;
  w->prepared = true;
  return true;
}

/* May a container be started now? One that has not run yet, or whose end is to be followed by another start. */
static bool
wants_start(const struct pod_worker *w, const struct pod_container *c)
{
  struct container_view v = view_of(w, c);

  if (c->starting || c->running || c->proc.pid != 0) /* one that failed to start has a minder for a moment yet */
    return false;
  return !c->now.set || pod_restarts(pod_tree(w), &v, c->now.exit_code);
}

static void
start(struct pod_worker *w, struct pod_container *c)
{
  pod_container_start(w, c);
  if (!c->starting)
    wake_at(w, c->not_before);
}

static void
start_containers(struct pod_worker *w)
{
  bool begun =
      false; /* once the main containers have run, init containers are not looked at again, sidecars are kept up */

  for (size_t i = 0; i < w->n_containers; i++) {
    const struct pod_container *c = &w->containers[i];
    begun = begun || (!c->init && (c->starting || c->running || c->now.set || c->last.set));
  }
  for (size_t i = 0; i < w->n_containers; i++) {
    struct pod_container *c = &w->containers[i];
    bool done = c->now.set && c->now.exit_code == 0;

    if (c->init && !c->sidecar && (done || begun))
      continue;
    if (wants_start(w, c))
      start(w, c);
    if (c->init && !(c->sidecar ? c->running : done) && !begun)
      return; /* its turn; the others wait */
  }
}

/* -- ending -- */

static bool
any_alive(const struct pod_worker *w)
{
  for (size_t i = 0; i < w->n_containers; i++)
    if (w->containers[i].proc.pid != 0)
      return true;
  return false;
}

static void
stop_containers(struct pod_worker *w, int64_t grace_s, bool sidecars_only)
{
  bool main_alive = false;

  for (size_t i = 0; i < w->n_containers; i++)
    main_alive = main_alive || (!w->containers[i].sidecar && w->containers[i].proc.pid != 0);
  for (size_t i = 0; i < w->n_containers; i++) {
    struct pod_container *c = &w->containers[i];
    if (c->sidecar ? main_alive : sidecars_only) /* sidecars go last */
      continue;
    pod_container_stop(w, c, grace_s);
    if (c->proc.pid != 0) {
      int64_t now = clock_mono(w->n->config.clock);
      wake_at(w, c->kill_at > now ? c->kill_at : now + CLOCK_SEC);
    }
  }
}

/* The pod's things on this node go: claims first, since devices must be free before anybody is told. */
static bool
clean_up(struct pod_worker *w)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (w->cleaned)
    return true;
  if (claim_cache_unprepare(w->n->claims, w->uid, &err) < 0) {
    log_warn(w->n->config.log, AGENT_WHO, "pod %s: %s", w->uid, err.msg);
    retry(w);
    return false;
  }
  w->cleaned = true;
  return true;
}

static void
remove_files(struct pod_worker *w, struct arena *a)
{
  for (size_t i = 0; i < w->n_containers; i++)
    for (int64_t k = w->containers[i].attempt; k >= 0 && k + 2 > w->containers[i].attempt; k--) {
      _cleanup_kerr_ struct kerr err = KERR_INIT;
      if (container_remove_dir(arena_printf(a, "%s/containers/%s/%lld", w->dir, w->containers[i].name, (long long)k),
                               &err) < 0)
        log_warn(w->n->config.log, AGENT_WHO, "%s", err.msg);
    }
  const char *const dirs[] = { w->dir, pod_log_dir(a, w->n->config.dir, pod_tree(w)) };
  for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    if (fs_remove_tree(dirs[i], &err) < 0)
      log_warn(w->n->config.log, AGENT_WHO, "%s", err.msg);
  }
}

/* The object itself: kubelet's last word on a pod that is being deleted. */
static void
delete_object(struct pod_worker *w, struct arena *a)
{
  struct json *options = json_new_object(a);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  json_set_str(a, options, "apiVersion", "v1");
  json_set_str(a, options, "kind", "DeleteOptions");
  json_set_int(a, options, "gracePeriodSeconds", 0);
  json_set_str(a, json_set(a, options, "preconditions", json_new_object(a)), "uid", w->uid);
  if (kclient_delete(w->n->config.client, &KC_PODS, object_namespace(pod_tree(w)), object_name(pod_tree(w)), options,
                     &err) < 0 &&
      err.code != KERR_NOT_FOUND && err.code != KERR_CONFLICT) {
    log_warn(w->n->config.log, AGENT_WHO, "deleting pod %s/%s: %s", object_namespace(pod_tree(w)),
             object_name(pod_tree(w)), err.msg);
    retry(w);
    return;
  }
  w->deleted = true;
}

/* activeDeadlineSeconds is over: the pod fails, whatever it does. */
static bool
past_deadline(struct pod_worker *w)
{
  int64_t s = json_get_int(json_get(pod_tree(w), "spec"), "activeDeadlineSeconds", -1),
          now = clock_wall(w->n->config.clock);

  if (s < 0)
    return false;
  if (now < w->start_time + s * CLOCK_SEC)
    wake_at(w, clock_mono(w->n->config.clock) + w->start_time + s * CLOCK_SEC - now);
  return now >= w->start_time + s * CLOCK_SEC;
}

static bool
sync_ending(struct pod_worker *w, struct arena *a, int64_t grace_s)
{
  stop_containers(w, grace_s, false);
  for (size_t i = 0; i < w->n_containers; i++)
    pod_container_check(w, &w->containers[i]);
  struct pod_view v = pod_view_of(w, a);
  if (!any_alive(w)) {
    if (!clean_up(w))
      return true;
    if (!w->finished)
      write_status(w, a, &v);
    if (w->gone || w->deleted) {
      remove_files(w, a);
      return false;
    }
    delete_object(w, a);
    if (!w->deleted)
      return true;
    remove_files(w, a);
    return false;
  }
  write_status(w, a, &v);
  return true;
}

bool
pod_worker_sync(struct pod_worker *w)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const struct json *meta = json_get(pod_tree(w), "metadata");

  w->next = CLOCK_NEVER;
  for (size_t i = 0; i < w->n_containers; i++)
    pod_container_check(w, &w->containers[i]);
  if (w->gone || object_is_deleting(pod_tree(w)))
    return sync_ending(w, a, w->gone ? 0 : json_get_int(meta, "deletionGracePeriodSeconds", GRACE_DEFAULT));
  if (w->finished)
    return true;
  struct pod_view v = pod_view_of(w, a);
  bool late = past_deadline(w), ended = is_terminal_phase(pod_phase(&v));
  if (late) {
    stop_containers(w, json_get_int(json_get(pod_tree(w), "spec"), "terminationGracePeriodSeconds", GRACE_DEFAULT),
                    false);
    v.phase = any_alive(w) ? NULL : "Failed";
    v.reason = v.phase ? "DeadlineExceeded" : NULL;
    v.message = v.phase ? "Pod was active on the node longer than the specified deadline" : NULL;
    ended = v.phase != NULL;
  } else if (!ended) {
    if (w->prepared || prepare(w, a))
      start_containers(w);
    v = pod_view_of(w, a);
    ended = is_terminal_phase(pod_phase(&v));
  }
  if (ended && any_alive(w)) { /* sidecars go when the work is done, and only then is the pod's end told */
    stop_containers(w, GRACE_DEFAULT, true);
    return true;
  }
  if (ended && !clean_up(w))
    return true;
  write_status(w, a, &v);
  w->finished = ended && w->next == CLOCK_NEVER;
  return true;
}

int64_t
pod_worker_next(const struct pod_worker *w)
{
  return w->next;
}

size_t
pod_worker_fds(const struct pod_worker *w, struct pollfd *fds, size_t cap)
{
  size_t n = 0;

  for (size_t i = 0; i < w->n_containers; i++) {
    const struct container_process *p = &w->containers[i].proc;
    if (p->pid_fd >= 0 && n < cap)
      fds[n++] = (struct pollfd){ .fd = p->pid_fd, .events = POLLIN };
    if (p->status_fd >= 0 && n < cap)
      fds[n++] = (struct pollfd){ .fd = p->status_fd, .events = POLLIN };
  }
  return n;
}

void
pod_worker_kill(struct pod_worker *w)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  bool any = any_alive(w);

  for (size_t i = 0; i < w->n_containers; i++) {
    struct pod_container *c = &w->containers[i];
    struct pollfd p = { .fd = c->proc.pid_fd, .events = POLLIN };

    if (c->proc.pid == 0)
      continue;
    for (int tries = 0; tries < 10 && poll(&p, 1, 0) == 0; tries++) { /* it may not listen yet */
      container_signal(&c->proc, SIGUSR1);
      (void)poll(&p, 1, 500);
    }
    pod_container_check(w, c);
  }
  if (any && !w->finished) {
    struct pod_view v = pod_view_of(w, a);
    write_status(w, a, &v);
  }
}
