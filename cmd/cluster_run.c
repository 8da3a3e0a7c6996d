#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ceilings.h"
#include "cluster_classic.h"
#include "cluster_logs.h"
#include "cluster_run_internal.h"
#include "codec.h"
#include "kubeconfig.h"
#include "yaml.h"

#define HTTP_GRACE  (5 * CLOCK_SEC)
#define TOKEN_BYTES 24

static char *
path_of(struct cluster_run *r, const char *file)
{
  return cluster_dir_file(r->a, r->config.dir, file);
}

/* -- identity: certificates, tokens, who may what -- */

/* A port that is free just now; the cluster keeps it for good, so that kubeconfigs stay right. */
static int
choose_port(struct cluster_run *r, struct kerr *reterr)
{
  struct cluster_config *c = r->config.cluster;
  struct sockaddr_in at = { .sin_family = AF_INET };
  socklen_t n = sizeof at;
  _cleanup_close_ int fd = -1;

  if (c->port != 0)
    return 0;
  if (inet_pton(AF_INET, c->address, &at.sin_addr) != 1)
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is not an IP address; --port is needed with others than IPv4",
                    c->address);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || getsockname(fd, (struct sockaddr *)&at, &n) < 0)
    return kerr_errno(reterr, errno, "listen on %s", c->address);
  c->port = ntohs(at.sin_port);
  return cluster_dir_save(r->a, r->config.dir, c, reterr);
}

/* The administrator's token: made once, one line of a --token-auth-file. */
static int
load_token(struct cluster_run *r, struct kerr *reterr)
{
  char *path = path_of(r, "tokens.csv");
  uint8_t random[TOKEN_BYTES];
  _cleanup_strbuf_ struct strbuf text;
  struct span rest;
  int code = 0;

  strbuf_init(&text, CEIL_SMALL_FILE);
  if (!fs_exists(path)) {
    codec_random(random, sizeof random);
    codec_hex(&text, span_make((const char *)random, sizeof random));
    strbuf_puts(&text, ",kubernetes-admin,dralab-admin,\"system:masters\"\n");
    code = fs_write(path, strbuf_view(&text), 0600, true, reterr);
    strbuf_clear(&text);
  }
  if (code == 0)
    code = fs_read(path, &text, reterr);
  if (code == 0) {
    struct span token = span_cut(strbuf_view(&text), ',', &rest);

    r->admin_token = arena_strndup(r->a, token.p, token.n);
  }
  return code;
}

static int
start_identity(struct cluster_run *r, struct kerr *reterr)
{
  const struct cluster_config *c = r->config.cluster;
  int code = personality_new(c->kubernetes_version, c->feature_gates, c->runtime_config, &r->personality, reterr);

  if (code == 0)
    code = choose_port(r, reterr);
  if (code == 0)
    code = pki_open(
        &(struct pki_config){ .dir = path_of(r, "pki"), .clock = r->config.clock, .hosts = &c->address, .n_hosts = 1 },
        &r->pki, reterr);
  if (code == 0)
    code = sa_signer_new(r->config.clock, pki_sa_key(r->pki), NULL, NULL, 0, &r->signer, reterr);
  if (code == 0)
    code = load_token(r, reterr);
  if (code == 0)
    code = authn_new(
        &(struct authn_config){
            .clock = r->config.clock, .anonymous = true, .admin_token = r->admin_token, .signer = r->signer },
        &r->authn, reterr);
  if (code == 0)
    code = authz_new(c->authorization_mode, r->personality, &r->authz, reterr);
  if (code == 0)
    r->server = arena_printf(r->a, "https://%s:%lld", c->address, (long long)c->port);
  return code;
}

static void
stop_identity(struct cluster_run *r)
{
  authz_free(r->authz);
  authn_free(r->authn);
  sa_signer_free(r->signer);
  pki_free(r->pki);
  personality_unref(r->personality);
}

/* -- API server, HTTP -- */

static int
start_api(struct cluster_run *r, struct kerr *reterr)
{
  const struct cluster_config *c = r->config.cluster;
  int code = apiserver_new(&(struct apiserver_config){ .personality = r->personality,
                                                       .store = r->store,
                                                       .clock = r->config.clock,
                                                       .log = r->config.log,
                                                       .authn = r->authn,
                                                       .authz = r->authz,
                                                       .signer = r->signer,
                                                       .enable_admission = c->enable_admission,
                                                       .disable_admission = c->disable_admission,
                                                       .client_ca = arena_span(r->a, pki_ca(r->pki)).p,
                                                       .advertise_address = c->address,
                                                       .advertise_port = (int)c->port },
                           &r->api, reterr);

  if (code < 0)
    return code;
  r->logs_client = cluster_run_client(r, "system:apiserver", "kube-apiserver");
  apiserver_set_hook(r->api, cluster_logs_serve, r);
  return 0;
}

static void
stop_api(struct cluster_run *r)
{
  kclient_free(r->logs_client);
  apiserver_free(r->api);
}

