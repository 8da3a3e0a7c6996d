/* Where services lead: endpoints and endpoint slices (core/validation, discovery/validation). */
#include "object.h"
#include "validate_address.h"
#include "validate_pod.h"

#define ENDPOINTS_MAX 1000
#define ADDRESSES_MAX 100
#define PORTS_MAX     20000
#define TOPOLOGY_MAX  16
#define HINTS_MAX     8

static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };

/* Index of the first item whose `member` is that of item i: i itself when it is the first. */
static size_t
first_like(const struct json *list, size_t i, const char *member)
{
  for (size_t j = 0; j < i; j++)
    if (span_eq(json_text_of(json_at(list, j), member), json_text_of(json_at(list, i), member)))
      return j;
  return i;
}

/* -- endpoints -- */

static void
check_address(struct validation *v, const struct vpath *path, const struct json *address)
{
  struct span ip = json_text_of(address, "ip"), host = json_text_of(address, "hostname");
  (void)validate_address(v, VP(path, "ip"), ip, NULL);
  if (host.n)
    (void)verr_format(v, VP(path, "hostname"), host, TEXT_DNS_LABEL);
  if (json_has(address, "nodeName"))
    (void)verr_format(v, VP(path, "nodeName"), json_text_of(address, "nodeName"), TEXT_DNS_SUBDOMAIN);
  validate_reachable(v, VP(path, "ip"), ip);
}

static void
check_port(struct validation *v, const struct vpath *path, const struct json *port, bool named)
{
  struct span name = json_text_of(port, "name");
  if (name.n)
    (void)verr_format(v, VP(path, "name"), name, TEXT_DNS_LABEL);
  else if (named)
    verr_required(v, VP(path, "name"), "");
  validate_port(v, VP(path, "port"), json_get_int(port, "port", 0));
  validate_choice(v, path, port, "protocol", protocols);
  if (json_has(port, "appProtocol"))
    (void)verr_format(v, VP(path, "appProtocol"), json_text_of(port, "appProtocol"), TEXT_LABEL_KEY);
}

static void
check_subset(struct validation *v, const struct vpath *path, const struct json *subset)
{
  static const char *const lists[] = { "addresses", "notReadyAddresses" };
  const struct json *ports = json_get(subset, "ports");
  if (!json_count(json_get(subset, lists[0])) && !json_count(json_get(subset, lists[1])))
    verr_required(v, path, "must specify `addresses` or `notReadyAddresses`");
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
    const struct json *list = json_get(subset, lists[k]);
    for (size_t i = 0; i < json_count(list); i++)
      check_address(v, VP_ITEM(VP(path, lists[k]), i), json_at(list, i));
  }
  for (size_t i = 0; i < json_count(ports); i++)
    check_port(v, VP_ITEM(VP(path, "ports"), i), json_at(ports, i), json_count(ports) > 1);
}

static void
check_endpoints(struct validation *v, const struct json *o)
{
  const struct json *subsets = json_get(o, "subsets");
  for (size_t i = 0; i < json_count(subsets); i++)
    check_subset(v, VP_ITEM(VP(NULL, "subsets"), i), json_at(subsets, i));
}

/* What an older release took is not refused now. */
static void
update_endpoints(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct name_rule subdomain = { .format = TEXT_DNS_SUBDOMAIN };
  validate_object_meta(v, o, true, &subdomain);
  if (!json_same(json_get(o, "subsets"), json_get(old, "subsets")))
    check_endpoints(v, o);
}

/* -- endpoint slices -- */

/* IsFullyQualifiedDomainName. */
static void
check_full_name(struct validation *v, const struct vpath *path, struct span s)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  if (!s.n) {
    verr_required(v, path, "");
    return;
  }
  if (s.p[s.n - 1] == '.')
    s.n--;
  size_t n = text_check(v->a, TEXT_DNS_SUBDOMAIN, s, problems);
  for (size_t i = 1; i < n; i++)
    problems[0] = arena_printf(v->a, "%s,%s", problems[0], problems[i]);
  if (n)
    verr_invalid(v, path, s, problems[0]);
  else if (!memchr(s.p, '.', s.n))
    verr_invalid(v, path, s, "should be a domain with at least two segments separated by dots");
}

static void
check_slice_address(struct validation *v, const struct vpath *list, size_t i, struct span type, struct span s)
{
  const struct vpath *path = VP_ITEM(list, i);
  struct address ip;
  if (span_is(type, "FQDN")) {
    check_full_name(v, path, s);
    return;
  }
  bool v4 = span_is(type, "IPv4");
  if ((!v4 && !span_is(type, "IPv6")) ||
      !(v4 ? validate_address(v, path, s, NULL) : verr_format(v, path, s, TEXT_IP)) || !address_read(s, &ip))
    return;
  if (ip.family != (v4 ? 4 : 6))
    verr_invalid(v, list, s, v4 ? "must be an IPv4 address" : "must be an IPv6 address");
  validate_reachable(v, path, s);
}

