#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libgen.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "etcd_client.h"
#include "etcd_message.h"
#include "etcd_server.h"
#include "fs.h"
#include "pki.h"
#include "store_contract.h"
#include "store_fault.h"
#include "store_trace.h"
#include "thread.h"

/* -- the contract: an etcd per test, which stays when the store is opened again -- */

static struct etcd_server *contract_server; /* of the test that runs */

static struct store *
open_on(const char *endpoint, const struct store_config *config)
{
  struct store_config etcd = *config;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s = NULL;

  etcd.backend = "etcd";
  etcd.etcd.endpoints = endpoint;
  etcd.etcd.codec = &etcd_test_codec;
  if (store_open(&etcd, &s, &err) < 0)
    fail_msg("%s", err.msg);
  return s;
}

static struct store *
open_etcd(const struct store_config *config)
{
  _cleanup_free_ char *path = mem_strdup(config->path);

  if (!contract_server)
    contract_server = etcd_server_start(dirname(path), "etcd");
  return open_on(etcd_server_endpoint(contract_server), config);
}

static void
stop_etcd(const struct store_config *config)
{
  (void)config;
  etcd_server_kill(steal_pointer(&contract_server));
}

static struct store *
open_decorated(const struct store_config *config)
{
  return store_trace_new(store_fault_new(open_etcd(config), config->clock), NULL);
}

/* -- what only an etcd has: other clients, a life of its own -- */

struct fixture {
  char dir[64];
  struct etcd_server *server;
  struct clock *clock;
  struct store_config config;
  struct store *s;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);

  (void)snprintf(f->dir, sizeof f->dir, "/tmp/dralab-etcd-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->clock = clock_new_real();
  f->config.clock = f->clock;
  f->server = etcd_server_start(f->dir, "etcd");
  f->s = open_on(etcd_server_endpoint(f->server), &f->config);
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  store_free(f->s);
  etcd_server_kill(f->server);
  clock_free(f->clock);
  assert_int_equal(fs_remove_tree(f->dir, &err), 0);
  free(f);
  return 0;
}

static int
try_put(struct store *s, const char *key, const char *text, int64_t old_rev, int64_t *ret_rev)
{
  _cleanup_record_ struct record *r = record_new(span_of(key), 0, span_of(text), 0);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  return store_cas(s, span_of(key), r, old_rev, ret_rev, &err);
}

static int64_t
put(struct store *s, const char *key, const char *text, int64_t old_rev)
{
  int64_t rev = -1;

  assert_int_equal(try_put(s, key, text, old_rev, &rev), 0);
  return rev;
}

/* What `key` is at `at_rev`; "-" when it is not there. */
static void
expect(struct store *s, const char *key, int64_t at_rev, const char *want)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int got = store_get(s, span_of(key), at_rev, &r, &err);

  if (got < 0 && err.code != KERR_NOT_FOUND)
    fail_msg("%s: %s", key, err.msg);
  if (got < 0)
    assert_string_equal(want, "-");
  else
    assert_true(span_is(record_bytes(r), want));
}

/* A watch that counts. */
struct seen {
  pthread_mutex_t lock;
  pthread_cond_t more;
  size_t created, modified, deleted;
  int64_t last;
  bool one_revision, lost; /* one_revision: all deletions were of one */
};

static void
look(void *payload, const struct store_event *events, size_t n)
{
  struct seen *l = payload;

  pthread_mutex_lock(&l->lock);
  l->lost = l->lost || n == 0;
  for (size_t i = 0; i < n; i++) {
    l->created += events[i].type == STORE_CREATED;
    l->modified += events[i].type == STORE_MODIFIED;
    if (events[i].type == STORE_DELETED) {
      l->one_revision = l->deleted == 0 || (l->one_revision && l->last == events[i].revision);
      l->deleted++;
    }
    l->last = events[i].revision;
  }
  pthread_cond_broadcast(&l->more);
  pthread_mutex_unlock(&l->lock);
}

static struct store_watch *
watch(struct store *s, struct seen *l, int64_t from)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_watch *w;

  *l = (struct seen){ .lost = false };
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->more, NULL);
  assert_int_equal(store_watch(s, SPAN("/"), from, look, l, &w, &err), 0);
  return w;
}

