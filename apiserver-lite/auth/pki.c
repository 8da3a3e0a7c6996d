#include "pki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ceilings.h"
#include "fs.h"
#include "pki_cert.h"

#define DAY ((int64_t)24 * 60 * 60)
/* Clocks of machines differ a little; a certificate is valid from a moment before it was made. */
#define SLACK ((int64_t)60 * 60)

struct pair {
  struct span cert, key; /* PEM, in the arena */
};

struct pki {
  struct arena *arena;
  char *dir;
  struct clock *clock;
  struct pair ca, server, admin;
  struct span sa_key;
};

static const char *const admin_groups[] = { "system:masters" };

/* What the server is called by its clients, on this machine and from pods. */
static const char *const own_hosts[] = {
  "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
  "127.0.0.1", "::1",        "10.96.0.1", /* the first address of the service range */
};

/* -- files -- */

static int
read_file(struct pki *p, const char *name, struct span *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;
  char *path = fs_join(p->arena, p->dir, name);
  int r;

  strbuf_init(&b, CERT_PEM_MAX);
  r = fs_read(path, &b, reterr);
  if (r == 0)
    *ret = arena_span(p->arena, strbuf_view(&b));
  return r;
}

static int
write_file(struct pki *p, const char *name, struct span content, mode_t mode, struct kerr *reterr)
{
  return fs_write(fs_join(p->arena, p->dir, name), content, mode, false, reterr);
}

/* Empty when the file is absent; anything else that goes wrong is an error. */
static int
read_if_there(struct pki *p, const char *name, struct span *ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *ret = SPAN("");
  if (read_file(p, name, ret, &err) == 0 || err.code == KERR_NOT_FOUND)
    return 0;
  return kerr_move(reterr, &err);
}

static int
read_pair(struct pki *p, const char *cert, const char *key, struct pair *ret, struct kerr *reterr)
{
  int r = read_if_there(p, cert, &ret->cert, reterr);

  if (r == 0)
    r = read_if_there(p, key, &ret->key, reterr);
  /* The key is written first: a key alone is what an interrupted start leaves. */
  if (r == 0 && ret->cert.n && !ret->key.n)
    r = kerr_set(reterr, KERR_IO, NULL, "there is a certificate and no key");
  if (r == 0 && ret->cert.n)
    r = cert_check_pair(ret->cert, ret->key, reterr);
  return r < 0 ? kerr_wrap(reterr, "%s/%s", p->dir, cert) : 0;
}

static int
write_pair(struct pki *p, const char *cert, const char *key, const struct pair *pair, struct kerr *reterr)
{
  int r = write_file(p, key, pair->key, 0600, reterr);

  return r < 0 ? r : write_file(p, cert, pair->cert, 0644, reterr);
}

/* -- certificates -- */

static int64_t
now(const struct pki *p)
{
  return clock_wall(p->clock) / CLOCK_SEC;
}

static bool
is_fresh(const struct pki *p, struct span cert)
{
  return cert.n && cert_expiry(cert) > now(p) + PKI_RENEW_DAYS * DAY;
}

/* Signs a certificate for pair->key, which is made when there is none. */
static int
make(const struct pki *p, struct arena *a, struct cert_request *req, int64_t days, struct pair *pair,
     struct kerr *reterr)
{
  bool self = req->use == CERT_AUTHORITY;
  int r = pair->key.n ? 0 : cert_new_key(a, &pair->key, reterr);

  req->not_before = now(p) - SLACK;
  req->not_after = now(p) + days * DAY;
  if (r == 0)
    r = cert_sign(a, req, pair->key, self ? SPAN("") : p->ca.cert, self ? SPAN("") : p->ca.key, &pair->cert, reterr);
  return r;
}

static int
open_ca(struct pki *p, struct kerr *reterr)
{
  struct cert_request req = { .use = CERT_AUTHORITY, .name = "kubernetes" };
  int r = read_pair(p, "ca.crt", "ca.key", &p->ca, reterr);

  if (r < 0 || is_fresh(p, p->ca.cert))
    return r;
  r = make(p, p->arena, &req, PKI_CA_DAYS, &p->ca, reterr);
  return r < 0 ? r : write_pair(p, "ca.crt", "ca.key", &p->ca, reterr);
}

static bool
names_all(struct span cert, const char *const *hosts, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!cert_names_host(cert, hosts[i]))
      return false;
  return true;
}

