/* rest_list - what LIST and WATCH have in common: options, selectors, reading a range of the store. */
#ifndef APISERVER_REST_LIST_H
#define APISERVER_REST_LIST_H

#include "rest.h"

enum rest_match { MATCH_UNSET, MATCH_EXACT, MATCH_NOT_OLDER };

struct list_options {
  int64_t limit;
  const char *continue_token;   /* NULL: none */
  const char *resource_version; /* as it was sent; NULL or "": none */
  enum rest_match match;
  struct label_selector *labels; /* NULL: everything */
  struct field_selector fields;
  const char *name;   /* the one object that can match, or NULL */
  int64_t timeout;    /* seconds, 0: not said */
  int initial_events; /* sendInitialEvents: -1 not said */
  bool bookmarks;
};

/* Everything the query says. KERR_BAD_REQUEST, 422 (ListOptions). */
_must_check_ int list_options_read(struct rest_call *c, struct list_options *ret, struct kerr *reterr);
/* Does an object match both selectors? `o` in the storage version, which is what the labels' fields are about; where a
 * webhook converts, in the request's. */
bool list_options_match(const struct list_options *opts, const struct json *o);
bool list_options_select(const struct list_options *opts); /* is there any selector */

/* Which labels a field selector of this kind may name, and the value behind one; KERR_BAD_REQUEST, upstream's texts. */
_must_check_ int rest_fields_check(struct rest_call *c, const struct field_selector *sel, struct kerr *reterr);
const char *rest_field_value(const char *kind, const struct json *o, const char *path, char buf[32]);

struct rest_listing {
  struct store_list raw; /* holds the references */
  struct record **items; /* those that match, borrowed from raw */
  bool converted;        /* these are in the request's version already: for rest_call.converted */
  size_t n;
  int64_t revision;
  const char *continue_token; /* NULL: complete */
  int64_t remaining;          /* 0: not known */
};

_must_check_ int rest_listing_read(struct rest_call *c, const struct list_options *opts, struct rest_listing *ret,
                                   struct kerr *reterr);
void rest_listing_release(struct rest_listing *l);

/* A revision as text. `context` goes before the message: "invalid resource version: ". */
_must_check_ int rest_parse_revision(const char *text, const char *context, enum kerr_code code, int64_t *ret,
                                     struct kerr *reterr);
/* Wait up to three seconds until the store has seen `revision`; 504 ResourceVersionTooLarge. */
_must_check_ int rest_wait_revision(struct rest_call *c, int64_t revision, struct kerr *reterr);

#endif