/* Waits until so much has been seen; the limit is for a test that is about to fail. */
static void
wait_for(struct seen *l, size_t created, size_t deleted, bool lost)
{
  struct timespec until;
  bool there;

  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 60;
  pthread_mutex_lock(&l->lock);
  while (!(there = l->created >= created && l->deleted >= deleted && l->lost >= lost))
    if (pthread_cond_timedwait(&l->more, &l->lock, &until) != 0)
      break;
  pthread_mutex_unlock(&l->lock);
  assert_true(there);
}

static void
two_servers_share_a_store(void **state)
{
  struct fixture *f = *state;
  struct store *other = open_on(etcd_server_endpoint(f->server), &f->config);
  struct seen l;
  struct store_watch *w = watch(other, &l, 0);
  int64_t rev, has = 0;

  for (int i = 0; i < 100; i++) {
    char key[16];

    (void)snprintf(key, sizeof key, "/k%d", i);
    rev = put(f->s, key, "1", 0);
    expect(other, key, 0, "1"); /* at once, although somebody else wrote it */
    put(other, key, "2", rev);
    assert_int_equal(try_put(f->s, key, "3", rev, &has), -KERR_CONFLICT);
    assert_true(has == rev + 1);
    expect(f->s, key, STORE_CACHED, "2"); /* whoever lost knows why */
  }
  wait_for(&l, 100, 0, false);
  assert_true(store_revision(f->s) == 201);
  store_watch_free(other, w);
  store_free(other);
}

/* Asks etcd as somebody else would. */
static void
ask_behind(const struct fixture *f, const char *path, const struct strbuf *request, struct strbuf *answer)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct etcd_client *c;

  assert_int_equal(
      etcd_client_new(&(struct etcd_client_config){ .endpoints = etcd_server_endpoint(f->server) }, &c, &err), 0);
  if (etcd_call(c, &(struct etcd_ask){ .path = path, .request = strbuf_view(request) }, answer, &err) < 0)
    fail_msg("%s", err.msg);
  etcd_client_free(c);
}

static void
put_behind(const struct fixture *f, struct span key, struct span value, int64_t lease)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(1000), answer = STRBUF_INIT(1000);

  etcd_put_write(&request, &(struct etcd_write){ .key = key, .value = value, .lease = lease });
  ask_behind(f, ETCD_TXN, &request, &answer);
}

static void
what_is_not_ours_is_left_alone(void **state)
{
  struct fixture *f = *state;
  struct store_range all = { .prefix = SPAN("/") };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_list l;
  int64_t has = 0;

  put(f->s, "/a", "1", 0);
  put_behind(f, SPAN("somebody else's"), SPAN("key"), 0);
  put_behind(f, SPAN("/unreadable"), SPAN("value"), 0);
  put(f->s, "/b", "1", 0);
  assert_int_equal(store_list(f->s, &all, &l, &err), 0);
  assert_int_equal(l.n, 2);
  assert_true(l.revision == 5); /* counted all the same */
  store_list_release(&l);
  expect(f->s, "/a", 3, "1"); /* a revision of which nothing is ours */
  assert_int_equal(try_put(f->s, "/unreadable", "x", 0, &has), -KERR_ALREADY_EXISTS);
  assert_true(has == 4);
}

static void
leases_end_many_keys_at_once(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(100), answer = STRBUF_INIT(1000);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct seen l;
  struct store_watch *w = watch(f->s, &l, 0);
  int64_t lease;

  etcd_put_lease(&request, 1);
  ask_behind(f, ETCD_LEASE, &request, &answer);
  assert_int_equal(etcd_read_lease(strbuf_view(&answer), &lease, &err), 0);
  put_behind(f, SPAN("/a"), SPAN("0:x"), lease);
  put_behind(f, SPAN("/b"), SPAN("0:x"), lease);
  put_behind(f, SPAN("/c"), SPAN("0:x"), lease);
  put(f->s, "/stays", "1", 0);
  wait_for(&l, 4, 3, false);
  assert_true(l.one_revision); /* all three of one revision, and none was missed */
  expect(f->s, "/b", 0, "-");
  store_watch_free(f->s, w);
  expect(f->s, "/b", l.last - 1, "x");
  expect(f->s, "/stays", 0, "1");
  assert_true(put(f->s, "/after", "1", 0) == l.last + 1);
}

static void
what_is_mortal_goes(void **state)
{
  struct fixture *f = *state;
  struct seen l;
  struct store_watch *w = watch(f->s, &l, 0);

  put(f->s, "/mortal/a", "1", 0); /* the codec gives it a second */
  wait_for(&l, 1, 1, false);
  expect(f->s, "/mortal/a", 0, "-");
  store_watch_free(f->s, w);
}

