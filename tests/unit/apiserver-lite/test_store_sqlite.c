#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs.h"
#include "store_contract.h"
#include "thread.h"

static struct store *
open_sqlite(const struct store_config *config)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_config sqlite = *config;
  struct store *s = NULL;

  sqlite.backend = "sqlite";
  sqlite.sync = STORE_SYNC_NORMAL; /* the suite makes thousands of commits; FULL is tested below */
  if (store_open(&sqlite, &s, &err) < 0)
    fail_msg("%s", err.msg);
  return s;
}

struct place {
  char dir[64], path[96];
  struct clock *clock;
  struct store_config config;
};

static int
setup(void **state)
{
  struct place *p = mem_alloc(sizeof *p);

  (void)snprintf(p->dir, sizeof p->dir, "/tmp/dralab-store-XXXXXX");
  assert_non_null(mkdtemp(p->dir));
  (void)snprintf(p->path, sizeof p->path, "%s/state.db", p->dir);
  p->clock = clock_new_real();
  p->config = (struct store_config){ .backend = "sqlite", .path = p->path, .clock = p->clock };
  *state = p;
  return 0;
}

static int
teardown(void **state)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  clock_free(p->clock);
  assert_int_equal(fs_remove_tree(p->dir, &err), 0);
  free(p);
  return 0;
}

static struct store *
must_open(const struct store_config *config)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s = NULL;

  if (store_open(config, &s, &err) < 0)
    fail_msg("%s", err.msg);
  return s;
}

static int
put(struct store *s, const char *key, const char *text, int64_t old_rev, int64_t *ret_rev)
{
  _cleanup_record_ struct record *r = record_new(span_of(key), 0, span_of(text), RECORD_NO_STAMP);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  return store_cas(s, span_of(key), r, old_rev, ret_rev, &err);
}

/* -- what is refused, and left alone -- */

static void
read_all(const char *path, struct strbuf *b)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  strbuf_init(b, 64 << 20);
  if (fs_read(path, b, &err) < 0)
    fail_msg("%s", err.msg);
}

/* Opening must fail with a message that has `words`, and the file must be as it was. */
static void
refused(struct place *p, const char *words)
{
  _cleanup_strbuf_ struct strbuf before = { 0 }, after = { 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s;

  read_all(p->path, &before);
  assert_int_equal(store_open(&p->config, &s, &err), -KERR_IO);
  if (!strstr(err.msg, words) || !strstr(err.msg, p->path))
    fail_msg("'%s' does not say '%s'", err.msg, words);
  read_all(p->path, &after);
  assert_true(span_eq(strbuf_view(&before), strbuf_view(&after)));
}

static void
write_file(const char *path, const void *data, size_t n)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(fs_write(path, span_make(data, n), 0600, false, &err), 0);
}

static void
not_a_database(void **state)
{
  struct place *p = *state;

  write_file(p->path, "apiVersion: v1\n", 15);
  refused(p, "is not a database");
  write_file(p->path, "", 0);
  refused(p, "is not a database");
  write_file(p->path, "SQLite format 3\0", 16);
  refused(p, "is not a database");
}

