#include "cel_lib.h"

#include "codec.h"

#include <string.h>

/* IP addresses and networks (apiserver library/ip.go and cidr.go, over Go's net/netip). */

/* -- reading; a failure is netip's message -- */

struct reader {
  struct arena *a;
  struct span in; /* all of it, for messages */
  const char *error;
};

static bool
fail(struct reader *r, const char *msg, struct span at)
{
  if (at.n)
    r->error = arena_printf(r->a, "ParseAddr(%s): %s (at %s)", cel_quoted(r->a, r->in), msg, cel_quoted(r->a, at));
  else
    r->error = arena_printf(r->a, "ParseAddr(%s): %s", cel_quoted(r->a, r->in), msg);
  return false;
}

#define NOWHERE ((struct span){ NULL, 0 })

static bool
read_ipv4(struct reader *r, struct span s, uint8_t out[4])
{
  unsigned value = 0, digits = 0, field = 0;

  for (size_t i = 0; i < s.n; i++) {
    struct span at = span_make(s.p + i, s.n - i);

    if (s.p[i] >= '0' && s.p[i] <= '9') {
      if (digits == 1 && value == 0)
        return fail(r, "IPv4 field has octet with leading zero", NOWHERE);
      value = value * 10 + (unsigned)(s.p[i] - '0');
      digits++;
      if (value > 255)
        return fail(r, "IPv4 field has value >255", NOWHERE);
    } else if (s.p[i] == '.') {
      if (i == 0 || i == s.n - 1 || s.p[i - 1] == '.')
        return fail(r, "IPv4 field must have at least one digit", at);
      if (field == 3)
        return fail(r, "IPv4 address too long", NOWHERE);
      out[field++] = (uint8_t)value;
      value = digits = 0;
    } else {
      return fail(r, "unexpected character", at);
    }
  }
  if (field < 3)
    return fail(r, "IPv4 address too short", NOWHERE);
  out[3] = (uint8_t)value;
  return true;
}

static struct span
behind(struct span s, size_t n)
{
  return span_make(s.p + n, s.n - n);
}

/* One group of hex digits at the start of s; how many, or 0 after a failure. */
static size_t
read_group(struct reader *r, struct span s, unsigned *ret)
{
  size_t n = 0;

  for (*ret = 0; n < s.n && codec_hex_digit(s.p[n]) >= 0; n++) {
    *ret = *ret << 4 | (unsigned)codec_hex_digit(s.p[n]);
    if (n > 3) {
      (void)fail(r, "each group must have 4 or less digits", s);
      return 0;
    }
  }
  if (!n)
    (void)fail(r, "each colon-separated field must have at least one digit", s);
  return n;
}

/* The part of an address before its zone. */
static bool
read_ipv6(struct reader *r, struct span s, uint8_t ip[16])
{
  int ellipsis = -1, i = 0;

  if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
    ellipsis = 0;
    s = behind(s, 2);
    if (!s.n)
      return true;
  }
  while (i < 16) {
    unsigned group;
    size_t n = read_group(r, s, &group);

    if (!n)
      return false;
    if (n < s.n && s.p[n] == '.') {
      if (ellipsis < 0 && i != 12)
        return fail(r, "embedded IPv4 address must replace the final 2 fields of the address", s);
      if (i + 4 > 16)
        return fail(r, "too many hex fields to fit an embedded IPv4 at the end of the address", s);
      if (!read_ipv4(r, s, ip + i))
        return false;
      s.n = 0;
      i += 4;
      break;
    }
    ip[i++] = (uint8_t)(group >> 8);
    ip[i++] = (uint8_t)group;
    s = behind(s, n);
    if (!s.n)
      break;
    if (s.p[0] != ':')
      return fail(r, "unexpected character, want colon", s);
    if (s.n == 1)
      return fail(r, "colon must be followed by more characters", s);
    s = behind(s, 1);
    if (s.p[0] == ':') {
      if (ellipsis >= 0)
        return fail(r, "multiple :: in address", s);
      ellipsis = i;
      s = behind(s, 1);
      if (!s.n)
        break;
    }
  }
  if (s.n)
    return fail(r, "trailing garbage after address", s);
  if (i < 16 && ellipsis < 0)
    return fail(r, "address string too short", NOWHERE);
  if (i == 16 && ellipsis >= 0)
    return fail(r, "the :: must expand to at least one field of zeros", NOWHERE);
  if (i < 16) {
    memmove(ip + ellipsis + 16 - i, ip + ellipsis, (size_t)(i - ellipsis));
    memset(ip + ellipsis, 0, (size_t)(16 - i));
  }
  return true;
}

