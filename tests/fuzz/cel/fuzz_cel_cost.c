/*
 * A selector says the same whatever a run has remembered and whatever it may cost.
 *
 * The evaluator has short ways (chains followed once, operands without a call, quantifiers without a fold, values made
 * when they are read). Each must charge to the unit what the long way does: with exactly what a run has cost as its
 * limit the next run ends the same, and with one unit less it ends as upstream's would.
 *
 * An input that begins with '=' is the expression itself; other bytes steer the generator of random_expression.h.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cel.h"
#include "cel_dra_env.h"
#include "ceilings.h"
#include "random_expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 1000000

static const char device_text[] =
    "{\"allowMultipleAllocations\":true,\"attributes\":{\"healthy\":{\"bool\":true},\"index\":{\"int\":3},\"numa\":"
    "{\"int\":1},\"model\":{\"string\":\"A100-80\"},\"uuid\":{\"string\":\"GPU-18db0e85-99e9-c746\"},\"driverVersion\":"
    "{\"version\":\"550.54.15\"},\"links\":{\"ints\":[0,1,2,3,11]},\"gpu.example.com/brand\":{\"string\":\"n\u00e4h\"},"
    "\"resource.kubernetes.io/model\":{\"string\":\"x\"}},\"capacity\":{\"memory\":{\"value\":\"80Gi\"},\"engines\":"
    "{\"value\":\"7500m\"}}}";

struct outcome {
  struct cel_value value;
  uint64_t cost;
};

static struct cel_value
new_device(struct arena *a)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_value device;
  struct json *tree;

  assert(json_parse(a, span_of(device_text), NULL, &tree, &err) == 0);
  assert(cel_dra_device_value(a, "gpu.example.com", tree, &device, &err) == 0);
  return device;
}

static struct outcome
run(struct arena *a, const struct cel_code *code, const struct cel_value *device, uint64_t limit)
{
  struct cel_run run = { .vars = device, .arena = a, .limit = limit };
  struct cel_value v = cel_dra_to_bool(a, cel_code_run(code, &run));

  return (struct outcome){ v, run.cost };
}

static void
must_be(struct outcome got, struct outcome want, struct span text, const char *when)
{
  struct cel_value x = got.value, y = want.value;
  bool same = x.kind == y.kind && (cel_is_error(x) ? span_eq(cel_span(x), cel_span(y)) : x.u.b == y.u.b);

  if (same && got.cost == want.cost)
    return;
  fprintf(stderr, "%s: %.*s\nkinds %u %u, costs %llu %llu\n", when, SPAN_FMT(text), x.kind, y.kind,
          (unsigned long long)got.cost, (unsigned long long)want.cost);
  assert(!"two runs differ");
}

static void
check(struct arena *a, const struct cel_code *code, struct span text)
{
  const struct cel_value device = new_device(a), other = new_device(a);
  struct outcome first = run(a, code, &device, LIMIT), less;

  must_be(run(a, code, &device, LIMIT), first, text, "the same device again");
  if (first.cost > LIMIT)
    return;
  must_be(run(a, code, &other, first.cost), first, text, "another device, and a limit that just suffices");
  if (first.cost == 0)
    return;
  less = run(a, code, &device, first.cost - 1);
  if (!cel_is_error(less.value) || !span_is(cel_span(less.value), "operation cancelled: actual cost limit exceeded")) {
    fprintf(stderr, "one unit too few is enough: %.*s\n", SPAN_FMT(text));
    assert(!"a run within less than it costs");
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(SIZE_MAX / 2);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_cel_code_ struct cel_code *code = NULL;

  if (size && *data == '=')
    strbuf_add(&b, data + 1, size - 1);
  else
    random_expression_write(&b, data, size);
  if (cel_compile(cel_dra_env(NULL), strbuf_view(&b), &code, &err) == 0)
    check(a, code, strbuf_view(&b));
  return 0;
}
