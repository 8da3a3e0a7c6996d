/*
 * gnutls_lib - GnuTLS, and a span in the form in which it takes bytes.
 */
#ifndef BASE_GNUTLS_LIB_H
#define BASE_GNUTLS_LIB_H

#include <gnutls/gnutls.h>
#include <stdint.h>

#include "span.h"

/* Borrows: GnuTLS does not write to what it is given, although the type lets it. */
static inline gnutls_datum_t
gnutls_datum_of(struct span s)
{
  return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)s.p, .size = (unsigned)s.n };
}

#endif
