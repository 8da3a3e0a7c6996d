#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "agent_internal.h"
#include "cdi.h"
#include "ceilings.h"
#include "codec.h"
#include "fs.h"
#include "image_store.h"
#include "pod_inputs.h"
#include "sandbox_internal.h"
#include "sandbox_plan.h"

#define BACKOFF_FIRST    (10 * CLOCK_SEC) /* kubelet: initial and largest delay of restarts and pulls */
#define BACKOFF_MAX      (300 * CLOCK_SEC)
#define BACKOFF_RESET    (600 * CLOCK_SEC) /* a container that ran for so long begins anew */
#define CONFIG_RETRY     (2 * CLOCK_SEC)
#define GRACE_MIN        2 /* kubelet: minimumGracePeriodInSeconds */
#define TERMINATION_MAX  4096
#define TERMINATION_TAIL 2048

const struct json *
pod_container_spec(const struct pod_worker *w, const struct pod_container *c)
{
  return json_list_find(json_dig(pod_tree(w), "spec", c->init ? "initContainers" : "containers", NULL), "name",
                        c->name);
}

void
pod_event(const struct pod_worker *w, const struct pod_container *c, const char *type, const char *reason,
          const char *fmt, ...)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *about = json_shallow(a, pod_tree(w));
  va_list ap;

  va_start(ap, fmt);
  char *text = arena_vprintf(a, fmt, ap);
  va_end(ap);
  if (c)
    json_set(a, about, "fieldPath",
             json_new_strf(a, "spec.%s{%s}", c->init ? "initContainers" : "containers", c->name));
  kclient_event(w->n->config.client, "kubelet", w->n->config.node, about, type, reason, "%s", text);
}

char *
pod_log_dir(struct arena *a, const char *node_dir, const struct json *pod)
{
  return arena_printf(a, "%s/log/pods/%s_%s_%s", node_dir, object_namespace(pod), object_name(pod), object_uid(pod));
}

static char *
attempt_dir(struct arena *a, const struct pod_worker *w, const struct pod_container *c, int64_t attempt)
{
  return arena_printf(a, "%s/containers/%s/%lld", w->dir, c->name, (long long)attempt);
}

static char *
log_path(struct arena *a, const struct pod_worker *w, const struct pod_container *c, int64_t attempt)
{
  return arena_printf(a, "%s/%s/%lld.log", pod_log_dir(a, w->n->config.dir, pod_tree(w)), c->name, (long long)attempt);
}

/* Found again by an agent that did not start it, so it is derived and not drawn. */
static const char *
container_id(const struct pod_worker *w, const struct pod_container *c, int64_t attempt)
{
  uint8_t h[32];
  struct strbuf b;

  codec_sha256(span_of(arena_printf(w->a, "%s/%s/%lld", w->uid, c->name, (long long)attempt)), h);
  strbuf_init(&b, 256);
  strbuf_puts(&b, "containerd://");
  codec_hex(&b, span_make((const char *)h, sizeof h));
  const char *out = arena_strdup(w->a, b.p);
  strbuf_release(&b);
  return out;
}

/* "pod_ns(uid)", as kubelet names pods in messages. */
static char *
pod_text(struct arena *a, const struct pod_worker *w)
{
  return arena_printf(a, "%s_%s(%s)", object_name(pod_tree(w)), object_namespace(pod_tree(w)), w->uid);
}

static void
wait_for(struct pod_worker *w, struct pod_container *c, const char *reason, const char *message, int64_t delay)
{
  if (c->now.set) {
    c->last = c->now;
    c->now.set = false;
  }
  c->waiting_reason = reason;
  /* The same text again is not copied again: a pod may wait for days. */
  if (!c->waiting_message || strcmp(c->waiting_message, message) != 0)
    c->waiting_message = arena_strdup(w->a, message);
  c->not_before = clock_mono(w->n->config.clock) + delay;
}

/* -- images -- */

static char *
images_here(struct arena *a)
{
  struct strbuf b;

  strbuf_init(&b, 16 * KiB);
  for (const char *const *p = image_names(a); *p; p++)
    strbuf_printf(&b, "%s%s", b.n ? ", " : "", *p);
  char *out = arena_strdup(a, b.p);
  strbuf_release(&b);
  return out;
}

