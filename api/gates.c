#include "gates.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "strbuf.h"

#define NEEDS_FROM   35 /* releases before did not check what a gate needs */
#define VERSION_MAX  32
#define SETTINGS_MAX 1024 /* pairs in --feature-gates or --runtime-config */

/* The patch release that each row of gates_data.h was read from. */
static const char *const patches[] = {
  "v1.26.15", "v1.27.16", "v1.28.15", "v1.29.15", "v1.30.14", "v1.31.14",
  "v1.32.13", "v1.33.9",  "v1.34.5",  "v1.35.2",  "v1.36.0",  "v1.37.2",
};

static const struct gate {
  const char *name, *history, *needs;
} gates[] = {
  { "AllAlpha", "26a-", "" },
  { "AllBeta", "26b-", "" },
#define GATE(name, history, needs) { name, history, needs },
#include "gates_data.h"
#undef GATE
};

/* A gate in one release. */
struct state {
  const struct gate *gate;
  char stage; /* 'a', 'b', 'g', 'd' */
  bool on, locked;
  bool was_set; /* by name */
};

struct served {
  char *key; /* "resource.k8s.io/v1beta1", "v1", "api/beta" */
  bool on;
};

struct personality {
  atomic_int refs;
  int minor;
  char version[VERSION_MAX];
  struct state *states; /* sorted by name */
  size_t n;
  struct served *served; /* in the order given; the last one wins */
  size_t n_served;
};

/* -- the release -- */

static int
set_version(struct personality *p, const char *version, struct kerr *reterr)
{
  struct span text = span_of(version), major, minor, patch;
  int64_t number;

  if (!version) {
    p->minor = PERSONALITY_MINOR_MAX;
    (void)snprintf(p->version, sizeof p->version, "%s", patches[PERSONALITY_MINOR_MAX - PERSONALITY_MINOR_MIN]);
    return 0;
  }
  if (text.n && text.p[0] == 'v')
    text = span_make(text.p + 1, text.n - 1);
  major = span_cut(text, '.', &minor);
  minor = span_cut(minor, '.', &patch);
  if (!span_is(major, "1") || !number_int64(minor, &number) || (patch.p && !patch.n) || text.n >= VERSION_MAX - 1)
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is no version of Kubernetes such as 1.%d", version,
                    PERSONALITY_MINOR_MAX);
  if (number < PERSONALITY_MINOR_MIN || number > PERSONALITY_MINOR_MAX)
    return kerr_set(reterr, KERR_USAGE, NULL, "Kubernetes %s is not known, only 1.%d to 1.%d", version,
                    PERSONALITY_MINOR_MIN, PERSONALITY_MINOR_MAX);
  p->minor = (int)number;
  if (patch.n)
    (void)snprintf(p->version, sizeof p->version, "v%.*s", SPAN_FMT(text));
  else
    (void)snprintf(p->version, sizeof p->version, "%s", patches[p->minor - PERSONALITY_MINOR_MIN]);
  return 0;
}

/* What the history says of a release; false: the gate is not known then. */
static bool
gate_in(const struct gate *g, int release, struct state *ret)
{
  struct span rest = span_of(g->history), last = { NULL, 0 };

  while (rest.n) {
    struct span word = span_cut(rest, ' ', &rest);

    if ((word.p[0] - '0') * 10 + word.p[1] - '0' > release)
      break;
    last = word;
  }
  if (last.n < 4)
    return false;
  *ret = (struct state){ .gate = g, .stage = last.p[2], .on = last.p[3] == '+', .locked = last.n > 4 };
  return true;
}

static int
by_name(const void *x, const void *y)
{
  return strcmp(((const struct state *)x)->gate->name, ((const struct state *)y)->gate->name);
}

static void
load_gates(struct personality *p)
{
  p->states = mem_calloc(ARRAY_SIZE(gates), sizeof *p->states);
  for (size_t i = 0; i < ARRAY_SIZE(gates); i++)
    if (gate_in(&gates[i], p->minor, &p->states[p->n]))
      p->n++;
  qsort(p->states, p->n, sizeof *p->states, by_name);
}

