#include "cel_batch.h"

#include "cel.h"
#include "cel_batch_host.h"
#include "cel_dra_env.h"
#include "cel_eval.h"
#include "cel_typed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One record under work. */
struct record {
  struct arena *a;
  const struct json *in;
  const char *env;
  struct span expr;
  struct cel_dra_features features;
  bool is_new, derived, value; /* what the environment is */
  const struct cel_env *cel;
  struct cel_value *vars;
  struct strbuf *out;
};

static void
put_str(struct strbuf *b, const char *name, const char *text)
{
  strbuf_printf(b, "\"%s\":", name);
  json_write_str(b, span_of(text), 0);
}

/* "got", with one member whose value is a text. */
static void
got_text(const struct record *r, const char *name, const char *text)
{
  strbuf_puts(r->out, ",\"got\":{");
  put_str(r->out, name, text);
  strbuf_putc(r->out, '}');
}

static void
put_number(struct strbuf *b, const char *name, uint64_t v)
{
  strbuf_printf(b, ",\"%s\":\"%" PRIu64 "\"", name, v);
}

/* -- input -- */

/* The variables of the record besides `device`. */
static int
read_bindings(struct record *r, struct kerr *reterr)
{
  const struct json *bindings = json_get(r->in, "bindings");
  struct cel_env *env = arena_new_of(r->a, struct cel_env);
  uint32_t n = 1 + (uint32_t)json_count(bindings), at = 1;
  struct cel_var *vars = arena_array_of(r->a, struct cel_var, n);

  *env = *r->cel;
  if (r->value)
    env->refuse = NULL;
  vars[0] = env->vars[0];
  r->vars = arena_array_of(r->a, struct cel_value, n);
  for (json_each_member (m, bindings)) {
    const struct json *value = json_get(m->value, "value");

    vars[at] = (struct cel_var){ m->name, cel_type_parse(r->a, json_span(json_get(m->value, "type"))), at };
    if (!vars[at].type)
      return kerr_set(reterr, KERR_PARSE, NULL, "binding %s has no known type", m->name);
    if (json_is(value, JSON_NULL))
      r->vars[at] = cel_failf(r->a, "no such attribute(s): %s", m->name);
    else if (!cel_typed_read(r->a, value, &r->vars[at]))
      return kerr_set(reterr, KERR_PARSE, NULL, "binding %s has no typed value", m->name);
    at++;
  }
  env->vars = vars;
  env->nvars = n;
  r->cel = env;
  return 0;
}

static int
read_record(struct record *r, struct kerr *reterr)
{
  const struct json *features = json_get(r->in, "features");

  r->expr = json_span(json_get(r->in, "expr"));
  r->is_new = strcmp(r->env, "new") == 0 || strcmp(r->env, "derived-new") == 0;
  r->derived = strncmp(r->env, "derived", 7) == 0;
  r->value = strcmp(r->env, "value") == 0;
  r->features.consumable_capacity = json_get_bool(features, "consumableCapacity", false);
  r->features.list_type_attributes = json_get_bool(features, "listTypeAttributes", false);
  if (!r->is_new && !r->derived && !r->value && strcmp(r->env, "stored") != 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "unknown env %s", r->env);
  if (!r->expr.p)
    return kerr_set(reterr, KERR_PARSE, NULL, "a record needs expr");
  r->cel =
      r->derived ? cel_dra_derived_env(r->is_new ? &r->features : NULL) : cel_dra_env(r->is_new ? &r->features : NULL);
  return read_bindings(r, reterr);
}

/* -- answers -- */