/* -- an etcd that dies -- */

struct writer {
  struct store *s;
  int id;
  _Atomic bool stop;
  _Atomic int acknowledged; /* keys /ID/0 ... were answered with success or said to be there */
};

/* Counts up; goes on with the same key until it knows that it is written. */
static void *
write_on(void *arg)
{
  struct writer *w = arg;

  while (!atomic_load(&w->stop)) {
    char key[32];
    int r;

    (void)snprintf(key, sizeof key, "/%d/%05d", w->id, atomic_load(&w->acknowledged));
    r = try_put(w->s, key, "x", 0, NULL);
    if (r == 0 || r == -KERR_ALREADY_EXISTS) /* an answer that was lost */
      atomic_fetch_add(&w->acknowledged, 1);
  }
  return NULL;
}

#define WRITERS 4

static void
nothing_acknowledged_is_lost(void **state)
{
  struct fixture *f = *state;
  struct writer writers[WRITERS] = { 0 };
  pthread_t threads[WRITERS];
  int before = 0;

  for (int i = 0; i < WRITERS; i++) {
    writers[i].s = f->s;
    writers[i].id = i;
    thread_start(&threads[i], "writer", write_on, &writers[i]);
  }
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 3000 && atomic_load(&writers[0].acknowledged) < before + 30; i++)
      usleep(10000);
    assert_true(atomic_load(&writers[0].acknowledged) >= before + 30);
    etcd_server_kill(f->server); /* SIGKILL, with writes under way */
    f->server = etcd_server_start(f->dir, "etcd");
    before = atomic_load(&writers[0].acknowledged);
  }
  for (int i = 0; i < 3000 && atomic_load(&writers[0].acknowledged) < before + 30; i++)
    usleep(10000);
  for (int i = 0; i < WRITERS; i++)
    atomic_store(&writers[i].stop, true);
  for (int i = 0; i < WRITERS; i++) {
    struct store_range range = { .prefix = span_of((const char *[]){ "/0/", "/1/", "/2/", "/3/" }[i]) };
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct store_list l;

    pthread_join(threads[i], NULL);
    assert_int_equal(store_list(f->s, &range, &l, &err), 0);
    assert_true((int)l.n >= atomic_load(&writers[i].acknowledged)); /* keys are dense: as many, so these */
    store_list_release(&l);
  }
}

static void
watches_survive_a_restart(void **state)
{
  struct fixture *f = *state;
  struct seen l;
  struct store_watch *w = watch(f->s, &l, 0);

  put(f->s, "/a", "1", 0);
  etcd_server_kill(f->server);
  expect(f->s, "/a", STORE_CACHED, "1"); /* while nobody answers */
  f->server = etcd_server_start(f->dir, "etcd");
  expect(f->s, "/a", 0, "1");
  put(f->s, "/b", "1", 0);
  wait_for(&l, 2, 0, false);
  assert_false(l.lost);
  assert_true(store_compacted(f->s) == 1);
  store_watch_free(f->s, w);
}

static void
compacted_while_away(void **state)
{
  struct fixture *f = *state;
  struct seen l;
  struct store_watch *w = watch(f->s, &l, 0), *again;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *other;
  int64_t rev = put(f->s, "/a", "1", 0);

  wait_for(&l, 1, 0, false);
  etcd_server_kill(f->server);
  f->server = etcd_server_start(f->dir, "elsewhere"); /* where the store does not look */
  other = open_on(etcd_server_endpoint(f->server), &f->config);
  rev = put(other, "/a", "2", rev);
  rev = put(other, "/a", "3", rev);
  rev = put(other, "/b", "1", 0);
  assert_int_equal(store_compact(other, rev, &err), 0);
  store_free(other);
  etcd_server_kill(f->server);
  f->server = etcd_server_start(f->dir, "etcd");
  wait_for(&l, 1, 0, true); /* the watch is told that it has missed something */
  expect(f->s, "/a", 0, "3");
  expect(f->s, "/b", 0, "1");
  assert_int_equal(store_watch(f->s, SPAN("/"), 2, look, &l, &again, &err), -KERR_EXPIRED);
  assert_true(store_compacted(f->s) == rev);
  store_watch_free(f->s, w);
}

