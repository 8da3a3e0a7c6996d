/*
 * validate_address - IP addresses and networks in fields of the API.
 *
 * Three ways to read one: as fields older than strict validation always did ("sloppy": IPv4 numbers may have leading
 * zeros, host bits may be set), as they do since StrictIPCIDRValidation (1.36), and in canonical form, which new fields
 * ask for. Sources: apimachinery's pkg/util/validation/ip.go, k8s.io/utils/net.
 */
#ifndef APISERVER_VALIDATE_ADDRESS_H
#define APISERVER_VALIDATE_ADDRESS_H

#include "validate_internal.h"

struct address {
  unsigned char bytes[16]; /* 4 of IPv4 */
  int family;              /* 4, 6; an IPv4 address written as IPv6 (::ffff:192.0.2.1) is of family 4 and `mapped` */
  bool mapped;
  bool leading_zeros;
};

struct network {
  struct address address;
  int bits;           /* of an IPv4 address at most 32, also of a mapped one */
  bool leading_zeros; /* in the address or the length */
};

bool address_read(struct span s, struct address *ret);
char *address_text(struct arena *a, const struct address *ip); /* canonical */
bool network_read(struct span s, struct network *ret);
bool network_within(const struct network *part, const struct network *whole); /* and smaller than it */
/* An interface address (address and length, host bits kept) in canonical form; false: it is none. */
bool interface_address_text(struct arena *a, struct span s, const char **ret_text);

/* Fields that predate strict validation. What `accepted`, a list of texts of the old object, has is not looked at. */
bool validate_address(struct validation *v, const struct vpath *path, struct span s, const struct json *accepted);
bool validate_network(struct validation *v, const struct vpath *path, struct span s, const struct json *accepted);
/* New fields: canonical form, too (of an address: TEXT_IP). */
bool validate_network_canonical(struct validation *v, const struct vpath *path, struct span s);
/* An address that somebody else can reach: not unspecified, loopback, link-local. */
void validate_reachable(struct validation *v, const struct vpath *path, struct span s);

/* What is odd about a valid one, as a warning (GetWarningsForIP, GetWarningsForCIDR). */
void warn_address(struct arena *a, const struct vpath *path, struct span s, struct json *warnings);
void warn_network(struct arena *a, const struct vpath *path, struct span s, struct json *warnings);

#endif