static int
open_server(struct pki *p, const struct pki_config *config, struct kerr *reterr)
{
  const char *hosts[ARRAY_SIZE(own_hosts) + PKI_HOSTS_MAX];
  struct cert_request req = { .use = CERT_SERVER, .name = "kube-apiserver", .hosts = hosts };
  int r = read_pair(p, "apiserver.crt", "apiserver.key", &p->server, reterr);

  if (r < 0)
    return r;
  if (config->n_hosts > PKI_HOSTS_MAX)
    return kerr_set(reterr, KERR_USAGE, NULL, "%zu hosts: at most %d", config->n_hosts, PKI_HOSTS_MAX);
  for (size_t i = 0; i < ARRAY_SIZE(own_hosts); i++)
    hosts[req.n_hosts++] = own_hosts[i];
  for (size_t i = 0; i < config->n_hosts; i++)
    hosts[req.n_hosts++] = config->hosts[i];
  if (is_fresh(p, p->server.cert) && cert_is_signed_by(p->server.cert, p->ca.cert) &&
      names_all(p->server.cert, hosts, req.n_hosts))
    return 0;
  r = make(p, p->arena, &req, PKI_LEAF_DAYS, &p->server, reterr);
  return r < 0 ? r : write_pair(p, "apiserver.crt", "apiserver.key", &p->server, reterr);
}

static int
open_admin(struct pki *p, struct kerr *reterr)
{
  struct cert_request req = { .use = CERT_CLIENT, .name = "kubernetes-admin", .groups = admin_groups, .n_groups = 1 };
  int r = read_pair(p, "admin.crt", "admin.key", &p->admin, reterr);

  if (r < 0 || (is_fresh(p, p->admin.cert) && cert_is_signed_by(p->admin.cert, p->ca.cert)))
    return r;
  r = make(p, p->arena, &req, PKI_LEAF_DAYS, &p->admin, reterr);
  return r < 0 ? r : write_pair(p, "admin.crt", "admin.key", &p->admin, reterr);
}

static int
open_sa(struct pki *p, struct kerr *reterr)
{
  struct span public = SPAN(""), there;
  bool made = false;
  int r = read_if_there(p, "sa.key", &p->sa_key, reterr);

  if (r == 0 && !p->sa_key.n) {
    made = true;
    r = cert_new_key(p->arena, &p->sa_key, reterr);
  }
  if (r == 0)
    r = cert_public_key(p->arena, p->sa_key, &public, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "%s/sa.key", p->dir);
  if (made)
    r = write_file(p, "sa.key", p->sa_key, 0600, reterr);
  if (r == 0)
    r = read_if_there(p, "sa.pub", &there, reterr);
  if (r == 0 && !span_eq(there, public))
    r = write_file(p, "sa.pub", public, 0644, reterr);
  return r;
}

/* -- the whole -- */

/* One process at a time makes or renews; the others wait and then read. */
static int
lock_folder(struct pki *p, int *ret_fd, struct kerr *reterr)
{
  int fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0 || flock(fd, LOCK_EX) < 0) {
    kerr_errno(reterr, errno, "lock %s", p->dir);
    fs_closep(&fd);
    return -KERR_IO;
  }
  *ret_fd = fd;
  return 0;
}

int
pki_open(const struct pki_config *config, struct pki **ret, struct kerr *reterr)
{
  _cleanup_(pki_freep) struct pki *p = mem_alloc(sizeof *p);
  _cleanup_close_ int lock = -1;
  int r;

  p->arena = arena_new(CEIL_ARENA_SMALL);
  p->dir = mem_strdup(config->dir);
  p->clock = config->clock;
  r = fs_mkdirs(p->dir, 0700, reterr);
  if (r == 0)
    r = lock_folder(p, &lock, reterr);
  if (r == 0)
    r = open_ca(p, reterr);
  if (r == 0)
    r = open_server(p, config, reterr);
  if (r == 0)
    r = open_admin(p, reterr);
  if (r == 0)
    r = open_sa(p, reterr);
  if (r < 0)
    return r;
  *ret = steal_pointer(&p);
  return 0;
}

void
pki_free(struct pki *p)
{
  if (!p)
    return;
  arena_free(p->arena);
  free(p->dir);
  free(p);
}

void
pki_freep(struct pki **pp)
{
  pki_free(*pp);
}

struct span
pki_ca(const struct pki *p)
{
  return p->ca.cert;
}

struct span
pki_server_cert(const struct pki *p)
{
  return p->server.cert;
}

struct span
pki_server_key(const struct pki *p)
{
  return p->server.key;
}

struct span
pki_admin_cert(const struct pki *p)
{
  return p->admin.cert;
}

struct span
pki_admin_key(const struct pki *p)
{
  return p->admin.key;
}

struct span
pki_sa_key(const struct pki *p)
{
  return p->sa_key;
}

int
pki_issue(const struct pki *p, struct arena *a, const char *name, const char *const *groups, size_t n_groups,
          struct span *ret_cert, struct span *ret_key, struct kerr *reterr)
{
  struct cert_request req = { .use = CERT_CLIENT, .name = name, .groups = groups, .n_groups = n_groups };
  struct pair pair = { 0 };
  int r = make(p, a, &req, PKI_LEAF_DAYS, &pair, reterr);

  if (r < 0)
    return r;
  *ret_cert = pair.cert;
  *ret_key = pair.key;
  return 0;
}
