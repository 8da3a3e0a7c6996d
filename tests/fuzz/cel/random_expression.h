/*
 * random_expression - a selector, made from bytes.
 *
 * Bytes decide as long as there are any, then a generator seeded by all of them. An expression is a template whose
 * holes are filled with others of the type that the hole names; the first templates of a type have no holes, and end
 * it.
 */
#ifndef TESTS_FUZZ_RANDOM_EXPRESSION_H
#define TESTS_FUZZ_RANDOM_EXPRESSION_H

#include <stdint.h>

#include "strbuf.h"

#define EXPRESSION_DEPTH 5

struct random_expression {
  const uint8_t *p;
  size_t n, at;
  uint64_t state;
  struct strbuf *b;
};

#define D "device.attributes[\"gpu.example.com\"]"
#define C "device.capacity[\"gpu.example.com\"]"

static const char *const bools[] = {
  "true",
  "false",
  D ".healthy",
  "device.allowMultipleAllocations",
  "has(" D ".model)",
  "has(" D ".missing)",
  D ".missing",
  "dyn(" D ".index)",
  D "[\"healthy\"]", /* with holes: */
  "$b && $b",
  "$b || $b",
  "$b && $b && $b",
  "$b || $b || $b || $b",
  "!($b)",
  "($b ? $b : $b)",
  "$i == $i",
  "$i != $i",
  "$i < $i",
  "$i >= $i",
  "$s == $s",
  "$s != $s",
  "$s < $s",
  "$s.contains($s)",
  "$s.startsWith($s)",
  "$s.endsWith($s)",
  "$s.matches(\"^[a-z]+.*0\")",
  "$i in [1, 2, 3]",
  "$s in [\"a\", \"A100\", $s]",
  "$l.exists(x, x > $i)",
  "$l.all(x, x < $i || $b)",
  "$l.exists_one(x, x == $i)",
  "$l.includes($i)",
  "$q.compareTo($q) >= $i",
  "$q.isGreaterThan($q)",
  "$q == $q",
  "$q.isLessThan($q)",
  "$v.isGreaterThan($v)",
  "$v.compareTo($v) <= 0",
  "$v == $v",
  "cel.bind(y, " D ", y.healthy && $b && y.index == $i && y.model == $s)",
  "cel.bind(z, $i, z > $i || z == z)",
  D ".?missing.orValue($b)",
  D ".?healthy.hasValue()",
  "dyn($s) == dyn($i)",
  "[$b, $b].exists(w, w && $b)",
  "sets.contains($l, [$i])",
  "$b == $b",
  "has(device.attributes[$s].model)",
  "device.attributes[$s].healthy",
  "device.attributes[$s][$s] == $s",
};
static const char *const ints[] = {
  "0",
  "1",
  "3",
  "9223372036854775807",
  "-1",
  D ".index",
  D ".numa",
  D ".missing",
  D "[\"index\"]", /* with holes: */
  "$i + $i",
  "$i - $i",
  "$i * $i",
  "$i / $i",
  "$i % $i",
  "size($s)",
  "$l.size()",
  "$l[$i]",
  "($b ? $i : $i)",
  "$q.sign()",
  "$v.major()",
  "$s.indexOf($s)",
  "$s.split(\"-\").size()",
  "cel.bind(u, $i, u + u)",
  "int($s)",
  "$l.filter(k, k > $i).size()",
  "$l.map(k, k + $i)[0]",
  D ".?index.orValue($i)",
  "device.attributes.size()",
};
static const char *const texts[] = {
  "\"\"",
  "\"A100-80\"",
  "\"gpu.example.com\"",
  "\"\u00e4\u00f6\"",
  "device.driver",
  D ".model",
  D ".missing",
  D ".uuid",
  D "[\"model\"]",
  "\"resource.kubernetes.io\"", /* with holes: */
  "($s + $s)",
  "$s.lowerAscii()",
  "$s.upperAscii()",
  "$s.substring($i)",
  "$s.split(\"-\")[$i]",
  "$s.replace($s, $s)",
  "$s.charAt($i)",
  "$s.trim()",
  "($b ? $s : $s)",
  "string($i)",
  D ".?model.orValue($s)",
  "device.attributes[$s].model",
};
static const char *const lists[] = {
  "[1, 2, 3]", D ".links",  D ".missing",        "[" D ".index]", /* with holes: */
  "[$i, $i]",  "($l + $l)", "$l.map(m, m + $i)", "$l.filter(m, $b)", "($b ? $l : $l)", "$l.sort()", "$l.slice(0, $i)",
};
static const char *const quantities[] = {
  C ".memory",  "quantity(\"40Gi\")", "quantity(\"1500m\")", C ".missing",   C "[\"memory\"]", /* with holes: */
  "$q.add($q)", "$q.sub($i)",         "($b ? $q : $q)",      "quantity($s)",
};
static const char *const versions[] = {
  D ".driverVersion", "semver(\"1.2.3\")", "semver(\"535.0.0-rc.1+b\")", D ".missing", /* with holes: */
  "($b ? $v : $v)",   "semver($s)",
};

static const struct expression_type {
  char name;
  unsigned n, plain; /* templates; those without holes */
  const char *const *templates;
} expression_types[] = {
#define TYPE(name, list, plain)                         \
  {                                                     \
    name, sizeof(list) / sizeof((list)[0]), plain, list \
  }
  TYPE('b', bools, 9), TYPE('i', ints, 9),       TYPE('s', texts, 10),
  TYPE('l', lists, 4), TYPE('q', quantities, 5), TYPE('v', versions, 4),
#undef TYPE
};
#undef D
#undef C

static unsigned
expression_pick(struct random_expression *r, unsigned n)
{
  uint64_t z;

  if (r->at < r->n)
    return r->p[r->at++] % n;
  z = r->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (unsigned)((z ^ z >> 31) % n);
}

static void
expression_put(struct random_expression *r, char type, unsigned depth)
{
  const struct expression_type *t = expression_types;
  const char *text;

  while (t->name != type)
    t++;
  text = t->templates[expression_pick(r, depth ? t->n : t->plain)];
  for (; *text; text++)
    if (*text == '$')
      expression_put(r, *++text, depth - 1);
    else
      strbuf_putc(r->b, *text);
}

/* A selector that these bytes make. */
static void
random_expression_write(struct strbuf *b, const uint8_t *data, size_t n)
{
  struct random_expression r = { .p = data, .n = n, .state = n, .b = b };

  for (size_t i = 0; i < n; i++)
    r.state = (r.state ^ data[i]) * 0x100000001B3u;
  expression_put(&r, 'b', EXPRESSION_DEPTH);
}

#endif
