/*
 * Which form of the answer a client wants, and which form its body has.
 *
 * Two gates stand one behind the other, as upstream: the router refuses an
 * Accept header that names none of the types a route produces ("406: Not
 * Acceptable"), then the handler looks at the parameters (as, g, v, stream,
 * pretty) of each clause, best first, and takes the first it can satisfy.
 */
#include <stdlib.h>
#include <string.h>

#include "rest.h"

#define CLAUSES_MAX 32
#define PRODUCED    "application/json, application/yaml, application/vnd.kubernetes.protobuf"
#define STREAMED    ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"

static const struct media {
  const char *type;
  enum rest_encoding encoding;
} media[] = {
  { "application/json", REST_JSON },
  { "application/yaml", REST_YAML },
  { "application/vnd.kubernetes.protobuf", REST_PROTOBUF },
};

struct clause {
  struct span type; /* "application/json", "application/<star>", "<star>/<star>" */
  struct span as, group, version, stream;
  bool pretty;
  double q;
  size_t at; /* place in the header: earlier wins among equals */
};

static struct span
unquote(struct span s)
{
  if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
    return span_make(s.p + 1, s.n - 2);
  return s;
}

static void
parse_param(struct rest_call *c, struct clause *ret, struct span param)
{
  struct span value, name = span_trim(span_cut(param, '=', &value));

  value = unquote(span_trim(value));
  if (span_is(name, "q"))
    ret->q = strtod(arena_strndup(c->a, value.p ? value.p : "", value.n), NULL);
  else if (span_is(name, "as"))
    ret->as = value;
  else if (span_is(name, "g"))
    ret->group = value;
  else if (span_is(name, "v"))
    ret->version = value;
  else if (span_is(name, "stream"))
    ret->stream = value;
  else if (span_is(name, "pretty"))
    ret->pretty = span_is(value, "1");
}

static int
by_preference(const void *x, const void *y)
{
  const struct clause *a = x, *b = y;

  if (a->q != b->q)
    return a->q > b->q ? -1 : 1;
  bool a_any = span_ends(a->type, SPAN("*")), b_any = span_ends(b->type, SPAN("*"));

  if (a_any != b_any)
    return a_any ? 1 : -1;
  return a->at < b->at ? -1 : a->at > b->at;
}

static size_t
parse_accept(struct rest_call *c, const char *header, struct clause *ret)
{
  struct span left = span_of(header);
  size_t n = 0;

  while (left.p && n < CLAUSES_MAX) {
    struct span params, rest, one = span_cut(left, ',', &rest);

    ret[n] = (struct clause){ .q = 1, .at = n };
    ret[n].type = span_trim(span_cut(one, ';', &params));
    while (params.p) {
      struct span more, param = span_cut(params, ';', &more);

      parse_param(c, &ret[n], param);
      params = more;
    }
    if (ret[n].type.n)
      n++;
    left = rest;
  }
  qsort(ret, n, sizeof ret[0], by_preference);
  return n;
}

static bool
type_matches(struct span wanted, const char *have)
{
  return span_is(wanted, "*/*") || span_is(wanted, "*") || span_is(wanted, "application/*") || span_is(wanted, have);
}

/* Reviews, bindings and the like are no rows of any table (their storages have no TableConvertor). */
static bool
has_rows(const struct rest_call *c)
{
  const char *sub = c->info.subresource;

  if (*sub)
    return strcmp(sub, "status") == 0 || strcmp(sub, "scale") == 0;
  return !c->res || c->res->verbs & KIND_VERB_GET;
}

/* Is the transformation one that this encoding, and this resource, has? Fills shape and version. */
static bool
accept_transform(struct rest_call *c, const struct clause *cl, enum rest_encoding encoding)
{
  static const struct {
    const char *as;
    enum rest_shape shape;
  } shapes[] = {
    { "Table", REST_TABLE },
    { "PartialObjectMetadata", REST_PARTIAL },
    { "PartialObjectMetadataList", REST_PARTIAL_LIST },
  };

  struct rest_form *form = &c->form;

  form->shape = REST_PLAIN;
  if (!cl->as.p && !cl->group.p && !cl->version.p)
    return true;
  if (!span_is(cl->group, "meta.k8s.io"))
    return false;
  if (span_is(cl->version, "v1"))
    form->meta_version = "v1";
  else if (span_is(cl->version, "v1beta1"))
    form->meta_version = "v1beta1";
  else
    return false;
  for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
    if (!span_is(cl->as, shapes[i].as))
      continue;
    form->shape = shapes[i].shape;
    return form->shape != REST_TABLE || (encoding != REST_PROTOBUF && has_rows(c));
  }
  return false;
}

