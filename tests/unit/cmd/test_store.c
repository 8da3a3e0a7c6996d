/* store compact and store status, run as the program runs them: of a cluster that runs in this process, and of files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "cli.h"
#include "cluster_run.h"
#include "fs.h"
#include "store.h"

#define MAX_ARGS 12

extern const struct cli_command cmd_store_compact, cmd_store_status;

struct place {
  char home[64];
  struct arena *a;
  struct clock *clock;
};

static int
setup(void **state)
{
  struct place *p = mem_alloc(sizeof *p);

  (void)snprintf(p->home, sizeof p->home, "/tmp/dralab-cmd-store-XXXXXX");
  assert_non_null(mkdtemp(p->home));
  assert_int_equal(setenv("DRALAB_HOME", p->home, 1), 0);
  assert_int_equal(unsetenv("DRALAB_CLUSTER_NAME"), 0);
  p->a = arena_new(CEIL_ARENA_CYCLE);
  p->clock = clock_new_real();
  *state = p;
  return 0;
}

static int
teardown(void **state)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(fs_remove_tree(p->home, &err), 0);
  clock_free(p->clock);
  arena_free(p->a);
  free(p);
  return 0;
}

/* -- the program, its output caught -- */

/* Sends a stream into a file; the descriptor it had is given back by uncatch(). */
static int
catch_stream(FILE *f, const char *path)
{
  int old;

  fflush(f);
  old = dup(fileno(f));
  assert_true(old >= 0);
  assert_non_null(freopen(path, "w", f));
  return old;
}

static void
uncatch(FILE *f, int old)
{
  fflush(f);
  assert_true(dup2(old, fileno(f)) >= 0);
  close(old);
}

static const char *
text_of(struct place *p, const char *path)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(fs_read(path, &text, &err), 0);
  return arena_strndup(p->a, text.p, text.n);
}

/* Runs "dralab LINE"; the exit code must be `code` and the output, standard error behind standard output, hold `says`.
 */
static const char *
dralab(struct place *p, int code, const char *says, const char *line)
{
  static const struct cli_command *const commands[] = { &cmd_store_compact, &cmd_store_status };
  const char *out = arena_printf(p->a, "%s/out", p->home), *err = arena_printf(p->a, "%s/err", p->home), *said;
  char *argv[MAX_ARGS + 1] = { arena_strdup(p->a, "dralab") };
  int argc = 1, old_out, old_err, got;

  for (char *words = arena_strdup(p->a, line), *save = NULL, *w = strtok_r(words, " ", &save); w;
       w = strtok_r(NULL, " ", &save)) {
    assert_true(argc < MAX_ARGS);
    argv[argc++] = w;
  }
  old_out = catch_stream(stdout, out);
  old_err = catch_stream(stderr, err);
  got = cli_main(commands, 2, argc, argv);
  uncatch(stdout, old_out);
  uncatch(stderr, old_err);
  said = arena_printf(p->a, "%s%s", text_of(p, out), text_of(p, err));
  if (got != code || !strstr(said, says))
    fail_msg("%s: exit code %d, '%s'; wanted %d and '%s'", line, got, said, code, says);
  return said;
}

/* -- clusters -- */

static struct cluster_dir
cluster(struct place *p, const char *name, const char *store, struct cluster_config *c)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cluster_dir d = { .name = NULL };

  cluster_config_default(p->a, c);
  c->name = name;
  c->store = store;
  c->n_nodes = 0;
  c->no_scheduler = c->no_controllers = c->no_node_agent = c->no_driver = true;
  if (cluster_config_finish(p->a, c, &err) < 0 || cluster_dir_of(p->a, name, &d, &err) < 0 ||
      cluster_dir_make(p->a, &d, NULL, &err) < 0 || cluster_dir_save(p->a, &d, c, &err) < 0)
    fail_msg("%s", err.msg);
  return d;
}

/* Writes of one key into the store of a cluster that does not run: revisions 2 to 1 + `n`. */
static void
fill(struct place *p, const struct cluster_dir *d, int n)
{
  static char text[4000];
  const struct store_config config = { .backend = "sqlite",
                                       .path = cluster_dir_file(p->a, d, CLUSTER_STORE_FILE),
                                       .clock = p->clock };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s;
  int64_t rev = 0;

  memset(text, 'x', sizeof text - 1);
  assert_int_equal(store_open(&config, &s, &err), 0);
  for (int i = 0; i < n; i++) {
    _cleanup_record_ struct record *r = record_new(SPAN("/registry/x"), 0, span_of(text), RECORD_NO_STAMP);

    assert_int_equal(store_cas(s, SPAN("/registry/x"), r, rev, &rev, &err), 0);
  }
  store_free(s);
}

