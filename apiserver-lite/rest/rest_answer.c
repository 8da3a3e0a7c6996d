/*
 * Answers: a Status, one object, a list; in JSON, YAML or protobuf.
 *
 * The common case costs two copies: what is stored is what the client wants to
 * read (JSON, the storage version), so the stored bytes go out as they are,
 * with the revision put in its place.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "apiserver_internal.h"
#include "ceilings.h"
#include "object.h"
#include "rest.h"
#include "rest_table.h"
#include "yaml.h"

#define HEADERS_MAX 80 /* warnings and a handful of others */

static const char *const content_types[] = {
  [REST_JSON] = "application/json",
  [REST_YAML] = "application/yaml",
  [REST_PROTOBUF] = "application/vnd.kubernetes.protobuf",
};

void
rest_answer_header(struct rest_call *c, const char *name, const char *value)
{
  if (!c->ans->headers)
    c->ans->headers = arena_array_of(c->a, struct exchange_header, HEADERS_MAX);
  if (c->ans->n_headers < HEADERS_MAX)
    c->ans->headers[c->ans->n_headers++] = (struct exchange_header){ .name = name, .value = value };
}

/* RFC 7234 Warning: 299 - "text" */
static void
add_warnings(struct rest_call *c)
{
  for (size_t i = 0; i < c->n_warnings; i++) {
    struct strbuf b;

    strbuf_init(&b, CEIL_LOG_LINE);
    for (const char *p = c->warnings[i]; *p; p++) {
      if (*p == '"' || *p == '\\')
        strbuf_putc(&b, '\\');
      strbuf_putc(&b, *p == '\n' ? ' ' : *p);
    }
    rest_answer_header(c, "warning", arena_printf(c->a, "299 - \"%s\"", b.p ? b.p : ""));
    strbuf_release(&b);
  }
  c->n_warnings = 0;
}

/* Hand `b` over to the answer. */
static void
give_bytes(struct rest_call *c, int http_status, const char *content_type, struct strbuf *b)
{
  size_t n;
  char *p = strbuf_take(b, &n);

  add_warnings(c);
  c->ans->status = http_status;
  c->ans->content_type = content_type;
  c->ans->body = span_make(p, n);
  c->ans->held = p;
  c->ans->release = free;
}

void
rest_answer_text(struct rest_call *c, int http_status, const char *content_type, struct span text)
{
  add_warnings(c);
  c->ans->status = http_status;
  c->ans->content_type = content_type;
  c->ans->body = arena_span(c->a, text);
}

static int
write_tree(const struct rest_form *form, const struct kind *k, const struct json *o, struct strbuf *b,
           struct kerr *reterr)
{
  switch (form->encoding) {
  case REST_PROTOBUF:
    return kind_encode_proto(k, o, b, reterr);
  case REST_YAML:
    yaml_write(b, o);
    return 0;
  case REST_JSON:
    json_write(b, o, form->pretty ? JSON_INDENT2 : JSON_COMPACT);
    strbuf_putc(b, '\n');
    return 0;
  }
  return 0;
}

static int
answer_tree(struct rest_call *c, int http_status, const struct kind *k, const struct json *o, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;
  int r;

  strbuf_init(&b, CEIL_REPLY);
  r = write_tree(&c->form, k, o, &b, reterr);
  if (r == 0 && strbuf_overflowed(&b))
    r = kerr_set(reterr, KERR_TOO_LARGE, NULL, "the answer is larger than %zu bytes", CEIL_REPLY);
  if (r == 0)
    give_bytes(c, http_status, content_types[c->form.encoding], &b);
  return r;
}

/* -- refusals -- */