/* An address; *ret_zone has n > 0 when it has one. */
static bool
read_address(struct reader *r, struct cel_ip *ip, struct span *ret_zone)
{
  struct span rest;

  *ret_zone = NOWHERE;
  for (size_t i = 0; i < r->in.n; i++) {
    if (r->in.p[i] == '.') {
      ip->family = 4;
      return read_ipv4(r, r->in, ip->bytes);
    }
    if (r->in.p[i] == '%')
      return fail(r, "missing IPv6 address", NOWHERE);
    if (r->in.p[i] == ':') {
      struct span s = span_cut(r->in, '%', &rest);

      if (rest.p && !rest.n)
        return fail(r, "zone must be a non-empty string", NOWHERE);
      *ret_zone = rest;
      ip->family = 6;
      return read_ipv6(r, s, ip->bytes);
    }
  }
  return fail(r, "unable to parse IP", NOWHERE);
}

static bool
is_mapped(const struct cel_ip *ip)
{
  static const uint8_t prefix[12] = { [10] = 0xFF, [11] = 0xFF };

  return ip->family == 6 && memcmp(ip->bytes, prefix, sizeof prefix) == 0;
}

bool
cel_ip_check(struct arena *a, struct span text, bool *ret_v4, const char **ret_error)
{
  struct reader r = { .a = a, .in = text };
  struct cel_ip ip = { 0 };
  struct span zone;
  bool ok = read_address(&r, &ip, &zone);

  *ret_error = r.error;
  *ret_v4 = ip.family == 4;
  return ok;
}

static struct cel_value
parse_ip(struct arena *a, struct span text)
{
  struct cel_ip *ip = arena_new_of(a, struct cel_ip);
  struct reader r = { .a = a, .in = text };
  struct span zone;

  if (!read_address(&r, ip, &zone))
    return cel_failf(a, "IP Address %s parse error during conversion from string: %s", cel_quoted(a, text), r.error);
  if (zone.n)
    return cel_failf(a, "IP address %s with zone value is not allowed", cel_quoted(a, text));
  if (is_mapped(ip))
    return cel_failf(a, "IPv4-mapped IPv6 address %s is not allowed", cel_quoted(a, text));
  return (struct cel_value){ .kind = CEL_IP, .u.ip = ip };
}

/* "24" behind the slash; -1: no number. */
static int
prefix_bits(struct span s)
{
  int v = 0;

  if (!s.n || s.n > 9 || (s.n > 1 && (s.p[0] < '1' || s.p[0] > '9')))
    return -1;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9')
      return -1;
    v = v * 10 + (s.p[i] - '0');
  }
  return v;
}

/* netip.ParsePrefix; NULL or its message. */
static const char *
read_prefix(struct arena *a, struct span text, struct cel_ip *ip)
{
  const char *slash = text.n ? memrchr(text.p, '/', text.n) : NULL;
  struct reader r = { .a = a };
  struct span zone, bits;
  int n;

  if (!slash)
    return arena_printf(a, "netip.ParsePrefix(%s): no '/'", cel_quoted(a, text));
  r.in = span_make(text.p, (size_t)(slash - text.p));
  if (!read_address(&r, ip, &zone))
    return arena_printf(a, "netip.ParsePrefix(%s): %s", cel_quoted(a, text), r.error);
  if (zone.n)
    return arena_printf(a, "netip.ParsePrefix(%s): IPv6 zones cannot be present in a prefix", cel_quoted(a, text));
  bits = span_make(slash + 1, text.n - r.in.n - 1);
  n = prefix_bits(bits);
  if (n < 0)
    return arena_printf(a, "netip.ParsePrefix(%s): bad bits after slash: %s", cel_quoted(a, text), cel_quoted(a, bits));
  if (n > (ip->family == 4 ? 32 : 128))
    return arena_printf(a, "netip.ParsePrefix(%s): prefix length out of range", cel_quoted(a, text));
  ip->bits = (int16_t)n;
  return NULL;
}

static struct cel_value
parse_cidr(struct arena *a, struct span text)
{
  struct cel_ip *ip = arena_new_of(a, struct cel_ip);
  const char *why = read_prefix(a, text, ip);

  if (why)
    return cel_failf(a,
                     "network address parse error during conversion from string: network address parse error during "
                     "conversion from string: %s",
                     why);
  if (is_mapped(ip))
    return cel_failf(
        a, "network address parse error during conversion from string: IPv4-mapped IPv6 address %s is not allowed",
        cel_quoted(a, text));
  return (struct cel_value){ .kind = CEL_CIDR, .u.ip = ip };
}

/* -- comparing and printing -- */