static void
running(void **state, const char *store)
{
  struct place *p = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_close_ int lock = -1;
  struct cluster_config c;
  struct cluster_dir d = cluster(p, "c", store, &c);
  struct cluster_run *run;

  assert_int_equal(cluster_dir_lock(p->a, &d, &lock, &err), 0);
  if (cluster_run_start(&(struct cluster_run_config){ .dir = &d, .cluster = &c, .clock = p->clock }, &run, &err) < 0)
    fail_msg("%s", err.msg);
  dralab(p, 0, arena_printf(p->a, "backend      %s\n", store), "store status --name c");
  dralab(p, 0, "compacted at revision 5\n", "store compact --name c --revision 5");
  dralab(p, 1, "ERROR: required revision has been compacted: 4, the store is compacted at 5",
         "store compact --name c --revision 4");
  dralab(p, 1, "ERROR: required revision is a future revision: 99999", "store compact --name c --revision 99999");
  dralab(p, 0, "\"compacted\": ", "store compact --name c -o json");
  dralab(p, 0, "compacted at revision ", "store compact --name c"); /* nothing new to forget is no error */
  cluster_run_stop(run);
}

static void
running_in_memory(void **state)
{
  running(state, "memory");
}

static void
running_on_sqlite(void **state)
{
  running(state, "sqlite");
}

static void
a_file_becomes_smaller(void **state)
{
  struct place *p = *state;
  struct cluster_config c;
  struct cluster_dir d = cluster(p, "c", "sqlite", &c);
  long long before, after;
  const char *said;

  dralab(p, 1, "ERROR: cluster \"c\" has not run yet: it has no store", "store compact --name c");
  fill(p, &d, 300);
  dralab(p, 0, "keys         1\n", "store status --name c");
  dralab(p, 0, "compacted at revision 100\n", "store compact --name c --revision 100");
  said = dralab(p, 0, "compacted at revision 301\n", "store compact --name c");
  said = strstr(said, "store.db: ");
  assert_non_null(said);
  assert_int_equal(sscanf(said, "store.db: %lld bytes, now %lld", &before, &after), 2);
  assert_true(after > 0 && after < before / 10);
  dralab(p, 1, "ERROR: required revision has been compacted: 300, the store is compacted at 301",
         "store compact --name c --revision 300");
  dralab(p, 1, "ERROR: required revision is a future revision: 302, the store is at 301",
         "store compact --name c --revision 302");
  dralab(p, 0, "\"revision\": 301,", "store status --name c -o json");
}

static void
wrong_inputs(void **state)
{
  static const struct {
    const char *line, *says;
  } rows[] = {
    { "store compact --name nosuch", "ERROR: no cluster with the name \"nosuch\"" },
    { "store status --name nosuch", "ERROR: no cluster with the name \"nosuch\"" },
    { "store compact --name m", "ERROR: cluster \"m\" is not running, and its store was in memory; start it with: " },
    { "store status --name e", "ERROR: cluster \"e\" is not running; start it with: dralab start cluster --name e" },
    { "store compact --name e --revision x", "ERROR: invalid argument \"x\" for \"--revision\" flag" },
    { "store compact --name e --revision -1", "ERROR: invalid argument \"-1\" for \"--revision\" flag" },
    { "store compact --name e --revision 0", "ERROR: invalid argument \"0\" for \"--revision\" flag" },
    { "store compact --name e --revision 9223372036854775808", "ERROR: invalid argument \"9223372036854775808\"" },
    { "store compact --name e now", "ERROR: unknown command \"now\" for \"dralab store compact\"" },
    { "store compact -o yaml", "ERROR: invalid argument \"yaml\" for \"--output\" flag: must be one of json" },
  };
  struct place *p = *state;
  struct cluster_config c;

  cluster(p, "m", "memory", &c);
  cluster(p, "e", "etcd", &c);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    dralab(p, 1, rows[i].says, rows[i].line);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(running_in_memory, setup, teardown),
    cmocka_unit_test_setup_teardown(running_on_sqlite, setup, teardown),
    cmocka_unit_test_setup_teardown(a_file_becomes_smaller, setup, teardown),
    cmocka_unit_test_setup_teardown(wrong_inputs, setup, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