static void
run_sql(const char *path, const char *text)
{
  sqlite3 *db;

  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
foreign_database(void **state)
{
  struct place *p = *state;

  run_sql(p->path, "CREATE TABLE log (x); INSERT INTO log VALUES (1);");
  refused(p, "another program");
}

static void
newer_schema(void **state)
{
  struct place *p = *state;

  store_free(must_open(&p->config));
  run_sql(p->path, "PRAGMA user_version = 2;");
  refused(p, "newer version");
}

static void
damage_is_found(void **state)
{
  struct place *p = *state;
  _cleanup_strbuf_ struct strbuf good = { 0 };
  _cleanup_free_ char *bad = NULL;
  struct store *s = must_open(&p->config);
  const char *value;
  int64_t rev;

  assert_int_equal(put(s, "/a", "the value that is damaged", 0, &rev), 0);
  assert_int_equal(put(s, "/b", "1", 0, &rev), 0);
  assert_int_equal(put(s, "/b", "2", rev, &rev), 0);
  assert_int_equal(put(s, "/c", "1", 0, &rev), 0);
  store_free(s);
  read_all(p->path, &good);

  bad = mem_strndup(good.p, good.n);
  value = memmem(bad, good.n, "the value that is damaged", 25);
  assert_non_null(value);
  bad[value - bad + 4] ^= 1;
  write_file(p->path, bad, good.n);
  refused(p, "does not match its checksum");

  write_file(p->path, good.p, good.n / 2);
  refused(p, "damaged");
  write_file(p->path, good.p, good.n);
  run_sql(p->path, "DELETE FROM log WHERE rev = 3;");
  refused(p, "revision 3 is missing");
  write_file(p->path, good.p, good.n);
  run_sql(p->path, "UPDATE meta SET value = 5;"); /* 3 and 4 are one key */
  refused(p, "is there twice");
  write_file(p->path, good.p, good.n);
  run_sql(p->path, "DROP TABLE meta;");
  refused(p, "not as they should be");
  write_file(p->path, good.p, good.n);
  s = must_open(&p->config); /* and the good one is good */
  assert_true(store_revision(s) == 5);
  store_free(s);
}

static void
one_process_at_a_time(void **state)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s = must_open(&p->config), *second;

  assert_int_equal(store_open(&p->config, &second, &err), -KERR_IO);
  assert_non_null(strstr(err.msg, "in use by another process"));
  assert_int_equal(put(s, "/a", "1", 0, NULL), 0);
  store_free(s);
  store_free(must_open(&p->config));
}

static void
places_that_cannot_be(void **state)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  char path[128];
  struct store *s;

  (void)snprintf(path, sizeof path, "%s/no/such/folder.db", p->dir);
  p->config.path = path;
  assert_int_equal(store_open(&p->config, &s, &err), -KERR_IO);
  assert_non_null(strstr(err.msg, "No such file or directory"));
  kerr_release(&err);
  p->config.path = p->dir;
  assert_int_equal(store_open(&p->config, &s, &err), -KERR_IO);
  assert_non_null(strstr(err.msg, "not a regular file"));
  kerr_release(&err);
  p->config.path = NULL;
  assert_int_equal(store_open(&p->config, &s, &err), -KERR_USAGE);
  kerr_release(&err);
  p->config.backend = "oracle";
  assert_int_equal(store_open(&p->config, &s, &err), -KERR_USAGE);
}

