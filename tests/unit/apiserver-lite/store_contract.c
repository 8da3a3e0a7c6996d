#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "fs.h"
#include "store_contract.h"
#include "store_status.h"
#include "thread.h"

struct fixture {
  const struct store_contract *contract;
  char dir[64];
  char *path;
  struct clock *clock;
  struct store_config config;
  struct store *s;
};

static void
reopen(struct fixture *f)
{
  store_free(f->s);
  f->s = f->contract->open(&f->config);
}

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);

  f->contract = *state;
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/dralab-store-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->path = mem_printf("%s/state.db", f->dir);
  f->clock = clock_new_virtual(1000 * CLOCK_SEC);
  f->config = (struct store_config){ .path = f->path, .clock = f->clock };
  reopen(f);
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  store_free(f->s);
  if (f->contract->cleanup)
    f->contract->cleanup(&f->config);
  clock_free(f->clock);
  assert_int_equal(fs_remove_tree(f->dir, &err), 0);
  free(f->path);
  free(f);
  return 0;
}

/* -- one line for one step -- */

static int64_t
put(struct store *s, const char *key, const char *text, int64_t old_rev)
{
  _cleanup_record_ struct record *r = record_new(span_of(key), 0, span_of(text), RECORD_NO_STAMP);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t rev = -1;

  if (store_cas(s, span_of(key), r, old_rev, &rev, &err) < 0)
    fail_msg("put %s: %s", key, err.msg);
  assert_int_equal(err.code, KERR_OK);
  assert_true(record_revision(r) == rev);
  return rev;
}

static int64_t
del(struct store *s, const char *key, int64_t old_rev)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t rev = -1;

  if (store_cas(s, span_of(key), NULL, old_rev, &rev, &err) < 0)
    fail_msg("delete %s: %s", key, err.msg);
  return rev;
}

/* The cas must fail with `code`, and say that the key is at `has`. */
static void
refused(struct store *s, const char *key, const char *text, int64_t old_rev, enum kerr_code code, int64_t has)
{
  _cleanup_record_ struct record *r = text ? record_new(span_of(key), 0, span_of(text), RECORD_NO_STAMP) : NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t rev = -1;

  assert_int_equal(store_cas(s, span_of(key), r, old_rev, &rev, &err), -(int)code);
  assert_int_equal(err.code, code);
  assert_true(rev == has);
}

static void
expect(struct store *s, const char *key, int64_t at_rev, const char *want)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int got = store_get(s, span_of(key), at_rev, &r, &err);

  if (!want) {
    assert_int_equal(got, -KERR_NOT_FOUND);
    return;
  }
  if (got < 0)
    fail_msg("get %s: %s", key, err.msg);
  assert_true(span_is(record_bytes(r), want));
  assert_true(span_is(record_key(r), key));
}

static void
expect_error(struct store *s, const char *key, int64_t at_rev, enum kerr_code code)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_range range = { .prefix = span_of(key), .at_rev = at_rev };
  struct store_list l = { 0 };

  assert_int_equal(store_get(s, span_of(key), at_rev, &r, &err), -(int)code);
  kerr_release(&err);
  assert_int_equal(store_list(s, &range, &l, &err), -(int)code);
}

/* Lists, and compares with "key=value key=value", the number left, and the revision. */
static void
expect_list(struct store *s, struct store_range range, const char *want, int64_t remaining, int64_t revision)
{
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_list l;

  strbuf_init(&b, 1 << 20);
  if (store_list(s, &range, &l, &err) < 0)
    fail_msg("list: %s", err.msg);
  for (size_t i = 0; i < l.n; i++) {
    if (i)
      strbuf_putc(&b, ' ');
    strbuf_span(&b, record_key(l.items[i]));
    strbuf_putc(&b, '=');
    strbuf_span(&b, record_bytes(l.items[i]));
  }
  strbuf_putc(&b, '\0');
  assert_string_equal(b.p, want);
  assert_true(l.more == (remaining > 0));
  assert_true(l.remaining == remaining);
  assert_true(l.revision == revision);
  store_list_release(&l);
}

