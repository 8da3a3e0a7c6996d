#include "validate_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#define TEXT_MAX 80 /* longer than any address or network */

static const unsigned char mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

/* IPv4 numbers without leading zeros; true when there were any. */
static bool
drop_leading_zeros(char *text)
{
  char *to = text;
  bool found = false;
  if (strchr(text, ':'))
    return false;
  for (const char *p = text; *p; p++) {
    bool starts = to == text || to[-1] == '.';
    if (!starts || *p != '0' || !isdigit((unsigned char)p[1]))
      *to++ = *p;
    else
      found = true;
  }
  *to = 0;
  return found;
}

static bool
copy_text(struct span s, char text[TEXT_MAX])
{
  if (!s.n || s.n >= TEXT_MAX || memchr(s.p, 0, s.n))
    return false;
  memcpy(text, s.p, s.n);
  text[s.n] = 0;
  return true;
}

static bool
parse_address(char *text, struct address *ret)
{
  struct address ip = { .family = 4, .leading_zeros = drop_leading_zeros(text) };
  if (inet_pton(AF_INET, text, ip.bytes) != 1) {
    if (inet_pton(AF_INET6, text, ip.bytes) != 1)
      return false;
    ip.mapped = !memcmp(ip.bytes, mapped_prefix, sizeof mapped_prefix);
    ip.family = ip.mapped ? 4 : 6;
    if (ip.mapped)
      memmove(ip.bytes, ip.bytes + sizeof mapped_prefix, 4);
  }
  *ret = ip;
  return true;
}

bool
address_read(struct span s, struct address *ret)
{
  char text[TEXT_MAX];
  return copy_text(s, text) && parse_address(text, ret);
}

char *
address_text(struct arena *a, const struct address *ip)
{
  char text[INET6_ADDRSTRLEN];
  if (!inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, text, sizeof text))
    text[0] = 0; /* neither family nor room can be wrong */
  return arena_strdup(a, text);
}

bool
network_read(struct span s, struct network *ret)
{
  char text[TEXT_MAX], *slash, *end;
  struct network n = { 0 };
  if (!copy_text(s, text) || !(slash = strrchr(text, '/')) || !isdigit((unsigned char)slash[1]) ||
      strlen(slash + 1) > 3)
    return false;
  long bits = strtol(slash + 1, &end, 10);
  bool padded = slash[1] == '0' && slash[2];
  *slash = 0;
  if (*end || !parse_address(text, &n.address))
    return false;
  if (n.address.mapped && bits < 96) { /* a network of IPv6 that begins among the mapped ones */
    memmove(n.address.bytes + sizeof mapped_prefix, n.address.bytes, 4);
    memcpy(n.address.bytes, mapped_prefix, sizeof mapped_prefix);
    n.address.family = 6;
  } else if (n.address.mapped)
    bits -= 96;
  if (bits > (n.address.family == 4 ? 32 : 128))
    return false;
  n.bits = (int)bits;
  n.leading_zeros = n.address.leading_zeros || padded;
  *ret = n;
  return true;
}

/* The network's own address: host bits cleared. */
static struct address
network_base(const struct network *n)
{
  struct address ip = n->address;
  for (int bit = n->bits; bit < (ip.family == 4 ? 32 : 128); bit++)
    ip.bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
  return ip;
}

bool
network_within(const struct network *part, const struct network *whole)
{
  struct network same_size = *part;
  same_size.bits = whole->bits;
  struct address base = network_base(whole), above = network_base(&same_size);
  return part->address.family == whole->address.family && part->bits > whole->bits &&
         !memcmp(base.bytes, above.bytes, sizeof base.bytes);
}

static char *
network_text(struct arena *a, const struct network *n)
{
  struct address base = network_base(n);
  return arena_printf(a, "%s/%d", address_text(a, &base), n->bits);
}

static bool
has_host_bits(const struct network *n)
{
  struct address base = network_base(n);
  return memcmp(base.bytes, n->address.bytes, sizeof base.bytes) != 0;
}

bool
interface_address_text(struct arena *a, struct span s, const char **ret_text)
{
  struct network n;
  if (!network_read(s, &n))
    return false;
  *ret_text = arena_printf(a, "%s/%d", address_text(a, &n.address), n.bits);
  return true;
}

/* -- errors -- */

static bool
is_accepted(const struct json *accepted, struct span s)
{
  for (json_each_item (p, accepted))
    if (span_eq(json_span(*p), s))
      return true;
  return false;
}

