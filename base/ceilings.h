/*
 * ceilings - the named limit of everything that grows.
 *
 * One page to read when a limit is in somebody's way. A limit that mirrors
 * upstream names the constant it mirrors; the others are ours and generous.
 * A component with limits of its own keeps them in its own header.
 */
#ifndef BASE_CEILINGS_H
#define BASE_CEILINGS_H

#include <stddef.h>

#define KiB ((size_t)1024)
#define MiB ((size_t)1024 * 1024)

/* Text */
#define CEIL_REQUEST_BODY  (3 * MiB)   /* upstream: MaxRequestBodyBytes */
#define CEIL_MANIFEST      (64 * MiB)  /* a file given to -f, all documents together */
#define CEIL_SMALL_FILE    (4 * MiB)   /* configuration, profile, kubeconfig, sysfs attribute */
#define CEIL_REPLY         (512 * MiB) /* what a client reads of one answer */
#define CEIL_WEBHOOK_REPLY (8 * MiB)   /* what a webhook may answer: read into the arena of the request */
#define CEIL_LOG_LINE      (16 * KiB)

/* Structure */
#define CEIL_JSON_DEPTH \
  200 /* nesting of arrays and objects; Go's decoder stops at 10000, Kubernetes objects end at about 40 */
#define CEIL_YAML_NODES 1000000 /* after expansion of aliases */

/* Memory of one unit of work */
#define CEIL_ARENA_REQUEST (256 * MiB)
#define CEIL_ARENA_CYCLE   (1024 * MiB)
#define CEIL_ARENA_SMALL   (16 * MiB)

#endif
