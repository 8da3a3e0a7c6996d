/* explain pod|claim: why it is where it is, or why it is not, per node, request and device. */
#include "explain.h"

#include <string.h>

#include "ceilings.h"
#include "kube_target.h"

struct explain_options {
  struct kube_options kube;
  const char *output;
};

static const struct cli_option explain_rows[] = { CLI_OPTION_JSON(struct explain_options, output),
                                                  KUBE_ROWS(struct explain_options, kube), CLI_OPTIONS_END };

typedef int explain_fn(struct kclient *c, struct personality *p, const char *ns, const char *name, struct arena *a,
                       struct json **ret, struct strbuf *text, struct kerr *reterr);

static explain_fn *
function_of(const char *type)
{
  static const struct {
    const char *word;
    explain_fn *fn;
  } rows[] = {
    { "pod", explain_pod },
    { "pods", explain_pod },
    { "po", explain_pod },
    { "claim", explain_claim },
    { "resourceclaim", explain_claim },
    { "resourceclaims", explain_claim },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (strcmp(rows[i].word, type) == 0)
      return rows[i].fn;
  return NULL;
}

/* "pod NAME" or "pod/NAME". */
static int
subject(struct cli *cli, explain_fn **ret_fn, const char **ret_name, struct kerr *reterr)
{
  const char *type = cli->n_args ? cli->args[0] : "", *slash = strchr(type, '/');

  *ret_fn = function_of(slash ? arena_strndup(cli->arena, type, (size_t)(slash - type)) : type);
  *ret_name = slash ? slash + 1 : cli->n_args == 2 ? cli->args[1] : NULL;
  if (!*ret_fn || !*ret_name)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "explain what? as in: dralab explain pod NAME, dralab explain claim NAME");
  return 0;
}

static int
explain_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct explain_options *o = options;
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  _cleanup_strbuf_ struct strbuf out = STRBUF_INIT(CEIL_REPLY);
  struct kube k = { .client = NULL };
  struct json *explanation;
  const char *name;
  explain_fn *fn;
  int r = subject(cli, &fn, &name, reterr);

  if (r < 0)
    return r;
  r = kube_open(cli, &o->kube, &k, reterr);
  if (r == 0)
    r = kube_release(&k, cli->arena, &p, reterr);
  if (r == 0)
    r = fn(k.client, p, k.ns, name, cli->arena, &explanation, &out, reterr);
  kube_close(&k);
  if (r < 0)
    return kube_fail(reterr);
  if (o->output) {
    strbuf_clear(&out);
    json_write(&out, explanation, JSON_INDENT2);
    strbuf_putc(&out, '\n');
  }
  fwrite(out.p, 1, out.n, stdout);
  return 0;
}

extern const struct cli_command cmd_explain;
const struct cli_command cmd_explain = {
  .name = "explain",
  .args = "pod|claim NAME",
  .summary = "Say why a pod or claim is pending, per node, request and device",
  .options = explain_rows,
  .options_size = sizeof(struct explain_options),
  .run = explain_run,
};
