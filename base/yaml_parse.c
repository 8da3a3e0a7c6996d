#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "hmap.h"
#include "number.h"
#include "yaml.h"
#include <yaml_lib.h>
#include "yaml_resolve.h"

#define TAG "tag:yaml.org,2002:"

struct anchor {
  struct json *value; /* NULL while it is being read */
  size_t nodes;
};

struct reader {
  struct arena *a;
  yaml_parser_t parser;
  yaml_event_t event;
  bool have_event;
  struct hmap *anchors; /* of this document */
  size_t nodes;         /* made so far, aliases expanded */
  uint32_t depth, max_depth;
  struct json_dup **dups; /* as in json_parse.c */
  struct strbuf path;
  bool as_go; /* errors in go-yaml's words, and the first document only */
  struct kerr *err;
};

static int read_node(struct reader *r, struct json **ret);

static int
fail_at(struct reader *r, enum kerr_code code, const yaml_mark_t *mark, const char *what)
{
  if (r->as_go)
    return kerr_set(r->err, code, NULL, "yaml: %s", what);
  return kerr_set(r->err, code, NULL, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1, what);
}

/* libyaml does not get on. go-yaml is a port of it with the same words, but another idea of lines (decode.go, fail). */
static int
fail_parser(struct reader *r)
{
  const yaml_parser_t *p = &r->parser;
  const char *what = p->problem ? p->problem : "unknown problem parsing YAML content";
  size_t line = p->problem_mark.line ? p->problem_mark.line + (p->error == YAML_SCANNER_ERROR) : p->context_mark.line;

  if (r->as_go && line)
    return kerr_set(r->err, KERR_PARSE, NULL, "yaml: line %zu: %s", line, what);
  return fail_at(r, KERR_PARSE, p->error == YAML_READER_ERROR ? &p->mark : &p->problem_mark, what);
}

static int
fail(struct reader *r, const char *what)
{
  return fail_at(r, KERR_PARSE, &r->event.start_mark, what);
}

/* The next event is in r->event until the one after. */
static int
next(struct reader *r)
{
  if (r->have_event)
    yaml_event_delete(&r->event);
  r->have_event = false;
  if (!yaml_parser_parse(&r->parser, &r->event))
    return fail_parser(r);
  r->have_event = true;
  return 0;
}

static int
count_nodes(struct reader *r, size_t n)
{
  r->nodes += n;
  if (r->nodes > CEIL_YAML_NODES)
    return fail_at(r, KERR_TOO_LARGE, &r->event.start_mark, "document contains excessive aliasing, or is too large");
  return 0;
}

/* -- scalars -- */

static struct json *
number_node(struct arena *a, double d)
{
  char text[NUMBER_TEXT_MAX];
  struct json *v;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  /* 1e3 is 1000, and so an integer to whoever reads the JSON that upstream makes of it */
  if (json_parse(a, span_make(text, number_text_json(d, text)), NULL, &v, &err) < 0)
    return json_new_double(a, d);
  return v;
}

static int
plain_value(struct reader *r, struct yaml_scalar s, struct span text, struct json **ret)
{
  char digits[24];

  switch (s.kind) {
  case YAML_NULL:
    *ret = json_new_null(r->a);
    return 0;
  case YAML_BOOL:
    *ret = json_new_bool(r->a, s.boolean);
    return 0;
  case YAML_INT:
    *ret = json_new_int(r->a, s.integer);
    return 0;
  case YAML_UINT:
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)s.big);
    return json_parse(r->a, span_of(digits), NULL, ret, r->err);
  case YAML_FLOAT:
    if (!isfinite(s.number))
      return fail(r, isnan(s.number) ? "json: unsupported value: NaN" : "json: unsupported value: Inf");
    *ret = number_node(r->a, s.number);
    return 0;
  case YAML_STR:
  case YAML_TIME:
    break;
  }
  *ret = json_new_strn(r->a, text.p, text.n);
  return 0;
}

static int
binary_value(struct reader *r, struct span text, struct json **ret)
{
  _cleanup_strbuf_ struct strbuf raw = STRBUF_INIT(text.n);

  if (!codec_unbase64(&raw, text))
    return fail(r, "!!binary value contains invalid base64 data");
  if (!span_utf8_valid(strbuf_view(&raw)))
    return fail(r, "!!binary value is not UTF-8");
  *ret = json_new_strn(r->a, raw.p, raw.n);
  return 0;
}

