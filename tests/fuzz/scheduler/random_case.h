/*
 * random_case - a question to the allocator, made from bytes.
 *
 * Bytes decide as long as there are any, then a generator seeded by all of
 * them; so a fuzzer can steer, and a seed of a few bytes makes a whole case.
 * Small numbers everywhere: cases collide, run short and have to backtrack.
 */
#ifndef TESTS_FUZZ_RANDOM_CASE_H
#define TESTS_FUZZ_RANDOM_CASE_H

#include <stdint.h>

#include "strbuf.h"

struct random_case {
  const uint8_t *p;
  size_t n, at;
  uint64_t state;
  struct strbuf *b;
  bool stable, experimental, errors;
};

static unsigned
pick(struct random_case *r, unsigned n)
{
  uint64_t z;

  if (r->at < r->n)
    return r->p[r->at++] % n;
  z = r->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (unsigned)((z ^ z >> 31) % n);
}

static bool
chance(struct random_case *r, unsigned percent)
{
  return pick(r, 100) < percent;
}

#define PICK_OF(r, list) ((list)[pick((r), sizeof(list) / sizeof((list)[0]))])

static const char *const drivers[] = { "gpu.example.com", "nic.example.com" };
static const char *const models[] = { "A", "B", "C" };

static void
put_attributes(struct random_case *r, const char *driver)
{
  strbuf_printf(r->b, "\"attributes\":{\"model\":{\"string\":\"%s\"},\"numa\":{\"int\":%u},\"index\":{\"int\":%u}",
                PICK_OF(r, models), pick(r, 3), pick(r, 5));
  if (chance(r, 60))
    strbuf_printf(r->b, ",\"resource.kubernetes.io/pcieRoot\":{\"string\":\"pci%u\"}", pick(r, 3));
  if (chance(r, 30))
    strbuf_printf(r->b, ",\"%s/version\":{\"version\":\"1.%u.0\"}", driver, pick(r, 2));
  if (chance(r, 30))
    strbuf_printf(r->b, ",\"healthy\":{\"bool\":%s}", chance(r, 50) ? "true" : "false");
  if (r->experimental && chance(r, 50))
    strbuf_printf(r->b, ",\"links\":{\"strings\":[\"l%u\",\"l%u\"]}", pick(r, 3), 3 + pick(r, 2));
  strbuf_puts(r->b, "}");
}

static void
put_capacity(struct random_case *r)
{
  static const char *const policies[] = {
    "",
    "",
    ",\"requestPolicy\":{\"default\":\"2Gi\"}",
    ",\"requestPolicy\":{\"default\":\"2Gi\",\"validRange\":{\"min\":\"1Gi\",\"step\":\"1Gi\"}}",
    ",\"requestPolicy\":{\"default\":\"4Gi\",\"validValues\":[\"1Gi\",\"4Gi\",\"8Gi\"]}",
  };

  strbuf_printf(r->b, ",\"capacity\":{\"memory\":{\"value\":\"%uGi\"%s}", 4u << pick(r, 3), PICK_OF(r, policies));
  if (chance(r, 30))
    strbuf_printf(r->b, ",\"cores\":{\"value\":\"%u\"}", 1 + pick(r, 8));
  strbuf_puts(r->b, "}");
}

static void
put_draws(struct random_case *r, unsigned sets)
{
  unsigned first = pick(r, sets), n = sets > 1 && chance(r, 25) ? 2 : 1;

  strbuf_puts(r->b, ",\"consumesCounters\":[");
  for (unsigned i = 0; i < n; i++) {
    strbuf_printf(r->b, "%s{\"counterSet\":\"set-%u\",\"counters\":{\"memory\":{\"value\":\"%uGi\"}", i ? "," : "",
                  (first + i) % sets, 1 + pick(r, 4));
    if (chance(r, 40))
      strbuf_printf(r->b, ",\"slice\":{\"value\":\"%u\"}", pick(r, 2));
    strbuf_puts(r->b, "}");
    if (r->experimental && chance(r, 30))
      strbuf_printf(r->b, ",\"compatibilityGroups\":[\"g%u\",\"g%u\"]", pick(r, 2), 2 + pick(r, 2));
    strbuf_puts(r->b, "}");
  }
  strbuf_puts(r->b, "]");
}

static const char *const device_places[] = {
  ",\"nodeName\":\"node-1\"",
  ",\"nodeName\":\"node-1\"",
  ",\"nodeName\":\"node-1\"",
  ",\"nodeName\":\"node-2\"",
  ",\"allNodes\":true",
  ",\"nodeSelector\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"Exists\"}]}]}",
};

