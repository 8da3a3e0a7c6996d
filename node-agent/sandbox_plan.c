#include "sandbox_plan.h"

#include <ctype.h>

#include "ceilings.h"
#include "fs.h"

/* containerd's default set without MKNOD: no device cgroup guards the machine's disks here. */
static const char *const default_caps[] = { "CHOWN",      "DAC_OVERRIDE", "FSETID",     "FOWNER",  "NET_RAW",
                                            "SETGID",     "SETUID",       "SETFCAP",    "SETPCAP", "NET_BIND_SERVICE",
                                            "SYS_CHROOT", "KILL",         "AUDIT_WRITE" };

static const char *const masked[] = { "/proc/acpi",          "/proc/kcore",      "/proc/keys",
                                      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                                      "/proc/sched_debug",   "/proc/scsi" };
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static struct json *
step(struct arena *a, struct json *steps, const char *op, const char *path)
{
  struct json *s = json_append(a, steps, json_new_object(a));

  json_set_str(a, s, "op", op);
  if (path)
    json_set_str(a, s, "path", path);
  return s;
}

static void
step_bind(struct arena *a, struct json *steps, const char *source, const char *path, bool ro)
{
  struct json *s = step(a, steps, "bind", path);

  json_set_str(a, s, "source", source);
  if (ro)
    json_set_bool(a, s, "readOnly", true);
}

/* A value of the container's security context, or else of the pod's. */
static const struct json *
security(const struct sandbox_spec *s, const char *name)
{
  const struct json *v = json_dig(s->container, "securityContext", name, NULL);

  return v ? v : json_dig(s->pod, "spec", "securityContext", name, NULL);
}

static bool
is_privileged(const struct sandbox_spec *s)
{
  return json_get_bool(json_get(s->container, "securityContext"), "privileged", false);
}

static void
steps_rootfs(struct arena *a, const struct sandbox_spec *s, struct json *steps)
{
  struct json *o = step(a, steps, "overlay", NULL), *lower = json_set(a, o, "lower", json_new_array(a));

  for (size_t i = 0; i < s->image->n_layers; i++)
    json_append_str(a, lower, s->image->layers[i]);
  json_set(a, o, "upper", json_new_strf(a, "%s/upper", s->dir));
  json_set(a, o, "work", json_new_strf(a, "%s/work", s->dir));
}

static void
steps_dev(struct arena *a, const struct sandbox_spec *s, struct json *steps)
{
  static const struct {
    const char *path;
    int major, minor;
  } nodes[] = { { "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
                { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 } };
  static const struct {
    const char *path, *target;
  } links[] = { { "/dev/fd", "/proc/self/fd" },
                { "/dev/stdin", "/proc/self/fd/0" },
                { "/dev/stdout", "/proc/self/fd/1" },
                { "/dev/stderr", "/proc/self/fd/2" },
                { "/dev/ptmx", "pts/ptmx" } };

  json_set_str(a, step(a, steps, "tmpfs", "/dev"), "options", "mode=755,size=65536k");
  for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
    struct json *n = step(a, steps, "node", nodes[i].path);
    json_set_str(a, n, "source", nodes[i].path);
    json_set_int(a, n, "major", nodes[i].major);
    json_set_int(a, n, "minor", nodes[i].minor);
    json_set_int(a, n, "mode", 0666);
  }
  for (size_t i = 0; i < ARRAY_SIZE(links); i++)
    json_set_str(a, step(a, steps, "symlink", links[i].path), "target", links[i].target);
  (void)step(a, steps, "devpts", "/dev/pts");
  step_bind(a, steps, s->shm_dir, "/dev/shm", false);
}

