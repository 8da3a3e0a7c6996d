#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "log.h"

static char root[64];

static int
make_root(void **state)
{
  (void)state;
  snprintf(root, sizeof root, "/tmp/dralab-fs-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}

static int
remove_root(void **state)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  return fs_remove_tree(root, &err);
}

static void
files_are_replaced_whole(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;
  const char *path = fs_join(a, root, "file");
  struct stat st;
  char **names;
  size_t n;

  (void)state;
  strbuf_init(&b, 10);
  assert_int_equal(fs_read(path, &b, &err), -KERR_NOT_FOUND);
  kerr_release(&err);
  assert_int_equal(fs_write(path, SPAN("one"), 0600, true, &err), 0);
  assert_int_equal(fs_write(path, SPAN("0123456789"), 0640, false, &err), 0);
  assert_int_equal(fs_read(path, &b, &err), 0); /* exactly at the ceiling */
  assert_string_equal(b.p, "0123456789");
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0640);
  assert_int_equal(fs_write(path, SPAN("0123456789a"), 0640, false, &err), 0);
  strbuf_clear(&b);
  assert_int_equal(fs_read(path, &b, &err), -KERR_TOO_LARGE);
  kerr_release(&err);
  assert_int_equal(fs_write("/nowhere/x", SPAN(""), 0600, false, &err), -KERR_IO);
  kerr_release(&err);
  assert_int_equal(fs_list(a, root, &names, &n, &err), 0);
  assert_int_equal(n, 1); /* no temporary file stays behind */
}

static void
trees_are_removed_without_following_links(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *kept = fs_join(a, root, "kept"), *tree = fs_join(a, root, "tree");
  char **names;
  size_t n;

  (void)state;
  assert_int_equal(fs_mkdirs(fs_join(a, kept, "x"), 0700, &err), 0);
  assert_int_equal(fs_mkdirs(fs_join(a, tree, "b/c/d"), 0700, &err), 0);
  assert_int_equal(fs_mkdirs(fs_join(a, tree, "b/c/d"), 0700, &err), 0);
  assert_int_equal(fs_write(fs_join(a, tree, "a"), SPAN("x"), 0600, false, &err), 0);
  assert_int_equal(symlink(kept, fs_join(a, tree, "link")), 0);
  assert_int_equal(fs_list(a, tree, &names, &n, &err), 0);
  assert_int_equal(n, 3);
  assert_string_equal(names[0], "a");
  assert_string_equal(names[2], "link");
  assert_int_equal(fs_mkdirs(fs_join(a, tree, "a"), 0700, &err), -KERR_IO); /* a file is in the way */
  kerr_release(&err);
  assert_int_equal(fs_remove_tree(tree, &err), 0);
  assert_int_equal(fs_remove_tree(tree, &err), 0);
  assert_false(fs_exists(tree));
  assert_true(fs_exists(fs_join(a, kept, "x")));
}

/* Says little as root, who may do everything. */
static void
trees_are_removed_whatever_their_modes(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *tree = fs_join(a, root, "tree"), *shut = fs_join(a, tree, "shut"), *fixed = fs_join(a, tree, "fixed");

  (void)state;
  assert_int_equal(fs_mkdirs(shut, 0700, &err), 0);
  assert_int_equal(fs_mkdirs(fixed, 0700, &err), 0);
  assert_int_equal(fs_write(fs_join(a, fixed, "file"), SPAN("x"), 0600, false, &err), 0);
  assert_int_equal(chmod(shut, 0), 0);
  assert_int_equal(chmod(fixed, 0555), 0);
  assert_int_equal(fs_remove_tree(tree, &err), 0);
  assert_int_not_equal(access(tree, F_OK), 0);
}

static void
opening_below_stays_below(void **state)
{
  static const char *const outside[] = { "../kept", "/etc/passwd", "out/x", "sub/../../kept" };
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_close_ int dir = -1, fd = -1;
  const char *jail = fs_join(a, root, "jail");

  (void)state;
  assert_int_equal(fs_mkdirs(fs_join(a, jail, "sub"), 0700, &err), 0);
  assert_int_equal(fs_mkdirs(fs_join(a, root, "kept/x"), 0700, &err), 0);
  assert_int_equal(symlink("../kept", fs_join(a, jail, "out")), 0);
  dir = open(jail, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_int_equal(fs_open_below(dir, "sub/f", O_WRONLY | O_CREAT, 0600, &fd, &err), 0);
  assert_true(fs_exists(fs_join(a, jail, "sub/f")));
  for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
    int none = -1;

    assert_true(fs_open_below(dir, outside[i], O_RDONLY, 0, &none, &err) < 0);
    assert_int_equal(none, -1);
    kerr_release(&err);
  }
  assert_int_equal(fs_open_below(dir, "sub/none", O_RDONLY, 0, &fd, &err), -KERR_NOT_FOUND);
}

static void
a_lock_file_excludes(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct clock *c = clock_new_real();
  const char *path = fs_join(a, root, "config");

  (void)state;
  assert_int_equal(fs_lock(path, c, 0, &err), 0);
  assert_true(fs_exists(fs_join(a, root, "config.lock")));
  assert_int_equal(fs_lock(path, c, 30 * CLOCK_MS, &err), -KERR_TIMEOUT);
  fs_unlock(path);
  kerr_release(&err);
  assert_int_equal(fs_lock(path, c, 0, &err), 0);
  fs_unlock(path);
  clock_free(c);
}

static void
log_lines(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;
  const char *path = fs_join(a, root, "log");
  _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  struct log *l = log_new(fd, LOG_INFO, "store,-cel");

  (void)state;
  log_info(l, "cmd", "say \"%s\"\n\x01", "hi");
  log_debug(l, "cmd", "not seen");
  log_debug(l, "store", "seen");
  log_debug(l, "cel", "not seen");
  log_error(NULL, "cmd", "nobody listens");
  assert_false(log_enabled(l, LOG_DEBUG, "cel"));
  log_free(l);
  strbuf_init(&b, 1 << 20);
  assert_int_equal(fs_read(path, &b, &err), 0);
  assert_non_null(strstr(b.p, " level=info who=cmd msg=\"say \\\"hi\\\"\\n\\x01\"\n"));
  assert_non_null(strstr(b.p, " level=debug who=store msg=\"seen\"\n"));
  assert_null(strstr(b.p, "not seen"));
  assert_int_equal(strncmp(b.p, "time=2", 6), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(files_are_replaced_whole, make_root, remove_root),
    cmocka_unit_test_setup_teardown(trees_are_removed_without_following_links, make_root, remove_root),
    cmocka_unit_test_setup_teardown(trees_are_removed_whatever_their_modes, make_root, remove_root),
    cmocka_unit_test_setup_teardown(opening_below_stays_below, make_root, remove_root),
    cmocka_unit_test_setup_teardown(a_lock_file_excludes, make_root, remove_root),
    cmocka_unit_test_setup_teardown(log_lines, make_root, remove_root),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
