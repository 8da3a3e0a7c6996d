/*
 * fs - files as whole things: read all of one, replace one in a single step.
 *
 * Ceilings are the caller's; descriptors are close-on-exec. Paths below a
 * directory that others can write to are opened relative to a directory
 * descriptor without following links (fs_open_below).
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "kerr.h"
#include "strbuf.h"

static inline void
fs_closep(int *fd)
{
  if (*fd >= 0)
    (void)close(*fd);
}
#define _cleanup_close_ __attribute__((cleanup(fs_closep)))

/* Whole file into `b` (appended). "-" is standard input. KERR_NOT_FOUND, KERR_TOO_LARGE (b's limit), KERR_IO. */
_must_check_ int fs_read(const char *path, struct strbuf *b, struct kerr *reterr);
/* The same, from a descriptor to its end. */
_must_check_ int fs_read_fd(int fd, const char *name, struct strbuf *b, struct kerr *reterr);
/* New content in one step: temporary file beside it, fsync when `durable`, rename. */
_must_check_ int fs_write(const char *path, struct span content, mode_t mode, bool durable, struct kerr *reterr);
_must_check_ int fs_mkdirs(const char *path, mode_t mode, struct kerr *reterr);
/* Remove a tree; absent is fine. Never follows a symbolic link, never leaves the file system it starts on. */
_must_check_ int fs_remove_tree(const char *path, struct kerr *reterr);
_must_check_ int fs_open_below(int dirfd, const char *path, int flags, mode_t mode, int *ret_fd, struct kerr *reterr);
bool fs_exists(const char *path);
/* Names in a directory without "." and "..", sorted by bytes, in the arena. */
_must_check_ int fs_list(struct arena *a, const char *path, char ***ret_names, size_t *ret_n, struct kerr *reterr);
char *fs_join(struct arena *a, const char *dir, const char *name);
/* Write all of it, whatever write(2) does in between. 0, or -errno. */
int fs_write_all(int fd, struct span s);

/* An advisory lock file as client-go's clientcmd and kind use it: PATH.lock made with O_EXCL. */
_must_check_ int fs_lock(const char *path, struct clock *clock, int64_t timeout_ns, struct kerr *reterr);
void fs_unlock(const char *path);

#endif