/* What the event's scalar is, its tag and quotes considered. `text` is its text. */
static int
scalar_kind(struct reader *r, struct span text, struct yaml_scalar *ret)
{
  static const struct {
    const char *tag, *name;
    enum yaml_kind kind;
  } tags[] = {
    { YAML_NULL_TAG, "!!null", YAML_NULL },
    { YAML_BOOL_TAG, "!!bool", YAML_BOOL },
    { YAML_INT_TAG, "!!int", YAML_INT },
    { YAML_FLOAT_TAG, "!!float", YAML_FLOAT },
  };
  const char *tag = (const char *)r->event.data.scalar.tag;
  struct yaml_scalar s = { .kind = YAML_STR };

  if (tag ? strcmp(tag, "!") != 0 : r->event.data.scalar.plain_implicit)
    s = yaml_resolve(text);
  *ret = s;
  if (!tag)
    return 0;
  for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
    if (strcmp(tag, tags[i].tag) != 0)
      continue;
    if (tags[i].kind == YAML_FLOAT && s.kind == YAML_INT)
      *ret = (struct yaml_scalar){ .kind = YAML_FLOAT, .number = (double)s.integer };
    else if (s.kind != tags[i].kind && !(tags[i].kind == YAML_INT && s.kind == YAML_UINT)) {
      _cleanup_free_ char *what = mem_printf("cannot decode !!str `%.*s` as a %s", SPAN_FMT(text), tags[i].name);

      return fail(r, what);
    }
    return 0;
  }
  *ret = (struct yaml_scalar){ .kind = YAML_STR }; /* !!str, and tags of strangers */
  return 0;
}

static struct span
event_text(const struct reader *r)
{
  return span_make((const char *)r->event.data.scalar.value, r->event.data.scalar.length);
}

static int
read_scalar(struct reader *r, struct json **ret)
{
  struct span text = event_text(r);
  const char *tag = (const char *)r->event.data.scalar.tag;
  struct yaml_scalar s;
  int rc;

  if (tag && strcmp(tag, TAG "binary") == 0)
    return binary_value(r, text, ret);
  rc = scalar_kind(r, text, &s);
  return rc < 0 ? rc : plain_value(r, s, text, ret);
}

/* -- anchors -- */

/* Remember that `name` is about to be read. */
static void
anchor_begin(struct reader *r, const char *name)
{
  if (name)
    hmap_put(r->anchors, span_of(name), mem_alloc(sizeof(struct anchor)));
}

static void
anchor_end(struct reader *r, const char *name, struct json *value, size_t nodes)
{
  struct anchor *a = name ? hmap_get(r->anchors, span_of(name)) : NULL;

  if (a)
    *a = (struct anchor){ .value = value, .nodes = nodes };
}

static int
read_alias(struct reader *r, struct json **ret)
{
  const char *name = (const char *)r->event.data.alias.anchor;
  const struct anchor *a = hmap_get(r->anchors, span_of(name));
  _cleanup_free_ char *what = NULL;
  int rc;

  if (!a || !a->value) {
    what = mem_printf(a ? "anchor '%s' value contains itself" : "unknown anchor '%s' referenced", name);
    return fail(r, what);
  }
  rc = count_nodes(r, a->nodes);
  if (rc < 0)
    return rc;
  *ret = json_copy(r->a, a->value); /* a tree of its own: whoever gets the document may edit it */
  return 0;
}

/* -- collections -- */

static int
enter(struct reader *r)
{
  if (++r->depth > r->max_depth)
    return fail_at(r, KERR_TOO_LARGE, &r->event.start_mark, "nested too deeply");
  return 0;
}

static int
read_sequence(struct reader *r, struct json **ret)
{
  struct json *v = json_new_array(r->a), *item;
  size_t mark = r->path.n;
  int rc = enter(r);

  if (rc < 0)
    return rc;
  for (;;) {
    rc = next(r);
    if (rc < 0)
      return rc;
    if (r->event.type == YAML_SEQUENCE_END_EVENT)
      break;
    strbuf_printf(&r->path, "[%u]", v->count);
    rc = read_node(r, &item);
    if (rc < 0)
      return rc;
    r->path.n = mark;
    json_append(r->a, v, item);
  }
  r->depth--;
  *ret = v;
  return 0;
}

static bool
is_merge(const struct reader *r)
{
  const char *tag = (const char *)r->event.data.scalar.tag;

  return span_is(event_text(r), "<<") && (tag ? strcmp(tag, TAG "merge") == 0 : r->event.data.scalar.plain_implicit);
}