void
rest_answer_status(struct rest_call *c, int http_status, const struct json *status)
{
  const struct kind *k = rest_kind(c, "meta.k8s.io", "v1", "Status");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;

  c->form.pretty = c->form.pretty && c->form.encoding == REST_JSON;
  strbuf_init(&b, CEIL_REPLY);
  if (!k && c->form.encoding == REST_PROTOBUF)
    c->form.encoding = REST_JSON;
  if (write_tree(&c->form, k, status, &b, &err) < 0) { /* a Status that cannot be encoded still has to be said */
    strbuf_clear(&b);
    c->form.encoding = REST_JSON;
    json_write(&b, status, JSON_COMPACT);
  }
  give_bytes(c, http_status, content_types[c->form.encoding], &b);
}

void
rest_answer_error(struct rest_call *c, const struct kerr *err)
{
  struct json *status = c->refusal ? c->refusal : status_from_kerr(c->a, err, NULL, 0);
  int http_status = (int)json_get_int(status, "code", 500);
  int64_t retry = json_int_or(json_dig(status, "details", "retryAfterSeconds", NULL), 0);

  if (retry)
    rest_answer_header(c, "retry-after", arena_printf(c->a, "%" PRId64, retry));
  if (c->refusal && err->code == KERR_NOT_ACCEPTABLE)
    c->form = (struct rest_form){ .encoding = REST_JSON, .meta_version = "v1" };
  rest_answer_status(c, http_status, status);
}

/* -- shapes -- */

struct json *
rest_partial(struct rest_call *c, const struct json *o)
{
  struct json *ret = json_new_object(c->a);

  json_set_str(c->a, ret, "kind", "PartialObjectMetadata");
  json_set_str(c->a, ret, "apiVersion", gv_text(c->a, "meta.k8s.io", c->form.meta_version));
  json_set(c->a, ret, "metadata", json_shallow(c->a, json_get(o, "metadata")));
  return ret;
}

static int
wrong_shape(struct rest_call *c, const char *asked, bool is_list, struct kerr *reterr)
{
  const char *group = c->kind->group;
  const char *package = *group ? arena_strndup(c->a, group, strcspn(group, ".")) : "core";

  return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL, "you requested %s, but the requested object is %s (*%s.%s%s)",
                  asked, is_list ? "a list" : "not a list", package, c->kind->kind, is_list ? "List" : "");
}

/* `o` in the request's version. */
static int
answer_shaped(struct rest_call *c, int http_status, const struct json *o, struct kerr *reterr)
{
  struct json *table;
  int r;

  switch (c->form.shape) {
  case REST_PLAIN:
    return answer_tree(c, http_status, c->kind, o, reterr);
  case REST_PARTIAL:
    return answer_tree(c, http_status, rest_kind(c, "meta.k8s.io", c->form.meta_version, "PartialObjectMetadata"),
                       rest_partial(c, o), reterr);
  case REST_PARTIAL_LIST:
    return wrong_shape(c, "PartialObjectMetadataList", false, reterr);
  case REST_TABLE:
    r = rest_table(c, &o, 1, NULL, &table, reterr);
    return r < 0 ? r : answer_tree(c, http_status, NULL, table, reterr);
  }
  return 0;
}

/* The record itself where it is in the wanted version, else a new one with the converted document. */
int
rest_record_in_version(struct rest_call *c, struct record *r, struct record **ret, struct kerr *reterr)
{
  struct json *o;

  if (rest_is_verbatim(c, r) || c->hub) {
    *ret = record_ref(r);
    return 0;
  }
  if (rest_read(c, r, &o, reterr) < 0)
    return -(int)reterr->code;
  struct json *meta = json_shallow(c->a, json_get(o, "metadata"));

  json_remove(meta, "resourceVersion");
  o = json_shallow(c->a, o);
  json_set(c->a, o, "metadata", meta);
  *ret = record_from_json(record_key(r), record_revision(r), o);
  return 0;
}

/* In-process: references to the records themselves. The array grows with the answer, so a failure leaves nothing
 * behind. */