static void
put_device(struct random_case *r, const char *driver, unsigned number, unsigned sets, bool per_device)
{
  strbuf_printf(r->b, "{\"name\":\"d-%u\",", number);
  put_attributes(r, driver);
  if (chance(r, 60))
    put_capacity(r);
  if (!r->stable && chance(r, 35))
    strbuf_puts(r->b, ",\"allowMultipleAllocations\":true");
  if (sets && chance(r, 70))
    put_draws(r, sets);
  if (chance(r, 10))
    strbuf_printf(r->b, ",\"taints\":[{\"key\":\"t%u\",\"effect\":\"%s\"}]", pick(r, 2),
                  chance(r, 60) ? "NoSchedule" : "NoExecute");
  if (!r->stable && chance(r, 6))
    strbuf_printf(r->b,
                  ",\"bindsToNode\":%s,\"bindingConditions\":[\"ready\"],\"bindingFailureConditions\":[\"broken\"]",
                  chance(r, 50) ? "true" : "false");
  if (per_device)
    strbuf_puts(r->b, PICK_OF(r, device_places));
  strbuf_puts(r->b, "}");
}

static void
put_slice_head(struct random_case *r, const char *driver, unsigned pool, unsigned number, unsigned count,
               const char *where)
{
  strbuf_printf(
      r->b,
      "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceSlice\",\"metadata\":{\"name\":\"s%u-%u-%c\"},"
      "\"spec\":{\"driver\":\"%s\",\"pool\":{\"name\":\"pool-%u\",\"generation\":1,\"resourceSliceCount\":%u},%s,",
      pool, number, 'a' + pick(r, 4), driver, pool, count, where);
}

static void
put_pool(struct random_case *r, unsigned pool, bool first)
{
  static const char *const places[] = {
    "\"nodeName\":\"node-1\"",
    "\"nodeName\":\"node-1\"",
    "\"nodeName\":\"node-1\"",
    "\"allNodes\":true",
    ("\"nodeSelector\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\",\"values\":"
     "["
     "\"a\"]}]}]}"),
    "\"perDeviceNodeSelection\":true",
  };
  const char *driver = drivers[chance(r, 25)];
  unsigned sets = chance(r, 35) ? 1 + pick(r, 3) : 0, slices = 1 + pick(r, 2), device = 0, place = pick(r, 6);
  unsigned count = slices + (sets ? 1 : 0) + (chance(r, 3) ? 1 : 0);

  if (sets) {
    strbuf_puts(r->b, first ? "" : ",");
    first = false;
    put_slice_head(r, driver, pool, 9, count, places[place]);
    strbuf_puts(r->b, "\"sharedCounters\":[");
    for (unsigned i = 0; i < sets; i++)
      strbuf_printf(
          r->b, "%s{\"name\":\"set-%u\",\"counters\":{\"memory\":{\"value\":\"%uGi\"},\"slice\":{\"value\":\"%u\"}}}",
          i ? "," : "", i, 3 + pick(r, 6), 1 + pick(r, 3));
    strbuf_puts(r->b, "]}}");
  }
  for (unsigned s = 0; s < slices; s++) {
    unsigned n = 2 + pick(r, 6);

    strbuf_puts(r->b, first ? "" : ",");
    first = false;
    put_slice_head(r, driver, pool, s, count, places[place]);
    strbuf_puts(r->b, "\"devices\":[");
    for (unsigned i = 0; i < n; i++) {
      strbuf_puts(r->b, i ? "," : "");
      put_device(r, driver, device++, sets, place == 5);
    }
    strbuf_puts(r->b, "]");
    if (r->experimental && chance(r, 5))
      strbuf_puts(r->b, ",\"skipNodeOperations\":[\"NodePrepareResources\"]");
    strbuf_puts(r->b, "}}");
  }
}

static void
put_selectors(struct random_case *r)
{
  static const char *const texts[] = {
    "device.driver == \\\"gpu.example.com\\\"",
    "device.attributes[\\\"gpu.example.com\\\"].?model.orValue(\\\"\\\") != \\\"A\\\"",
    "has(device.attributes[\\\"resource.kubernetes.io\\\"].pcieRoot)",
    "device.attributes[device.driver].numa < 2",
    "device.attributes[device.driver].index != 3",
    "device.capacity[device.driver].memory.compareTo(quantity(\\\"8Gi\\\")) >= 0",
    "device.attributes[\\\"gpu.example.com\\\"].healthy",
  };

  if (!chance(r, 25))
    return;
  strbuf_printf(r->b, ",\"selectors\":[{\"cel\":{\"expression\":\"%s\"}}]",
                texts[pick(r, r->errors ? sizeof texts / sizeof texts[0] : 5)]);
}