/* The complaints of parseIP; true when there was none. */
static bool
check_address(struct validation *v, const struct vpath *path, struct span s, bool strict, struct address *ip)
{
  if (!address_read(s, ip))
    verr_invalid(v, path, s, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
  else if (strict && ip->leading_zeros)
    verr_invalid(v, path, s, "must not have leading 0s");
  else if (strict && ip->mapped)
    verr_invalid(v, path, s, "must not be an IPv4-mapped IPv6 address");
  else
    return true;
  return false;
}

static bool
check_network(struct validation *v, const struct vpath *path, struct span s, bool strict, struct network *n)
{
  if (!network_read(s, n))
    verr_invalid(v, path, s, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
  else if (strict && n->leading_zeros)
    verr_invalid(v, path, s, "must not have leading 0s in IP or prefix length");
  else if (strict && n->address.mapped)
    verr_invalid(v, path, s, "must not have an IPv4-mapped IPv6 address");
  else if (strict && has_host_bits(n))
    verr_invalid(v, path, s, "must not have bits set beyond the prefix length");
  else
    return true;
  return false;
}

bool
validate_address(struct validation *v, const struct vpath *path, struct span s, const struct json *accepted)
{
  struct address ip;
  return is_accepted(accepted, s) || check_address(v, path, s, validation_gate(v, "StrictIPCIDRValidation"), &ip);
}

bool
validate_network(struct validation *v, const struct vpath *path, struct span s, const struct json *accepted)
{
  struct network n;
  return is_accepted(accepted, s) || check_network(v, path, s, validation_gate(v, "StrictIPCIDRValidation"), &n);
}

bool
validate_network_canonical(struct validation *v, const struct vpath *path, struct span s)
{
  struct network n;
  if (!check_network(v, path, s, true, &n))
    return false;
  const char *text = network_text(v->a, &n);
  if (span_is(s, text))
    return true;
  verr_invalid(v, path, s, arena_printf(v->a, "must be in canonical form (%s)", vquote(v->a, span_of(text))));
  return false;
}

void
validate_reachable(struct validation *v, const struct vpath *path, struct span s)
{
  static const unsigned char zero[16], one[16] = { [15] = 1 };
  struct address ip;
  if (!address_read(s, &ip)) {
    verr_invalid(v, path, s, "must be a valid IP address");
    return;
  }
  const unsigned char *b = ip.bytes;
  bool v4 = ip.family == 4;
  if (!memcmp(b, zero, v4 ? 4 : 16))
    verr_invalid(v, path, s, arena_printf(v->a, "may not be unspecified (%.*s)", SPAN_FMT(s)));
  if (v4 ? b[0] == 127 : !memcmp(b, one, sizeof one))
    verr_invalid(v, path, s, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (v4 ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
    verr_invalid(v, path, s, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (v4 ? b[0] == 224 && !b[1] && !b[2] : b[0] == 0xff && (b[1] & 0x0f) == 0x02)
    verr_invalid(v, path, s, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

/* -- warnings -- */

void
warn_address(struct arena *a, const struct vpath *path, struct span s, struct json *warnings)
{
  struct address ip;
  if (!address_read(s, &ip))
    return; /* refused, or accepted before: nothing better is known */
  const char *at = vpath_text(a, path), *text = address_text(a, &ip);
  if (ip.leading_zeros || ip.mapped)
    json_append(a, warnings,
                json_new_strf(a, "%s: non-standard IP address %s is invalid: use \"%s\"", at, vquote(a, s), text));
  else if (ip.family == 6 && !span_is(s, text))
    json_append(a, warnings,
                json_new_strf(a, "%s: IPv6 address %s should be in RFC 5952 canonical format (\"%s\")", at,
                              vquote(a, s), text));
}

void
warn_network(struct arena *a, const struct vpath *path, struct span s, struct json *warnings)
{
  struct network n;
  size_t before = json_count(warnings);
  if (!network_read(s, &n))
    return;
  const char *at = vpath_text(a, path), *text = network_text(a, &n);
  if (has_host_bits(&n))
    json_append(a, warnings,
                json_new_strf(a, "%s: CIDR value %s is ambiguous in this context (should be \"%s\" or \"%s/%d\"?)", at,
                              vquote(a, s), text, address_text(a, &n.address), n.address.family == 4 ? 32 : 128));
  if (n.leading_zeros || n.address.mapped)
    json_append(a, warnings,
                json_new_strf(a, "%s: non-standard CIDR value %s is invalid: use \"%s\"", at, vquote(a, s), text));
  if (json_count(warnings) == before && n.address.family == 6 && !span_is(s, text))
    json_append(a, warnings,
                json_new_strf(a, "%s: IPv6 CIDR value %s should be in RFC 5952 canonical format (\"%s\")", at,
                              vquote(a, s), text));
}