/* -- a watch that remembers -- */

struct log_watch {
  struct store *s;
  struct store_watch *w;
  pthread_mutex_t lock;
  pthread_cond_t more;
  struct strbuf text; /* "+/a=1@2 ~/a=2(1)@3 -/a=2(2)@4 !" */
  size_t n;
  int64_t last;
  bool in_order, lost;
};

static void
remember(void *payload, const struct store_event *events, size_t n)
{
  struct log_watch *l = payload;

  pthread_mutex_lock(&l->lock);
  if (n == 0)
    l->lost = true;
  for (size_t i = 0; i < n; i++) {
    const struct store_event *e = &events[i];

    l->in_order = l->in_order && e->revision > l->last && record_revision(e->record) == e->revision;
    l->last = e->revision;
    if (l->n < 100) {
      strbuf_printf(&l->text, "%s%c%.*s=%.*s", l->n ? " " : "", "+~-"[e->type], SPAN_FMT(record_key(e->record)),
                    SPAN_FMT(record_bytes(e->record)));
      if (e->old)
        strbuf_printf(&l->text, "(%.*s)", SPAN_FMT(record_bytes(e->old)));
      strbuf_printf(&l->text, "@%lld", (long long)e->revision);
    }
    l->n++;
  }
  pthread_cond_broadcast(&l->more);
  pthread_mutex_unlock(&l->lock);
}

static void
watch_start(struct log_watch *l, struct store *s, const char *prefix, int64_t from)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *l = (struct log_watch){ .s = s, .in_order = true };
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->more, NULL);
  strbuf_init(&l->text, 1 << 20);
  if (store_watch(s, span_of(prefix), from, remember, l, &l->w, &err) < 0)
    fail_msg("watch: %s", err.msg);
}

/* Until `n` events are there. The time limit is for a test that is about to fail. */
static void
watch_wait(struct log_watch *l, size_t n)
{
  struct timespec until;
  bool enough;

  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 30;
  pthread_mutex_lock(&l->lock);
  while (l->n < n && !l->lost)
    if (pthread_cond_timedwait(&l->more, &l->lock, &until) != 0)
      break;
  enough = l->n >= n;
  pthread_mutex_unlock(&l->lock);
  assert_true(enough);
}

static void
watch_stop(struct log_watch *l, const char *want)
{
  store_watch_free(l->s, l->w);
  if (want) {
    strbuf_putc(&l->text, '\0');
    assert_string_equal(l->text.p, want);
  }
  assert_true(l->in_order);
  strbuf_release(&l->text);
  pthread_cond_destroy(&l->more);
  pthread_mutex_destroy(&l->lock);
}

/* -- the suite -- */

static void
empty_store(void **state)
{
  struct fixture *f = *state;

  assert_true(store_revision(f->s) == 1);
  expect(f->s, "/a", 0, NULL);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/") }, "", 0, 1);
  refused(f->s, "/a", NULL, 0, KERR_NOT_FOUND, 0);
  refused(f->s, "/a", NULL, 7, KERR_NOT_FOUND, 0);
  refused(f->s, "/a", "x", 7, KERR_NOT_FOUND, 0);
  assert_true(store_revision(f->s) == 1);
}

static void
life_of_a_key(void **state)
{
  struct fixture *f = *state;
  int64_t r1 = put(f->s, "/a", "1", 0), r2, r3;

  assert_true(r1 == 2);
  expect(f->s, "/a", 0, "1");
  refused(f->s, "/a", "2", 0, KERR_ALREADY_EXISTS, r1);
  refused(f->s, "/a", "2", r1 + 1, KERR_CONFLICT, r1);
  refused(f->s, "/a", NULL, r1 + 1, KERR_CONFLICT, r1);
  r2 = put(f->s, "/a", "2", r1);
  assert_true(r2 == r1 + 1);
  expect(f->s, "/a", 0, "2");
  refused(f->s, "/a", "3", r1, KERR_CONFLICT, r2);
  r3 = del(f->s, "/a", r2);
  assert_true(r3 == r2 + 1);
  expect(f->s, "/a", 0, NULL);
  refused(f->s, "/a", "3", r2, KERR_NOT_FOUND, 0);
  assert_true(put(f->s, "/a", "4", 0) == r3 + 1);
  assert_true(store_revision(f->s) == r3 + 1);
}

