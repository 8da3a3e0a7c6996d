#include "cel_lib.h"
bool
cel_ip_equal(const struct cel_ip *x, const struct cel_ip *y, bool prefix)
{
  (void)prefix;
  return x == y;
}
void
cel_ip_print(struct strbuf *b, const struct cel_ip *ip, bool prefix)
{
  (void)b;
  (void)ip;
  (void)prefix;
}
void
cel_url_print(struct strbuf *b, const struct cel_url *u)
{
  (void)b;
  (void)u;
}
const char *
cel_format_name(const struct cel_format *f)
{
  (void)f;
  return "";
}
uint64_t
cel_format_regex_size(const struct cel_format *f)
{
  (void)f;
  return 0;
}
