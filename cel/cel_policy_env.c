#include "cel_policy_internal.h"

#include "cel_env.h"

#include <string.h>

/* What expressions of admission may use (apiserver pkg/admission/plugin/cel/compile.go, composition.go). */

/* -- types -- */

#define END    \
  {            \
    NULL, NULL \
  }
#define STRUCT(n, f)                                                               \
  {                                                                                \
    .kind = CEL_T_STRUCT, .name = (n), .fields = (f), .max_size = CEL_SIZE_UNKNOWN \
  }
#define TEXT(n)      \
  {                  \
    (n), &cel_string \
  }
#define COMPOUND(k, n, count, ...)                                                                        \
  {                                                                                                       \
    .kind = (k), .nparams = (count), .name = (n), .params = { __VA_ARGS__ }, .max_size = CEL_SIZE_UNKNOWN \
  }

static const struct cel_type text_map = COMPOUND(CEL_T_MAP, "map", 2, &cel_string, &cel_string);
static const struct cel_type extra_map = COMPOUND(CEL_T_MAP, "map", 2, &cel_string, &cel_list_string);

static const struct cel_field kind_fields[] = { TEXT("group"), TEXT("version"), TEXT("kind"), END };
static const struct cel_type kind_type = STRUCT("kubernetes.GroupVersionKind", kind_fields);
static const struct cel_field resource_fields[] = { TEXT("group"), TEXT("version"), TEXT("resource"), END };
static const struct cel_type resource_type = STRUCT("kubernetes.GroupVersionResource", resource_fields);
static const struct cel_field user_fields[] = {
  TEXT("username"), TEXT("uid"), { "groups", &cel_list_string }, { "extra", &extra_map }, END
};
static const struct cel_type user_type = STRUCT("kubernetes.UserInfo", user_fields);
static const struct cel_field request_fields[] = {
  { "kind", &kind_type },
  { "resource", &resource_type },
  TEXT("subResource"),
  { "requestKind", &kind_type },
  { "requestResource", &resource_type },
  TEXT("requestSubResource"),
  TEXT("name"),
  TEXT("namespace"),
  TEXT("operation"),
  { "userInfo", &user_type },
  { "dryRun", &cel_bool },
  { "options", &cel_dyn },
  END,
};
static const struct cel_type request_type = STRUCT("kubernetes.AdmissionRequest", request_fields);

static const struct cel_field namespace_spec_fields[] = { { "finalizers", &cel_list_string }, END };
static const struct cel_type namespace_spec = STRUCT("kubernetes.NamespaceSpec", namespace_spec_fields);
static const struct cel_field condition_fields[] = {
  TEXT("status"), TEXT("type"), { "lastTransitionTime", &cel_timestamp }, TEXT("message"), TEXT("reason"), END
};
static const struct cel_type condition_type = STRUCT("kubernetes.NamespaceCondition", condition_fields);
static const struct cel_type condition_list = COMPOUND(CEL_T_LIST, "list", 1, &condition_type);
static const struct cel_field namespace_status_fields[] = { { "conditions", &condition_list }, TEXT("phase"), END };
static const struct cel_type namespace_status = STRUCT("kubernetes.NamespaceStatus", namespace_status_fields);
static const struct cel_field namespace_meta_fields[] = {
  TEXT("name"),
  TEXT("generateName"),
  TEXT("namespace"),
  { "labels", &text_map },
  { "annotations", &text_map },
  TEXT("UID"), /* upstream's spelling; the value is under uid, so nobody can read it */
  { "creationTimestamp", &cel_timestamp },
  { "deletionGracePeriodSeconds", &cel_int },
  { "deletionTimestamp", &cel_timestamp },
  { "generation", &cel_int },
  TEXT("resourceVersion"),
  { "finalizers", &cel_list_string },
  END,
};
static const struct cel_type namespace_meta = STRUCT("kubernetes.NamespaceMetadata", namespace_meta_fields);
static const struct cel_field namespace_fields[] = {
  { "metadata", &namespace_meta }, { "spec", &namespace_spec }, { "status", &namespace_status }, END
};
static const struct cel_type namespace_type = STRUCT("kubernetes.Namespace", namespace_fields);

static const struct cel_type *const structs[] = {
  &request_type,   &kind_type,      &resource_type,    &user_type,      &namespace_type,
  &namespace_meta, &namespace_spec, &namespace_status, &condition_type, NULL,
};

struct cel_type *
policy_variables(struct arena *a, size_t n)
{
  struct cel_type *t = arena_new_of(a, struct cel_type);

  *t = (struct cel_type)STRUCT(POLICY_VARIABLES_TYPE, arena_array_of(a, struct cel_field, n + 1));
  return t;
}