static void
the_past_can_be_read(void **state)
{
  struct fixture *f = *state;
  int64_t r1 = put(f->s, "/a", "1", 0), r2 = put(f->s, "/b", "1", 0), r3 = put(f->s, "/a", "2", r1),
          r4 = del(f->s, "/b", r2);

  expect(f->s, "/a", r1, "1");
  expect(f->s, "/b", r1, NULL);
  expect(f->s, "/a", r2, "1");
  expect(f->s, "/a", r3, "2");
  expect(f->s, "/b", r3, "1");
  expect(f->s, "/b", r4, NULL);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/"), .at_rev = r1 }, "/a=1", 0, r1);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/"), .at_rev = r3 }, "/a=2 /b=1", 0, r3);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/") }, "/a=2", 0, r4);
  expect_error(f->s, "/a", r4 + 1, KERR_TIMEOUT);
}

static void
bytes_are_exact(void **state)
{
  struct fixture *f = *state;
  _cleanup_free_ char *big = mem_alloc(3 << 20);
  _cleanup_record_ struct record *in = NULL, *out = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t rev;

  for (size_t i = 0; i < (3 << 20); i++)
    big[i] = (char)(i * 31 + (i >> 8));
  in = record_new(SPAN("/k\0with nul"), 0, span_make(big, 3 << 20), 12345);
  assert_int_equal(store_cas(f->s, record_key(in), in, 0, &rev, &err), 0);
  if (f->contract->durable)
    reopen(f);
  assert_int_equal(store_get(f->s, SPAN("/k\0with nul"), 0, &out, &err), 0);
  assert_true(span_eq(record_bytes(out), span_make(big, 3 << 20)));
  assert_true(span_eq(record_key(out), SPAN("/k\0with nul")));
  assert_true(record_stamp_at(out) == 12345);
  assert_true(record_revision(out) == rev);
  record_unref(out);
  out = record_new(SPAN("/empty"), 0, SPAN(""), RECORD_NO_STAMP);
  assert_int_equal(store_cas(f->s, SPAN("/empty"), out, 0, &rev, &err), 0);
  if (f->contract->durable)
    reopen(f);
  expect(f->s, "/empty", 0, "");
}

static void
lists_by_prefix_and_page(void **state)
{
  struct fixture *f = *state;
  static const char *const keys[] = { "/p/b/2", "/p/a/1", "/pq/x", "/p/b/1", "/p", "/o/z", "/p/c", "/p/\xff\xff" };
  int64_t rev = 0;

  for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
    rev = put(f->s, keys[i], "v", 0);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/") }, "/p/a/1=v /p/b/1=v /p/b/2=v /p/c=v /p/\xff\xff=v", 0,
              rev);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/b/") }, "/p/b/1=v /p/b/2=v", 0, rev);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .limit = 2 }, "/p/a/1=v /p/b/1=v", 3, rev);
  del(f->s, "/p/b/2", rev - 7);
  /* The next page is of the same revision, whatever has happened since. */
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .limit = 2, .after = SPAN("/p/b/1"), .at_rev = rev },
              "/p/b/2=v /p/c=v", 1, rev);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .limit = 2, .after = SPAN("/p/b/1") },
              "/p/c=v /p/\xff\xff=v", 0, rev + 1);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .after = SPAN("/p/zzz"), .at_rev = rev },
              "/p/\xff\xff=v", 0, rev);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .after = SPAN("/z") }, "", 0, rev + 1);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .after = SPAN("/a"), .limit = 1 }, "/p/a/1=v", 3,
              rev + 1);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/p/"), .limit = 4 }, "/p/a/1=v /p/b/1=v /p/c=v /p/\xff\xff=v",
              0, rev + 1);
}

