/* auth_store - the objects that authentication and authorization ask for, read from the store. */
#ifndef APISERVER_AUTH_STORE_H
#define APISERVER_AUTH_STORE_H

#include "auth_source.h"
#include "gates.h"
#include "store.h"

struct auth_store;

/* Both are borrowed. */
struct auth_store *auth_store_new(struct store *store, const struct personality *p);
void auth_store_free(struct auth_store *s);
struct auth_source *auth_store_source(struct auth_store *s);

#endif