/* The text of a key, as sigs.k8s.io/yaml turns it into one of JSON. */
static int
key_text(struct reader *r, struct span *ret, bool *ret_merge)
{
  char text[NUMBER_TEXT_MAX];
  struct yaml_scalar s;
  int rc;

  if (r->event.type == YAML_ALIAS_EVENT) {
    struct json *v = NULL;

    rc = read_alias(r, &v);
    if (rc < 0)
      return rc;
    if (!json_is(v, JSON_STRING))
      return fail(r, "an alias as a key must stand for a string");
    *ret = json_span(v);
    *ret_merge = false;
    return 0;
  }
  if (r->event.type != YAML_SCALAR_EVENT)
    return fail(r, "invalid map key: only scalars can be keys");
  rc = scalar_kind(r, event_text(r), &s);
  if (rc < 0)
    return rc;
  *ret_merge = is_merge(r);
  switch (s.kind) {
  case YAML_STR:
  case YAML_TIME:
    *ret = arena_span(r->a, event_text(r));
    return 0;
  case YAML_BOOL:
    *ret = span_of(s.boolean ? "true" : "false");
    return 0;
  case YAML_INT:
    *ret = span_of(arena_printf(r->a, "%lld", (long long)s.integer));
    return 0;
  case YAML_FLOAT:
    if (isinf(s.number) || isnan(s.number))
      *ret = span_of(isnan(s.number) ? ".nan" : s.number > 0 ? ".inf" : "-.inf");
    else
      *ret = arena_span(r->a, span_make(text, number_text_g(s.number, true, text)));
    return 0;
  case YAML_NULL:
  case YAML_UINT:
    break;
  }
  return fail(r, s.kind == YAML_NULL ? "unsupported map key of type: null" : "unsupported map key of type: uint64");
}

/* The value of "<<": a map, or a list of maps of which earlier ones win. */
static int
merge(struct reader *r, struct json *obj, struct hmap *seen)
{
  yaml_mark_t mark = r->event.start_mark;
  struct json *v;
  int rc = next(r);

  if (rc < 0 || (rc = read_node(r, &v)) < 0)
    return rc;
  for (size_t i = json_is(v, JSON_OBJECT) ? 1 : json_count(v); i-- > 0;) {
    const struct json *from = json_is(v, JSON_OBJECT) ? v : json_at(v, i);

    if (!json_is(from, JSON_OBJECT)) {
      v = NULL;
      break;
    }
    for (json_each_member (m, from)) {
      json_set_n(r->a, obj, m->name, m->name_len, m->value);
      hmap_put(seen, span_make(m->name, m->name_len), obj);
    }
  }
  if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
    return fail_at(r, KERR_PARSE, &mark, "map merge requires map or sequence of maps as the value");
  return 0;
}

static int
note_duplicate(struct reader *r, const yaml_mark_t *at, size_t value_line, struct span key)
{
  struct json_dup *d;

  if (!r->dups) {
    _cleanup_free_ char *what = mem_printf("duplicate key '%.*s'", SPAN_FMT(key));

    return fail_at(r, KERR_PARSE, at, what);
  }
  d = arena_new_of(r->a, struct json_dup);
  *d = (struct json_dup){ .path = arena_strndup(r->a, r->path.p, r->path.n), .key = key.p, .line = value_line + 1 };
  *r->dups = d;
  r->dups = &d->next;
  return 0;
}

/* One key and its value; the key's event is the current one. */
static int
read_member(struct reader *r, struct json *obj, struct hmap *seen)
{
  yaml_mark_t at = r->event.start_mark;
  struct json *value;
  struct span key;
  bool merging = false;
  int rc = key_text(r, &key, &merging);

  if (rc < 0)
    return rc;
  if (merging)
    return merge(r, obj, seen);
  strbuf_puts(&r->path, r->path.n ? "." : "");
  strbuf_span(&r->path, key);
  rc = next(r);
  if (rc < 0)
    return rc;
  rc = hmap_get(seen, key) ? note_duplicate(r, &at, r->event.start_mark.line, key) : 0;
  if (rc < 0 || (rc = read_node(r, &value)) < 0)
    return rc;
  if (hmap_get(seen, key))
    json_set_n(r->a, obj, key.p, key.n, value);
  else
    json_push(r->a, obj, key.p, key.n, value);
  hmap_put(seen, key, obj);
  return 0;
}

static int
read_mapping(struct reader *r, struct json **ret)
{
  _cleanup_(hmap_freep) struct hmap *seen = hmap_new(NULL);
  struct json *v = json_new_object(r->a);
  size_t mark = r->path.n;
  int rc = enter(r);

  if (rc < 0)
    return rc;
  for (;;) {
    rc = next(r);
    if (rc < 0)
      return rc;
    if (r->event.type == YAML_MAPPING_END_EVENT)
      break;
    rc = read_member(r, v, seen);
    if (rc < 0)
      return rc;
    r->path.n = mark;
  }
  r->depth--;
  *ret = v;
  return 0;
}

static const yaml_char_t *
anchor_of(const yaml_event_t *e)
{
  return e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
         : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
         : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
                                                : NULL;
}