/* Some shadow an attribute that is there; some are an error on some devices, or always. */
static void
put_derived(struct random_case *r)
{
  static const char *const names[] = { "gpu.example.com/half", "gpu.example.com/half", "gpu.example.com/model" };
  static const char *const texts[] = {
    "device.attributes[device.driver].index / 2",
    "device.attributes[device.driver].numa == 0 ? \\\"near\\\" : \\\"far\\\"",
    "[device.attributes[device.driver].model, \\\"any\\\"]",
    "device.attributes[device.driver].healthy",
    "device.capacity[device.driver].memory",
  };

  strbuf_printf(r->b, ",\"derivedAttributes\":[{\"name\":\"%s\",\"expression\":\"%s\"}]", PICK_OF(r, names),
                texts[pick(r, r->errors ? sizeof texts / sizeof texts[0] : 3)]);
}

static void
put_request(struct random_case *r, bool alternative)
{
  static const char *const classes[] = { "any", "any", "any", "gpu", "model-a" };

  strbuf_printf(r->b, "\"deviceClassName\":\"%s\"", PICK_OF(r, classes));
  if (chance(r, 6))
    strbuf_puts(r->b, ",\"allocationMode\":\"All\"");
  else
    strbuf_printf(r->b, ",\"allocationMode\":\"ExactCount\",\"count\":%u", 1 + (chance(r, 30) ? pick(r, 4) : 0));
  put_selectors(r);
  if (!alternative && chance(r, 8))
    strbuf_puts(r->b, ",\"adminAccess\":true");
  if (!r->stable && chance(r, 25))
    strbuf_printf(r->b, ",\"capacity\":{\"requests\":{\"memory\":\"%u%s\"}}", 1 + pick(r, 5),
                  chance(r, 80) ? "Gi" : "G");
  if (chance(r, 20))
    strbuf_puts(r->b, ",\"tolerations\":[{\"key\":\"t0\",\"operator\":\"Exists\"}]");
  if (r->experimental && chance(r, 20))
    put_derived(r);
}

static void
put_constraint(struct random_case *r, unsigned requests)
{
  static const char *const names[] = {
    "gpu.example.com/model", "gpu.example.com/numa", "resource.kubernetes.io/pcieRoot",
    "gpu.example.com/index", "gpu.example.com/half", "gpu.example.com/links"
  };
  bool distinct = !r->stable && chance(r, 40);

  strbuf_printf(r->b, "{\"%s\":\"%s\"", distinct ? "distinctAttribute" : "matchAttribute",
                names[pick(r, r->experimental ? 6 : 4)]);
  if (chance(r, 40))
    strbuf_printf(r->b, ",\"requests\":[\"r%u\",\"r%u\"]", pick(r, requests), pick(r, requests));
  strbuf_puts(r->b, "}");
}

static void
put_claim(struct random_case *r, unsigned number)
{
  unsigned n = 1 + pick(r, 3), constraints = chance(r, 50) ? 1 + pick(r, 2) : 0, alternatives;

  strbuf_printf(r->b,
                "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"claim-%u\","
                "\"namespace\":\"default\"},\"spec\":{\"devices\":{\"requests\":[",
                number);
  for (unsigned i = 0; i < n; i++) {
    strbuf_printf(r->b, "%s{\"name\":\"r%u\",", i ? "," : "", i);
    if (chance(r, 75)) {
      strbuf_puts(r->b, "\"exactly\":{");
      put_request(r, false);
      strbuf_puts(r->b, "}}");
      continue;
    }
    alternatives = 1 + pick(r, 3);
    strbuf_puts(r->b, "\"firstAvailable\":[");
    for (unsigned k = 0; k < alternatives; k++) {
      strbuf_printf(r->b, "%s{\"name\":\"s%u\",", k ? "," : "", k);
      put_request(r, true);
      strbuf_puts(r->b, "}");
    }
    strbuf_puts(r->b, "]}");
  }
  strbuf_puts(r->b, "],\"constraints\":[");
  for (unsigned i = 0; i < constraints; i++) {
    strbuf_puts(r->b, i ? "," : "");
    put_constraint(r, n);
  }
  strbuf_puts(r->b, "]");
  if (chance(r, 30))
    strbuf_printf(
        r->b,
        ",\"config\":[{\"requests\":[\"r0\"],\"opaque\":{\"driver\":\"gpu.example.com\",\"parameters\":{\"n\":%u}}}]",
        number);
  strbuf_puts(r->b, "}}}");
}

