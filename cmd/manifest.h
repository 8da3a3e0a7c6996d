/*
 * manifest - objects out of files, folders and standard input, as -f takes them.
 */
#ifndef CMD_MANIFEST_H
#define CMD_MANIFEST_H

#include "cli.h"
#include "gates.h"
#include "json.h"
#include "kind.h"

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

/*
 * An object of a file as a server would hold it: in its namespace ("default" when it names none), decoded and with
 * defaults. *ret is new and shares sub-trees with `in`, which it may give a namespace; *kind is what it is, also on
 * errors. KERR_BAD_REQUEST with upstream's words: a kind that is not known (*kind is NULL), a wrong type, an unknown or
 * a doubled field.
 */
_must_check_ int manifest_admit(struct arena *a, struct json *in, const struct personality *p, int64_t now,
                                const struct kind **kind, struct json **ret, struct kerr *reterr);

#endif
