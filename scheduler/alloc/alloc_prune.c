#include "alloc_search.h"
struct prune *
prune_new(struct search *s)
{
  (void)s;
  return NULL;
}
void
prune_free(struct prune *p)
{
  (void)p;
}
bool
prune_hopeless(struct search *s, const struct position *p)
{
  (void)s;
  (void)p;
  return false;
}
void
prune_remember(struct search *s, const struct frame *f)
{
  (void)s;
  (void)f;
}
void
prune_failed(struct search *s, const struct frame *f, uint32_t device)
{
  (void)s;
  (void)f;
  (void)device;
}
bool
prune_skips(struct search *s, const struct frame *f, uint32_t device)
{
  (void)s;
  (void)f;
  (void)device;
  return false;
}
