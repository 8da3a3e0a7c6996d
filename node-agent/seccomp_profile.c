/* OCI seccomp profiles to kernel filters, by libseccomp. */
#include <errno.h>
#include <seccomp.h>

#include "embed.h"
#include "sandbox_internal.h"

EMBED_FILE(seccomp_default, "node-agent/seccomp-default.json");

struct sandbox_filter {
  scmp_filter_ctx ctx;
};

struct span
sandbox_default_profile(void)
{
  return EMBED_SPAN(seccomp_default);
}

static bool
action_of(const struct json *o, const char *key, uint32_t *ret)
{
  static const struct {
    const char *name;
    uint32_t action;
  } actions[] = {
    { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
    { "SCMP_ACT_KILL", SCMP_ACT_KILL },
    { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
    { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
    { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
    { "SCMP_ACT_LOG", SCMP_ACT_LOG },
    { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(EPERM) },
  };
  const char *name = json_get_str_or(o, key, "");

  for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
    if (strcmp(actions[i].name, name) == 0) {
      *ret = actions[i].action;
      const struct json *err = json_get(o, strcmp(key, "action") == 0 ? "errnoRet" : "defaultErrnoRet");
      if (err && strcmp(name, "SCMP_ACT_ERRNO") == 0)
        *ret = SCMP_ACT_ERRNO((uint32_t)json_int_or(err, EPERM));
      return true;
    }
  return false;
}

static bool
compare_of(const struct json *arg, struct scmp_arg_cmp *ret)
{
  static const struct {
    const char *name;
    enum scmp_compare op;
  } ops[] = {
    { "SCMP_CMP_NE", SCMP_CMP_NE },
    { "SCMP_CMP_LT", SCMP_CMP_LT },
    { "SCMP_CMP_LE", SCMP_CMP_LE },
    { "SCMP_CMP_EQ", SCMP_CMP_EQ },
    { "SCMP_CMP_GE", SCMP_CMP_GE },
    { "SCMP_CMP_GT", SCMP_CMP_GT },
    { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
  };

  for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
    if (strcmp(ops[i].name, json_get_str_or(arg, "op", "")) == 0) {
      *ret = (struct scmp_arg_cmp){ .arg = (unsigned)json_get_int(arg, "index", 0),
                                    .op = ops[i].op,
                                    .datum_a = (scmp_datum_t)json_get_int(arg, "value", 0),
                                    .datum_b = (scmp_datum_t)json_get_int(arg, "valueTwo", 0) };
      return ret->arg < 6;
    }
  return false;
}

static int
add_rule(scmp_filter_ctx ctx, const struct json *rule, uint32_t default_action, struct kerr *reterr)
{
  struct scmp_arg_cmp args[6];
  unsigned n = 0;
  uint32_t action;

  if (!action_of(rule, "action", &action))
    return kerr_set(reterr, KERR_INVALID, NULL, "seccomp: unknown action '%s'", json_get_str_or(rule, "action", ""));
  if (action == default_action) /* says nothing, and libseccomp refuses it */
    return 0;
  for (json_each_item (p, json_get(rule, "args")))
    if (n == 6 || !compare_of(*p, &args[n++]))
      return kerr_set(reterr, KERR_INVALID, NULL, "seccomp: cannot understand an argument's condition");
  for (json_each_item (p, json_get(rule, "names"))) {
    int nr = seccomp_syscall_resolve_name(json_str(*p) ? json_str(*p) : "");
    int r = nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(ctx, action, nr, n, args);

    if (r < 0 && r != -EDOM && r != -EEXIST) /* a syscall of another architecture */
      return kerr_errno(reterr, -r, "seccomp: %s", json_str(*p));
  }
  return 0;
}

int
sandbox_filter_new(const struct json *profile, struct sandbox_filter **ret, struct kerr *reterr)
{
  struct sandbox_filter *f;
  uint32_t action;
  int r = 0;

  if (!action_of(profile, "defaultAction", &action))
    return kerr_set(reterr, KERR_INVALID, NULL, "seccomp: unknown default action '%s'",
                    json_get_str_or(profile, "defaultAction", ""));
  f = mem_alloc(sizeof *f);
  f->ctx = seccomp_init(action);
  if (!f->ctx)
    r = kerr_set(reterr, KERR_INTERNAL, NULL, "seccomp: no filter can be made");
  if (r == 0)
    r = seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_NNP, 0); /* the plan says whether privileges may grow */
  if (r == 0)
    (void)seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (json_each_item (p, json_get(profile, "syscalls")))
    if (r == 0)
      r = add_rule(f->ctx, *p, action, reterr);
  if (r < 0) {
    sandbox_filter_free(f);
    return r;
  }
  *ret = f;
  return 0;
}

int
sandbox_filter_load(struct sandbox_filter *f, struct kerr *reterr)
{
  int r = seccomp_load(f->ctx);

  return r < 0 ? kerr_errno(reterr, -r, "seccomp") : 0;
}

void
sandbox_filter_free(struct sandbox_filter *f)
{
  if (f && f->ctx)
    seccomp_release(f->ctx);
  free(f);
}
