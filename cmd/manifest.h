/*
 * manifest - objects out of files, folders and standard input, as -f takes them.
 */
#ifndef CMD_MANIFEST_H
#define CMD_MANIFEST_H

#include "cli.h"
#include "json.h"

struct manifest {
  const char *source;  /* file name, for messages */
  struct json *object; /* one object: lists are taken apart */
};

struct manifests {
  struct manifest *list;
  size_t n;
};

/* Files, folders (their .yaml, .yml and .json files, sorted), "-". KERR_PARSE and KERR_IO name the file. */
_must_check_ int manifests_read(struct arena *a, const struct cli_list *files, bool recursive, struct manifests *ret,
                                struct kerr *reterr);

#endif