/* The image is not there: what kubelet says, and which ones are. */
static void
image_missing(struct pod_worker *w, struct pod_container *c, struct arena *a, const char *image, const char *policy,
              const char *why)
{
  const char *list = arena_printf(a, "images on this node: %s", images_here(a));

  if (strcmp(policy, "Never") == 0) {
    const char *text =
        arena_printf(a, "Container image \"%s\" is not present with pull policy of Never (%s)", image, list);
    pod_event(w, c, "Warning", "ErrImageNeverPull", "%s", text);
    pod_event(w, c, "Warning", "Failed", "Error: ErrImageNeverPull");
    wait_for(w, c, "ErrImageNeverPull", text, BACKOFF_FIRST);
    return;
  }
  const char *error =
      arena_printf(a, "failed to pull and unpack image \"%s\": %s; dralab downloads nothing (%s)", image, why, list);
  if (c->waiting_reason &&
      strcmp(c->waiting_reason, "ErrImagePull") == 0) { /* the second look, a moment after the first */
    pod_event(w, c, "Normal", "BackOff", "Back-off pulling image \"%s\"", image);
    pod_event(w, c, "Warning", "Failed", "Error: ImagePullBackOff");
    wait_for(w, c, "ImagePullBackOff", arena_printf(a, "Back-off pulling image \"%s\": ErrImagePull: %s", image, error),
             c->pull_backoff_ns);
    return;
  }
  c->pull_backoff_ns = !c->pull_backoff_ns                    ? BACKOFF_FIRST
                       : c->pull_backoff_ns * 2 > BACKOFF_MAX ? BACKOFF_MAX
                                                              : c->pull_backoff_ns * 2;
  pod_event(w, c, "Normal", "Pulling", "Pulling image \"%s\"", image);
  pod_event(w, c, "Warning", "Failed", "Failed to pull image \"%s\": %s", image, error);
  pod_event(w, c, "Warning", "Failed", "Error: ErrImagePull");
  wait_for(w, c, "ErrImagePull", error, CLOCK_SEC);
}

static bool
image_get(struct pod_worker *w, struct pod_container *c, struct arena *a, const struct json *spec, struct image *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *image = json_get_str_or(spec, "image", ""),
             *policy = json_get_str_or(spec, "imagePullPolicy", "IfNotPresent");

  c->image = arena_strdup(w->a, image);
  if (image_find(a, w->n->config.images_dir, image, ret, &err) < 0) {
    if (err.code == KERR_INVALID) {
      const char *text = arena_printf(a, "Failed to apply default image tag \"%s\": %s", image, err.msg);
      pod_event(w, c, "Warning", "InspectFailed", "%s", text);
      pod_event(w, c, "Warning", "Failed", "Error: InvalidImageName");
      wait_for(w, c, "InvalidImageName", text, BACKOFF_FIRST);
    } else {
      image_missing(w, c, a, image, policy, err.msg);
    }
    return false;
  }
  c->pull_backoff_ns = 0;
  c->image_id = arena_printf(w->a, "%.*s@%s", (int)(strrchr(ret->name, ':') - ret->name), ret->name, ret->id);
  /* The store is this machine's registry: Always finds there what it asks for. */
  if (strcmp(policy, "Always") == 0) {
    pod_event(w, c, "Normal", "Pulling", "Pulling image \"%s\"", image);
    pod_event(w, c, "Normal", "Pulled",
              "Successfully pulled image \"%s\" in 0s (0s including waiting). Image size: 0 bytes.", image);
  } else {
    pod_event(w, c, "Normal", "Pulled",
              "Container image \"%s\" already present on machine and can be accessed by the pod", image);
  }
  return true;
}

/* -- making -- */

/* The profile that the pod asks for; NULL: Unconfined. */
static int
seccomp_profile(struct arena *a, const struct pod_worker *w, const struct json *spec, struct json **ret,
                struct kerr *reterr)
{
  const struct json *own = json_dig(spec, "securityContext", "seccompProfile", NULL);
  const struct json *p = own ? own : json_dig(pod_tree(w), "spec", "securityContext", "seccompProfile", NULL);
  const char *type = json_get_str_or(p, "type", "Unconfined"), *file = json_get_str_or(p, "localhostProfile", "");
  _cleanup_strbuf_ struct strbuf b;