static bool
accept_clause(struct rest_call *c, const struct clause *cl)
{
  for (size_t i = 0; i < ARRAY_SIZE(media); i++) {
    if (!type_matches(cl->type, media[i].type))
      continue;
    if (cl->stream.n && (!span_is(cl->stream, "watch") || media[i].encoding == REST_YAML))
      continue;
    if (!accept_transform(c, cl, media[i].encoding))
      continue;
    c->form.encoding = media[i].encoding;
    c->form.pretty = cl->pretty;
    return true;
  }
  return false;
}

static bool
router_accepts(const struct clause *clauses, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (span_is(clauses[i].type, "*/*"))
      return true;
    for (size_t j = 0; j < ARRAY_SIZE(media); j++)
      if (span_is(clauses[i].type, media[j].type))
        return true;
  }
  return n == 0;
}

static bool
wants_pretty(struct rest_call *c)
{
  const char *query = rest_query(c, "pretty"), *agent = rest_header(c, "user-agent");

  if (query && *query)
    return strcmp(query, "true") == 0 || strcmp(query, "1") == 0 || strcmp(query, "t") == 0 ||
           strcmp(query, "T") == 0 || strcmp(query, "TRUE") == 0 || strcmp(query, "True") == 0;
  return agent &&
         (strncmp(agent, "curl", 4) == 0 || strncmp(agent, "Wget", 4) == 0 || strncmp(agent, "Mozilla/5.0", 11) == 0);
}

int
rest_negotiate(struct rest_call *c, struct kerr *reterr)
{
  const char *accept = rest_header(c, "accept");
  bool streams = strcmp(c->info.verb, "list") == 0 || strcmp(c->info.verb, "watch") == 0;
  struct clause clauses[CLAUSES_MAX];
  size_t n;

  c->form = (struct rest_form){ .encoding = REST_JSON, .shape = REST_PLAIN, .meta_version = "v1" };
  if (c->req->want_records)
    return 0;
  if (accept && *accept) {
    n = parse_accept(c, accept, clauses);
    if (!router_accepts(clauses, n)) {
      static const struct status_subject nobody;
      _cleanup_kerr_ struct kerr err = KERR_INIT;

      (void)kerr_set(&err, KERR_NOT_ACCEPTABLE, NULL,
                     "406: Not Acceptable\n\nAvailable representations: " PRODUCED "%s", streams ? STREAMED : "");
      c->refusal = status_from_kerr(c->a, &err, &nobody, 0);
      return kerr_move(reterr, &err);
    }
    bool found = false;

    for (size_t i = 0; i < n && !found; i++)
      found = accept_clause(c, &clauses[i]);
    if (!found)
      return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL, "only the following media types are accepted: " PRODUCED);
  }
  if (!c->form.pretty)
    c->form.pretty = wants_pretty(c);
  return 0;
}

int
rest_body_encoding(struct rest_call *c, enum rest_encoding *ret, struct kerr *reterr)
{
  const char *header = rest_header(c, "content-type");
  struct span params, type;

  *ret = REST_JSON;
  if (!header || !*header)
    return 0;
  type = span_trim(span_cut(span_of(header), ';', &params));
  for (size_t i = 0; i < ARRAY_SIZE(media); i++) {
    if (type.n != strlen(media[i].type) || strncasecmp(type.p, media[i].type, type.n) != 0)
      continue;
    *ret = media[i].encoding;
    return 0;
  }
  return kerr_set(reterr, KERR_UNSUPPORTED_MEDIA_TYPE, NULL,
                  "the body of the request was in an unknown format - accepted media types include: " PRODUCED);
}