bool
cel_ip_equal(const struct cel_ip *x, const struct cel_ip *y, bool prefix)
{
  return x->family == y->family && memcmp(x->bytes, y->bytes, sizeof x->bytes) == 0 && (!prefix || x->bits == y->bits);
}

static unsigned
group_of(const struct cel_ip *ip, int i)
{
  return (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
}

static void
print_ipv6(struct strbuf *b, const struct cel_ip *ip)
{
  int from = -1, to = -1;

  for (int i = 0; i < 8; i++) { /* the longest run of zeros, of two groups at least */
    int j = i;

    while (j < 8 && group_of(ip, j) == 0)
      j++;
    if (j - i >= 2 && j - i > to - from) {
      from = i;
      to = j;
    }
  }
  for (int i = 0; i < 8; i++) {
    if (i == from) {
      strbuf_puts(b, "::");
      i = to;
      if (i >= 8)
        return;
    } else if (i > 0) {
      strbuf_putc(b, ':');
    }
    strbuf_printf(b, "%x", group_of(ip, i));
  }
}

void
cel_ip_print(struct strbuf *b, const struct cel_ip *ip, bool prefix)
{
  if (ip->family == 4)
    strbuf_printf(b, "%u.%u.%u.%u", ip->bytes[0], ip->bytes[1], ip->bytes[2], ip->bytes[3]);
  else
    print_ipv6(b, ip);
  if (prefix)
    strbuf_printf(b, "/%d", ip->bits);
}

/* -- functions -- */

static struct cel_value
do_ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return parse_ip(ev->a, cel_span(args[0]));
}

static struct cel_value
is_ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_of_bool(!cel_is_error(parse_ip(ev->a, cel_span(args[0]))));
}

static struct cel_value
is_canonical(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value ip = parse_ip(ev->a, cel_span(args[0]));
  _cleanup_strbuf_ struct strbuf b = { 0 };

  (void)n;
  if (cel_is_error(ip))
    return ip;
  strbuf_init(&b, 64);
  cel_ip_print(&b, ip.u.ip, false);
  return cel_of_bool(span_eq(strbuf_view(&b), cel_span(args[0])));
}

static struct cel_value
family(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int(args[0].u.ip->family);
}

static bool
all_zero(const struct cel_ip *ip, size_t from, size_t to)
{
  for (size_t i = from; i < to; i++)
    if (ip->bytes[i])
      return false;
  return true;
}

static bool
unspecified(const struct cel_ip *ip)
{
  return all_zero(ip, 0, ip->family == 4 ? 4 : 16);
}

static bool
loopback(const struct cel_ip *ip)
{
  return ip->family == 4 ? ip->bytes[0] == 127 : all_zero(ip, 0, 15) && ip->bytes[15] == 1;
}

static bool
multicast(const struct cel_ip *ip)
{
  return ip->family == 4 ? (ip->bytes[0] & 0xF0) == 0xE0 : ip->bytes[0] == 0xFF;
}

static bool
link_local_multicast(const struct cel_ip *ip)
{
  if (ip->family == 4)
    return ip->bytes[0] == 224 && ip->bytes[1] == 0 && ip->bytes[2] == 0;
  return ip->bytes[0] == 0xFF && (ip->bytes[1] & 0x0F) == 2;
}

static bool
link_local_unicast(const struct cel_ip *ip)
{
  if (ip->family == 4)
    return ip->bytes[0] == 169 && ip->bytes[1] == 254;
  return ip->bytes[0] == 0xFE && (ip->bytes[1] & 0xC0) == 0x80;
}

static bool
global_unicast(const struct cel_ip *ip)
{
  static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

  if (ip->family == 4 && (unspecified(ip) || memcmp(ip->bytes, broadcast, 4) == 0))
    return false;
  return !unspecified(ip) && !loopback(ip) && !multicast(ip) && !link_local_unicast(ip);
}

#define TEST(name, test)                                                                      \
  static struct cel_value name(struct cel_eval *ev, const struct cel_value *args, unsigned n) \
  {                                                                                           \
    (void)ev;                                                                                 \
    (void)n;                                                                                  \
    return cel_of_bool(test(args[0].u.ip));                                                   \
  }

TEST(is_unspecified, unspecified)
TEST(is_loopback, loopback)
TEST(is_link_local_multicast, link_local_multicast)
TEST(is_link_local_unicast, link_local_unicast)
TEST(is_global_unicast, global_unicast)

static struct cel_value
do_cidr(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return parse_cidr(ev->a, cel_span(args[0]));
}

static struct cel_value
is_cidr(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_of_bool(!cel_is_error(parse_cidr(ev->a, cel_span(args[0]))));
}