  *ret = NULL;
  strbuf_init(&b, CEIL_SMALL_FILE);
  if (strcmp(type, "RuntimeDefault") == 0)
    return json_parse(a, sandbox_default_profile(), NULL, ret, reterr);
  if (strcmp(type, "Localhost") != 0)
    return 0;
  if (!*file || file[0] == '/' || strstr(file, ".."))
    return kerr_set(reterr, KERR_INVALID, NULL, "localhostProfile must be a relative path: '%s'", file);
  int r = fs_read(arena_printf(a, "%s/kubelet/seccomp/%s", w->n->config.dir, file), &b, reterr);
  r = r < 0 ? r : json_parse(a, strbuf_view(&b), NULL, ret, reterr);
  return r < 0 ? kerr_wrap(reterr, "cannot load seccomp profile \"%s\"", file) : 0;
}

static int
cdi_edits(struct arena *a, const struct pod_worker *w, const struct json *spec, struct json **ret, struct kerr *reterr)
{
  struct cdi_registry reg;
  const char *const *ids;
  size_t n;
  int r = claim_cache_cdi_ids(w->n->claims, a, pod_tree(w), spec, &ids, &n, reterr);

  *ret = NULL;
  if (r < 0 || !n)
    return r;
  cdi_load(a, arena_printf(a, "%s/cdi", w->n->config.dir), &reg);
  for (size_t i = 0; i < reg.n_bad; i++)
    log_warn(w->n->config.log, AGENT_WHO, "CDI: %s, ignoring", reg.bad[i]);
  r = cdi_merge(a, &reg, ids, n, ret, reterr);
  for (json_each_item (p, r < 0 ? NULL : json_get(*ret, "ignored")))
    log_warn(w->n->config.log, AGENT_WHO, "CDI %s are not carried out, ignoring", json_str(*p));
  return r < 0 ? kerr_wrap(reterr, "CDI device injection failed") : 0;
}

/* `*ret_config`: the failure is one of the pod's configuration (CreateContainerConfigError). */
static int
make_plan(struct arena *a, struct pod_worker *w, struct pod_container *c, const struct json *spec,
          const struct image *image, struct json **ret, bool *ret_config, struct kerr *reterr)
{
  const struct node_agent_config *config = &w->n->config;
  struct pod_place place = {
    .config = config, .pod = pod_tree(w), .dir = w->dir, .host_ip = w->n->host_ip, .pod_ip = w->pod_ip
  };
  const char *dir = attempt_dir(a, w, c, c->attempt),
             *hostname = json_get_str_or(json_get(pod_tree(w), "spec"), "hostname", "");
  const char *termination = arena_printf(a, "%s/termination-log", dir);
  struct sandbox_spec s = { .pod = pod_tree(w),
                            .container = spec,
                            .image = image,
                            .hostname = *hostname ? hostname : object_name(pod_tree(w)),
                            .node_dir = config->dir,
                            .dir = dir,
                            .shm_dir = arena_printf(a, "%s/shm", w->dir),
                            .log = log_path(a, w, c, c->attempt),
                            .rootless = geteuid() != 0,
                            .host_uid = geteuid(),
                            .host_gid = getegid() };
  const char *const subs[] = { "upper", "work", "rootfs" };
  struct json *env, *mounts, *edits, *seccomp;
  int r;

  *ret_config = true;
  r = pod_env(a, &place, spec, &env, reterr);
  r = r < 0 ? r : pod_mounts(a, &place, spec, termination, &mounts, reterr);
  r = r < 0 ? r : seccomp_profile(a, w, spec, &seccomp, reterr);
  if (r < 0)
    return r;
  *ret_config = false;
  r = cdi_edits(a, w, spec, &edits, reterr);
  for (size_t i = 0; i < ARRAY_SIZE(subs) && r == 0; i++)
    r = fs_mkdirs(arena_printf(a, "%s/%s", dir, subs[i]), 0755, reterr);
  r = r < 0 ? r : fs_write(termination, SPAN(""), 0666, false, reterr);
  if (r < 0)
    return r;
  s.env = env;
  s.mounts = mounts;
  s.edits = edits;
  s.seccomp = seccomp;
  r = sandbox_plan(a, &s, ret, reterr);
  *ret_config = r < 0;
  return r;
}

/* Remove what the start before the last one left. */
static void
forget_old(struct pod_worker *w, const struct pod_container *c, struct arena *a)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (c->attempt < 2)
    return;
  if (container_remove_dir(attempt_dir(a, w, c, c->attempt - 2), &err) < 0)
    log_warn(w->n->config.log, AGENT_WHO, "%s", err.msg);
  (void)unlink(log_path(a, w, c, c->attempt - 2));
}