static void
put_features(struct random_case *r)
{
  strbuf_puts(r->b, "\"features\":{\"AdminAccess\":true,\"PrioritizedList\":true,\"PartitionableDevices\":true,"
                    "\"DeviceTaints\":true");
  if (!r->stable)
    strbuf_puts(r->b, ",\"DeviceBindingAndStatus\":true,\"ConsumableCapacity\":true");
  if (!r->stable && chance(r, 20))
    strbuf_puts(r->b, ",\"FractionalCapacityRange\":true");
  if (r->experimental)
    strbuf_puts(r->b, ",\"ListTypeAttributes\":true,\"OptionalNodeOperations\":true,\"DerivedAttributes\":true,"
                      "\"CompatibilityGroups\":true");
  strbuf_puts(r->b, "}");
}

/* Whole devices, shares and what these consume; some of it of devices that are not there. */
static void
put_allocated(struct random_case *r)
{
  strbuf_printf(r->b, ",\"allocated\":{\"devices\":[\"%s/pool-0/d-%u\",\"%s/pool-%u/d-%u\"]", PICK_OF(r, drivers),
                pick(r, 4), PICK_OF(r, drivers), pick(r, 3), pick(r, 4));
  if (!r->stable && chance(r, 60)) {
    unsigned pool = pick(r, 3), device = pick(r, 4);

    strbuf_printf(r->b,
                  ",\"sharedDevices\":[{\"device\":\"%s/pool-%u/d-%u\",\"shareID\":\"one\"}],\"consumedCapacity\":[{"
                  "\"device\":\"%s/pool-%u/d-%u\",\"capacity\":{\"memory\":\"%uGi\"}}]",
                  drivers[0], pool, device, drivers[0], pool, device, 1 + pick(r, 6));
  }
  strbuf_puts(r->b, "}");
}

/* One node, or three that are asked one after the other. */
static void
put_nodes(struct random_case *r)
{
  bool several = chance(r, 15);

  strbuf_puts(r->b, several ? ",\"mode\":\"each\",\"nodes\":[" : ",\"node\":");
  for (unsigned i = 1; i <= (several ? 3u : 1u); i++)
    strbuf_printf(
        r->b,
        "%s{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node-%u\",\"labels\":{\"zone\":\"%c\"}}}",
        i > 1 ? "," : "", i, i == 2 ? 'b' : 'a');
  strbuf_puts(r->b, several ? "]" : "");
}

static void
random_case_write(struct strbuf *b, const uint8_t *data, size_t n)
{
  struct random_case r = { .p = data, .n = n, .state = n, .b = b };
  unsigned kind, pools, claims;

  for (size_t i = 0; i < n; i++)
    r.state = (r.state ^ data[i]) * 0x100000001B3u;
  kind = pick(&r, 10);
  r.stable = kind == 0;
  r.experimental = kind >= 7;
  r.errors = chance(&r, 10);
  strbuf_printf(b, "{\"id\":\"%016llx\",\"channel\":\"%s\",", (unsigned long long)r.state,
                r.stable         ? "stable"
                : r.experimental ? "experimental"
                                 : "incubating");
  put_features(&r);
  put_nodes(&r);
  strbuf_puts(b,
              ",\"deviceClasses\":[{\"metadata\":{\"name\":\"any\"},\"spec\":{}},"
              "{\"metadata\":{\"name\":\"gpu\"},\"spec\":{\"selectors\":[{\"cel\":{\"expression\":"
              "\"device.driver == \\\"gpu.example.com\\\"\"}}],\"config\":[{\"opaque\":{\"driver\":\"gpu.example.com\","
              "\"parameters\":{\"c\":1}}}]}},"
              "{\"metadata\":{\"name\":\"model-a\"},\"spec\":{\"selectors\":[{\"cel\":{\"expression\":"
              "\"device.attributes[device.driver].model == \\\"A\\\"\"}}]}}],\"resourceSlices\":[");
  pools = 1 + pick(&r, r.stable ? 1 : 3);
  for (unsigned i = 0; i < pools; i++)
    put_pool(&r, i, i == 0);
  strbuf_puts(b, "],\"claims\":[");
  claims = 1 + pick(&r, 3);
  for (unsigned i = 0; i < claims; i++) {
    strbuf_puts(b, i ? "," : "");
    put_claim(&r, i);
  }
  strbuf_puts(b, "]");
  if (chance(&r, 30))
    put_allocated(&r);
  strbuf_puts(b, "}");
}

#endif