static int
give_records(struct rest_call *c, int http_status, struct record **items, size_t n, struct kerr *reterr)
{
  c->ans->records = mem_calloc(n + 1, sizeof c->ans->records[0]);
  for (c->ans->n_records = 0; c->ans->n_records < n; c->ans->n_records++)
    if (rest_record_in_version(c, items[c->ans->n_records], &c->ans->records[c->ans->n_records], reterr) < 0) {
      exchange_answer_release(c->ans);
      *c->ans = (struct exchange_answer){ .status = 0 };
      return -(int)reterr->code;
    }
  add_warnings(c);
  c->ans->status = http_status;
  c->ans->content_type = content_types[REST_JSON];
  return 0;
}

int
rest_answer_record(struct rest_call *c, int http_status, struct record *r, struct kerr *reterr)
{
  struct json *o;
  int rc;

  if (c->req->want_records) {
    rc = give_records(c, http_status, &r, 1, reterr);
    c->ans->revision = record_revision(r);
    return rc;
  }
  if (rest_is_verbatim(c, r) && c->form.encoding == REST_JSON && c->form.shape == REST_PLAIN && !c->form.pretty) {
    _cleanup_strbuf_ struct strbuf b;

    strbuf_init(&b, CEIL_REPLY);
    record_write(&b, r);
    strbuf_putc(&b, '\n');
    give_bytes(c, http_status, content_types[REST_JSON], &b);
    return 0;
  }
  rc = rest_read(c, r, &o, reterr);
  return rc < 0 ? rc : answer_shaped(c, http_status, o, reterr);
}

int
rest_answer_object(struct rest_call *c, int http_status, const struct kind *k, const struct json *o,
                   struct kerr *reterr)
{
  if (c->form.shape == REST_TABLE && k == c->kind)
    return answer_shaped(c, http_status, o, reterr);
  return answer_tree(c, http_status, k, o, reterr);
}

void
rest_answer_document(struct rest_call *c, const struct json *doc)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, CEIL_REPLY);
  json_write(&b, doc, c->form.pretty ? JSON_INDENT2 : JSON_COMPACT);
  strbuf_putc(&b, '\n');
  give_bytes(c, 200, content_types[REST_JSON], &b);
}

/* -- lists -- */

static struct json *
list_meta(struct rest_call *c, int64_t revision, const char *continue_token, int64_t remaining)
{
  struct json *meta = json_new_object(c->a);

  json_set_str(c->a, meta, "resourceVersion", arena_printf(c->a, "%" PRId64, revision));
  if (continue_token || (c->kind->custom && c->form.shape == REST_PLAIN)) /* which has no omitempty there */
    json_set_str(c->a, meta, "continue", continue_token ? continue_token : "");
  if (continue_token && remaining > 0)
    json_set_int(c->a, meta, "remainingItemCount", remaining);
  return meta;
}

/* Of the list; a definition chooses it. */
static const char *
list_kind(struct rest_call *c)
{
  return c->kind->custom ? c->kind->custom->definition->list_kind : arena_printf(c->a, "%sList", c->kind->kind);
}

/*
 * A stored document without its type: `{"kind":"K","apiVersion":"V",` is cut off, an item of a list has none. `head` is
 * empty for custom objects, which keep it.
 */
static bool
write_item(struct strbuf *b, struct span head, const struct record *r)
{
  struct span bytes = record_bytes(r);
  size_t at = record_stamp_at(r);

  if (!head.n) {
    record_write(b, r);
    return true;
  }
  if (!span_starts(bytes, head) || (at != RECORD_NO_STAMP && at < head.n))
    return false;
  strbuf_putc(b, '{');
  if (at == RECORD_NO_STAMP) {
    strbuf_add(b, bytes.p + head.n, bytes.n - head.n);
    return true;
  }
  strbuf_add(b, bytes.p + head.n, at - head.n);
  strbuf_puts(b, ",\"resourceVersion\":\"");
  strbuf_int(b, record_revision(r));
  strbuf_putc(b, '"');
  strbuf_add(b, bytes.p + at, bytes.n - at);
  return true;
}

