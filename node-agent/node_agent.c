#include "node_agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "agent_internal.h"
#include "ceilings.h"
#include "codec.h"
#include "fs.h"
#include "sandbox_plan.h"

#define MAILBOX_LIMIT    4096
#define FDS_MAX          4096             /* containers beyond this are looked at when something else happens */
#define RECONCILE_PERIOD (60 * CLOCK_SEC) /* kubelet: the DRA manager's reconcile period */

struct node_agent *
node_agent_new(const struct node_agent_config *config)
{
  struct node_agent *n = mem_alloc(sizeof *n);

  n->config = *config;
  n->config.node = mem_strdup(config->node);
  n->config.dir = mem_strdup(config->dir);
  n->config.images_dir = mem_strdup(config->images_dir);
  n->config.personality = personality_ref(config->personality);
  n->config.server = mem_strdup(config->server);
  n->config.ca_pem = mem_strdup(config->ca_pem);
  n->config.program = mem_strdup(config->program);
  (void)snprintf(n->host_ip, sizeof n->host_ip, "127.%d.%d.1", 100 + config->index / 256 % 100, config->index % 256);
  return n;
}

static void
free_text(const char *s)
{
  free((void *)(uintptr_t)s); /* our own copy behind a const member */
}

void
node_agent_free(struct node_agent *n)
{
  if (!n)
    return;
  node_agent_stop(n);
  free_text(n->config.node);
  free_text(n->config.dir);
  free_text(n->config.images_dir);
  personality_unref(n->config.personality);
  free_text(n->config.server);
  free_text(n->config.ca_pem);
  free_text(n->config.program);
  free(n);
}

static void
sync_worker(struct node_agent *n, struct pod_worker *w)
{
  if (!pod_worker_sync(w)) {
    _cleanup_free_ char *uid = mem_strdup(w->uid);
    (void)hmap_remove(n->workers, span_of(uid));
  }
}

static void
take_pod(struct node_agent *n, struct kclient_change *c)
{
  const char *uid = object_uid(record_tree(c->record));
  struct pod_worker *w = hmap_get(n->workers, span_of(uid));

  if (!w && c->type == KCLIENT_DELETED)
    return;
  if (!w) {
    w = pod_worker_new(n, c->record);
    hmap_put(n->workers, span_of(uid), w);
  }
  pod_worker_update(w, c->record);
  if (c->type == KCLIENT_DELETED)
    pod_worker_gone(w);
  sync_worker(n, w);
}

static bool
pod_alive(void *arg, const char *uid)
{
  const struct node_agent *n = arg;

  return hmap_get(n->workers, span_of(uid)) != NULL;
}

/* What an earlier agent ran for pods that are no more: kill it, remove it. */
static void
sweep(struct node_agent *n)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *dir = arena_printf(a, "%s/pods", n->config.dir);
  char **names;
  size_t count;

  claim_cache_reconcile(n->claims, pod_alive, n);
  if (fs_list(a, dir, &names, &count, &err) < 0)
    return;
  for (size_t i = 0; i < count; i++) {
    _cleanup_kerr_ struct kerr bad = KERR_INIT;
    if (!pod_alive(n, names[i]) && (node_agent_kill_pod(arena_printf(a, "%s/%s", dir, names[i]), &bad) < 0))
      log_warn(n->config.log, AGENT_WHO, "%s", bad.msg);
  }
}

static void
take_change(struct node_agent *n, struct kclient_change *c)
{
  if (c->type == KCLIENT_SYNCED) {
    n->synced = true;
    sweep(n);
    n->reconcile_due = clock_mono(n->config.clock) + RECONCILE_PERIOD;
  } else {
    take_pod(n, c);
  }
}

/* Workers whose descriptors speak or whose time has come. A worker that ends is removed while its map is walked. */
static void
sync_due(struct node_agent *n)
{
  int64_t now = clock_mono(n->config.clock);
  size_t cursor = 0;
  void *p;

  while (hmap_next(n->workers, &cursor, NULL, &p)) {
    struct pod_worker *w = p;
    struct pollfd fds[128];
    size_t count = pod_worker_fds(w, fds, ARRAY_SIZE(fds));

    if (pod_worker_next(w) <= now || (count && poll(fds, count, 0) > 0))
      sync_worker(n, w);
  }
}

static int64_t
next_wake(const struct node_agent *n)
{
  int64_t next = agent_heartbeat_next(n);
  size_t cursor = 0;
  void *p;

  while (hmap_next(n->workers, &cursor, NULL, &p))
    next = pod_worker_next(p) < next ? pod_worker_next(p) : next;
  return next;
}

static void
wait_for_something(struct node_agent *n, struct pollfd *fds)
{
  int64_t next = next_wake(n), now = clock_mono(n->config.clock), wait = next > now ? next - now : 0;
  size_t count = 0, cursor = 0;
  void *p;

  fds[count++] = (struct pollfd){ .fd = mailbox_fd(n->box), .events = POLLIN };
  while (hmap_next(n->workers, &cursor, NULL, &p))
    count += pod_worker_fds(p, fds + count, FDS_MAX - count);
  (void)poll(fds, count, (int)((wait + CLOCK_MS - 1) / CLOCK_MS));
}