static struct state *
find(const struct personality *p, struct span name)
{
  size_t low = 0, high = p->n;

  while (low < high) {
    size_t mid = (low + high) / 2;
    int r = span_cmp(name, span_of(p->states[mid].gate->name));

    if (r == 0)
      return &p->states[mid];
    if (r < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

/* -- settings: "A=true,B=false" -- */

/* strconv.ParseBool. */
static bool
parse_bool(struct span s, bool *ret)
{
  static const char *const on[] = { "1", "t", "T", "TRUE", "true", "True" };
  static const char *const off[] = { "0", "f", "F", "FALSE", "false", "False" };

  for (size_t i = 0; i < ARRAY_SIZE(on); i++)
    if (span_is(s, on[i]) || span_is(s, off[i])) {
      *ret = span_is(s, on[i]);
      return true;
    }
  return false;
}

static int
set_gate(struct personality *p, struct span pair, struct kerr *reterr)
{
  struct span value, name = span_trim(span_cut(pair, '=', &value));
  struct state *s;
  bool on;

  if (!value.p)
    return kerr_set(reterr, KERR_USAGE, NULL, "missing bool value for %.*s", SPAN_FMT(name));
  value = span_trim(value);
  if (!parse_bool(value, &on))
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "invalid value of %.*s=%.*s, err: strconv.ParseBool: parsing \"%.*s\": invalid syntax",
                    SPAN_FMT(name), SPAN_FMT(value), SPAN_FMT(value));
  s = find(p, name);
  if (!s)
    return kerr_set(reterr, KERR_USAGE, NULL, "unrecognized feature gate: %.*s", SPAN_FMT(name));
  if (s->locked && s->on != on)
    return kerr_set(reterr, KERR_USAGE, NULL, "cannot set feature gate %s to %s, feature is locked to %s",
                    s->gate->name, on ? "true" : "false", s->on ? "true" : "false");
  s->on = on;
  s->was_set = true;
  return 0;
}

/* AllAlpha and AllBeta speak for the gates of their stage that were not set by name. */
static void
spread(struct personality *p, const char *all, char stage)
{
  const struct state *s = find(p, span_of(all));

  for (size_t i = 0; s->was_set && i < p->n; i++) {
    struct state *other = &p->states[i];

    if (other->stage == stage && !other->was_set && strcmp(other->gate->name, "AllAlpha") != 0 &&
        strcmp(other->gate->name, "AllBeta") != 0)
      other->on = s->on;
  }
}

/* All that is wrong, as utilerrors.Aggregate prints it: one message alone, several as [a, b]. */
struct problems {
  struct strbuf text;
  size_t n;
};

static void
add_problem(struct problems *p, const struct kerr *err)
{
  strbuf_printf(&p->text, "%s%s", p->n++ ? ", " : "", err->msg);
}

static int
report(struct problems *p, struct kerr *reterr)
{
  int r = !p->n ? 0 : kerr_set(reterr, KERR_USAGE, NULL, p->n > 1 ? "[%s]" : "%s", p->text.p);

  strbuf_release(&p->text);
  return r;
}

static void
check_needs(const struct personality *p, const struct state *s, struct problems *problems)
{
  _cleanup_strbuf_ struct strbuf off = STRBUF_INIT(4096);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  for (struct span rest = span_of(s->gate->needs); rest.n;) {
    struct span name = span_cut(rest, ' ', &rest);
    const struct state *needed = find(p, name);

    if (!needed || needed->on)
      continue;
    strbuf_puts(&off, off.n ? " " : "");
    strbuf_span(&off, name);
  }
  if (!off.n)
    return;
  kerr_set(&err, KERR_USAGE, NULL, "%s is enabled, but depends on features that are disabled: [%s]", s->gate->name,
           off.p);
  add_problem(problems, &err);
}

static int
set_gates(struct personality *p, const char *text, struct kerr *reterr)
{
  struct problems problems = { .text = STRBUF_INIT(64 * 1024) };

  for (struct span rest = span_of(text); rest.n;) {
    struct span pair = span_cut(rest, ',', &rest);
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (pair.n && set_gate(p, pair, &err) < 0)
      add_problem(&problems, &err);
  }
  spread(p, "AllAlpha", 'a');
  spread(p, "AllBeta", 'b');
  if (problems.n) /* what is needed is looked at when all could be set */
    return report(&problems, reterr);
  for (size_t i = 0; p->minor >= NEEDS_FROM && i < p->n; i++)
    if (p->states[i].on)
      check_needs(p, &p->states[i], &problems);
  return report(&problems, reterr);
}

static int
set_served(struct personality *p, const char *text, struct kerr *reterr)
{
  for (struct span rest = span_of(text); rest.n;) {
    struct span pair = span_cut(rest, ',', &rest), value, key = span_trim(span_cut(pair, '=', &value)), version, more;
    bool on = true;

    if (!pair.n)
      continue;
    if (span_trim(value).n && !parse_bool(span_trim(value), &on))
      return kerr_set(reterr, KERR_USAGE, NULL, "runtime-config invalid key %.*s, value %.*s", SPAN_FMT(key),
                      SPAN_FMT(value));
    (void)span_cut(key, '/', &version);
    (void)span_cut(version, '/', &more);
    if (more.p)
      return kerr_set(reterr, KERR_USAGE, NULL, "runtime-config %.*s: only whole versions of a group can be switched",
                      SPAN_FMT(key));
    if (p->n_served == SETTINGS_MAX)
      return kerr_set(reterr, KERR_TOO_LARGE, NULL, "runtime-config has more than %d settings", SETTINGS_MAX);
    p->served[p->n_served++] = (struct served){ .key = mem_strndup(key.p, key.n), .on = on };
  }
  return 0;
}

/* -- the personality -- */

int
personality_new(const char *version, const char *gate_text, const char *runtime_config, struct personality **ret,
                struct kerr *reterr)
{
  _cleanup_(personality_unrefp) struct personality *p = mem_alloc(sizeof *p);
  int r;

  atomic_init(&p->refs, 1);
  p->served = mem_calloc(SETTINGS_MAX, sizeof *p->served);
  r = set_version(p, version, reterr);
  if (r < 0)
    return r;
  load_gates(p);
  r = set_gates(p, gate_text, reterr);
  if (r == 0)
    r = set_served(p, runtime_config, reterr);
  if (r < 0)
    return r;
  *ret = steal_pointer(&p);
  return 0;
}

struct personality *
personality_ref(struct personality *p)
{
  int before = atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);

  assert(before > 0);
  return p;
}

void
personality_unref(struct personality *p)
{
  int before;

  if (!p)
    return;
  before = atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1)
    return;
  for (size_t i = 0; i < p->n_served; i++)
    free(p->served[i].key);
  free(p->served);
  free(p->states);
  free(p);
}