static void
list_survives_later_writes(void **state)
{
  struct fixture *f = *state;
  struct store_range range = { .prefix = SPAN("/") };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_list l;
  int64_t rev = put(f->s, "/a", "old", 0);

  assert_int_equal(store_list(f->s, &range, &l, &err), 0);
  del(f->s, "/a", put(f->s, "/a", "new", rev));
  assert_int_equal(l.n, 1);
  assert_true(span_is(record_bytes(l.items[0]), "old"));
  store_list_release(&l);
}

static void
watch_from_now(void **state)
{
  struct fixture *f = *state;
  struct log_watch l;
  int64_t a = put(f->s, "/w/a", "1", 0);

  watch_start(&l, f->s, "/w/", 0);
  put(f->s, "/v/other", "x", 0);
  a = put(f->s, "/w/a", "2", a);
  put(f->s, "/w", "not below it", 0);
  del(f->s, "/w/a", a);
  put(f->s, "/w/b", "1", 0);
  watch_wait(&l, 3);
  watch_stop(&l, "~/w/a=2(1)@4 -/w/a=2(2)@6 +/w/b=1@7");
}

static void
watch_from_a_revision(void **state)
{
  struct fixture *f = *state;
  struct log_watch l;
  int64_t a = put(f->s, "/a", "1", 0), b = put(f->s, "/b", "1", 0);

  del(f->s, "/b", b);
  put(f->s, "/a", "2", a);
  watch_start(&l, f->s, "/", a);
  put(f->s, "/c", "1", 0);
  watch_wait(&l, 4);
  watch_stop(&l, "+/b=1@3 -/b=1(1)@4 ~/a=2(1)@5 +/c=1@6");
  watch_start(&l, f->s, "/", 1);
  watch_wait(&l, 5);
  watch_stop(&l, "+/a=1@2 +/b=1@3 -/b=1(1)@4 ~/a=2(1)@5 +/c=1@6");
  watch_start(&l, f->s, "/", 8); /* not reached yet: what comes before is not shown */
  put(f->s, "/d", "7", 0);
  put(f->s, "/d8", "8", 0);
  put(f->s, "/d9", "9", 0);
  watch_wait(&l, 1);
  watch_stop(&l, "+/d9=9@9");
}

static void
history_is_bounded_by_count(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_watch *w;
  int64_t rev = 0;

  f->config.history_count = 50;
  reopen(f);
  for (int i = 0; i < 200; i++)
    rev = put(f->s, "/a", "x", rev);
  put(f->s, "/b", "x", 0);
  assert_true(store_revision(f->s) - store_compacted(f->s) <= 100);
  assert_true(store_compacted(f->s) >= rev - 100);
  expect_error(f->s, "/a", 2, KERR_EXPIRED);
  expect(f->s, "/a", store_compacted(f->s), "x");
  expect(f->s, "/a", 0, "x");
  assert_int_equal(store_watch(f->s, SPAN("/"), 2, remember, NULL, &w, &err), -KERR_EXPIRED);
}

static void
history_is_bounded_by_bytes(void **state)
{
  struct fixture *f = *state;
  _cleanup_free_ char *text = mem_alloc(10001);
  int64_t rev = 0;

  memset(text, 'x', 10000);
  f->config.history_bytes = 1000 * 1000;
  reopen(f);
  for (int i = 0; i < 300; i++)
    rev = put(f->s, "/a", text, rev);
  assert_true(store_memory(f->s) < 3 * 1000 * 1000);
  expect_error(f->s, "/a", 2, KERR_EXPIRED);
  expect(f->s, "/a", rev - 10, text);
}

