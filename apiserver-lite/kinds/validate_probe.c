/* Probes of containers and hooks in their lives: core/validation's validateProbe, validateLifecycle. */
#include "validate_pod.h"

static void
check_http_get(struct validation *v, const struct vpath *path, const struct json *h)
{
  static const char *const schemes[] = { "HTTP", "HTTPS", NULL }, *const protocols[] = { "HTTP1", "HTTP2", NULL };
  struct span scheme = json_text_of(h, "scheme"), host = json_text_of(h, "host"),
              protocol = json_text_of(h, "protocol");
  (void)validate_needed(v, path, h, "path");
  validate_port_or_name(v, VP(path, "port"), json_get(h, "port"));
  validate_listed(v, path, h, "scheme", schemes);
  for (json_each_item (p, json_get(h, "httpHeaders")))
    (void)verr_format(v, VP(path, "httpHeaders"), json_text_of(*p, "name"), TEXT_HTTP_HEADER);
  validate_known(v, VP(path, "protocol"), json_get(h, "protocol"), protocols);
  if (span_is(protocol, "HTTP2") && !span_is(scheme, "HTTP"))
    verr_invalid(v, VP(path, "protocol"), protocol, "is only supported with HTTP (H2C)");
  else if (span_is(protocol, "HTTP2") && host.n)
    verr_invalid(v, VP(path, "host"), host, "must be empty when `protocol` is \"HTTP2\"");
}

static void
check_exec(struct validation *v, const struct vpath *path, const struct json *h)
{
  if (!json_count(json_get(h, "command")))
    verr_required(v, VP(path, "command"), "");
}

static void
check_socket(struct validation *v, const struct vpath *path, const struct json *h)
{
  validate_port_or_name(v, VP(path, "port"), json_get(h, "port"));
}

static void
check_grpc(struct validation *v, const struct vpath *path, const struct json *h)
{
  static const char *const modes[] = { "Plaintext", "TLS", NULL };
  validate_port(v, VP(path, "port"), json_get_int(h, "port", 0));
  validate_known(v, VP(path, "mode"), json_get(h, "mode"), modes);
}

static void
check_sleep(struct validation *v, const struct vpath *path, const struct json *h, const struct json *spec)
{
  const struct json *grace = json_get(spec, "terminationGracePeriodSeconds");
  int64_t seconds = json_get_int(h, "seconds", 0), most = json_int_or(grace, 0);
  if (json_type(grace) != JSON_NULL && (seconds < 0 || seconds > most))
    verr_invalid_int(
        v, path, seconds,
        arena_printf(v->a, "must be non-negative and less than terminationGracePeriodSeconds (%lld)", (long long)most));
}

/* Handlers of probes have no `sleep`, those of hooks no `grpc`. */
static void
check_handler(struct validation *v, const struct vpath *path, const struct json *h, const struct json *spec)
{
  static const struct {
    const char *name;
    void (*check)(struct validation *v, const struct vpath *path, const struct json *h);
  } types[] = {
    { "exec", check_exec }, { "httpGet", check_http_get }, { "tcpSocket", check_socket }, { "grpc", check_grpc },
    { "sleep", NULL },
  };
  size_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
    const struct json *t = json_get(h, types[i].name);
    const struct vpath *at = VP(path, types[i].name);
    if (json_type(t) == JSON_NULL)
      continue;
    if (n++)
      verr_forbidden(v, at, "may not specify more than 1 handler type");
    else if (types[i].check)
      types[i].check(v, at, t);
    else
      check_sleep(v, at, t, spec);
  }
  if (!n)
    verr_required(v, path, "must specify a handler type");
}

static void
check_probe(struct validation *v, const struct vpath *up, const struct json *c, const char *name,
            const struct json *spec)
{
  static const char *const numbers[] = { "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
                                         "failureThreshold" };
  const struct json *p = json_get(c, name);
  const struct vpath *path = VP(up, name);
  bool readiness = !strcmp(name, "readinessProbe");
  if (json_type(p) == JSON_NULL)
    return;
  check_handler(v, path, p, spec);
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
    validate_not_negative(v, path, p, numbers[i]);
  int64_t grace = json_get_int(p, "terminationGracePeriodSeconds", 1),
          successes = json_get_int(p, "successThreshold", 0);
  if (grace <= 0)
    verr_invalid_int(v, VP(path, "terminationGracePeriodSeconds"), grace, "must be greater than 0");
  if (!readiness && successes != 1)
    verr_invalid_int(v, VP(path, "successThreshold"), successes, "must be 1");
  if (readiness && json_has(p, "terminationGracePeriodSeconds"))
    verr_invalid_int(v, VP(path, "terminationGracePeriodSeconds"), grace, "must not be set for readinessProbes");
}

static const char *const signals_windows[] = { "SIGKILL", "SIGTERM", NULL };
/* In the order of upstream's message. */
static const char *const signals_linux[] = {
  "SIGABRT",     "SIGALRM",    "SIGBUS",     "SIGCHLD",     "SIGCLD",      "SIGCONT",     "SIGFPE",      "SIGHUP",
  "SIGILL",      "SIGINT",     "SIGIO",      "SIGIOT",      "SIGKILL",     "SIGPIPE",     "SIGPOLL",     "SIGPROF",
  "SIGPWR",      "SIGQUIT",    "SIGRTMAX",   "SIGRTMAX-1",  "SIGRTMAX-10", "SIGRTMAX-11", "SIGRTMAX-12", "SIGRTMAX-13",
  "SIGRTMAX-14", "SIGRTMAX-2", "SIGRTMAX-3", "SIGRTMAX-4",  "SIGRTMAX-5",  "SIGRTMAX-6",  "SIGRTMAX-7",  "SIGRTMAX-8",
  "SIGRTMAX-9",  "SIGRTMIN",   "SIGRTMIN+1", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14",
  "SIGRTMIN+15", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4",  "SIGRTMIN+5",  "SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",
  "SIGRTMIN+9",  "SIGSEGV",    "SIGSTKFLT",  "SIGSTOP",     "SIGSYS",      "SIGTERM",     "SIGTRAP",     "SIGTSTP",
  "SIGTTIN",     "SIGTTOU",    "SIGURG",     "SIGUSR1",     "SIGUSR2",     "SIGVTALRM",   "SIGWINCH",    "SIGXCPU",
  "SIGXFSZ",     NULL
};

static void
check_stop_signal(struct validation *v, const struct vpath *path, const struct json *signal, const struct json *spec)
{
  struct span os = json_text_of(json_get(spec, "os"), "name");
  if (json_type(signal) == JSON_NULL)
    return;
  if (!json_has(spec, "os"))
    verr_forbidden(v, path, "may not be set for containers with empty `spec.os.name`");
  else if (span_is(os, "windows") || span_is(os, "linux"))
    validate_known(v, path, signal, span_is(os, "linux") ? signals_linux : signals_windows);
}

void
validate_probes(struct validation *v, const struct vpath *path, const struct json *c, const struct json *spec)
{
  static const char *const hooks[] = { "postStart", "preStop" };
  const struct json *lifecycle = json_get(c, "lifecycle");
  const struct vpath *at = VP(path, "lifecycle");
  for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
    if (json_has(lifecycle, hooks[i]))
      check_handler(v, VP(at, hooks[i]), json_get(lifecycle, hooks[i]), spec);
  check_stop_signal(v, VP(at, "stopSignal"), json_get(lifecycle, "stopSignal"), spec);
  check_probe(v, path, c, "livenessProbe", spec);
  check_probe(v, path, c, "readinessProbe", spec);
  check_probe(v, path, c, "startupProbe", spec);
}