static void
steps_edits(struct arena *a, const struct sandbox_spec *s, struct json *steps)
{
  for (json_each_item (p, json_get(s->edits, "deviceNodes"))) {
    struct json *n = step(a, steps, "node", json_get_str_or(*p, "path", ""));
    json_set_str(a, n, "source", json_get_str_or(*p, "hostPath", json_get_str_or(*p, "path", "")));
    if (json_get(*p, "major"))
      json_set_int(a, n, "major", json_get_int(*p, "major", 0));
    if (json_get(*p, "minor"))
      json_set_int(a, n, "minor", json_get_int(*p, "minor", 0));
    if (json_get_str(*p, "type"))
      json_set_str(a, n, "type", json_get_str(*p, "type"));
    json_set_int(a, n, "mode", json_get_int(*p, "fileMode", 0666));
  }
  for (json_each_item (p, json_get(s->edits, "mounts"))) {
    bool ro = false;
    for (json_each_item (o, json_get(*p, "options")))
      ro = ro || (json_str(*o) && strcmp(json_str(*o), "ro") == 0);
    step_bind(a, steps, json_get_str_or(*p, "hostPath", ""), json_get_str_or(*p, "containerPath", ""), ro);
  }
}

static struct json *
plan_steps(struct arena *a, const struct sandbox_spec *s)
{
  struct json *steps = json_new_array(a), *m, *lower;
  bool privileged = is_privileged(s);

  steps_rootfs(a, s, steps);
  (void)step(a, steps, "proc", "/proc");
  steps_dev(a, s, steps);
  m = step(a, steps, "merge", "/sys");
  lower = json_set(a, m, "lower", json_new_array(a));
  json_append(a, lower, json_new_strf(a, "%s/sys", s->node_dir));
  json_append_str(a, lower, "/sys");
  if (!privileged)
    json_set_bool(a, m, "readOnly", true);
  for (json_each_item (p, s->mounts))
    step_bind(a, steps, json_get_str_or(*p, "source", ""), json_get_str_or(*p, "target", ""),
              json_get_bool(*p, "readOnly", false));
  steps_edits(a, s, steps);
  for (size_t i = 0; !privileged && i < ARRAY_SIZE(masked); i++)
    (void)step(a, steps, "mask", masked[i]);
  for (size_t i = 0; !privileged && i < ARRAY_SIZE(read_only); i++)
    (void)step(a, steps, "readonly", read_only[i]);
  if (json_is(security(s, "readOnlyRootFilesystem"), JSON_BOOL) && security(s, "readOnlyRootFilesystem")->u.boolean)
    (void)step(a, steps, "readonly", "/");
  return steps;
}

/* -- the process -- */

char *
sandbox_expand(struct arena *a, const char *text, const struct json *env)
{
  struct strbuf b;

  strbuf_init(&b, CEIL_REQUEST_BODY);
  while (*text) {
    const char *close = text[0] == '$' && text[1] == '(' ? strchr(text, ')') : NULL;
    bool known = false;

    if (text[0] == '$' && text[1] == '$') {
      strbuf_putc(&b, '$');
      text += 2;
      continue;
    }
    for (size_t i = json_count(env); close && i > 0 && !known; i--) {
      const char *e = json_str(json_at(env, i - 1));
      size_t n = (size_t)(close - text - 2);
      if (e && strncmp(e, text + 2, n) == 0 && e[n] == '=') {
        strbuf_puts(&b, e + n + 1);
        known = true;
      }
    }
    if (known)
      text = close + 1;
    else
      strbuf_putc(&b, *text++);
  }
  char *out = arena_strndup(a, b.p ? b.p : "", b.n);
  strbuf_release(&b);
  return out;
}

static void
set_env(struct arena *a, struct json *env, const char *kv)
{
  size_t n = strcspn(kv, "=");

  for (size_t i = 0; i < json_count(env); i++) {
    const char *e = json_str(json_at(env, i));
    if (strncmp(e, kv, n) == 0 && e[n] == '=') {
      json_remove_at(env, i);
      break;
    }
  }
  json_append_str(a, env, kv);
}