static void *
agent_main(void *arg)
{
  struct node_agent *n = arg;
  struct pollfd *fds = mem_calloc(FDS_MAX, sizeof *fds);
  size_t cursor = 0;
  void *p;

  while (!mailbox_closed(n->box)) {
    wait_for_something(n, fds);
    for (struct kclient_change *c; !mailbox_closed(n->box) && (c = mailbox_receive(n->box, 0));) {
      take_change(n, c);
      kclient_change_free(c);
    }
    if (mailbox_closed(n->box))
      break;
    sync_due(n);
    agent_heartbeat(n);
    if (n->synced && clock_mono(n->config.clock) >= n->reconcile_due) {
      claim_cache_reconcile(n->claims, pod_alive, n);
      n->reconcile_due = clock_mono(n->config.clock) + RECONCILE_PERIOD;
    }
  }
  while (hmap_next(n->workers, &cursor, NULL, &p))
    pod_worker_kill(p);
  free(fds);
  return NULL;
}

int
node_agent_start(struct node_agent *n, struct kerr *reterr)
{
  static const char *const dirs[] = {
    "cdi", "cdi-static", "log/pods", "pods", "kubelet/plugins", "kubelet/plugins_registry", "kubelet/seccomp"
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_strbuf_ struct strbuf q;
  int r = 0;

  for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
    r = fs_mkdirs(arena_printf(a, "%s/%s", n->config.dir, dirs[i]), 0755, reterr);
  r = r < 0 ? r : agent_register_node(n, reterr);
  if (r < 0)
    return r;
  n->workers = hmap_new(pod_worker_free);
  n->claims =
      claim_cache_new(n->config.dir, &n->config.plugins, personality_minor(n->config.personality), n->config.log);
  n->reconcile_due = CLOCK_NEVER;
  n->box = mailbox_new(n->config.clock, MAILBOX_LIMIT, kclient_change_free);
  strbuf_init(&q, 4 * KiB);
  strbuf_puts(&q, "fieldSelector=spec.nodeName%3D");
  codec_url_escape(&q, span_of(n->config.node));
  n->pods = kclient_watch(n->config.client, &KC_PODS, NULL, q.p, n->box, NULL);
  thread_start(&n->thread, "node-agent", agent_main, n);
  n->running = true;
  return 0;
}

void
node_agent_stop(struct node_agent *n)
{
  if (!n->running)
    return;
  mailbox_close(n->box);
  (void)pthread_join(n->thread, NULL);
  n->running = false;
  kclient_informer_free(n->pods);
  hmap_free(n->workers);
  claim_cache_free(n->claims);
  mailbox_free(n->box);
  n->synced = false;
}

/* -- after a crash -- */

static void
kill_attempt(struct arena *a, const char *dir)
{
  struct container_process c = CONTAINER_NONE;
  struct sandbox_state s;

  sandbox_state_read(a, arena_printf(a, "%s/state.json", dir), &s);
  if (!s.known || s.ended || !container_find(s.pid, s.pid_start, &c))
    return;
  for (int tries = 0; tries < 10; tries++) {
    struct pollfd p = { .fd = c.pid_fd, .events = POLLIN };
    container_signal(&c, SIGUSR1);
    if (poll(&p, 1, 500) > 0)
      break;
  }
  container_release(&c);
}

int
node_agent_kill_pod(const char *pod_dir, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr none = KERR_INIT;
  const char *dir = arena_printf(a, "%s/containers", pod_dir);
  char **names, **attempts;
  size_t n = 0, m = 0;
  int r = 0;

  if (fs_list(a, dir, &names, &n, &none) < 0)
    n = 0; /* it never had containers */
  for (size_t i = 0; i < n && r == 0; i++) {
    const char *container = arena_printf(a, "%s/%s", dir, names[i]);
    r = fs_list(a, container, &attempts, &m, reterr);
    for (size_t k = 0; k < m && r == 0; k++) {
      kill_attempt(a, arena_printf(a, "%s/%s", container, attempts[k]));
      r = container_remove_dir(arena_printf(a, "%s/%s", container, attempts[k]), reterr);
    }
  }
  return r < 0 ? r : fs_remove_tree(pod_dir, reterr);
}

int
node_agent_kill_leftovers(const char *dir, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *pods = arena_printf(a, "%s/pods", dir);
  char **names;
  size_t n = 0;
  int r = fs_exists(pods) ? fs_list(a, pods, &names, &n, reterr) : 0;

  for (size_t i = 0; i < n && r == 0; i++)
    r = node_agent_kill_pod(arena_printf(a, "%s/%s", pods, names[i]), reterr);
  return r;
}
