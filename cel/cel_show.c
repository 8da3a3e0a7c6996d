#include "cel_show.h"

#include "cel.h"
#include "cel_ast.h"
#include "cel_dra_env.h"

#include <math.h>
#include <string.h>

/* -- values, as expressions write them -- */

#define VALUE_MAX (64 * 1024) /* of text; the rest of a huge value is left out */

static void write_value(struct strbuf *b, struct cel_value v);

static void
write_call(struct strbuf *b, const char *function, struct cel_value v)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(VALUE_MAX);

  if (v.kind == CEL_TIMESTAMP)
    cel_time_print(&text, v);
  else
    cel_print(&text, v);
  strbuf_printf(b, "%s(", function);
  cel_quote(b, strbuf_view(&text));
  strbuf_putc(b, ')');
}

static void
write_double(struct strbuf *b, double d)
{
  size_t from = b->n;

  cel_print_double(b, d, 21);
  if (isfinite(d) && !memchr(b->p + from, '.', b->n - from) && !memchr(b->p + from, 'e', b->n - from))
    strbuf_puts(b, ".0");
}

static void
write_list(struct strbuf *b, const struct cel_list *l)
{
  strbuf_putc(b, '[');
  for (uint32_t i = 0; i < l->n; i++) {
    strbuf_puts(b, i ? ", " : "");
    write_value(b, l->items[i]);
  }
  strbuf_putc(b, ']');
}

static void
write_map(struct strbuf *b, struct cel_map *m)
{
  _cleanup_arena_ struct arena *a = arena_new((size_t)64 * 1024 * 1024);
  const struct cel_entry **sorted = cel_map_sorted(a, m);

  strbuf_putc(b, '{');
  for (uint32_t i = 0; i < m->n; i++) {
    strbuf_puts(b, i ? ", " : "");
    write_value(b, sorted[i]->key);
    strbuf_puts(b, ": ");
    write_value(b, sorted[i]->value);
  }
  strbuf_putc(b, '}');
}

static void
write_value(struct strbuf *b, struct cel_value v)
{
  switch (v.kind) {
  case CEL_NULL:
    strbuf_puts(b, "null");
    break;
  case CEL_STRING:
    cel_quote(b, cel_span(v));
    break;
  case CEL_BYTES:
    strbuf_putc(b, 'b');
    cel_quote(b, cel_span(v));
    break;
  case CEL_UINT:
    cel_print(b, v);
    strbuf_putc(b, 'u');
    break;
  case CEL_DOUBLE:
    write_double(b, v.u.d);
    break;
  case CEL_LIST:
    write_list(b, v.u.list);
    break;
  case CEL_MAP:
    write_map(b, v.u.map);
    break;
  case CEL_OPTIONAL:
    strbuf_puts(b, v.u.some ? "optional.of(" : "optional.none()");
    if (v.u.some) {
      write_value(b, *v.u.some);
      strbuf_putc(b, ')');
    }
    break;
  case CEL_DURATION:
    write_call(b, "duration", v);
    break;
  case CEL_TIMESTAMP:
    write_call(b, "timestamp", v);
    break;
  case CEL_QUANTITY:
    write_call(b, "quantity", v);
    break;
  case CEL_SEMVER:
    write_call(b, "semver", v);
    break;
  case CEL_IP:
    write_call(b, "ip", v);
    break;
  case CEL_CIDR:
    write_call(b, "cidr", v);
    break;
  case CEL_URL:
    write_call(b, "url", v);
    break;
  default:
    cel_print(b, v);
    break;
  }
}

int
cel_show(struct arena *a, struct span expression, const struct cel_device *device, struct cel_shown *ret,
         struct kerr *reterr)
{
  struct cel_env env = *cel_dra_env(NULL);
  _cleanup_cel_code_ struct cel_code *code = NULL;
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(VALUE_MAX);
  struct cel_value v;
  struct cel_run run = { .vars = cel_device_value(device), .arena = a, .limit = CEL_DRA_COST_MAX };
  uint64_t least;
  int r;

  env.refuse = NULL;
  r = cel_compile(&env, expression, &code, reterr);
  if (r < 0)
    return r;
  *ret = (struct cel_shown){ .type = cel_code_type_text(code, a) };
  cel_code_estimate(code, &least, &ret->most);
  v = cel_code_run(code, &run);
  ret->cost = run.cost;
  if (cel_is_error(v)) {
    ret->error = arena_strndup(a, v.u.s, v.n);
    return 0;
  }
  write_value(&text, v);
  ret->value = arena_strndup(a, text.p, text.n);
  return 0;
}

char *
cel_show_place(struct arena *a, struct span source, uint32_t pos, const char *message)
{
  struct cel_unit u;

  cel_unit_init(&u, a, NULL, source);
  cel_issue_add(&u, pos, "%s", message);
  return cel_issues_text(&u);
}

static const struct cel_value *
member(const struct cel_value *v, struct span name)
{
  return v && v->kind == CEL_MAP ? cel_map_find(v->u.map, cel_of_span(name)) : NULL;
}

const char *
cel_show_reference(struct arena *a, const struct cel_device *device, const struct cel_reference *r)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(VALUE_MAX);
  const struct cel_value *v = member(cel_device_value(device), r->capacity ? SPAN("capacity") : SPAN("attributes"));

  v = member(member(v, r->domain), r->id);
  if (!v)
    return NULL;
  write_value(&text, *v);
  return arena_strndup(a, text.p, text.n);
}