/* Image, hostname, container, CDI: a later one replaces an earlier one. */
static struct json *
process_env(struct arena *a, const struct sandbox_spec *s)
{
  struct json *env = json_new_array(a);

  for (const char *const *e = s->image->env; e && *e; e++)
    set_env(a, env, *e);
  set_env(a, env, arena_printf(a, "HOSTNAME=%s", s->hostname));
  for (json_each_item (p, s->env))
    set_env(a, env, json_str(*p));
  for (json_each_item (p, json_get(s->edits, "env")))
    set_env(a, env, json_str(*p));
  bool home = false;
  for (json_each_item (p, env))
    home = home || strncmp(json_str(*p), "HOME=", 5) == 0;
  if (!home)
    set_env(a, env, "HOME=/root");
  return env;
}

/* `command` replaces the image's entrypoint and drops its arguments; `args` alone replaces the arguments. */
static struct json *
process_args(struct arena *a, const struct sandbox_spec *s)
{
  struct json *args = json_new_array(a);
  const struct json *command = json_get(s->container, "command"), *given = json_get(s->container, "args");

  for (json_each_item (p, command))
    json_append_str(a, args, sandbox_expand(a, json_str(*p) ? json_str(*p) : "", s->env));
  if (!json_count(command))
    for (const char *const *e = s->image->entrypoint; e && *e; e++)
      json_append_str(a, args, *e);
  for (json_each_item (p, given))
    json_append_str(a, args, sandbox_expand(a, json_str(*p) ? json_str(*p) : "", s->env));
  if (!json_count(command) && !json_count(given))
    for (const char *const *e = s->image->cmd; e && *e; e++)
      json_append_str(a, args, *e);
  return args;
}

static bool
listed(const struct json *list, const char *what)
{
  for (json_each_item (p, list)) {
    const char *s = json_str(*p);
    if (s && (strcasecmp(s, what) == 0 || strcmp(s, "ALL") == 0 ||
              (strncmp(s, "CAP_", 4) == 0 && strcasecmp(s + 4, what) == 0)))
      return true;
  }
  return false;
}

static struct json *
process_caps(struct arena *a, const struct sandbox_spec *s)
{
  const struct json *caps = json_dig(s->container, "securityContext", "capabilities", NULL);
  const struct json *add = json_get(caps, "add"), *drop = json_get(caps, "drop");
  struct json *out = json_new_array(a);

  if (is_privileged(s) || listed(add, "ALL")) {
    json_append_str(a, out, "ALL");
    return out;
  }
  for (size_t i = 0; i < ARRAY_SIZE(default_caps); i++)
    if (!listed(drop, default_caps[i]) || listed(add, default_caps[i]))
      json_append_str(a, out, default_caps[i]);
  for (json_each_item (p, add)) {
    const char *name = json_str(*p) ? json_str(*p) : "";
    name += strncmp(name, "CAP_", 4) == 0 ? 4 : 0;
    if (!listed(out, name))
      json_append_str(a, out, name);
  }
  return out;
}

static int
image_uid(const struct sandbox_spec *s, int64_t *ret, struct kerr *reterr)
{
  const char *u = s->image->user;

  if (!*u || strcmp(u, "root") == 0)
    *ret = 0;
  else if (strspn(u, "0123456789") == strcspn(u, ":"))
    *ret = strtoll(u, NULL, 10);
  else
    return kerr_set(reterr, KERR_INVALID, NULL, "image has non-numeric user (%s), cannot verify user is non-root", u);
  return 0;
}

