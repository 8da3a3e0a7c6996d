#include "hook_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fs.h"
#include "pki.h"

static void
serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct hook_server *h = (struct hook_server *)x;

  *ret = (struct exchange_answer){ .status = 200, .content_type = "application/json" };
  atomic_fetch_add(&h->calls, 1);
  h->answer(h, req, ret);
}

static struct pki *
make_pki(struct hook_server *h, const char *name)
{
  static const char *const hosts[] = { HOOK_SERVICE };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_free_ char *dir = mem_printf("%s/%s", h->dir, name);
  struct pki *ret = NULL;

  if (pki_open(&(struct pki_config){ .dir = dir, .clock = h->clock, .hosts = hosts, .n_hosts = 1 }, &ret, &err) < 0)
    fail_msg("%s", err.msg);
  return ret;
}

static char *
base64(struct span s)
{
  struct strbuf b = STRBUF_INIT(64 * 1024);

  codec_base64(&b, s);
  return strbuf_take(&b, NULL);
}

void
hook_server_start(struct hook_server *h, struct clock *clock, bool plain, hook_answer_fn *answer, void *payload)
{
  static const struct exchange_ops ops = { .serve = serve };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct http_config config = { .exchange = &h->exchange, .clock = clock };

  *h = (struct hook_server){
    .exchange.ops = &ops, .clock = clock, .answer = answer, .payload = payload, .dir = "/tmp/dralab-hook-XXXXXX"
  };
  assert_non_null(mkdtemp(h->dir));
  h->pki = make_pki(h, "pki");
  h->stranger = make_pki(h, "stranger");
  h->ca = base64(pki_ca(h->pki));
  h->wrong_ca = base64(pki_ca(h->stranger));
  if (!plain) {
    config.cert = pki_server_cert(h->pki);
    config.key = pki_server_key(h->pki);
  }
  if (http_server_new(&config, &h->http, &err) < 0)
    fail_msg("%s", err.msg);
  h->port = http_server_port(h->http);
}

void
hook_server_stop(struct hook_server *h)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  http_server_free(h->http, 0);
  pki_free(h->pki);
  pki_free(h->stranger);
  assert_int_equal(fs_remove_tree(h->dir, &err), 0);
  free(h->ca);
  free(h->wrong_ca);
}
