/*
 * pem - blocks of PEM as Go's encoding/pem reads them, so that what upstream takes for one is one here.
 *
 * Text around blocks, headers, blanks in the base64 and broken blocks before good ones are all forgiven.
 */
#ifndef APISERVER_PEM_H
#define APISERVER_PEM_H

#include "arena.h"
#include "span.h"

struct pem_block {
  struct span type; /* "CERTIFICATE REQUEST"; borrowed from the text */
  size_t n_headers;
  struct span bytes; /* in the arena */
};

/* The next block of *text, which is then what follows it. False: there is none. */
bool pem_next(struct arena *a, struct span *text, struct pem_block *ret);

#endif