static int
process_ids(struct arena *a, const struct sandbox_spec *s, struct json *process, struct kerr *reterr)
{
  const struct json *run_as = security(s, "runAsUser"), *non_root = security(s, "runAsNonRoot");
  int64_t uid = 0;
  int r = run_as ? 0 : image_uid(s, &uid, reterr);

  if (r < 0)
    return r;
  if (run_as)
    uid = json_int_or(run_as, 0);
  if (json_is(non_root, JSON_BOOL) && non_root->u.boolean && uid == 0) {
    const char *pod = json_get_str_or(json_get(s->pod, "metadata"), "name", "");
    const char *ns = json_get_str_or(json_get(s->pod, "metadata"), "namespace", "");
    const char *id = json_get_str_or(json_get(s->pod, "metadata"), "uid", "");
    return kerr_set(reterr, KERR_INVALID, NULL, "%s (pod: \"%s_%s(%s)\", container: %s)",
                    run_as ? "container's runAsUser breaks non-root policy"
                           : "container has runAsNonRoot and image will run as root",
                    pod, ns, id, json_get_str_or(s->container, "name", ""));
  }
  json_set_int(a, process, "uid", uid);
  json_set_int(a, process, "gid", json_int_or(security(s, "runAsGroup"), 0));
  struct json *groups = json_set(a, process, "groups", json_new_array(a));
  for (json_each_item (p, json_dig(s->pod, "spec", "securityContext", "supplementalGroups", NULL)))
    json_append(a, groups, json_copy(a, *p));
  const struct json *fs_group = json_dig(s->pod, "spec", "securityContext", "fsGroup", NULL);
  if (fs_group)
    json_append(a, groups, json_copy(a, fs_group));
  for (json_each_item (p, json_get(s->edits, "additionalGids")))
    json_append(a, groups, json_copy(a, *p));
  return 0;
}

int
sandbox_plan(struct arena *a, const struct sandbox_spec *s, struct json **ret, struct kerr *reterr)
{
  struct json *plan = json_new_object(a), *process = json_new_object(a), *args = process_args(a, s);
  const char *cwd = json_get_str_or(s->container, "workingDir", "");
  const struct json *escalation = json_dig(s->container, "securityContext", "allowPrivilegeEscalation", NULL);

  if (!json_count(args))
    return kerr_set(reterr, KERR_INVALID, NULL, "no command specified");
  json_set(a, process, "args", args);
  json_set(a, process, "env", process_env(a, s));
  json_set_str(a, process, "cwd", *cwd ? cwd : *s->image->workdir ? s->image->workdir : "/");
  int r = process_ids(a, s, process, reterr);
  if (r < 0)
    return r;
  json_set(a, process, "capabilities", process_caps(a, s));
  json_set_bool(a, process, "noNewPrivileges", json_is(escalation, JSON_BOOL) && !escalation->u.boolean);
  json_set_str(a, plan, "hostname", s->hostname);
  json_set(a, plan, "root", json_new_strf(a, "%s/rootfs", s->dir));
  json_set(a, plan, "steps", plan_steps(a, s));
  json_set(a, plan, "process", process);
  if (s->seccomp && !is_privileged(s))
    json_set(a, plan, "seccomp", json_copy(a, s->seccomp));
  if (s->rootless) {
    struct json *u = json_set(a, plan, "userns", json_new_object(a));
    json_set_int(a, u, "uid", s->host_uid);
    json_set_int(a, u, "gid", s->host_gid);
  }
  json_set_str(a, plan, "log", s->log);
  json_set(a, plan, "state", json_new_strf(a, "%s/state.json", s->dir));
  json_set_str(a, plan, "stopSignal", "TERM");
  *ret = plan;
  return 0;
}

void
sandbox_state_read(struct arena *a, const char *path, struct sandbox_state *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;
  struct json *o;

  *ret = (struct sandbox_state){ 0 };
  strbuf_init(&b, 64 * KiB);
  if (fs_read(path, &b, &err) < 0 || json_parse(a, strbuf_view(&b), NULL, &o, &err) < 0)
    return;
  ret->known = true;
  ret->started = json_get_bool(o, "started", false);
  ret->ended = json_get_bool(o, "ended", false);
  ret->pid = json_get_int(o, "pid", 0);
  ret->pid_start = json_get_int(o, "pidStart", 0);
  ret->started_at = json_get_int(o, "startedAt", 0);
  ret->finished_at = json_get_int(o, "finishedAt", 0);
  ret->exit_code = (int)json_get_int(o, "exitCode", 0);
  ret->signal = (int)json_get_int(o, "signal", 0);
  ret->error = json_get_str(o, "error");
}