static void
history_is_bounded_by_age(void **state)
{
  struct fixture *f = *state;
  struct log_watch l;
  int64_t rev = put(f->s, "/a", "1", 0);

  watch_start(&l, f->s, "/", 0); /* from now on time passes for the store by itself */
  rev = put(f->s, "/a", "2", rev);
  clock_advance(f->clock, STORE_HISTORY_AGE / 2);
  rev = put(f->s, "/a", "3", rev);
  watch_wait(&l, 2);
  expect(f->s, "/a", 2, "1");
  clock_advance(f->clock, STORE_HISTORY_AGE / 2 + CLOCK_SEC);
  for (int i = 0; i < 3000 && store_compacted(f->s) < 3; i++)
    usleep(10000);
  assert_true(store_compacted(f->s) == 3);
  expect_error(f->s, "/a", 2, KERR_EXPIRED);
  expect(f->s, "/a", 3, "2");
  expect(f->s, "/a", rev, "3");
  watch_stop(&l, NULL);
}

static void
compaction_checks_its_argument(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t rev = put(f->s, "/a", "1", 0);

  rev = put(f->s, "/a", "2", rev);
  assert_int_equal(store_compact(f->s, rev + 1, &err), -KERR_TIMEOUT);
  kerr_release(&err);
  assert_int_equal(store_compact(f->s, rev, &err), 0);
  assert_int_equal(store_compact(f->s, rev, &err), 0);
  expect(f->s, "/a", 0, "2");
  expect(f->s, "/a", rev, "2");
}

/* store_status_compact must refuse `revision` with `code` and these words. */
static void
refuses_to_compact(struct store *s, int64_t revision, enum kerr_code code, const char *words)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_status status;

  assert_int_equal(store_status_compact(s, revision, &status, &err), -(int)code);
  if (!strstr(err.msg, words))
    fail_msg("'%s' instead of '%s'", err.msg, words);
}

static void
expect_status(const struct store_status *status, int64_t revision, int64_t compacted, int64_t keys)
{
  assert_true(status->revision == revision);
  assert_true(status->compacted == compacted);
  assert_true(status->keys == keys);
}

static void
compaction_as_an_operator_asks(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_status status;
  int64_t first = put(f->s, "/a", "1", 0), second = put(f->s, "/a", "2", first), b = put(f->s, "/b", "1", 0), rev;

  assert_int_equal(store_status_read(f->s, &status, &err), 0);
  assert_string_equal(status.backend, f->s->ops->name);
  assert_true(status.revision == b && status.compacted < first && status.keys == 2);
  rev = del(f->s, "/b", b);
  refuses_to_compact(f->s, rev + 1, KERR_BAD_REQUEST, "required revision is a future revision");
  assert_int_equal(store_status_compact(f->s, second, &status, &err), 0);
  expect_status(&status, rev, second, 1);
  refuses_to_compact(f->s, second, KERR_EXPIRED, "required revision has been compacted");
  refuses_to_compact(f->s, first, KERR_EXPIRED, "required revision has been compacted");
  for (int i = 0; i < 2; i++) { /* to the present: once more does no harm */
    assert_int_equal(store_status_compact(f->s, 0, &status, &err), 0);
    expect_status(&status, rev, rev, 1);
  }
  expect(f->s, "/a", first, "1"); /* history in memory goes on answering */
  assert_int_equal(store_shrink(f->s, &err), 0);
  expect(f->s, "/a", 0, "2");
  if (f->contract->durable) {
    reopen(f);
    assert_true(store_floor(f->s) == rev);
    expect_error(f->s, "/a", first, KERR_EXPIRED);
    expect(f->s, "/a", rev, "2");
    expect(f->s, "/b", 0, NULL);
  }
  put(f->s, "/a", "3", second);
}

static void
relaxed_writes(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(store_relax(f->s, true, &err), 0);
  for (int i = 0; i < 20; i++) {
    char key[16];

    (void)snprintf(key, sizeof key, "/%02d", i);
    put(f->s, key, "x", 0);
  }
  assert_int_equal(store_relax(f->s, false, &err), 0);
  put(f->s, "/last", "x", 0);
  if (f->contract->durable)
    reopen(f);
  expect(f->s, "/00", 0, "x");
  expect(f->s, "/19", 0, "x");
  expect(f->s, "/last", 0, "x");
}

