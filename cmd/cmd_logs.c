/* logs POD: what a container wrote, as kubectl logs. */
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "kube_target.h"
#include "status.h"

struct logs_options {
  struct kube_options kube;
  const char *container, *tail, *since;
  bool follow, previous, timestamps;
};

static const struct cli_option logs_rows[] = {
  { "container", 'c', CLI_STRING, offsetof(struct logs_options, container), "NAME",
    "which container (default: the only one)", NULL },
  { "follow", 'f', CLI_BOOL, offsetof(struct logs_options, follow), NULL, "go on until the container ends", NULL },
  { "previous", 'p', CLI_BOOL, offsetof(struct logs_options, previous), NULL, "of the run before", NULL },
  { "timestamps", 0, CLI_BOOL, offsetof(struct logs_options, timestamps), NULL, "the time before each line", NULL },
  { "tail", 0, CLI_STRING, offsetof(struct logs_options, tail), "LINES", "only the last lines", NULL },
  KUBE_ROWS(struct logs_options, kube),
  CLI_OPTIONS_END,
};

static bool
print_chunk(void *arg, struct span bytes)
{
  (void)arg;
  fwrite(bytes.p, 1, bytes.n, stdout);
  return fflush(stdout) == 0;
}

static char *
log_path(struct cli *cli, const struct kube *k, const struct logs_options *o, const char *pod)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, CEIL_LOG_LINE);
  strbuf_printf(&b, "/api/v1/namespaces/%s/pods/%s/log?", k->ns, pod);
  if (o->container) {
    strbuf_puts(&b, "container=");
    codec_url_escape(&b, span_of(o->container));
    strbuf_putc(&b, '&');
  }
  if (o->tail)
    strbuf_printf(&b, "tailLines=%s&", o->tail);
  strbuf_printf(&b, "follow=%s&previous=%s&timestamps=%s", o->follow ? "true" : "false", o->previous ? "true" : "false",
                o->timestamps ? "true" : "false");
  return arena_strndup(cli->arena, b.p, b.n);
}

static int
print_logs(struct cli *cli, struct kube *k, const struct logs_options *o, const char *pod, struct kerr *reterr)
{
  char *path = log_path(cli, k, o, pod);
  struct kclient_reply reply;
  struct json *status;
  int http, r;

  if (o->follow)
    return kclient_raw_stream(k->client, path, "*/*", print_chunk, NULL, &http, reterr);
  r = kclient_raw(k->client, cli->arena, "GET", path, "*/*", NULL, (struct span){ NULL, 0 }, &reply, reterr);
  if (r < 0)
    return r;
  if (reply.status < 400) {
    fwrite(reply.body.p, 1, reply.body.n, stdout);
    return 0;
  }
  r = json_parse(cli->arena, reply.body, NULL, &status, reterr);
  return r < 0 ? r : status_to_kerr(status, reply.status, reterr);
}

static int
logs_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct logs_options *o = options;
  struct kube k = { .client = NULL };
  const char *pod = cli->n_args ? cli->args[0] : NULL;
  int r;

  if (!pod || cli->n_args > 1)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "expected 'logs POD [-c CONTAINER]'; POD is a required argument for the logs command");
  for (const char *prefix = "pod/"; strncmp(pod, prefix, strlen(prefix)) == 0; pod += strlen(prefix))
    ;
  r = kube_open(cli, &o->kube, &k, reterr);
  if (r == 0)
    r = print_logs(cli, &k, o, pod, reterr);
  kube_close(&k);
  return r < 0 ? kube_fail(reterr) : 0;
}

extern const struct cli_command cmd_logs;
const struct cli_command cmd_logs = {
  .name = "logs",
  .args = "POD",
  .summary = "Print what a pod's container wrote",
  .options = logs_rows,
  .options_size = sizeof(struct logs_options),
  .run = logs_run,
};
