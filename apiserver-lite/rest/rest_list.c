#include "rest_list.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "apiserver_internal.h"
#include "codec.h"
#include "go_json_error.h"
#include "object.h"
#include "rest_write.h"

#define FRESH_WAIT (3 * CLOCK_SEC) /* cacher.blockTimeout */
#define FRESH_STEP (20 * CLOCK_MS)
#define PAGE       500

/* -- options -- */

static void
check_list(const struct list_options *o, const char *match, struct field_errors *errs)
{
  bool has_rv = o->resource_version && *o->resource_version;

  if (*match) {
    if (!has_rv)
      field_errors_add(errs, FIELD_FORBIDDEN, "resourceVersionMatch", NULL,
                       "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (o->continue_token)
      field_errors_add(errs, FIELD_FORBIDDEN, "resourceVersionMatch", NULL,
                       "resourceVersionMatch is forbidden when continue is provided");
    if (o->match == MATCH_UNSET)
      field_errors_add(errs, FIELD_NOT_SUPPORTED, "resourceVersionMatch", arena_printf(errs->a, "\"%s\"", match),
                       "supported values: \"Exact\", \"NotOlderThan\", \"\"");
    if (o->match == MATCH_EXACT && has_rv && strcmp(o->resource_version, "0") == 0)
      field_errors_add(errs, FIELD_FORBIDDEN, "resourceVersionMatch", NULL,
                       "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  if (o->initial_events >= 0)
    field_errors_add(errs, FIELD_FORBIDDEN, "sendInitialEvents", NULL, "sendInitialEvents is forbidden for list");
}

static void
check_watch(const struct list_options *o, const char *match, struct field_errors *errs)
{
  if (o->initial_events >= 0 && o->match != MATCH_NOT_OLDER)
    field_errors_add(errs, FIELD_FORBIDDEN, "resourceVersionMatch", NULL,
                     "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (!*match)
    return;
  if (o->initial_events < 0)
    field_errors_add(errs, FIELD_FORBIDDEN, "resourceVersionMatch", NULL,
                     "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  if (o->match != MATCH_NOT_OLDER)
    field_errors_add(errs, FIELD_NOT_SUPPORTED, "resourceVersionMatch", arena_printf(errs->a, "\"%s\"", match),
                     "supported values: \"NotOlderThan\"");
  if (o->continue_token)
    field_errors_add(errs, FIELD_FORBIDDEN, "resourceVersionMatch", NULL,
                     "resourceVersionMatch is forbidden when continue is provided");
}

static int
read_selectors(struct rest_call *c, struct list_options *o, struct kerr *reterr)
{
  const char *labels = rest_query(c, "labelSelector"), *fields = rest_query(c, "fieldSelector");
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (labels && label_selector_parse(c->a, span_of(labels), &o->labels, &err) < 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s", err.msg);
  if (o->labels && label_selector_is_empty(o->labels))
    o->labels = NULL;
  if (fields && field_selector_parse(c->a, span_of(fields), &o->fields, &err) < 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s", err.msg);
  return rest_fields_check(c, &o->fields, reterr);
}

/* One object by its name: in the path of an old watch, or by a field selector. */
static int
read_name(struct rest_call *c, struct list_options *o, struct kerr *reterr)
{
  for (size_t i = 0; i < o->fields.n; i++)
    if (o->fields.terms[i].equal && strcmp(o->fields.terms[i].path, "metadata.name") == 0)
      o->name = o->fields.terms[i].value;
  if (!c->info.old_watch || !*c->info.name)
    return 0;
  if (o->fields.n && (!o->name || strcmp(o->name, c->info.name) != 0))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "fieldSelector metadata.name doesn't match requested name");
  o->name = c->info.name;
  return 0;
}

int
list_options_read(struct rest_call *c, struct list_options *ret, struct kerr *reterr)
{
  const char *match = rest_query(c, "resourceVersionMatch"), *initial = rest_query(c, "sendInitialEvents");
  bool watch = strcmp(c->info.verb, "watch") == 0, given;
  struct field_errors errs = { .a = c->a };

  *ret = (struct list_options){ .initial_events = -1 };
  if (read_selectors(c, ret, reterr) < 0 || rest_query_int(c, "limit", &ret->limit, &given, reterr) < 0 ||
      rest_query_int(c, "timeoutSeconds", &ret->timeout, &given, reterr) < 0 || read_name(c, ret, reterr) < 0)
    return -(int)reterr->code;
  match = match ? match : "";
  ret->match = strcmp(match, "Exact") == 0          ? MATCH_EXACT
               : strcmp(match, "NotOlderThan") == 0 ? MATCH_NOT_OLDER
                                                    : MATCH_UNSET;
  ret->resource_version = rest_query(c, "resourceVersion");
  ret->continue_token = rest_query(c, "continue");
  if (ret->continue_token && !*ret->continue_token)
    ret->continue_token = NULL;
  ret->bookmarks = rest_query_bool(c, "allowWatchBookmarks");
  if (initial && *initial)
    ret->initial_events = rest_query_bool(c, "sendInitialEvents");
  if (watch)
    check_watch(ret, match, &errs);
  else
    check_list(ret, match, &errs);
  return errs.n ? rest_invalid_of(c, "meta.k8s.io", "ListOptions", "", &errs, reterr) : 0;
}

bool
list_options_select(const struct list_options *opts)
{
  return opts->labels || opts->fields.n;
}

bool
list_options_match(const struct list_options *opts, const struct json *o)
{
  char buf[32];

  if (opts->name && strcmp(opts->name, object_name(o)) != 0)
    return false;
  if (opts->labels && !label_selector_matches(opts->labels, object_labels(o)))
    return false;
  for (size_t i = 0; i < opts->fields.n; i++) {
    const struct field_term *t = &opts->fields.terms[i];

    if ((strcmp(rest_field_value(object_kind(o), o, t->path, buf), t->value) == 0) != t->equal)
      return false;
  }
  return true;
}

/* -- revisions -- */

int
rest_parse_revision(const char *text, const char *context, enum kerr_code code, int64_t *ret, struct kerr *reterr)
{
  char *end = NULL;

  *ret = 0;
  if (!text || !*text)
    return 0;
  errno = 0;
  uint64_t v = strtoumax(text, &end, 10);

  if (!isdigit((unsigned char)*text) || *end)
    return kerr_set(reterr, code, NULL,
                    "%sresourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": invalid syntax",
                    context, text, text);
  if (errno == ERANGE || v > INT64_MAX)
    return kerr_set(reterr, code, NULL,
                    "%sresourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": value out of range",
                    context, text, text);
  *ret = (int64_t)v;
  return 0;
}

static int
too_large(struct rest_call *c, int64_t wants, int64_t has, struct kerr *reterr)
{
  static const struct status_subject nobody;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *cause = json_new_object(c->a);

  (void)kerr_set(&err, KERR_TIMEOUT, NULL, "Timeout: Too large resource version: %" PRId64 ", current: %" PRId64, wants,
                 has);
  c->refusal = status_from_kerr(c->a, &err, &nobody, 1);
  json_set_str(c->a, cause, "reason", "ResourceVersionTooLarge");
  json_set_str(c->a, cause, "message", "Too large resource version");
  struct json *details = json_ensure_object(c->a, c->refusal, "details");

  json_append(c->a, json_ensure_array(c->a, details, "causes"), cause);
  return kerr_move(reterr, &err);
}

int
rest_wait_revision(struct rest_call *c, int64_t revision, struct kerr *reterr)
{
  struct clock *clock = c->s->clock;
  int64_t end = clock_mono(clock) + FRESH_WAIT;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t cond;

  if (store_revision(c->s->store) >= revision)
    return 0;
  if (strcmp(c->s->store->ops->name, "etcd") != 0) /* nobody else writes: it will not come by waiting */
    return too_large(c, revision, store_revision(c->s->store), reterr);
  clock_cond_init(&cond);
  pthread_mutex_lock(&mutex);
  while (store_revision(c->s->store) < revision && clock_mono(clock) < end)
    (void)clock_cond_wait(clock, &cond, &mutex, clock_mono(clock) + FRESH_STEP);
  pthread_mutex_unlock(&mutex);
  pthread_cond_destroy(&cond);
  int64_t has = store_revision(c->s->store);

  return has >= revision ? 0 : too_large(c, revision, has, reterr);
}

/* -- continue tokens: {"v":"meta.k8s.io/v1","rv":N,"start":"rest of the key\0"} -- */

static int
bad_token(struct kerr *reterr, const char *why)
{
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "invalid continue token: continue key is not valid: %s", why);
}

/* Where the token's base64 stops making sense, as Go says it. */
static const char *
base64_problem(struct arena *a, const char *text)
{
  size_t n = 0;

  while (isalnum((unsigned char)text[n]) || text[n] == '-' || text[n] == '_')
    n++;
  return arena_printf(a, "illegal base64 data at input byte %zu", n);
}

static int
token_decode(struct rest_call *c, const char *text, struct span prefix, struct span *ret_after, int64_t *ret_rev,
             struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf raw;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *doc;

  strbuf_init(&raw, 16 * 1024);
  if (!codec_unbase64url(&raw, span_of(text)))
    return bad_token(reterr, base64_problem(c->a, text));
  if (json_parse(c->a, strbuf_view(&raw), NULL, &doc, &err) < 0)
    return bad_token(reterr, go_json_error(c->a, strbuf_view(&raw)));
  const char *version = json_get_str_or(doc, "v", "");
  struct span start = json_span(json_get(doc, "start"));

  *ret_rev = json_get_int(doc, "rv", 0);
  if (strcmp(version, "meta.k8s.io/v1") != 0)
    return kerr_set(
        reterr, KERR_BAD_REQUEST, NULL,
        "invalid continue token: continue key is not valid: server does not recognize this encoded version %s",
        version);
  if (*ret_rev == 0)
    return bad_token(reterr, "incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  if (!start.p || start.n == 0)
    return bad_token(reterr, "encoded start key empty (version meta.k8s.io/v1)");
  if (memmem(start.p, start.n, "/.", 2) || memmem(start.p, start.n, "//", 2) || start.p[0] == '.' ||
      start.p[start.n - 1] == '/')
    return bad_token(reterr, arena_printf(c->a, "%.*s", SPAN_FMT(start)));
  if (start.p[start.n - 1] == '\0') /* "from the key after": what the store's `after` means */
    start.n--;
  *ret_after = span_of(arena_printf(c->a, "%.*s%.*s", SPAN_FMT(prefix), SPAN_FMT(start)));
  return 0;
}

static const char *
token_encode(struct rest_call *c, struct span prefix, struct span last_key, int64_t revision, bool after)
{
  _cleanup_strbuf_ struct strbuf raw, text;
  struct json *doc = json_new_object(c->a);
  struct span start = span_make(last_key.p + prefix.n, last_key.n - prefix.n);
  char *with_nul = arena_strndup(c->a, start.p, start.n);

  strbuf_init(&raw, 16 * 1024);
  strbuf_init(&text, 32 * 1024);
  json_set_str(c->a, doc, "v", "meta.k8s.io/v1");
  json_set_int(c->a, doc, "rv", revision);
  json_set(c->a, doc, "start", json_new_strn(c->a, with_nul, start.n + (after ? 1 : 0)));
  json_write(&raw, doc, JSON_COMPACT);
  codec_base64url(&text, strbuf_view(&raw));
  return arena_strndup(c->a, text.p, text.n);
}

/* The page's revision is gone: say so, with a token that goes on at the present. */
static int
expired(struct rest_call *c, struct span prefix, struct span after, bool paging, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (!paging)
    return kerr_set(reterr, KERR_EXPIRED, NULL, "The resourceVersion for the provided list is too old.");
  (void)kerr_set(
      &err, KERR_EXPIRED, NULL,
      "The provided continue parameter is too old to display a consistent list result. You can start a new "
      "list without the continue parameter, or use the continue token in this response to retrieve the "
      "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
      "that were created, modified, or deleted between the time the first chunk was returned and now may show "
      "up in the list.");
  c->refusal = status_from_kerr(c->a, &err, NULL, 0);
  json_set_str(c->a, json_ensure_object(c->a, c->refusal, "metadata"), "continue",
               token_encode(c, prefix, after, -1, true));
  return kerr_move(reterr, &err);
}

/* -- reading -- */

static int
place_in_time(struct rest_call *c, const struct list_options *o, struct store_range *range, struct kerr *reterr)
{
  int64_t revision;

  if (o->continue_token) {
    if (o->resource_version && *o->resource_version && strcmp(o->resource_version, "0") != 0)
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "specifying resource version is not allowed when using continue");
    if (token_decode(c, o->continue_token, range->prefix, &range->after, &revision, reterr) < 0)
      return -(int)reterr->code;
    range->at_rev = revision > 0 ? revision : 0;
    return 0;
  }
  if (rest_parse_revision(o->resource_version, "invalid resource version: ", KERR_BAD_REQUEST, &revision, reterr) < 0 ||
      rest_wait_revision(c, revision, reterr) < 0)
    return -(int)reterr->code;
  if (o->match == MATCH_EXACT || (o->match == MATCH_UNSET && o->limit > 0 && revision > 0))
    range->at_rev = revision;
  else if (o->resource_version && strcmp(o->resource_version, "0") == 0)
    range->at_rev = STORE_CACHED; /* "any": whatever is at hand */
  return 0;
}

static bool
matches(const struct list_options *o, struct record *r)
{
  return !list_options_select(o) || list_options_match(o, record_tree(r));
}

/* Append a page to the listing; takes its references. */
static void
keep_page(struct rest_listing *l, struct store_list *page)
{
  l->raw.items = mem_realloc(l->raw.items, (l->raw.n + page->n + 1) * sizeof l->raw.items[0]);
  if (page->n)
    memcpy(l->raw.items + l->raw.n, page->items, page->n * sizeof page->items[0]);
  l->raw.n += page->n;
  page->n = 0;
  store_list_release(page);
}

/* What a webhook has to convert is converted before anything else looks at it. */
static int
convert_page(struct rest_call *c, struct rest_listing *l, size_t first, struct kerr *reterr)
{
  l->converted = rest_read_waits(c);
  return l->converted ? rest_convert_records(c, l->raw.items + first, l->raw.n - first, reterr) : 0;
}

static int
read_pages(struct rest_call *c, const struct list_options *o, struct store_range *range, struct rest_listing *ret,
           struct kerr *reterr)
{
  size_t limit = o->limit > 0 ? (size_t)o->limit : 0;
  bool select = list_options_select(o);

  range->limit = limit && select ? PAGE : limit;
  for (;;) {
    struct store_list page = { .items = NULL };
    size_t first = ret->raw.n;

    if (store_list(c->s->store, range, &page, reterr) < 0)
      return -(int)reterr->code;
    ret->revision = range->at_rev = page.revision;
    bool more = page.more;

    ret->remaining = page.remaining;
    keep_page(ret, &page);
    if (convert_page(c, ret, first, reterr) < 0)
      return -(int)reterr->code;
    ret->items = mem_realloc(ret->items, (ret->raw.n + 1) * sizeof ret->items[0]);
    for (size_t i = first; i < ret->raw.n; i++) {
      if (limit && ret->n == limit) { /* there is something behind the last one that was looked at */
        ret->continue_token = token_encode(c, range->prefix, record_key(ret->raw.items[i - 1]), ret->revision, true);
        ret->remaining = 0;
        return 0;
      }
      if (matches(o, ret->raw.items[i]))
        ret->items[ret->n++] = ret->raw.items[i];
    }
    if (!more)
      return 0;
    range->after = record_key(ret->raw.items[ret->raw.n - 1]);
    if (!select || ret->n == limit) {
      ret->continue_token = token_encode(c, range->prefix, range->after, ret->revision, true);
      if (select)
        ret->remaining = 0;
      return 0;
    }
  }
}

/* A selector on metadata.name in a known namespace is a GET. */
static int
read_one(struct rest_call *c, const struct list_options *o, const struct store_range *range, struct rest_listing *ret,
         struct kerr *reterr)
{
  struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t now = range->at_rev > 0 ? range->at_rev : store_revision(c->s->store);

  ret->revision = now;
  ret->raw.items = mem_alloc(sizeof ret->raw.items[0]);
  ret->items = mem_alloc(sizeof ret->items[0]);
  if (store_get(c->s->store, rest_key(c->a, c->res, c->info.namespace_, o->name), range->at_rev, &r, &err) < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  ret->raw.items[ret->raw.n++] = r;
  if (record_revision(r) > ret->revision)
    ret->revision = record_revision(r);
  if (convert_page(c, ret, 0, reterr) < 0)
    return -(int)reterr->code;
  if (matches(o, ret->raw.items[0]))
    ret->items[ret->n++] = ret->raw.items[0];
  return 0;
}

int
rest_listing_read(struct rest_call *c, const struct list_options *opts, struct rest_listing *ret, struct kerr *reterr)
{
  struct store_range range = { .prefix = rest_prefix(c->a, c->res, c->info.namespace_) };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r;

  *ret = (struct rest_listing){ .n = 0 };
  if (place_in_time(c, opts, &range, reterr) < 0)
    return -(int)reterr->code;
  struct span after = range.after;

  if (opts->name && (!c->res->namespaced || *c->info.namespace_) && !opts->continue_token)
    r = read_one(c, opts, &range, ret, &err);
  else
    r = read_pages(c, opts, &range, ret, &err);
  if (r == 0)
    return 0;
  rest_listing_release(ret);
  return err.code == KERR_EXPIRED ? expired(c, range.prefix, after, opts->continue_token != NULL, reterr)
                                  : kerr_move(reterr, &err);
}

void
rest_listing_release(struct rest_listing *l)
{
  for (size_t i = 0; i < l->raw.n; i++)
    record_unref(l->raw.items[i]);
  free(l->raw.items);
  free(l->items);
  *l = (struct rest_listing){ .n = 0 };
}

int
rest_list(struct rest_call *c, struct kerr *reterr)
{
  struct list_options opts;
  struct rest_listing found;
  int r;

  if (list_options_read(c, &opts, reterr) < 0 || rest_listing_read(c, &opts, &found, reterr) < 0)
    return -(int)reterr->code;
  c->converted = found.converted;
  r = rest_answer_list(c, found.items, found.n, found.revision, found.continue_token, found.remaining, reterr);
  rest_listing_release(&found);
  return r;
}

int
rest_get(struct rest_call *c, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  int64_t revision;

  if (rest_parse_revision(rest_query(c, "resourceVersion"), "", KERR_INTERNAL, &revision, reterr) < 0 ||
      rest_wait_revision(c, revision, reterr) < 0 || rest_load(c, c->info.name, &r, reterr) < 0)
    return -(int)reterr->code;
  return rest_answer_record(c, 200, r, reterr);
}