static void
put_back_from_an_older_state(void **state)
{
  struct fixture *f = *state;
  _cleanup_free_ char *data = mem_printf("%s/data", f->dir);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct seen l;
  struct store_watch *w = watch(f->s, &l, 0);

  put(f->s, "/a", "1", put(f->s, "/a", "1", 0));
  etcd_server_kill(f->server);
  assert_int_equal(fs_remove_tree(data, &err), 0);
  f->server = etcd_server_start(f->dir, "etcd");
  wait_for(&l, 1, 0, true);
  expect(f->s, "/a", 0, "-");
  assert_true(put(f->s, "/b", "1", 0) == 2);
  store_watch_free(f->s, w);
}

/* -- TLS, and wrong configurations -- */

static void
over_tls(void **state)
{
  struct fixture *f = *state;
  _cleanup_free_ char *dir = mem_printf("%s/tls", f->dir), *keys = mem_printf("%s/pki", f->dir);
  struct pki_config config = { .dir = keys, .clock = f->clock };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct etcd_server *server;
  struct store_config tls = f->config;
  struct store *s;
  struct pki *pki;

  assert_int_equal(fs_mkdirs(dir, 0700, &err), 0);
  assert_int_equal(pki_open(&config, &pki, &err), 0);
  server = etcd_server_start_tls(dir, keys);
  tls.etcd.ca = pki_ca(pki);
  tls.etcd.cert = pki_admin_cert(pki);
  tls.etcd.key = pki_admin_key(pki);
  s = open_on(etcd_server_endpoint(server), &tls);
  put(s, "/a", "1", 0);
  expect(s, "/a", 0, "1");
  store_free(s);
  etcd_server_kill(server);
  pki_free(pki);
}

static void
wrong_configurations(void **state)
{
  static const struct {
    const char *endpoints;
    struct span ca;
    enum kerr_code code;
    const char *text;
  } rows[] = {
    { "", { "", 0 }, KERR_USAGE, "'' is not an endpoint of etcd: like https://HOST:PORT" },
    { "127.0.0.1:2379", { "", 0 }, KERR_USAGE, "'127.0.0.1:2379' is not an endpoint" },
    { "ftp://x:1", { "", 0 }, KERR_USAGE, "'ftp://x:1' is not an endpoint" },
    { "http://", { "", 0 }, KERR_USAGE, "'http://' is not an endpoint" },
    { "http://x:port", { "", 0 }, KERR_USAGE, "'http://x:port' is not an endpoint" },
    { "http://[::1", { "", 0 }, KERR_USAGE, "'http://[::1' is not an endpoint" },
    { "http://x:1/path", { "", 0 }, KERR_USAGE, "'http://x:1/path' is not an endpoint" },
    { "unix://relative", { "", 0 }, KERR_USAGE, "'unix://relative' is not an endpoint" },
    { "http://a:1,", { "", 0 }, KERR_USAGE, "'' is not an endpoint" },
    { "https://a:1,http://b:1", { "", 0 }, KERR_USAGE, "all https, or none" },
    { "https://a:1", { "no PEM", 6 }, KERR_INVALID, "certificate authority" },
    { NULL, { "", 0 }, KERR_USAGE, "needs endpoints" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct clock *clock = clock_new_real();
    struct store_config config = { .backend = "etcd", .clock = clock };
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct store *s = NULL;

    config.etcd.endpoints = rows[i].endpoints;
    config.etcd.ca = rows[i].ca;
    config.etcd.codec = &etcd_test_codec;
    assert_int_equal(store_open(&config, &s, &err), -(int)rows[i].code);
    if (!strstr(err.msg, rows[i].text))
      fail_msg("row %zu: '%s'", i, err.msg);
    assert_null(s);
    clock_free(clock);
  }
}

int
main(void)
{
  static const struct store_contract
      contract = { .name = "etcd", .durable = true, .open = open_etcd, .cleanup = stop_etcd },
      decorated = { .name = "trace(fault(etcd))", .durable = true, .open = open_decorated, .cleanup = stop_etcd };
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(two_servers_share_a_store),
    TEST(what_is_not_ours_is_left_alone),
    TEST(leases_end_many_keys_at_once),
    TEST(what_is_mortal_goes),
    TEST(nothing_acknowledged_is_lost),
    TEST(watches_survive_a_restart),
    TEST(compacted_while_away),
    TEST(put_back_from_an_older_state),
    TEST(over_tls),
    cmocka_unit_test(wrong_configurations),
  };
  int failed;

  if (etcd_server_missing())
    return 77;
  failed = cmocka_run_group_tests_name("store in etcd", tests, NULL, NULL);
  failed += store_contract_run(&contract);
  return failed + store_contract_run(&decorated);
}
