/* Explanations as text and as JSON. */
#include "alloc_explain.h"
#include "strbuf.h"

#define REASONS_SHOWN 8 /* per request, in text */

#define X(name, text, change) { #name, text, change },
static const struct {
  const char *name, *text, *change;
} words[] = { ALLOC_REASONS(X) };
#undef X

const char *
alloc_reason_text(enum alloc_reason r)
{
  return words[r].text;
}

const char *
alloc_reason_name(enum alloc_reason r)
{
  return words[r].name;
}

const char *
alloc_reason_change(enum alloc_reason r)
{
  return words[r].change;
}

static void
request_head(const struct alloc_request_why *r, struct strbuf *out)
{
  strbuf_printf(out, "%s claim %s, request %s: %u device%s wanted, ", r->stuck ? "*" : " ", r->claim, r->request,
                r->need, r->need == 1 ? "" : "s");
  if (!r->stuck)
    strbuf_printf(out, "%u of %zu suitable\n", r->fitting, r->n_devices);
  else if (r->n_devices == 0)
    strbuf_puts(out, "there is none\n");
  else
    strbuf_printf(out, "%u found; of %zu, %u %s left\n", r->found, r->n_devices, r->fitting,
                  r->fitting == 1 ? "is" : "are");
}

static void
request_text(const struct alloc_request_why *r, bool devices, struct strbuf *out)
{
  request_head(r, out);
  for (size_t i = 0; i < r->n_reasons && i < REASONS_SHOWN; i++) {
    const struct alloc_reason_count *c = &r->reasons[i];

    strbuf_printf(out, "    %u × %s%s%s (%s%s)\n", c->n, alloc_reason_text(c->reason), *c->detail ? ": " : "",
                  c->detail, c->n > 1 ? "such as " : "", c->example);
  }
  if (r->n_reasons > REASONS_SHOWN)
    strbuf_printf(out, "    and %zu other reasons\n", r->n_reasons - REASONS_SHOWN);
  if (*r->nearest)
    strbuf_printf(out, "    nearest: %s\n", r->nearest);
  for (size_t i = 0; devices && i < r->n_devices; i++) {
    const struct alloc_rejection *d = &r->devices[i];

    strbuf_printf(out, "    %s: %s%s%s\n", d->device, alloc_reason_text(d->reason), *d->detail ? ": " : "", d->detail);
  }
}

void
alloc_explanation_text(const struct alloc_explanation *e, bool devices, struct strbuf *out)
{
  strbuf_printf(out, "node %s: %s\n", e->node, e->fits ? "fits" : e->error ? e->error : "the claims do not fit");
  for (size_t i = 0; i < e->n_pools; i++)
    strbuf_printf(out, "  %s\n", e->pools[i]);
  for (size_t i = 0; i < e->n_requests; i++)
    request_text(&e->requests[i], devices, out);
}

void
alloc_sum_add(struct alloc_sum *sum, const struct alloc_explanation *e)
{
  sum->nodes++;
  for (size_t i = 0; i < e->n_requests; i++)
    for (size_t k = 0; e->requests[i].stuck && k < e->requests[i].n_devices; k++) {
      sum->devices++;
      sum->by_reason[e->requests[i].devices[k].reason]++;
    }
}

void
alloc_sum_text(const struct alloc_sum *sum, struct strbuf *out)
{
  bool any = false;

  strbuf_printf(out, "%u nodes do not fit", sum->nodes);
  if (sum->devices)
    strbuf_printf(out, "; of %u devices where they got stuck:", sum->devices);
  for (int r = 0; r < ALLOC_REASON_NONE; r++)
    if (sum->by_reason[r]) {
      strbuf_printf(out, "%s %u × %s", any ? "," : "", sum->by_reason[r], words[r].text);
      any = true;
    }
  strbuf_putc(out, '\n');
}

static struct json *
request_json(const struct alloc_request_why *r, struct arena *a)
{
  struct json *o = json_new_object(a), *reasons, *devices;

  json_set_str(a, o, "claim", r->claim);
  json_set_str(a, o, "request", r->request);
  json_set_int(a, o, "wanted", r->need);
  json_set_int(a, o, "suitable", r->fitting);
  json_set_bool(a, o, "stuck", r->stuck);
  if (r->stuck)
    json_set_int(a, o, "found", r->found);
  reasons = json_ensure_array(a, o, "reasons");
  for (size_t i = 0; i < r->n_reasons; i++) {
    struct json *c = json_append(a, reasons, json_new_object(a));

    json_set_int(a, c, "count", r->reasons[i].n);
    json_set_str(a, c, "reason", alloc_reason_name(r->reasons[i].reason));
    json_set_str(a, c, "message", alloc_reason_text(r->reasons[i].reason));
    json_set_str(a, c, "change", alloc_reason_change(r->reasons[i].reason));
    json_set_str(a, c, "detail", r->reasons[i].detail);
    json_set_str(a, c, "example", r->reasons[i].example);
  }
  if (*r->nearest)
    json_set_str(a, o, "nearest", r->nearest);
  devices = json_ensure_array(a, o, "devices");
  for (size_t i = 0; i < r->n_devices; i++) {
    struct json *d = json_append(a, devices, json_new_object(a));

    json_set_str(a, d, "device", r->devices[i].device);
    json_set_str(a, d, "reason", alloc_reason_name(r->devices[i].reason));
    if (*r->devices[i].detail)
      json_set_str(a, d, "detail", r->devices[i].detail);
  }
  return o;
}

struct json *
alloc_explanation_json(const struct alloc_explanation *e, struct arena *a)
{
  struct json *o = json_new_object(a), *list;

  json_set_str(a, o, "node", e->node);
  json_set_bool(a, o, "fits", e->fits);
  if (e->error)
    json_set_str(a, o, "error", e->error);
  list = json_ensure_array(a, o, "pools");
  for (size_t i = 0; i < e->n_pools; i++)
    json_append_str(a, list, e->pools[i]);
  list = json_ensure_array(a, o, "requests");
  for (size_t i = 0; i < e->n_requests; i++)
    json_append(a, list, request_json(&e->requests[i], a));
  return o;
}