/* A process that died while it made the database leaves only the unfinished file beside its place. */
static void
half_made_database(void **state)
{
  struct place *p = *state;
  struct stat st;
  char fresh[128];
  struct store *s;

  (void)snprintf(fresh, sizeof fresh, "%s.new", p->path);
  write_file(fresh, "SQLite format 3", 15);
  s = must_open(&p->config);
  assert_int_equal(put(s, "/a", "1", 0, NULL), 0);
  assert_int_equal(stat(p->path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600); /* there are secrets in it */
  (void)snprintf(fresh, sizeof fresh, "%s-wal", p->path);
  assert_int_equal(stat(fresh, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  store_free(s);
  (void)snprintf(fresh, sizeof fresh, "%s.new", p->path);
  assert_false(fs_exists(fresh));
}

/* -- obsolete rows leave the file -- */

static int64_t
count_rows(const char *path)
{
  sqlite3_stmt *st;
  sqlite3 *db;
  int64_t n;

  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM log", -1, &st, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(st), SQLITE_ROW);
  n = sqlite3_column_int64(st, 0);
  sqlite3_finalize(st);
  sqlite3_close(db);
  return n;
}

static void
compaction_deletes_rows(void **state)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s;
  int64_t rev = 0;

  p->config.sync = STORE_SYNC_NORMAL;
  p->config.history_count = 100;
  s = must_open(&p->config);
  for (int i = 0; i < 3000; i++)
    assert_int_equal(put(s, "/a", "x", rev, &rev), 0);
  assert_int_equal(put(s, "/b", "x", 0, &rev), 0);
  store_free(s);
  assert_true(count_rows(p->path) < 1500); /* in steps of about a thousand, unless it is quiet */
  s = must_open(&p->config);
  assert_int_equal(store_compact(s, rev, &err), 0);
  store_free(s);
  assert_true(count_rows(p->path) == 2);
}

static int64_t
file_size(const char *path)
{
  struct stat st;

  assert_int_equal(stat(path, &st), 0);
  return st.st_size;
}

static void
shrinking_gives_room_back(void **state)
{
  struct place *p = *state;
  _cleanup_free_ char *wal = mem_printf("%s-wal", p->path);
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  static char text[4000];
  int64_t rev = 0, before;
  struct store *s;

  memset(text, 'x', sizeof text - 1);
  s = must_open(&p->config);
  for (int i = 0; i < 300; i++)
    assert_int_equal(put(s, "/a", text, rev, &rev), 0);
  assert_int_equal(store_compact(s, rev, &err), 0);
  store_free(s); /* everything is in the file */
  before = file_size(p->path);
  s = must_open(&p->config);
  assert_int_equal(store_shrink(s, &err), 0);
  assert_true(file_size(p->path) < before / 10);
  assert_true(file_size(wal) == 0);
  assert_int_equal(put(s, "/b", "after", 0, &rev), 0); /* the file goes on being used */
  store_free(s);
  s = must_open(&p->config);
  assert_int_equal(store_get(s, SPAN("/a"), 0, &r, &err), 0);
  assert_true(record_bytes(r).n == strlen(text));
  assert_true(store_revision(s) == rev);
  store_free(s);
}

/* -- kill -9 -- */

#define KILL_THREADS 4

struct killed_writer {
  struct store *s;
  int id, fd;
};

/* Writes as fast as it can, and tells about each write after it is acknowledged. */
static void *
write_and_tell(void *arg)
{
  struct killed_writer *w = arg;

  for (int i = 0;; i++) {
    char key[32], line[32];
    int64_t rev;

    (void)snprintf(key, sizeof key, "/%d/%06d", w->id, i);
    if (put(w->s, key, key, 0, &rev) < 0 || (i % 3 == 2 && put(w->s, key, "again", rev, &rev) < 0))
      _exit(3);
    (void)snprintf(line, sizeof line, "%d %06d\n", w->id, i);
    if (write(w->fd, line, strlen(line)) < 0)
      _exit(4);
  }
  return NULL;
}

static void
child(struct place *p, int round, int fd)
{
  struct killed_writer w[KILL_THREADS];
  pthread_t threads[KILL_THREADS];
  struct store *s = must_open(&p->config);

  for (int i = 0; i < KILL_THREADS; i++) {
    w[i] = (struct killed_writer){ .s = s, .id = round * KILL_THREADS + i, .fd = fd };
    thread_start(&threads[i], "writer", write_and_tell, &w[i]);
  }
  for (int i = 0; i < KILL_THREADS; i++)
    pthread_join(threads[i], NULL);
}

/* Reads what the child tells; kills it after `n` bytes, in the middle of whatever it does. */
static void
read_and_kill(pid_t pid, int fd, size_t n, struct strbuf *acked)
{
  bool killed = false;

  for (;;) {
    char buf[512];
    ssize_t got = read(fd, buf, sizeof buf);

    if (got <= 0)
      break;
    strbuf_add(acked, buf, (size_t)got);
    if (!killed && acked->n >= n)
      killed = kill(pid, SIGKILL) == 0;
  }
  assert_true(killed);
}

static void
check_acknowledged(struct store *s, const struct strbuf *acked)
{
  struct span rest = strbuf_view(acked);
  size_t n = 0;

  while (rest.n) {
    struct span line = span_cut(rest, '\n', &rest);
    int id, i;
    char key[32], text[32];
    _cleanup_record_ struct record *r = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (!rest.p)
      break; /* the pipe was cut here */
    (void)snprintf(text, sizeof text, "%.*s", SPAN_FMT(line));
    assert_int_equal(sscanf(text, "%d %d", &id, &i), 2);
    (void)snprintf(key, sizeof key, "/%d/%06d", id, i);
    if (store_get(s, span_of(key), 0, &r, &err) < 0)
      fail_msg("acknowledged, and lost: %s", key);
    assert_true(span_is(record_bytes(r), i % 3 == 2 ? "again" : key));
    n++;
  }
  assert_true(n > 0);
}

static void
kill_rounds(struct place *p, int rounds, size_t bytes)
{
  _cleanup_strbuf_ struct strbuf acked;

  strbuf_init(&acked, 16 << 20);
  for (int round = 0; round < rounds; round++) {
    int fds[2], status;
    struct store *s;
    pid_t pid;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
      close(fds[0]);
      child(p, round, fds[1]);
      _exit(5);
    }
    close(fds[1]);
    read_and_kill(pid, fds[0], acked.n + bytes + 137 * (size_t)round, &acked);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    s = must_open(&p->config);
    check_acknowledged(s, &acked);
    assert_int_equal(put(s, "/parent", "x", 0, NULL), round ? -KERR_ALREADY_EXISTS : 0);
    store_free(s);
  }
}

static void
kill_9_loses_nothing_full(void **state)
{
  struct place *p = *state;

  kill_rounds(p, 5, 2000);
}

static void
kill_9_loses_nothing_normal(void **state)
{
  struct place *p = *state;

  p->config.sync = STORE_SYNC_NORMAL;
  p->config.history_count = 300; /* with obsolete rows being deleted meanwhile */
  kill_rounds(p, 5, 20000);
}

/* -- a disk that takes no more -- */

/* In a process of its own: writes until the file may not grow any more, tells the last write that was acknowledged. */
static void
write_until_full(struct place *p, int fd)
{
  struct rlimit limit = { .rlim_cur = 300 * 1024, .rlim_max = RLIM_INFINITY };
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s;
  char text[2000];
  int i;

  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  (void)signal(SIGXFSZ, SIG_IGN);
  (void)setrlimit(RLIMIT_FSIZE, &limit);
  s = must_open(&p->config);
  for (i = 0; i < 10000; i++) {
    char key[32];

    (void)snprintf(key, sizeof key, "/%06d", i);
    if (put(s, key, text, 0, NULL) < 0)
      break;
  }
  if (put(s, "/after", text, 0, NULL) != -KERR_IO)
    _exit(2); /* what could not be written is an error each time, not once */
  if (store_get(s, SPAN("/000000"), 0, &r, &err) < 0)
    _exit(3); /* reading goes on */
  if (store_revision(s) != 1 + i)
    _exit(4); /* and sees what was acknowledged, no more */
  if (write(fd, &i, sizeof i) != sizeof i)
    _exit(5);
  _exit(0); /* as it is: without closing the store */
}

static void
a_full_disk_loses_nothing(void **state)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int fds[2], status, acked;
  struct store *s;
  pid_t pid;

  assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
  pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    write_until_full(p, fds[1]);
  close(fds[1]);
  assert_int_equal(read(fds[0], &acked, sizeof acked), sizeof acked);
  close(fds[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_true(acked > 10 && acked < 10000);
  s = must_open(&p->config);
  for (int i = 0; i < acked; i++) {
    _cleanup_record_ struct record *r = NULL;
    char key[32];

    (void)snprintf(key, sizeof key, "/%06d", i);
    if (store_get(s, span_of(key), 0, &r, &err) < 0)
      fail_msg("acknowledged, and lost: %s of %d", key, acked);
  }
  assert_int_equal(put(s, "/after", "1", 0, NULL), 0);
  store_free(s);
}

int
main(void)
{
  static const struct store_contract contract = { .name = "sqlite", .durable = true, .open = open_sqlite };
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(kill_9_loses_nothing_full, setup, teardown), /* first: forks without threads */
    cmocka_unit_test_setup_teardown(kill_9_loses_nothing_normal, setup, teardown),
    cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, setup, teardown),
    cmocka_unit_test_setup_teardown(not_a_database, setup, teardown),
    cmocka_unit_test_setup_teardown(foreign_database, setup, teardown),
    cmocka_unit_test_setup_teardown(newer_schema, setup, teardown),
    cmocka_unit_test_setup_teardown(damage_is_found, setup, teardown),
    cmocka_unit_test_setup_teardown(one_process_at_a_time, setup, teardown),
    cmocka_unit_test_setup_teardown(places_that_cannot_be, setup, teardown),
    cmocka_unit_test_setup_teardown(half_made_database, setup, teardown),
    cmocka_unit_test_setup_teardown(compaction_deletes_rows, setup, teardown),
    cmocka_unit_test_setup_teardown(shrinking_gives_room_back, setup, teardown),
  };
  int failed = cmocka_run_group_tests_name("sqlite file", tests, NULL, NULL);

  return failed + store_contract_run(&contract);
}
