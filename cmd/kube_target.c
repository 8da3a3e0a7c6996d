#include "kube_target.h"

#include <string.h>
#include <strings.h>

#include "ceilings.h"
#include "cluster_era.h"
#include "codec.h"

int
kube_open(struct cli *cli, const struct kube_options *o, struct kube *ret, struct kerr *reterr)
{
  const char *ns = "default";
  int r = cluster_access_client(cli, &o->target, &ret->client, &ns, reterr);

  if (r < 0)
    return r;
  ret->ns = o->all_namespaces ? NULL : o->ns ? o->ns : ns;
  r = resource_map_load(cli->arena, ret->client, &ret->map, reterr);
  return r < 0 ? kerr_wrap(reterr, "couldn't get the server's list of resources") : 0;
}

void
kube_close(struct kube *k)
{
  kclient_free(k->client);
  k->client = NULL;
}

int
kube_fail(struct kerr *err)
{
  const char *reason = kerr_reason(err->code);
  bool from_server = *reason && err->code != KERR_PARSE && err->code != KERR_USAGE && err->code != KERR_IO &&
                     err->code != KERR_UNAVAILABLE;

  if (from_server)
    fprintf(stderr, "Error from server (%s): %s\n", reason, err->msg);
  else
    fprintf(stderr, "error: %s\n", err->msg);
  kerr_release(err);
  return 1;
}

/* The kinds of resource.k8s.io in any release. */
static bool
is_claim_kind(const char *typed)
{
  static const char *const stems[] = { "deviceclass",   "resourceclass",        "resourceclaim",
                                       "resourceslice", "podschedulingcontext", "podscheduling" };

  for (size_t i = 0; i < ARRAY_SIZE(stems); i++)
    if (strncasecmp(typed, stems[i], strlen(stems[i])) == 0)
      return true;
  return false;
}

/* Below upstream's words: which flag would have made this type known. */
static void
add_hint(struct cli *cli, struct kube *k, const char *typed, struct kerr *err)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  enum kerr_code code = err->code;
  const char *flag, *text;

  if (!is_claim_kind(typed) || resource_map_has_group(&k->map, KC_RESOURCECLAIMS.group) ||
      kube_release(k, cli->arena, &p, &ignored) < 0)
    return;
  flag = cluster_era_hint(personality_minor(p));
  if (!flag)
    return;
  text = arena_printf(cli->arena,
                      "%s\nhint: Dynamic Resource Allocation is off in Kubernetes 1.%d unless it is asked for:\n"
                      "      dralab config gates %s",
                      err->msg, personality_minor(p), flag);
  kerr_release(err);
  (void)kerr_set(err, code, NULL, "%s", text);
}

static int
add_types(struct cli *cli, struct kube *k, const char *types, struct kube_item *list, size_t max, size_t *n,
          struct kerr *reterr)
{
  while (*types) {
    size_t len = strcspn(types, ",");
    const char *type = arena_strndup(cli->arena, types, len);
    const struct resource_info *info;
    size_t cursor = 0, before = *n;
    int r;

    while (*n < max && (info = resource_map_category(&k->map, type, &cursor)) != NULL)
      list[(*n)++] = (struct kube_item){ .info = info };
    if (*n == before) {
      r = resource_map_find(&k->map, type, &info, reterr);
      if (r < 0) {
        add_hint(cli, k, type, reterr);
        return r;
      }
      list[(*n)++] = (struct kube_item){ .info = info };
    }
    types += len + (types[len] == ',');
  }
  return 0;
}

static int
slash_items(struct cli *cli, const struct kube *k, struct kube_item *list, size_t *n, struct kerr *reterr)
{
  for (size_t i = 0; i < cli->n_args; i++) {
    const char *slash = strchr(cli->args[i], '/');
    int r;

    if (!slash)
      return kerr_set(reterr, KERR_USAGE, NULL,
                      "there is no need to specify a resource type as a separate argument when passing arguments in "
                      "resource/name form");
    r = resource_map_find(&k->map, arena_strndup(cli->arena, cli->args[i], (size_t)(slash - cli->args[i])),
                          &list[*n].info, reterr);
    if (r < 0)
      return r;
    list[(*n)++].name = slash + 1;
  }
  return 0;
}

int
kube_release(struct kube *k, struct arena *a, struct personality **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr unknown = KERR_INIT;
  struct kclient_reply reply;
  struct json *version;
  int r =
      kclient_raw(k->client, a, "GET", "/version", "application/json", NULL, (struct span){ NULL, 0 }, &reply, reterr);

  if (r == 0)
    r = json_parse(a, reply.body, NULL, &version, reterr);
  if (r < 0)
    return r;
  if (personality_new(arena_printf(a, "1.%s", json_get_str_or(version, "minor", "")), NULL, NULL, ret, &unknown) == 0)
    return 0;
  return personality_new(NULL, NULL, NULL, ret, reterr);
}

int
kube_items(struct cli *cli, struct kube *k, struct kube_item **ret, size_t *ret_n, struct kerr *reterr)
{
  size_t max = k->map.n + cli->n_args + 64, n = 0;
  struct kube_item *list = arena_array_of(cli->arena, struct kube_item, max);
  int r;

  if (cli->n_args == 0)
    return kerr_set(reterr, KERR_USAGE, NULL, "Required resource not specified: TYPE or TYPE/NAME");
  if (strchr(cli->args[0], '/')) {
    r = slash_items(cli, k, list, &n, reterr);
  } else {
    r = add_types(cli, k, cli->args[0], list, max, &n, reterr);
    if (r == 0 && cli->n_args > 1 && n > 1)
      r = kerr_set(reterr, KERR_USAGE, NULL, "you may not specify names when several resource types are given");
    for (size_t i = 1; r == 0 && i < cli->n_args; i++)
      list[i - 1] = (struct kube_item){ .info = list[0].info, .name = cli->args[i] };
    if (cli->n_args > 1)
      n = cli->n_args - 1;
  }
  *ret = list;
  *ret_n = n;
  return r;
}

const char *
kube_ns_of(const struct kube *k, const struct resource_info *info)
{
  return info->res.namespaced ? k->ns : NULL;
}

char *
kube_selectors(struct arena *a, const char *labels, const char *fields)
{
  const struct {
    const char *name, *value;
  } rows[] = { { "labelSelector", labels }, { "fieldSelector", fields } };
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, CEIL_LOG_LINE);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    if (!rows[i].value)
      continue;
    strbuf_printf(&b, "%s%s=", b.n ? "&" : "", rows[i].name);
    codec_url_escape(&b, span_of(rows[i].value));
  }
  return b.n ? arena_strndup(a, b.p, b.n) : NULL;
}