void
personality_unrefp(struct personality **pp)
{
  personality_unref(*pp);
}

bool
personality_gate(const struct personality *p, const char *name)
{
  const struct state *s = find(p, span_of(name));

  return s && s->on;
}

bool
personality_gate_passed(const struct personality *p, const char *name)
{
  struct state before;

  if (find(p, span_of(name)))
    return false;
  for (size_t i = 0; i < ARRAY_SIZE(gates); i++)
    if (strcmp(gates[i].name, name) == 0)
      for (int release = PERSONALITY_MINOR_MIN; release < p->minor; release++)
        if (gate_in(&gates[i], release, &before))
          return true;
  return false;
}

int
personality_minor(const struct personality *p)
{
  return p->minor;
}

const char *
personality_version(const struct personality *p)
{
  return p->version;
}

static int
setting(const struct personality *p, const char *group, const char *version)
{
  for (size_t i = p->n_served; i-- > 0;) {
    struct span rest, head = span_cut(span_of(p->served[i].key), '/', &rest);

    if (rest.p ? span_is(head, group) && span_is(rest, version) : !*group && span_is(head, version))
      return p->served[i].on;
  }
  return -1;
}

int
personality_served(const struct personality *p, const char *group, const char *version)
{
  const char *stage = strstr(version, "alpha") ? "alpha" : strstr(version, "beta") ? "beta" : "ga";
  int named = setting(p, group, version), staged = setting(p, "api", stage);

  return named >= 0 ? named : staged >= 0 ? staged : setting(p, "api", "all");
}

size_t
personality_gate_count(const struct personality *p)
{
  return p->n;
}

const char *
personality_gate_at(const struct personality *p, size_t i, bool *ret_on, const char **ret_stage)
{
  const struct state *s = &p->states[i];

  assert(i < p->n);
  if (ret_on)
    *ret_on = s->on;
  if (ret_stage)
    *ret_stage = s->stage == 'a' ? "ALPHA" : s->stage == 'b' ? "BETA" : s->stage == 'd' ? "DEPRECATED" : "";
  return s->gate->name;
}