/* Types that upstream carries over from one expression to the next; anything else becomes dyn. */
static const struct cel_type *
carried(struct arena *a, const struct cel_type *t)
{
  if (!t || t->nullable)
    return &cel_dyn;
  if (t->kind == CEL_T_LIST)
    return cel_type_list(a, carried(a, t->params[0]));
  if (t->kind == CEL_T_MAP)
    return cel_type_map(a, carried(a, t->params[0]), carried(a, t->params[1]));
  return t->kind == CEL_T_ANY || (t->kind >= CEL_T_NULL && t->kind <= CEL_T_TIMESTAMP) ? t : &cel_dyn;
}

void
policy_variable(struct arena *a, struct cel_type *variables, const char *name, const struct cel_type *t)
{
  struct cel_field *f = (struct cel_field *)(uintptr_t)variables->fields;

  while (f->name && strcmp(f->name, name) != 0) /* the later of two with the same name counts */
    f++;
  *f = (struct cel_field){ name, carried(a, t) };
}

/* -- what each use must give -- */

static bool
is_plain(const struct cel_type *t, enum cel_type_kind kind)
{
  return t->kind == kind && !t->nullable;
}

static bool
is_struct(const struct cel_type *t, const char *name)
{
  return t->kind == CEL_T_STRUCT && strcmp(t->name, name) == 0;
}

static const char *
refused(struct arena *a, const char *wanted, const struct cel_type *t)
{
  return arena_printf(a, "must evaluate to %s but got %s", wanted, cel_type_text_in(a, t));
}

static const char *
refuse_not_bool(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  return is_plain(t, CEL_T_BOOL) ? NULL : refused(a, "bool", t);
}

static const char *
refuse_not_string(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  return is_plain(t, CEL_T_STRING) ? NULL : refused(a, "string", t);
}

static const char *
refuse_not_audit(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  return is_plain(t, CEL_T_STRING) || t->kind == CEL_T_NULL ? NULL : refused(a, "one of [string null_type]", t);
}

static const char *
refuse_not_patch(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  return t->kind == CEL_T_LIST && is_struct(t->params[0], CEL_JSON_PATCH_TYPE)
             ? NULL
             : refused(a, "list(" CEL_JSON_PATCH_TYPE ")", t);
}

static const char *
refuse_not_object(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  return is_struct(t, CEL_OBJECT_TYPE) ? NULL : refused(a, CEL_OBJECT_TYPE, t);
}

/* -- environments -- */

const struct cel_env *
policy_env(const struct policy_scope *s, enum policy_use use)
{
  static const char *(*const refuse[])(const struct cel_env *, const struct cel_type *, struct arena *) = {
    [POLICY_MATCH] = refuse_not_bool,   [POLICY_VALUE] = NULL,
    [POLICY_RULE] = refuse_not_bool,    [POLICY_MESSAGE] = refuse_not_string,
    [POLICY_AUDIT] = refuse_not_audit,  [POLICY_PATCH] = refuse_not_patch,
    [POLICY_APPLY] = refuse_not_object, [POLICY_TYPES] = NULL,
  };
  struct cel_var *vars = arena_array_of(s->a, struct cel_var, POLICY_VARS), *v = vars;
  struct cel_env *env = arena_new_of(s->a, struct cel_env);
  const struct cel_type *object = s->object ? s->object : &cel_dyn;

  *v++ = (struct cel_var){ "object", object, POLICY_OBJECT };
  *v++ = (struct cel_var){ "oldObject", object, POLICY_OLD_OBJECT };
  *v++ = (struct cel_var){ "namespaceObject", &namespace_type, POLICY_NAMESPACE };
  *v++ = (struct cel_var){ "request", &request_type, POLICY_REQUEST };
  if (s->has_params)
    *v++ = (struct cel_var){ "params", s->params ? s->params : &cel_dyn, POLICY_PARAMS };
  if (use != POLICY_MESSAGE) {
    *v++ = (struct cel_var){ "authorizer", &cel_authorizer_type, POLICY_AUTHORIZER };
    if (use != POLICY_TYPES) /* upstream's type checker does not declare it */
      *v++ = (struct cel_var){ "authorizer.requestResource", &cel_resource_check_type, POLICY_REQUEST_RESOURCE };
  }
  if (s->variables)
    *v++ = (struct cel_var){ "variables", s->variables, POLICY_VARIABLES };
  *env = (struct cel_env){ .features = CEL_F_BASE | (s->stored ? CEL_F_INCLUDES : 0) |
                                       (use == POLICY_PATCH || use == POLICY_APPLY ? CEL_F_PATCH : 0),
                           .vars = vars,
                           .nvars = (uint32_t)(v - vars),
                           .structs = structs,
                           .cost_limit = CEL_POLICY_CALL_COST_MAX,
                           .refuse = refuse[use] };
  return env;
}

void
policy_compile(struct policy_expr *e, const struct policy_scope *s, enum policy_use use, const char *source)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *e = (struct policy_expr){ .source = arena_strdup(s->a, source) };
  if (cel_compile(policy_env(s, use), span_of(e->source), &e->code, &err) == 0)
    return;
  e->error = arena_strdup(s->a, err.msg);
  e->internal = err.code == KERR_INTERNAL;
}