static bool
answer_list_of_bytes(struct rest_call *c, struct record **items, size_t n, const struct json *meta)
{
  const char *gv = gv_text(c->a, c->kind->group, c->kind->version);
  bool custom = c->kind->custom != NULL;
  const char *type = arena_printf(c->a, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", c->kind->kind, gv);
  struct span head = custom ? SPAN("") : span_of(type);
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, CEIL_REPLY);
  strbuf_printf(&b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":", list_kind(c), gv);
  json_write(&b, meta, JSON_COMPACT);
  strbuf_puts(&b, ",\"items\":[");
  for (size_t i = 0; i < n; i++) {
    if (i)
      strbuf_putc(&b, ',');
    if ((custom && !rest_is_verbatim(c, items[i])) || !write_item(&b, head, items[i]))
      return false;
  }
  strbuf_puts(&b, "]}\n");
  if (strbuf_overflowed(&b))
    return false;
  give_bytes(c, 200, content_types[REST_JSON], &b);
  return true;
}

/* An item of a list: without its type, but for custom objects. */
static struct json *
list_item(struct rest_call *c, const struct json *o)
{
  struct json *ret = json_shallow(c->a, o);

  if (c->kind->custom)
    return ret;
  json_remove(ret, "kind");
  json_remove(ret, "apiVersion");
  return ret;
}

static int
answer_list_of_trees(struct rest_call *c, const struct json **trees, size_t n, struct json *meta, struct kerr *reterr)
{
  bool partial = c->form.shape == REST_PARTIAL_LIST;
  const struct kind *k = partial ? rest_kind(c, "meta.k8s.io", c->form.meta_version, "PartialObjectMetadataList")
                                 : rest_kind(c, c->kind->group, c->kind->version, list_kind(c));
  struct json *list = json_new_object(c->a);

  json_set_str(c->a, list, "kind", partial ? "PartialObjectMetadataList" : list_kind(c));
  json_set_str(c->a, list, "apiVersion",
               partial ? gv_text(c->a, "meta.k8s.io", c->form.meta_version)
                       : gv_text(c->a, c->kind->group, c->kind->version));
  json_set(c->a, list, "metadata", meta);
  if (partial && n == 0) {
    json_set(c->a, list, "items", json_new_null(c->a));
    return answer_tree(c, 200, k, list, reterr);
  }
  struct json *array = json_ensure_array(c->a, list, "items");

  for (size_t i = 0; i < n; i++)
    json_append(c->a, array, partial ? rest_partial(c, trees[i]) : list_item(c, trees[i]));
  return answer_tree(c, 200, k ? k : c->kind, list, reterr);
}

int
rest_answer_list(struct rest_call *c, struct record **items, size_t n, int64_t revision, const char *continue_token,
                 int64_t remaining, struct kerr *reterr)
{
  struct json *meta = list_meta(c, revision, continue_token, remaining), *table;

  c->ans->revision = revision;
  c->ans->continue_token = continue_token;
  if (c->req->want_records)
    return give_records(c, 200, items, n, reterr);
  if (c->form.shape == REST_PARTIAL)
    return wrong_shape(c, "PartialObjectMetadata", true, reterr);
  if ((c->kind == c->stored || c->converted) && c->form.encoding == REST_JSON && c->form.shape == REST_PLAIN &&
      !c->form.pretty && answer_list_of_bytes(c, items, n, meta))
    return 0;
  const struct json **trees = arena_array_of(c->a, const struct json *, n + 1);

  if (rest_read_all(c, items, n, trees, reterr) < 0)
    return -(int)reterr->code;
  if (c->form.shape != REST_TABLE)
    return answer_list_of_trees(c, trees, n, meta, reterr);
  if (rest_table(c, trees, n, meta, &table, reterr) < 0)
    return -(int)reterr->code;
  return answer_tree(c, 200, NULL, table, reterr);
}
