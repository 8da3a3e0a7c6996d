/*
 * pki - the cluster's own certificates and keys, made once and read back.
 *
 *   DIR/ca.crt, ca.key               the authority; ten years
 *   DIR/apiserver.crt, apiserver.key what the server shows; one year, renewed
 *   DIR/admin.crt, admin.key         the user of kubeconfig: kubernetes-admin in system:masters
 *   DIR/sa.key, sa.pub               signs service account tokens (ES256)
 *
 * Names as kubeadm's. All keys are EC P-256: made in less than a millisecond
 * each. Other certificates (of components and nodes) are made on request and
 * not kept.
 *
 * Opening renews what expires within PKI_RENEW_DAYS, and the server's
 * certificate also when it does not name every host that is wanted. An
 * authority that has expired is replaced, and all below it; its key, or the
 * service account key, is never replaced while it can be read, since others
 * trust it.
 *
 * Threads: constant after opening; pki_issue is safe from any thread.
 */
#ifndef APISERVER_PKI_H
#define APISERVER_PKI_H

#include "clock.h"
#include "kerr.h"
#include "span.h"

#define PKI_CA_DAYS    3650
#define PKI_LEAF_DAYS  365
#define PKI_RENEW_DAYS 30
#define PKI_HOSTS_MAX  64

struct pki;

struct pki_config {
  const char *dir; /* made when absent */
  struct clock *clock;
  const char *const *hosts; /* further names and addresses of the server, beside localhost and the service's */
  size_t n_hosts;
};

/* KERR_IO: the folder; KERR_PARSE: a file in it that is not what its name says (it is left alone). */
_must_check_ int pki_open(const struct pki_config *config, struct pki **ret, struct kerr *reterr);
void pki_free(struct pki *p);
void pki_freep(struct pki **pp);

/* PEM; borrowed. */
struct span pki_ca(const struct pki *p);
struct span pki_server_cert(const struct pki *p);
struct span pki_server_key(const struct pki *p);
struct span pki_admin_cert(const struct pki *p);
struct span pki_admin_key(const struct pki *p);
struct span pki_sa_key(const struct pki *p);

/* A client certificate for `name` in `groups`; PEM in the arena. KERR_INTERNAL. */
_must_check_ int pki_issue(const struct pki *p, struct arena *a, const char *name, const char *const *groups,
                           size_t n_groups, struct span *ret_cert, struct span *ret_key, struct kerr *reterr);

#endif
