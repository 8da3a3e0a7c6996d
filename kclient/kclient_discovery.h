/*
 * kclient_discovery - which collections a server has, whatever its age.
 *
 * Servers from 1.27 on tell in one document for the core group and one for all
 * others; older ones have a document for each version.
 */
#ifndef KCLIENT_KCLIENT_DISCOVERY_H
#define KCLIENT_KCLIENT_DISCOVERY_H

#include "kclient.h"

/* One collection in one version; subresources are left out. Texts and trees live in the arena of the call. */
struct kclient_discovered {
  struct kclient_resource res;
  const char *singular;                                /* never empty */
  const struct json *verbs, *short_names, *categories; /* lists of words, or NULL */
};

/* Tells each of them in the server's order: groups, then versions by preference. */
_must_check_ int kclient_discover(struct kclient *c, struct arena *a,
                                  void (*found)(void *arg, const struct kclient_discovered *d), void *arg,
                                  struct kerr *reterr);

#endif