static void
create(struct pod_worker *w, struct pod_container *c)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *spec = pod_container_spec(w, c);
  struct image image;
  struct json *plan;
  bool config = false;

  if (!image_get(w, c, a, spec, &image))
    return;
  forget_old(w, c, a);
  if (make_plan(a, w, c, spec, &image, &plan, &config, &err) < 0 ||
      container_spawn(w->n->config.program, plan, &c->proc, &err) < 0) {
    pod_event(w, c, "Warning", "Failed", "Error: %s", err.msg);
    wait_for(w, c, config ? "CreateContainerConfigError" : "CreateContainerError", err.msg, CONFIG_RETRY);
    return;
  }
  if (c->now.set)
    c->last = c->now;
  c->now.set = false;
  c->id = container_id(w, c, c->attempt);
  c->waiting_reason = NULL;
  c->starting = true;
}

void
pod_container_start(struct pod_worker *w, struct pod_container *c)
{
  const struct container_end *end = c->now.set ? &c->now : c->last.set ? &c->last : NULL;
  int64_t now = clock_mono(w->n->config.clock), wall = clock_wall(w->n->config.clock);

  if (now < c->not_before)
    return;
  /* Restarts: the first at once, later ones after a delay that doubles, counted from the end of the last run. */
  if (c->now.set || (c->waiting_reason && strcmp(c->waiting_reason, "CrashLoopBackOff") == 0)) {
    if (end->started_at && end->finished_at - end->started_at > BACKOFF_RESET)
      c->backoff_ns = 0;
    if (c->backoff_ns && end->finished_at + c->backoff_ns > wall) {
      _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
      const char *pod = pod_text(a, w);
      pod_event(w, c, "Warning", "BackOff", "Back-off restarting failed container %s in pod %s", c->name, pod);
      int64_t s = c->backoff_ns / CLOCK_SEC;
      const char *delay = s % 60 == 0 ? arena_printf(a, "%lldm0s", (long long)(s / 60))
                          : s > 60    ? arena_printf(a, "%lldm%llds", (long long)(s / 60), (long long)(s % 60))
                                      : arena_printf(a, "%llds", (long long)s);
      wait_for(w, c, "CrashLoopBackOff",
               arena_printf(a, "back-off %s restarting failed container=%s pod=%s", delay, c->name, pod),
               end->finished_at + c->backoff_ns - wall);
      return;
    }
    c->backoff_ns = !c->backoff_ns ? BACKOFF_FIRST : c->backoff_ns * 2 > BACKOFF_MAX ? BACKOFF_MAX : c->backoff_ns * 2;
    c->attempt++;
  } else if (end) {
    c->attempt++;
  }
  create(w, c);
}

/* -- watching -- */

/* What the container wrote to its termination log; its last output when it failed and is to fall back to that. */
static const char *
termination_message(struct pod_worker *w, const struct pod_container *c, bool failed)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;
  const char *policy = json_get_str_or(pod_container_spec(w, c), "terminationMessagePolicy", "File");

  strbuf_init(&b, TERMINATION_MAX);
  (void)(fs_read(arena_printf(a, "%s/termination-log", attempt_dir(a, w, c, c->attempt)), &b, &err) == 0);
  if (b.n || !failed || strcmp(policy, "FallbackToLogsOnError") != 0)
    return arena_strndup(w->a, b.p ? b.p : "", b.n);
  _cleanup_(node_logs_freep) struct node_logs *logs = NULL;
  _cleanup_strbuf_ struct strbuf text;
  _cleanup_kerr_ struct kerr log_err = KERR_INIT;
  strbuf_init(&text, 16 * MiB);
  if (node_logs_open_file(log_path(a, w, c, c->attempt), 80, &logs, &log_err) == 0)
    while (node_logs_read(logs, &text) > 0)
      ;
  size_t n = text.n < TERMINATION_TAIL ? text.n : TERMINATION_TAIL;
  return arena_strndup(w->a, n ? text.p + text.n - n : "", n);
}