static void
everything_is_there_again(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_watch *w;
  struct log_watch l;
  int64_t a, b, rev;

  a = put(f->s, "/a", "1", 0);
  b = put(f->s, "/b", "1", 0);
  a = put(f->s, "/a", "2", a);
  rev = del(f->s, "/b", b);
  reopen(f);
  assert_true(store_revision(f->s) == rev);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/") }, "/a=2", 0, rev);
  expect(f->s, "/a", 2, "1");
  refused(f->s, "/a", "x", 0, KERR_ALREADY_EXISTS, a);
  watch_start(&l, f->s, "/", 2); /* a client goes on where it was */
  assert_true(put(f->s, "/b", "2", 0) == rev + 1);
  watch_wait(&l, 4);
  watch_stop(&l, "+/b=1@3 ~/a=2(1)@4 -/b=1(1)@5 +/b=2@6");
  assert_int_equal(store_compact(f->s, 5, &err), 0);
  reopen(f);
  assert_true(store_revision(f->s) == 6);
  assert_true(store_compacted(f->s) == 5);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/") }, "/a=2 /b=2", 0, 6);
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/"), .at_rev = 5 }, "/a=2", 0, 5);
  expect_error(f->s, "/a", 4, KERR_EXPIRED);
  assert_int_equal(store_watch(f->s, SPAN("/"), 4, remember, NULL, &w, &err), -KERR_EXPIRED);
  del(f->s, "/a", a);
  kerr_release(&err);
  assert_int_equal(store_compact(f->s, 7, &err), 0);
  reopen(f);
  assert_true(store_revision(f->s) == 7); /* although nothing of revision 7 is left */
  expect_list(f->s, (struct store_range){ .prefix = SPAN("/") }, "/b=2", 0, 7);
  assert_true(put(f->s, "/a", "3", 0) == 8);
}

/* -- many threads -- */

#define WRITERS 8
#define ROUNDS  200

struct writer {
  struct store *s;
  int id;
  int64_t conflicts;
  bool ok;
};

/* Counts up a number that all share, as a client does: read, add one, write if nobody has meanwhile. */
static void *
count_up(void *arg)
{
  struct writer *w = arg;

  w->ok = true;
  for (int done = 0; done < ROUNDS && w->ok;) {
    _cleanup_record_ struct record *now = NULL, *next = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    char text[32];
    int r;

    w->ok = store_get(w->s, SPAN("/n"), 0, &now, &err) == 0;
    if (!w->ok)
      break;
    (void)snprintf(text, sizeof text, "%d", (int)strtol(record_bytes(now).p, NULL, 10) + 1);
    next = record_new(SPAN("/n"), 0, span_of(text), RECORD_NO_STAMP);
    r = store_cas(w->s, SPAN("/n"), next, record_revision(now), NULL, &err);
    if (r == 0)
      done++;
    else if (r == -KERR_CONFLICT)
      w->conflicts++;
    else
      w->ok = false;
  }
  return NULL;
}

static void
no_update_is_lost(void **state)
{
  struct fixture *f = *state;
  struct writer writers[WRITERS];
  pthread_t threads[WRITERS];
  struct log_watch l;
  char want[32];

  put(f->s, "/n", "0", 0);
  watch_start(&l, f->s, "/n", 0);
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){ .s = f->s, .id = i };
    thread_start(&threads[i], "writer", count_up, &writers[i]);
  }
  for (int i = 0; i < WRITERS; i++) {
    pthread_join(threads[i], NULL);
    assert_true(writers[i].ok);
  }
  (void)snprintf(want, sizeof want, "%d", WRITERS * ROUNDS);
  expect(f->s, "/n", 0, want);
  assert_true(store_revision(f->s) == 2 + WRITERS * ROUNDS);
  watch_wait(&l, WRITERS * ROUNDS);
  watch_stop(&l, NULL);
}

