/* Until the validators are in the tree, everything is valid. Weak: they take precedence as soon as they are there. */
#include "validate.h"

#define WEAK __attribute__((weak))

WEAK void
validate_create(const struct kind *k, const struct json *o, const struct personality *p, struct field_errors *errs)
{
  (void)k, (void)o, (void)p, (void)errs;
}

WEAK void
validate_update(const struct kind *k, const struct json *o, const struct json *old, const char *subresource,
                const struct personality *p, struct field_errors *errs)
{
  (void)k, (void)o, (void)old, (void)subresource, (void)p, (void)errs;
}

WEAK void
validate_prepare_create(struct arena *a, const struct kind *k, struct json *o, const struct personality *p)
{
  (void)a, (void)k, (void)o, (void)p;
}

WEAK void
validate_prepare_update(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
                        const char *subresource, const struct personality *p, int64_t now)
{
  (void)a, (void)k, (void)o, (void)old, (void)subresource, (void)p, (void)now;
}

WEAK bool
validate_wants_admin(const struct kind *k, const struct json *o, const struct json *old, const char *subresource,
                     const struct personality *p)
{
  (void)k, (void)o, (void)old, (void)subresource, (void)p;
  return false;
}

WEAK void
validate_refuse_admin(const struct kind *k, const struct json *o, const char *subresource, struct field_errors *errs)
{
  (void)k, (void)o, (void)subresource, (void)errs;
}

WEAK void
validate_warnings(struct arena *a, const struct kind *k, const struct json *o, struct json *warnings)
{
  (void)a, (void)k, (void)o, (void)warnings;
}