static void
take_end(struct pod_worker *w, struct pod_container *c, const struct sandbox_state *s)
{
  struct container_end end = { .set = true, .id = c->id, .message = "" };

  end.exit_code = s->exit_code;
  end.signal = s->signal;
  end.started_at = s->started_at;
  end.finished_at = s->finished_at;
  if (!s->ended) { /* the minder was killed, and the container with it */
    end.exit_code = 137;
    end.finished_at = clock_wall(w->n->config.clock);
    end.reason = "ContainerStatusUnknown";
    end.message = "The container could not be located when the pod was terminated";
  } else if (s->error) {
    end.reason = "StartError";
    end.message = arena_strdup(w->a, s->error);
  } else {
    end.reason = s->exit_code == 0 ? "Completed" : "Error";
    end.message = termination_message(w, c, s->exit_code != 0);
  }
  c->now = end;
  c->starting = c->running = c->stopping = false;
  c->kill_at = CLOCK_NEVER;
  container_release(&c->proc);
}

static bool
readable(int fd)
{
  struct pollfd p = { .fd = fd, .events = POLLIN };

  return fd >= 0 && poll(&p, 1, 0) > 0;
}

static void
read_state(struct arena *a, const struct pod_worker *w, const struct pod_container *c, int64_t attempt,
           struct sandbox_state *ret)
{
  sandbox_state_read(a, arena_printf(a, "%s/state.json", attempt_dir(a, w, c, attempt)), ret);
}

void
pod_container_check(struct pod_worker *w, struct pod_container *c)
{
  _cleanup_arena_ struct arena *a = NULL;
  struct sandbox_state s = { 0 };
  bool ended = readable(c->proc.pid_fd);

  if (!ended && !(c->starting && readable(c->proc.status_fd)))
    return;
  a = arena_new(CEIL_ARENA_SMALL);
  read_state(a, w, c, c->attempt, &s);
  if (c->starting) {
    pod_event(w, c, "Normal", "Created", "Container created");
    if (s.error)
      pod_event(w, c, "Warning", "Failed", "Error: %s", s.error);
    else
      pod_event(w, c, "Normal", "Started", "Container started");
    c->starting = false;
    c->running = s.started;
    c->started_at = s.started_at;
    fs_closep(&c->proc.status_fd);
    c->proc.status_fd = -1;
  }
  if (ended)
    take_end(w, c, &s);
}

void
pod_container_stop(struct pod_worker *w, struct pod_container *c, int64_t grace_s)
{
  int64_t now = clock_mono(w->n->config.clock);
  int64_t kill_at = now + (grace_s > GRACE_MIN ? grace_s : GRACE_MIN) * CLOCK_SEC;

  if (c->proc.pid == 0)
    return;
  if (!c->stopping) {
    c->stopping = true;
    c->kill_at = kill_at;
    pod_event(w, c, "Normal", "Killing", "Stopping container %s", c->name);
    container_signal(&c->proc, SIGTERM);
  }
  if (kill_at < c->kill_at) /* the grace period was shortened */
    c->kill_at = kill_at;
  if (now >= c->kill_at)
    container_signal(&c->proc, SIGUSR1);
}

void
pod_container_recover(struct pod_worker *w, struct pod_container *c)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct sandbox_state s;
  int64_t newest = -1;
  char **names;
  size_t n = 0;

  if (fs_list(a, arena_printf(a, "%s/containers/%s", w->dir, c->name), &names, &n, &err) < 0)
    return;
  for (size_t i = 0; i < n; i++)
    newest = strtoll(names[i], NULL, 10) > newest ? strtoll(names[i], NULL, 10) : newest;
  if (newest > 0) {
    read_state(a, w, c, newest - 1, &s);
    c->attempt = newest - 1;
    if (s.known) {
      c->id = container_id(w, c, newest - 1);
      take_end(w, c, &s);
      c->last = c->now;
      c->now.set = false;
    }
  }
  if (newest < 0)
    return;
  c->attempt = newest;
  c->id = container_id(w, c, newest);
  c->image = arena_strdup(w->a, json_get_str_or(pod_container_spec(w, c), "image", ""));
  struct image image;
  if (image_find(a, w->n->config.images_dir, c->image, &image, &err) == 0)
    c->image_id = arena_printf(w->a, "%.*s@%s", (int)(strrchr(image.name, ':') - image.name), image.name, image.id);
  read_state(a, w, c, newest, &s);
  if (s.started && !s.ended && container_find(s.pid, s.pid_start, &c->proc)) {
    c->running = true;
    c->started_at = s.started_at;
  } else if (s.known) {
    take_end(w, c, &s);
  } else if (c->attempt > 0) { /* it had not begun: the attempt is made again */
    c->attempt--;
    c->now = c->last;
  }
}