/* The current event begins the node. */
static int
read_node(struct reader *r, struct json **ret)
{
  _cleanup_free_ char *anchor = mem_strdup((const char *)anchor_of(&r->event));
  size_t before = r->nodes;
  struct json *v = NULL;
  int rc;

  if (r->event.type == YAML_ALIAS_EVENT)
    return read_alias(r, ret);
  rc = count_nodes(r, 1);
  if (rc < 0)
    return rc;
  anchor_begin(r, anchor);
  rc = r->event.type == YAML_SCALAR_EVENT           ? read_scalar(r, &v)
       : r->event.type == YAML_SEQUENCE_START_EVENT ? read_sequence(r, &v)
                                                    : read_mapping(r, &v);
  if (rc < 0)
    return rc;
  anchor_end(r, anchor, v, r->nodes - before);
  *ret = v;
  return 0;
}

/* -- documents -- */

struct docs {
  struct json **list;
  size_t n, cap;
};

static void
docs_add(struct arena *a, struct docs *d, struct json *v)
{
  if (d->n == d->cap) {
    struct json **bigger = arena_array_of(a, struct json *, d->cap ? d->cap * 2 : 4);

    if (d->n)
      memcpy(bigger, d->list, d->n * sizeof *bigger);
    d->list = bigger;
    d->cap = d->cap ? d->cap * 2 : 4;
  }
  d->list[d->n++] = v;
}

static int
read_stream(struct reader *r, struct docs *docs)
{
  int rc;

  for (;;) {
    struct json *v;

    rc = next(r);
    if (rc < 0)
      return rc;
    if (r->event.type == YAML_STREAM_END_EVENT)
      return 0;
    if (r->event.type != YAML_DOCUMENT_START_EVENT)
      continue;
    hmap_clear(r->anchors);
    r->path.n = 0;
    rc = next(r);
    if (rc < 0 || (rc = read_node(r, &v)) < 0)
      return rc;
    if (!json_is(v, JSON_NULL))
      docs_add(r->a, docs, v);
    if (r->as_go)
      return next(r); /* its end: looks at what follows, as go-yaml does */
  }
}

static int
parse_yaml(struct arena *a, struct span text, const struct json_parse_opts *opts, bool as_go, struct docs *docs,
           struct kerr *reterr)
{
  struct reader r = {
    .a = a,
    .anchors = hmap_new(free),
    .max_depth = opts && opts->max_depth ? opts->max_depth : CEIL_JSON_DEPTH,
    .dups = opts ? opts->dups : NULL,
    .path = STRBUF_INIT(CEIL_MANIFEST),
    .as_go = as_go,
    .err = reterr,
  };
  int rc;

  if (r.dups)
    *r.dups = NULL;
  if (!yaml_parser_initialize(&r.parser)) {
    fputs("dralab: out of memory\n", stderr);
    abort();
  }
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
  rc = read_stream(&r, docs);
  if (r.have_event)
    yaml_event_delete(&r.event);
  yaml_parser_delete(&r.parser);
  hmap_free(r.anchors);
  strbuf_release(&r.path);
  return rc;
}

int
yaml_parse_all(struct arena *a, struct span text, const struct json_parse_opts *opts, struct json ***ret_docs,
               size_t *ret_n, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr as_json = KERR_INIT, as_yaml = KERR_INIT;
  bool json = span_starts(span_trim(text), SPAN("{"));
  struct docs docs = { NULL, 0, 0 };
  struct json *v;

  if (json && json_parse(a, text, opts, &v, &as_json) == 0)
    docs_add(a, &docs, v);
  else if (parse_yaml(a, text, opts, false, &docs, &as_yaml) < 0)
    return kerr_move(reterr, json ? &as_json : &as_yaml);
  *ret_docs = docs.list;
  *ret_n = docs.n;
  return 0;
}

int
yaml_parse(struct arena *a, struct span text, const struct json_parse_opts *opts, struct json **ret,
           struct kerr *reterr)
{
  struct json **docs;
  size_t n;
  int rc = yaml_parse_all(a, text, opts, &docs, &n, reterr);

  if (rc < 0)
    return rc;
  if (n > 1)
    return kerr_set(reterr, KERR_PARSE, NULL, "one document expected, %zu found", n);
  *ret = n ? docs[0] : json_new_null(a);
  return 0;
}

int
yaml_parse_body(struct arena *a, struct span text, const struct json_parse_opts *opts, struct json **ret,
                struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr as_json = KERR_INIT;
  struct docs docs = { NULL, 0, 0 };
  int rc;

  if (span_starts(span_trim(text), SPAN("{")) && json_parse(a, text, opts, ret, &as_json) == 0)
    return 0;
  rc = parse_yaml(a, text, opts, true, &docs, reterr);
  if (rc == 0)
    *ret = docs.n ? docs.list[0] : json_new_null(a);
  return rc;
}