static void
answer_value(const struct record *r, struct cel_value v)
{
  if (r->derived) {
    struct json *attribute;
    struct cel_value err = cel_dra_attribute(r->a, v, &attribute);

    if (cel_is_error(err)) {
      got_text(r, "error", err.u.s);
      return;
    }
    strbuf_puts(r->out, ",\"got\":{\"attribute\":");
    json_write(r->out, attribute, 0);
    strbuf_putc(r->out, '}');
  } else if (r->value) {
    strbuf_puts(r->out, ",\"got\":{\"value\":");
    cel_typed_write(r->out, v);
    strbuf_putc(r->out, '}');
  } else {
    v = cel_dra_to_bool(r->a, v);
    if (cel_is_error(v))
      got_text(r, "error", arena_strndup(r->a, v.u.s, v.n));
    else
      strbuf_printf(r->out, ",\"got\":{\"match\":%s}", v.u.b ? "true" : "false");
  }
}

static void
answer_run(struct record *r, const struct cel_code *code, uint64_t *cost, bool *ran)
{
  const struct json *device = json_get(r->in, "device");
  struct cel_run run = { .vars = r->vars, .arena = r->a, .limit = CEL_DRA_COST_MAX };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_value v;

  *ran = false;
  if (r->is_new && !json_is(device, JSON_OBJECT)) {
    strbuf_puts(r->out, ",\"got\":{\"valid\":true}");
    return;
  }
  if (cel_dra_device_value(r->a, json_get_str(device, "driver"), device, &r->vars[0], &err) < 0) {
    got_text(r, "error", err.msg);
    return;
  }
  v = cel_code_run(code, &run);
  *ran = true;
  *cost = run.cost;
  if (cel_is_error(v))
    got_text(r, "error", arena_strndup(r->a, v.u.s, v.n));
  else
    answer_value(r, v);
}

static void
answer(struct record *r)
{
  _cleanup_cel_code_ struct cel_code *code = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  uint64_t cost = 0, min, max;
  bool ran = false;

  if (r->is_new && r->expr.n > CEL_DRA_LENGTH_MAX) {
    strbuf_puts(r->out, ",\"got\":{\"tooLong\":true}");
    return;
  }
  if (cel_compile(r->cel, r->expr, &code, &err) < 0) {
    strbuf_puts(r->out, ",\"got\":{");
    put_str(r->out, "compileError", err.msg);
    strbuf_puts(r->out, err.code == KERR_INTERNAL ? ",\"internal\":true}" : "}");
    return;
  }
  cel_code_estimate(code, &min, &max);
  if (r->is_new && max > CEL_DRA_COST_MAX)
    got_text(r, "costError", "too complex, exceeds cost limit");
  else
    answer_run(r, code, &cost, &ran);
  strbuf_putc(r->out, ',');
  put_str(r->out, "type", cel_code_type_text(code, r->a));
  if (ran)
    put_number(r->out, "cost", cost);
  put_number(r->out, "estMax", max);
  put_number(r->out, "estMin", min);
}

static const struct json *
as_it_is(struct arena *a, const struct json *object)
{
  (void)a;
  return object;
}

typedef void host_fn(struct arena *a, const struct json *record, cel_complete_fn *complete, struct strbuf *out);

static host_fn *
host_of(const char *env)
{
  return strcmp(env, "crd") == 0 ? cel_batch_crd : strcmp(env, "vap") == 0 ? cel_batch_vap : NULL;
}

int
cel_batch_line(struct arena *a, struct span line, cel_complete_fn *complete, struct strbuf *out, struct kerr *reterr)
{
  struct record r = { .a = a, .out = out };
  struct json *in;
  host_fn *host;
  int rc = json_parse(a, line, NULL, &in, reterr);

  if (rc < 0)
    return rc;
  r.in = in;
  r.env = json_get_str_or(in, "env", "value");
  host = host_of(r.env);
  rc = host ? 0 : read_record(&r, reterr);
  if (rc < 0)
    return rc;
  strbuf_puts(out, "{\"id\":");
  json_write(out, json_get(in, "id"), 0);
  if (host)
    host(a, in, complete ? complete : as_it_is, out);
  else
    answer(&r);
  strbuf_puts(out, "}\n");
  return 0;
}