/* Are the first `bits` bits of both the same. */
static bool
same_prefix(const struct cel_ip *x, const struct cel_ip *y, int bits)
{
  int bytes = bits / 8, rest = bits % 8;

  if (x->family != y->family || memcmp(x->bytes, y->bytes, (size_t)bytes) != 0)
    return false;
  return !rest || (x->bytes[bytes] ^ y->bytes[bytes]) >> (8 - rest) == 0;
}

static struct cel_value
contains_ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value ip = args[1].kind == CEL_STRING ? parse_ip(ev->a, cel_span(args[1])) : args[1];

  (void)n;
  if (cel_is_error(ip))
    return cel_no_overload();
  return cel_of_bool(same_prefix(args[0].u.ip, ip.u.ip, args[0].u.ip->bits));
}

static struct cel_value
contains_cidr(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value other = args[1].kind == CEL_STRING ? parse_cidr(ev->a, cel_span(args[1])) : args[1];
  int bits = args[0].u.ip->bits;

  (void)n;
  if (cel_is_error(other))
    return other;
  return cel_of_bool(bits <= other.u.ip->bits && same_prefix(args[0].u.ip, other.u.ip, bits));
}

static struct cel_value
cidr_ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return (struct cel_value){ .kind = CEL_IP, .u.ip = args[0].u.ip };
}

static struct cel_value
prefix_length(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int(args[0].u.ip->bits);
}

static struct cel_value
masked(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_ip *ip = arena_new_of(ev->a, struct cel_ip);

  (void)n;
  *ip = *args[0].u.ip;
  for (int i = 0; i < 16; i++) {
    int keep = ip->bits - 8 * i;

    ip->bytes[i] &= keep >= 8 ? 0xFF : keep <= 0 ? 0 : (uint8_t)(0xFF << (8 - keep));
  }
  return (struct cel_value){ .kind = CEL_CIDR, .u.ip = ip };
}

#define PARSE .name_cost = CEL_COST_PARSE
#define ONE   .name_cost = CEL_COST_NOMINAL
#define S     &cel_string
#define IP    &cel_ip_type
#define CIDR  &cel_cidr_type

static const struct cel_overload nets[] = {
  FN("ip", "string_to_ip", cel_ip_type, do_ip, PARSE, ARGS(S)),
  METHOD("ip", "cidr_ip", cel_ip_type, cidr_ip, PARSE, ARGS(CIDR)),
  FN("isIP", "is_ip", cel_bool, is_ip, PARSE, ARGS(S)),
  FN("ip.isCanonical", "ip_is_canonical", cel_bool, is_canonical, .name_cost = CEL_COST_CANONICAL, ARGS(S)),
  METHOD("family", "ip_family", cel_int, family, ONE, ARGS(IP)),
  METHOD("isUnspecified", "ip_is_unspecified", cel_bool, is_unspecified, ONE, ARGS(IP)),
  METHOD("isLoopback", "ip_is_loopback", cel_bool, is_loopback, ONE, ARGS(IP)),
  METHOD("isLinkLocalMulticast", "ip_is_link_local_multicast", cel_bool, is_link_local_multicast, ONE, ARGS(IP)),
  METHOD("isLinkLocalUnicast", "ip_is_link_local_unicast", cel_bool, is_link_local_unicast, ONE, ARGS(IP)),
  METHOD("isGlobalUnicast", "ip_is_global_unicast", cel_bool, is_global_unicast, ONE, ARGS(IP)),
  FN("cidr", "string_to_cidr", cel_cidr_type, do_cidr, PARSE, ARGS(S)),
  FN("isCIDR", "is_cidr", cel_bool, is_cidr, PARSE, ARGS(S)),
  METHOD("containsIP", "cidr_contains_ip_string", cel_bool, contains_ip, .name_cost = CEL_COST_CONTAINS_IP,
         ARGS(CIDR, S)),
  METHOD("containsIP", "cidr_contains_ip_ip", cel_bool, contains_ip, .name_cost = CEL_COST_CONTAINS_IP, ARGS(CIDR, IP)),
  METHOD("containsCIDR", "cidr_contains_cidr_string", cel_bool, contains_cidr, .name_cost = CEL_COST_CONTAINS_CIDR,
         ARGS(CIDR, S)),
  METHOD("containsCIDR", "cidr_contains_cidr", cel_bool, contains_cidr, .name_cost = CEL_COST_CONTAINS_CIDR,
         ARGS(CIDR, CIDR)),
  METHOD("prefixLength", "cidr_prefix_length", cel_int, prefix_length, ONE, ARGS(CIDR)),
  METHOD("masked", "cidr_masked", cel_cidr_type, masked, ONE, ARGS(CIDR)),
};

LIBRARY(cel_lib_net, nets);