static int
start_http(struct cluster_run *r, struct kerr *reterr)
{
  const struct cluster_config *c = r->config.cluster;

  return http_server_new(&(struct http_config){ .addresses = &c->address,
                                                .n_addresses = 1,
                                                .port = (uint16_t)c->port,
                                                .cert = pki_server_cert(r->pki),
                                                .key = pki_server_key(r->pki),
                                                .client_ca = pki_ca(r->pki),
                                                .exchange = apiserver_exchange(r->api),
                                                .clock = r->config.clock,
                                                .log = r->config.log },
                         &r->http, reterr);
}

static void
stop_http(struct cluster_run *r)
{
  apiserver_stop(r->api);
  http_server_free(r->http, HTTP_GRACE);
}

/* -- the administrator's kubeconfig -- */

static int
start_access(struct cluster_run *r, struct kerr *reterr)
{
  const struct kclient_remote remote = {
    .server = r->server,
    .ca_pem = arena_span(r->a, pki_ca(r->pki)).p,
    .cert_pem = arena_span(r->a, pki_admin_cert(r->pki)).p,
    .key_pem = arena_span(r->a, pki_admin_key(r->pki)).p,
  };
  _cleanup_strbuf_ struct strbuf text;

  strbuf_init(&text, CEIL_SMALL_FILE);
  yaml_write(&text, kubeconfig_new(r->a, arena_printf(r->a, "dralab-%s", r->config.dir->name), &remote));
  return fs_write(path_of(r, "admin.conf"), strbuf_view(&text), 0600, false, reterr);
}

static void
stop_nothing(struct cluster_run *r)
{
  (void)r;
}

/* -- components -- */

struct kclient *
cluster_run_client(struct cluster_run *r, const char *user, const char *agent)
{
  static const char *const groups[] = { "system:masters", "system:authenticated" };
  struct exchange_user *u = arena_new_of(r->a, struct exchange_user);

  *u = (struct exchange_user){ .name = arena_strdup(r->a, user), .groups = groups, .n_groups = ARRAY_SIZE(groups) };
  return kclient_new_local(
      apiserver_exchange(r->api),
      &(struct kclient_options){ .user_agent = agent, .user = u, .clock = r->config.clock, .log = r->config.log });
}

static int
start_scheduler(struct cluster_run *r, struct kerr *reterr)
{
  (void)reterr;
  if (r->config.cluster->no_scheduler)
    return 0;
  r->scheduler_client = cluster_run_client(r, "system:kube-scheduler", "kube-scheduler");
  r->scheduler = scheduler_start(&(struct scheduler_config){
      .client = r->scheduler_client, .personality = r->personality, .clock = r->config.clock, .log = r->config.log });
  return 0;
}

static void
stop_scheduler(struct cluster_run *r)
{
  scheduler_stop(r->scheduler);
  kclient_free(r->scheduler_client);
}

static struct json *
check_policy(void *payload, const struct json *policy, struct arena *a)
{
  struct cluster_run *r = payload;

  return apiserver_check_policy(r->api, policy, a);
}

static int
start_controllers(struct cluster_run *r, struct kerr *reterr)
{
  (void)reterr;
  if (r->config.cluster->no_controllers)
    return 0;
  r->controllers_client = cluster_run_client(r, "system:kube-controller-manager", "kube-controller-manager");
  r->controllers = controllers_start(&(struct controllers_config){ .client = r->controllers_client,
                                                                   .personality = r->personality,
                                                                   .clock = r->config.clock,
                                                                   .log = r->config.log,
                                                                   .root_ca_pem = arena_span(r->a, pki_ca(r->pki)).p,
                                                                   .check_policy = check_policy,
                                                                   .check_policy_payload = r });
  return 0;
}

static void
stop_controllers(struct cluster_run *r)
{
  controllers_stop(r->controllers);
  kclient_free(r->controllers_client);
}

/* -- in this order, and back -- */

static const struct part {
  const char *name;
  int (*start)(struct cluster_run *r, struct kerr *reterr);
  void (*stop)(struct cluster_run *r);
} parts[] = {
  { "identity", start_identity, stop_identity },
  { "store", cluster_store_start, cluster_store_stop },
  { "API server", start_api, stop_api },
  { "HTTP", start_http, stop_http },
  { "kubeconfig", start_access, stop_nothing },
  { "scheduler", start_scheduler, stop_scheduler },
  { "controllers", start_controllers, stop_controllers },
  { "nodes", cluster_nodes_start, cluster_nodes_stop },
  { "driver's controller", cluster_classic_start, cluster_classic_stop },
};

int
cluster_run_start(const struct cluster_run_config *config, struct cluster_run **ret, struct kerr *reterr)
{
  struct cluster_run *r = mem_alloc(sizeof *r);

  r->config = *config;
  r->a = arena_new(CEIL_ARENA_CYCLE);
  for (; r->started < ARRAY_SIZE(parts); r->started++) {
    const struct part *p = &parts[r->started];

    if (p->start(r, reterr) == 0)
      continue;
    if (p->start == start_identity) /* made of several things: what there is of them goes */
      stop_identity(r);
    cluster_run_stop(r);
    return -(int)reterr->code;
  }
  *ret = r;
  return 0;
}

const char *
cluster_run_server(const struct cluster_run *r)
{
  return r->server;
}

void
cluster_run_stop(struct cluster_run *r)
{
  if (!r)
    return;
  while (r->started > 0)
    parts[--r->started].stop(r);
  arena_free(r->a);
  free(r);
}