static void
check_hints(struct validation *v, const struct vpath *path, const struct json *hints)
{
  static const struct {
    const char *list;
    enum text_format format;
  } lists[] = { { "forZones", TEXT_LABEL_VALUE }, { "forNodes", TEXT_DNS_SUBDOMAIN } };
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
    const struct json *list = json_get(hints, lists[k].list);
    const struct vpath *at = VP(path, lists[k].list);
    if (json_count(list) > HINTS_MAX) {
      verr_too_many(v, at, json_count(list), HINTS_MAX);
      return;
    }
    for (size_t i = 0; i < json_count(list); i++) {
      struct span name = json_text_of(json_at(list, i), "name");
      if (first_like(list, i, "name") != i)
        verr_duplicate(v, VP(VP_ITEM(at, i), "name"), name);
      (void)verr_format(v, VP(VP_ITEM(at, i), "name"), name, lists[k].format);
    }
  }
}

static void
check_endpoint(struct validation *v, const struct vpath *path, const struct json *endpoint, struct span type)
{
  const struct json *addresses = json_get(endpoint, "addresses"), *topology = json_get(endpoint, "deprecatedTopology");
  const struct vpath *list = VP(path, "addresses");
  size_t mark = v->n;
  if (!json_count(addresses))
    verr_required(v, list, "must contain at least 1 address");
  else if (json_count(addresses) > ADDRESSES_MAX)
    verr_too_many(v, list, json_count(addresses), ADDRESSES_MAX);
  validation_cover(v, mark, NULL);
  for (size_t i = 0; i < json_count(addresses); i++)
    check_slice_address(v, list, i, type, json_span(json_at(addresses, i)));
  if (json_has(endpoint, "nodeName"))
    (void)verr_format(v, VP(path, "nodeName"), json_text_of(endpoint, "nodeName"), TEXT_DNS_SUBDOMAIN);
  if (json_count(topology) > TOPOLOGY_MAX)
    verr_too_many(v, VP(path, "deprecatedTopology"), json_count(topology), TOPOLOGY_MAX);
  validate_labels(v, VP(path, "deprecatedTopology"), topology);
  if (json_has(endpoint, "hostname"))
    (void)verr_format(v, VP(path, "hostname"), json_text_of(endpoint, "hostname"), TEXT_DNS_LABEL);
  check_hints(v, VP(path, "hints"), json_get(endpoint, "hints"));
}

static void
check_slice_ports(struct validation *v, const struct vpath *path, const struct json *ports)
{
  if (json_count(ports) > PORTS_MAX) {
    verr_too_many(v, path, json_count(ports), PORTS_MAX);
    return;
  }
  for (size_t i = 0; i < json_count(ports); i++) {
    const struct json *port = json_at(ports, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(port, "name");
    if (name.n)
      (void)verr_format(v, VP(at, "name"), name, TEXT_DNS_LABEL);
    if (first_like(ports, i, "name") != i)
      verr_duplicate(v, VP(at, "name"), name);
    if (json_has(port, "protocol") && !json_text_of(port, "protocol").n)
      verr_not_supported(v, VP(at, "protocol"), SPAN(""), protocols);
    else
      validate_choice(v, at, port, "protocol", protocols);
    if (json_has(port, "appProtocol"))
      (void)verr_format(v, VP(at, "appProtocol"), json_text_of(port, "appProtocol"), TEXT_LABEL_KEY);
  }
}

static void
check_slice_endpoints(struct validation *v, const struct json *o)
{
  const struct json *list = json_get(o, "endpoints");
  const struct vpath *path = VP(NULL, "endpoints");
  if (json_count(list) > ENDPOINTS_MAX) {
    verr_too_many(v, path, json_count(list), ENDPOINTS_MAX);
    return;
  }
  for (size_t i = 0; i < json_count(list); i++)
    check_endpoint(v, VP_ITEM(path, i), json_at(list, i), json_text_of(o, "addressType"));
}

static void
check_slice(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const types[] = { "FQDN", "IPv4", "IPv6", NULL };
  size_t mark = v->n;
  validate_choice(v, NULL, o, "addressType", types);
  validation_cover(v, mark, NULL);
  check_slice_ports(v, VP(NULL, "ports"), json_get(o, "ports"));
  if (!old || !json_same(json_get(o, "endpoints"), json_get(old, "endpoints")))
    check_slice_endpoints(v, o);
}

static void
create_slice(struct validation *v, const struct json *o)
{
  check_slice(v, o, NULL);
}

static void
update_slice(struct validation *v, const struct json *o, const struct json *old)
{
  check_slice(v, o, old);
  size_t mark = v->n;
  validate_immutable(v, VP(NULL, "addressType"), json_get(o, "addressType"), json_get(old, "addressType"), NULL);
  validation_cover(v, mark, "immutable");
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_endpoints[] = {
  { "", "Endpoints", .name = SUBDOMAIN, .create = check_endpoints, .update = update_endpoints },
  { "discovery.k8s.io", "EndpointSlice", .name = SUBDOMAIN, .create = create_slice, .update = update_slice },
};
const size_t validator_endpoints_count = ARRAY_SIZE(validators_endpoints);