/* A list is of one revision: two keys that are always written in turn never differ by more than one. */
static void *
write_in_turn(void *arg)
{
  struct writer *w = arg;
  int64_t rev[2] = { 0, 0 };

  w->ok = true;
  for (int i = 0; i < 2 * ROUNDS && w->ok; i++) {
    const char *key = i % 2 ? "/t/b" : "/t/a";
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    char text[32];
    _cleanup_record_ struct record *r = NULL;

    (void)snprintf(text, sizeof text, "%d", i / 2);
    r = record_new(span_of(key), 0, span_of(text), RECORD_NO_STAMP);
    w->ok = store_cas(w->s, span_of(key), r, rev[i % 2], &rev[i % 2], &err) == 0;
  }
  return NULL;
}

static void
lists_are_of_one_revision(void **state)
{
  struct fixture *f = *state;
  struct writer w = { .s = f->s };
  struct store_range range = { .prefix = SPAN("/t/") };
  pthread_t thread;

  thread_start(&thread, "writer", write_in_turn, &w);
  for (bool done = false; !done;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct store_list l;

    assert_int_equal(store_list(f->s, &range, &l, &err), 0);
    if (l.n == 2) {
      long a = strtol(record_bytes(l.items[0]).p, NULL, 10), b = strtol(record_bytes(l.items[1]).p, NULL, 10);

      assert_true(a == b || a == b + 1);
      assert_true(record_revision(l.items[0]) <= l.revision && record_revision(l.items[1]) <= l.revision);
      done = b == ROUNDS - 1;
    }
    store_list_release(&l);
  }
  pthread_join(thread, NULL);
  assert_true(w.ok);
}

/* Watches come and go while events fly. */
static void *
watch_and_leave(void *arg)
{
  struct writer *w = arg;

  w->ok = true;
  for (int i = 0; i < 50 && w->ok; i++) {
    struct log_watch l;

    watch_start(&l, w->s, "/t/", store_revision(w->s));
    usleep(200);
    store_watch_free(l.s, steal_pointer(&l.w));
    w->ok = l.in_order;
    watch_stop(&l, NULL);
  }
  return NULL;
}

static void
watches_come_and_go(void **state)
{
  struct fixture *f = *state;
  struct writer w = { .s = f->s }, leavers[3];
  pthread_t writer, threads[3];

  thread_start(&writer, "writer", write_in_turn, &w);
  for (int i = 0; i < 3; i++) {
    leavers[i] = (struct writer){ .s = f->s };
    thread_start(&threads[i], "watcher", watch_and_leave, &leavers[i]);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
    assert_true(leavers[i].ok);
  }
  pthread_join(writer, NULL);
  assert_true(w.ok);
}

int
store_contract_run(const struct store_contract *contract)
{
#define TEST(fn)                   \
  {                                \
#fn, fn, setup, teardown, NULL \
  }
  struct CMUnitTest tests[] = {
    TEST(empty_store),
    TEST(life_of_a_key),
    TEST(the_past_can_be_read),
    TEST(bytes_are_exact),
    TEST(lists_by_prefix_and_page),
    TEST(list_survives_later_writes),
    TEST(watch_from_now),
    TEST(watch_from_a_revision),
    TEST(history_is_bounded_by_count),
    TEST(history_is_bounded_by_bytes),
    TEST(history_is_bounded_by_age),
    TEST(compaction_checks_its_argument),
    TEST(compaction_as_an_operator_asks),
    TEST(relaxed_writes),
    TEST(everything_is_there_again),
    TEST(no_update_is_lost),
    TEST(lists_are_of_one_revision),
    TEST(watches_come_and_go),
  };

  for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
    tests[i].initial_state = (void *)(uintptr_t)contract;
    if (tests[i].test_func == everything_is_there_again && !contract->durable)
      tests[i] = (struct CMUnitTest){ 0 }; /* cmocka leaves it out */
  }
  return cmocka_run_group_tests_name(contract->name, tests, NULL, NULL);
}
