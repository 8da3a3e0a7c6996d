#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ceilings.h"
#include "codec.h"
#include "device_tree.h"
#include "fs.h"

/* The machine that is emulated: two NUMA nodes of eight CPUs; PCIe roots belong to them in turn. */
#define NUMA_NODES       2
#define CPUS_PER_NODE    8
#define ROOTS_PER_DOMAIN 7  /* bus numbers 0x10, 0x30, ... 0xd0 */
#define SLOTS_PER_ROOT   28 /* buses behind one root; the next root begins 0x20 later */

/*
 * One write to the tree. The first failure is kept in `err` and turns all later steps into nothing, so that the steps
 * read as the list of files that they are.
 */
struct writer {
  struct arena *a;
  const struct device_tree_node *node;
  const char *sys; /* where sys/ is being made */
  const char *dev; /* where dev/ is being made */
  struct kerr err;
};

/* A device on its way into the tree. */
struct plugging {
  const struct profile *p;
  const struct profile_device *d;
  const char *const *fill; /* placeholders */
  int64_t index;
  int numa;
  const char *dir;            /* relative to sys */
  const char *extra_nodes[2]; /* /dev/dri/... */
};

static void
fail_errno(struct writer *w, int err, const char *path)
{
  if (w->err.code == KERR_OK)
    (void)kerr_errno(&w->err, err, "%s", path);
}

static void
make_dir(struct writer *w, const char *rel)
{
  struct kerr err = KERR_INIT;

  if (w->err.code != KERR_OK)
    return;
  if (fs_mkdirs(arena_printf(w->a, "%s/%s", w->sys, rel), 0755, &err) < 0)
    (void)kerr_move(&w->err, &err);
}

static void
put_bytes(struct writer *w, const char *dir, const char *name, struct span s)
{
  const char *path = arena_printf(w->a, "%s/%s/%s", w->sys, dir, name);

  if (w->err.code != KERR_OK)
    return;
  _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  int r = fd < 0 ? -errno : fs_write_all(fd, s);
  if (r < 0)
    fail_errno(w, -r, path);
}

/* A file of one line, as sysfs has them. */
static void put(struct writer *w, const char *dir, const char *name, const char *fmt, ...) _printf_(4, 5);
static void
put(struct writer *w, const char *dir, const char *name, const char *fmt, ...)
{
  va_list ap;

  va_start(ap, fmt);
  char *line = arena_vprintf(w->a, fmt, ap);
  va_end(ap);
  put_bytes(w, dir, name, span_of(arena_printf(w->a, "%s\n", line)));
}

/* A relative link from `dir`/`name` to `target`, both below sys; an old one is replaced. */
static void
put_link(struct writer *w, const char *dir, const char *name, const char *target)
{
  char up[256] = "";
  const char *path = arena_printf(w->a, "%s/%s/%s", w->sys, dir, name);
  size_t depth = 1, common = 0;

  if (w->err.code != KERR_OK)
    return;
  /* Drop the folders that both have, as the kernel's links do. */
  for (size_t i = 0; dir[i] && dir[i] == target[i]; i++)
    if (dir[i] == '/')
      common = i + 1;
  for (const char *c = dir + common; *c; c++)
    depth += *c == '/';
  for (size_t i = 0; i < depth && strlen(up) + 4 < sizeof up; i++)
    memcpy(up + strlen(up), "../", 4);
  (void)unlink(path);
  if (symlink(arena_printf(w->a, "%s%s", up, target + common), path) < 0)
    fail_errno(w, errno, path);
}

/* -- identities -- */

/* 32 bytes that depend on the names alone. */
static void
identity(struct writer *w, const char *driver, const char *name, uint8_t ret[32])
{
  codec_sha256(span_of(arena_printf(w->a, "%s/%s/%s/%s", w->node->cluster, w->node->node, driver, name)), ret);
}

static char *
identity_uuid(struct arena *a, const uint8_t h[32])
{
  return arena_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3],
                      h[4], h[5], (h[6] & 0x0f) | 0x50, h[7], (h[8] & 0x3f) | 0x80, h[9], h[10], h[11], h[12], h[13],
                      h[14], h[15]);
}

static const char **
placeholders(struct writer *w, const struct profile *p, const char *template, int64_t index, int64_t slot, int numa,
             const char *parent_uuid)
{
  const char **f = arena_array_of(w->a, const char *, 17);
  uint8_t h[32];
  size_t n = 0;

  f[n++] = "index";
  f[n++] = arena_printf(w->a, "%lld", (long long)index);
  f[n++] = "slot";
  f[n++] = arena_printf(w->a, "%lld", (long long)slot);
  f[n++] = "node";
  f[n++] = w->node->node;
  f[n++] = "numa";
  f[n++] = arena_printf(w->a, "%d", numa);
  const char *name = profile_fill(w->a, template, f);
  /* A list of named devices that is used more than once: the second felix is felix-6. */
  if (index >= (int64_t)p->n_devices && p->n_devices > 1 && strcmp(name, template) == 0)
    name = arena_printf(w->a, "%s-%lld", name, (long long)index);
  identity(w, p->driver, name, h);
  f[n++] = "name";
  f[n++] = name;
  f[n++] = "uuid";
  f[n++] = identity_uuid(w->a, h);
  f[n++] = "serial";
  f[n++] =
      arena_printf(w->a, "%013llu",
                   (unsigned long long)((((uint64_t)h[16] << 40) | ((uint64_t)h[17] << 32) | ((uint64_t)h[18] << 24) |
                                         ((uint64_t)h[19] << 16) | ((uint64_t)h[20] << 8) | h[21]) %
                                        10000000000000ull));
  f[n++] = "parent";
  f[n++] = parent_uuid ? parent_uuid : "";
  return f;
}

static const char *
fill_get(const char *const *fill, const char *key)
{
  for (; *fill; fill += 2)
    if (strcmp(fill[0], key) == 0)
      return fill[1];
  return "";
}

/* -- the vendor directory -- */

static char *
scalar_text(struct arena *a, const struct json *v)
{
  if (json_is(v, JSON_INT))
    return arena_printf(a, "%lld", (long long)json_int_or(v, 0));
  if (json_is(v, JSON_BOOL))
    return arena_strdup(a, v->u.boolean ? "true" : "false");
  return arena_strdup(a, json_str(v) ? json_str(v) : "");
}

/* A key with a domain ("gpu.nvidia.com/uuid") is a file in a directory of that name. */
static void
put_key(struct writer *w, const char *dir, const char *key, const char *text)
{
  const char *slash = strchr(key, '/');
  const char *in = slash ? arena_printf(w->a, "%s/%.*s", dir, (int)(slash - key), key) : dir;

  make_dir(w, in);
  put(w, in, slash ? slash + 1 : key, "%s", text);
}

static char *
capacity_text(struct arena *a, const struct json *v)
{
  struct strbuf b;
  char *out;

  if (!json_is(v, JSON_OBJECT))
    return scalar_text(a, v);
  strbuf_init(&b, 4 * KiB);
  strbuf_puts(&b, scalar_text(a, json_get(v, "value")));
  for (json_each_member (m, v)) {
    if (strcmp(m->name, "value") == 0)
      continue;
    strbuf_printf(&b, "\n%s", m->name);
    for (json_each_item (p, m->value))
      strbuf_printf(&b, " %s", scalar_text(a, *p));
    if (!json_is(m->value, JSON_ARRAY))
      strbuf_printf(&b, " %s", scalar_text(a, m->value));
  }
  out = arena_strdup(a, b.p);
  strbuf_release(&b);
  return out;
}

static void
put_lines(struct writer *w, const char *dir, const char *name, struct strbuf *b)
{
  if (b->n)
    put_bytes(w, dir, name, strbuf_view(b));
  strbuf_release(b);
}

static void
write_vendor(struct writer *w, const char *dir, const struct profile *p, const struct profile_device *d,
             const char *const *fill, const char *const extra_nodes[2])
{
  struct arena *a = w->a;
  struct strbuf lines;

  make_dir(w, dir);
  put(w, dir, "name", "%s", fill_get(fill, "name"));
  put(w, dir, "driver", "%s", p->driver);
  put(w, dir, "health", "ok");
  if (d->shareable)
    put(w, dir, "shareable", "1");
  for (json_each_member (m, d->attributes)) {
    const struct json_member *typed = &m->value->u.members[0];
    put_key(w, arena_printf(a, "%s/attributes/%s", dir, typed->name), m->name,
            profile_fill(a, scalar_text(a, typed->value), fill));
  }
  for (json_each_member (m, d->capacity))
    put_key(w, arena_printf(a, "%s/capacity", dir), m->name, capacity_text(a, m->value));
  for (json_each_member (m, d->counters))
    put_key(w, arena_printf(a, "%s/counters", dir), m->name, scalar_text(a, m->value));
  for (json_each_member (m, d->consumes))
    put_key(w, arena_printf(a, "%s/consumes", dir), m->name, scalar_text(a, m->value));
  strbuf_init(&lines, CEIL_SMALL_FILE);
  for (json_each_member (m, d->env))
    strbuf_printf(&lines, "%s=%s\n", profile_fill(a, m->name, fill), profile_fill(a, scalar_text(a, m->value), fill));
  put_lines(w, dir, "env", &lines);
  strbuf_init(&lines, CEIL_SMALL_FILE);
  for (json_each_item (n, d->dev_nodes))
    strbuf_printf(&lines, "%s\n", profile_fill(a, json_str(*n), fill));
  for (size_t i = 0; i < 2 && extra_nodes[i]; i++)
    strbuf_printf(&lines, "%s\n", extra_nodes[i]);
  put_lines(w, dir, "dev-nodes", &lines);
}

/* -- device files: null devices, because nobody may hand out real ones -- */

static void
make_dev_node(struct writer *w, const char *path)
{
  const char *at = arena_printf(w->a, "%s/%s", w->dev, path + strlen("/dev/"));
  char *dir = arena_strdup(w->a, at);
  struct kerr err = KERR_INIT;

  *strrchr(dir, '/') = '\0';
  if (w->err.code != KERR_OK)
    return;
  if (fs_mkdirs(dir, 0755, &err) < 0) {
    (void)kerr_move(&w->err, &err);
    return;
  }
  if (mknod(at, S_IFCHR | 0666, makedev(1, 3)) == 0 || errno == EEXIST)
    return;
  if (symlink("/dev/null", at) < 0 && errno != EEXIST) /* without privilege */
    fail_errno(w, errno, at);
}

static void
make_dev_nodes(struct writer *w, const struct plugging *g, const struct profile_device *d, const char *const *fill)
{
  for (json_each_item (n, d->dev_nodes))
    make_dev_node(w, profile_fill(w->a, json_str(*n), fill));
  for (size_t i = 0; i < 2 && g->extra_nodes[i]; i++)
    make_dev_node(w, g->extra_nodes[i]);
}

/* -- PCI -- */

static int
count_entries(struct writer *w, const char *rel, const char *prefix)
{
  DIR *d = opendir(arena_printf(w->a, "%s/%s", w->sys, rel));
  int n = 0;

  for (const struct dirent *e; d && (e = readdir(d));)
    n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
  if (d)
    (void)closedir(d);
  return n;
}

/* A number that no entry `prefixN` of the directory has: as many as there are, or the next free one after that. */
static int
first_free(struct writer *w, const char *rel, const char *prefix)
{
  for (int i = count_entries(w, rel, prefix);; i++)
    if (!fs_exists(arena_printf(w->a, "%s/%s/%s%d", w->sys, rel, prefix, i)))
      return i;
}

static void
write_pci_common(struct writer *w, const char *dir, const char *bdf, const struct profile_pci *pci, int numa)
{
  uint8_t config[256] = { 0 };
  unsigned vendor = (unsigned)strtoul(pci->vendor, NULL, 16), device = (unsigned)strtoul(pci->device, NULL, 16),
           class_ = (unsigned)strtoul(pci->class_, NULL, 16), sv = (unsigned)strtoul(pci->subsystem_vendor, NULL, 16),
           sd = (unsigned)strtoul(pci->subsystem_device, NULL, 16), rev = (unsigned)strtoul(pci->revision, NULL, 16);

  make_dir(w, dir);
  put(w, dir, "vendor", "%s", pci->vendor);
  put(w, dir, "device", "%s", pci->device);
  put(w, dir, "class", "%s", pci->class_);
  put(w, dir, "subsystem_vendor", "%s", pci->subsystem_vendor);
  put(w, dir, "subsystem_device", "%s", pci->subsystem_device);
  put(w, dir, "revision", "%s", pci->revision);
  put(w, dir, "irq", "%d", 0);
  put(w, dir, "enable", "%d", 1);
  put(w, dir, "numa_node", "%d", numa);
  put(w, dir, "local_cpulist", "%d-%d", numa * CPUS_PER_NODE, (numa + 1) * CPUS_PER_NODE - 1);
  put(w, dir, "local_cpus", "%08x", ((1u << CPUS_PER_NODE) - 1) << (numa * CPUS_PER_NODE));
  put(w, dir, "max_link_speed", "%s", pci->link_speed);
  put(w, dir, "current_link_speed", "%s", pci->link_speed);
  put(w, dir, "max_link_width", "%s", pci->link_width);
  put(w, dir, "current_link_width", "%s", pci->link_width);
  put(w, dir, "modalias", "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", vendor, device, sv, sd, (class_ >> 16) & 0xff,
      (class_ >> 8) & 0xff, class_ & 0xff);
  put(w, dir, "uevent", "%s%s%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\nPCI_SLOT_NAME=%s",
      pci->driver ? "DRIVER=" : "", pci->driver ? pci->driver : "", pci->driver ? "\n" : "", class_, vendor, device, sv,
      sd, bdf);
  config[0] = (uint8_t)vendor, config[1] = (uint8_t)(vendor >> 8), config[2] = (uint8_t)device,
  config[3] = (uint8_t)(device >> 8), config[4] = 0x06, config[6] = 0x10, config[8] = (uint8_t)rev,
  config[9] = (uint8_t)class_, config[10] = (uint8_t)(class_ >> 8), config[11] = (uint8_t)(class_ >> 16),
  config[0x2c] = (uint8_t)sv, config[0x2d] = (uint8_t)(sv >> 8), config[0x2e] = (uint8_t)sd,
  config[0x2f] = (uint8_t)(sd >> 8);
  put_bytes(w, dir, "config", span_make((const char *)config, sizeof config));
  make_dir(w, "bus/pci/devices");
  put_link(w, dir, "subsystem", "bus/pci");
  put_link(w, "bus/pci/devices", bdf, dir);
}

/* Lines "start end flags", as /sys/bus/pci/devices/.../resource: seven of them, the first is the device's memory. */
static void
write_resource(struct writer *w, const char *dir, int64_t bytes, unsigned bus)
{
  struct strbuf b;
  uint64_t start = 0x200000000000ull + ((uint64_t)bus << 38);

  strbuf_init(&b, 4 * KiB);
  for (int i = 0; i < 7; i++)
    if (i == 0 && bytes > 0)
      strbuf_printf(&b, "0x%016llx 0x%016llx 0x%016x\n", (unsigned long long)start,
                    (unsigned long long)(start + (uint64_t)bytes - 1), 0x14220cu);
    else
      strbuf_puts(&b, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
  put_lines(w, dir, "resource", &b);
}

static void
write_drm(struct writer *w, struct plugging *g)
{
  make_dir(w, "class/drm");
  int card = first_free(w, "class/drm", "card");
  const char *names[] = { arena_printf(w->a, "card%d", card), arena_printf(w->a, "renderD%d", 128 + card) };
  int minors[] = { card, 128 + card };

  for (size_t i = 0; i < 2; i++) {
    const char *dir = arena_printf(w->a, "%s/drm/%s", g->dir, names[i]);
    make_dir(w, dir);
    put(w, dir, "dev", "226:%d", minors[i]);
    put(w, dir, "uevent", "MAJOR=226\nMINOR=%d\nDEVNAME=dri/%s\nDEVTYPE=drm_minor", minors[i], names[i]);
    put_link(w, dir, "device", g->dir);
    put_link(w, dir, "subsystem", "class/drm");
    put_link(w, "class/drm", names[i], dir);
    g->extra_nodes[i] = arena_printf(w->a, "/dev/dri/%s", names[i]);
  }
}

static void
write_net(struct writer *w, const struct plugging *g)
{
  const char *name = profile_fill(w->a, g->p->pci.net, g->fill);
  const char *dir = arena_printf(w->a, "%s/net/%s", g->dir, name);
  uint8_t h[32];

  identity(w, g->p->driver, name, h);
  make_dir(w, dir);
  make_dir(w, "class/net");
  put(w, dir, "address", "02:%02x:%02x:%02x:%02x:%02x", h[0], h[1], h[2], h[3], h[4]);
  put(w, dir, "mtu", "%d", 1500);
  put(w, dir, "speed", "%d", 100000);
  put(w, dir, "operstate", "up");
  put(w, dir, "type", "%d", 1);
  put_link(w, dir, "device", g->dir);
  put_link(w, dir, "subsystem", "class/net");
  put_link(w, "class/net", name, dir);
}

/* The bridge that a device sits behind, made with it and removed with it. */
static void
write_bridge(struct writer *w, const char *root, const char *bridge, const char *bdf, int numa)
{
  static const struct profile_pci bridge_pci = {
    .vendor = "0x8086",
    .device = "0x352a",
    .class_ = "0x060400",
    .subsystem_vendor = "0x8086",
    .subsystem_device = "0x0000",
    .revision = "0x04",
    .driver = "pcieport",
    .link_speed = "32.0 GT/s PCIe",
    .link_width = "16",
  };
  const char *dir = arena_printf(w->a, "devices/%s/%s", root, bridge);
  const char *bus = arena_printf(w->a, "%s/pci_bus/%.7s", dir, bdf);

  write_pci_common(w, dir, bridge, &bridge_pci, numa);
  make_dir(w, bus);
  put(w, bus, "cpulistaffinity", "%d-%d", numa * CPUS_PER_NODE, (numa + 1) * CPUS_PER_NODE - 1);
  make_dir(w, "class/pci_bus");
  put_link(w, "class/pci_bus", arena_printf(w->a, "%.7s", bdf), bus);
}

/*
 * Find a seat: devices of a profile fill the roots in order, per_root to each, so that device i of one profile and
 * device i of another share a root where their per_root agrees.
 */
static bool
find_seat(struct writer *w, const struct profile *p, int64_t index, const char **ret_root, const char **ret_bridge,
          const char **ret_bdf, int *ret_numa)
{
  int64_t root = index / p->pci.per_root;
  unsigned domain = (unsigned)(root / ROOTS_PER_DOMAIN), bus = 0x10 + 0x20 * (unsigned)(root % ROOTS_PER_DOMAIN);

  *ret_root = arena_printf(w->a, "pci%04x:%02x", domain, bus);
  *ret_numa = (int)(root % NUMA_NODES);
  for (unsigned slot = 0; slot < SLOTS_PER_ROOT; slot++) {
    *ret_bridge = arena_printf(w->a, "%04x:%02x:%02x.0", domain, bus, slot + 1);
    *ret_bdf = arena_printf(w->a, "%04x:%02x:00.0", domain, bus + 1 + slot);
    if (!fs_exists(arena_printf(w->a, "%s/devices/%s/%s", w->sys, *ret_root, *ret_bridge)))
      return true;
  }
  return false;
}

static void
plug_pci(struct writer *w, struct plugging *g, const char *root, const char *bridge, const char *bdf)
{
  const struct profile_pci *pci = &g->p->pci;
  const char *group_dir;

  write_bridge(w, root, bridge, bdf, g->numa);
  write_pci_common(w, g->dir, bdf, pci, g->numa);
  write_resource(w, g->dir, pci->bar_bytes, (unsigned)strtoul(bdf + 5, NULL, 16));
  if (pci->driver) {
    const char *drv = arena_printf(w->a, "bus/pci/drivers/%s", pci->driver);
    make_dir(w, drv);
    put_link(w, g->dir, "driver", drv);
    put_link(w, drv, bdf, g->dir);
  }
  make_dir(w, "kernel/iommu_groups");
  group_dir = arena_printf(w->a, "kernel/iommu_groups/%d", first_free(w, "kernel/iommu_groups", ""));
  make_dir(w, arena_printf(w->a, "%s/devices", group_dir));
  put_link(w, g->dir, "iommu_group", group_dir);
  put_link(w, arena_printf(w->a, "%s/devices", group_dir), bdf, g->dir);
  if (pci->drm)
    write_drm(w, g);
  if (pci->net)
    write_net(w, g);
}

/* -- CPUs and memory -- */

static void
write_numa_node(struct writer *w, int n)
{
  const char *dir = arena_printf(w->a, "devices/system/node/node%d", n);
  int first = n * CPUS_PER_NODE;

  make_dir(w, dir);
  put(w, dir, "cpulist", "%d-%d", first, first + CPUS_PER_NODE - 1);
  if (first < 32)
    put(w, dir, "cpumap", "%08x", ((1u << CPUS_PER_NODE) - 1) << first);
  put(w, dir, "meminfo", "Node %d MemTotal:       33554432 kB\nNode %d MemFree:        30000000 kB", n, n);
  for (int c = first; c < first + CPUS_PER_NODE; c++) {
    const char *cpu = arena_printf(w->a, "devices/system/cpu/cpu%d", c);
    const char *topology = arena_printf(w->a, "%s/topology", cpu);
    make_dir(w, topology);
    put(w, topology, "physical_package_id", "%d", n);
    put(w, topology, "core_id", "%d", c - first);
    put(w, topology, "core_cpus_list", "%d", c);
    put(w, topology, "thread_siblings_list", "%d", c);
    put_link(w, cpu, arena_printf(w->a, "node%d", n), dir);
    put_link(w, dir, arena_printf(w->a, "cpu%d", c), cpu);
  }
}

/* The machine has at least `nodes` NUMA nodes afterwards. */
static void
write_machine(struct writer *w, int nodes)
{
  int have = count_entries(w, "devices/system/node", "node");

  if (have >= nodes)
    return;
  for (int n = have; n < nodes; n++)
    write_numa_node(w, n);
  make_dir(w, "devices/system/cpu/smt");
  put(w, "devices/system/cpu/smt", "control", "off");
  put(w, "devices/system/cpu", "online", "0-%d", nodes * CPUS_PER_NODE - 1);
  put(w, "devices/system/cpu", "possible", "0-%d", nodes * CPUS_PER_NODE - 1);
  put(w, "devices/system/cpu", "present", "0-%d", nodes * CPUS_PER_NODE - 1);
  put(w, "devices/system/node", "online", "0-%d", nodes - 1);
  put(w, "devices/system/node", "has_cpu", "0-%d", nodes - 1);
}

/* -- one device, whatever its place -- */

static bool
name_taken(struct writer *w, const char *driver, const char *name)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct device_tree t;

  /* Only a tree that is in use can have the name: a fresh one is made from distinct indices. */
  if (strcmp(w->sys, arena_printf(w->a, "%s/sys", w->node->dir)) != 0)
    return false;
  return device_tree_read(w->a, w->node->dir, &t, &err) == 0 && device_tree_find(&t, driver, name);
}

static void
plug_partitions(struct writer *w, const struct plugging *g, const char *vendor)
{
  static const char *const none[2];
  const char *parent = fill_get(g->fill, "uuid");

  for (size_t i = 0; i < g->d->n_partitions; i++)
    for (int64_t slot = 0; slot < g->d->partitions[i].slots; slot++) {
      const struct profile_device *part = &g->d->partitions[i];
      const char *const *fill = placeholders(w, g->p, part->name, g->index, slot, g->numa, parent);
      write_vendor(w, arena_printf(w->a, "%s/partitions/%s", vendor, fill_get(fill, "name")), g->p, part, fill, none);
      make_dev_nodes(w, &(struct plugging){ .p = g->p }, part, fill);
    }
}

static void
plug(struct writer *w, const struct profile *p, int64_t index)
{
  struct plugging g = { .p = p, .d = &p->devices[(size_t)index % p->n_devices], .index = index };
  const char *root = NULL, *bridge = NULL, *bdf = NULL;

  if (w->err.code != KERR_OK)
    return;
  if (p->place == PLACE_PCI && !find_seat(w, p, index, &root, &bridge, &bdf, &g.numa)) {
    (void)kerr_set(&w->err, KERR_INVALID, NULL, "no free slot at PCIe root %s for device %lld of profile %s", root,
                   (long long)index, p->name);
    return;
  }
  if (p->place == PLACE_NUMA)
    g.numa = (int)index;
  g.fill = placeholders(w, p, g.d->name, index, 0, g.numa, NULL);
  const char *name = fill_get(g.fill, "name");
  if (name_taken(w, p->driver, name)) {
    (void)kerr_set(&w->err, KERR_ALREADY_EXISTS, NULL, "node %s has a device '%s' of driver %s", w->node->node, name,
                   p->driver);
    return;
  }
  switch (p->place) {
  case PLACE_PCI:
    g.dir = arena_printf(w->a, "devices/%s/%s/%s", root, bridge, bdf);
    plug_pci(w, &g, root, bridge, bdf);
    break;
  case PLACE_NUMA:
    write_machine(w, (int)index + 1);
    g.dir = arena_printf(w->a, "devices/system/node/node%lld", (long long)index);
    break;
  case PLACE_VIRTUAL:
    g.dir = arena_printf(w->a, "devices/virtual/%s/%s", p->class_name, name);
    make_dir(w, g.dir);
    make_dir(w, arena_printf(w->a, "class/%s", p->class_name));
    put_link(w, arena_printf(w->a, "class/%s", p->class_name), name, g.dir);
    put_link(w, g.dir, "subsystem", arena_printf(w->a, "class/%s", p->class_name));
    break;
  }
  const char *vendor = arena_printf(w->a, "%s/dralab", g.dir);
  make_dev_nodes(w, &g, g.d, g.fill);
  /* Written beside its place and moved there whole: a reader sees the device complete or not at all. */
  const char *draft = arena_printf(w->a, "%s/.dralab", g.dir);
  write_vendor(w, draft, p, g.d, g.fill, g.extra_nodes);
  plug_partitions(w, &g, draft);
  if (w->err.code == KERR_OK &&
      rename(arena_printf(w->a, "%s/%s", w->sys, draft), arena_printf(w->a, "%s/%s", w->sys, vendor)) < 0)
    fail_errno(w, errno, vendor);
}

/* Kept beside the tree, so that `device plug` knows what to plug. */
static void
keep_profile(struct writer *w, const struct profile *p)
{
  const char *dir = arena_printf(w->a, "%s/profiles", w->node->dir);
  struct kerr err = KERR_INIT;

  if (w->err.code != KERR_OK)
    return;
  if (fs_mkdirs(dir, 0755, &err) < 0 ||
      fs_write(arena_printf(w->a, "%s/%s.yaml", dir, p->name), span_of(p->text), 0644, false, &err) < 0)
    (void)kerr_move(&w->err, &err);
}

int
device_tree_create(const struct device_tree_node *node, const struct profile_count *profiles, size_t n_profiles,
                   struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const char *sys = arena_printf(a, "%s/sys", node->dir), *draft = arena_printf(a, "%s/.sys.new", node->dir);
  struct writer w = {
    .a = a, .node = node, .sys = draft, .dev = arena_printf(a, "%s/dev", node->dir), .err = KERR_INIT
  };

  if (fs_exists(sys))
    return kerr_set(reterr, KERR_ALREADY_EXISTS, NULL, "node %s has a device tree: %s", node->node, sys);
  int r = fs_remove_tree(draft, reterr);
  if (r < 0)
    return r;
  make_dir(&w, "devices");
  write_machine(&w, NUMA_NODES);
  for (size_t i = 0; i < n_profiles; i++) {
    keep_profile(&w, profiles[i].profile);
    for (int64_t k = 0; k < profiles[i].count; k++)
      plug(&w, profiles[i].profile, k);
  }
  if (w.err.code == KERR_OK && fs_mkdirs(w.dev, 0755, &w.err) == 0 && rename(draft, sys) < 0)
    fail_errno(&w, errno, sys);
  return w.err.code == KERR_OK ? 0 : kerr_move(reterr, &w.err);
}

int
device_tree_add(const struct device_tree_node *node, const struct profile *p, int64_t index, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct writer w = { .a = a,
                      .node = node,
                      .sys = arena_printf(a, "%s/sys", node->dir),
                      .dev = arena_printf(a, "%s/dev", node->dir),
                      .err = KERR_INIT };

  plug(&w, p, index);
  return w.err.code == KERR_OK ? 0 : kerr_move(reterr, &w.err);
}

char *
device_tree_name(struct arena *a, const struct device_tree_node *node, const struct profile *p, int64_t index)
{
  struct writer w = { .a = a, .node = node };
  const struct profile_device *d = &p->devices[(size_t)index % p->n_devices];

  return arena_strdup(a, fill_get(placeholders(&w, p, d->name, index, 0, 0, NULL), "name"));
}

/* -- unplugging -- */

/* Remove links of `dir` that lead to something below `target` (a path relative to sys) or dangle because of it. */
static void
drop_links(struct arena *a, const char *sys, const char *dir, const char *target)
{
  DIR *d = opendir(arena_printf(a, "%s/%s", sys, dir));
  char to[4096];

  for (const struct dirent *e; d && (e = readdir(d));) {
    ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof to - 1);
    if (n <= 0)
      continue;
    to[n] = '\0';
    if (strstr(to, target))
      (void)unlinkat(dirfd(d), e->d_name, 0);
  }
  if (d)
    (void)closedir(d);
}

static void
drop_links_in_each(struct arena *a, const char *sys, const char *parent, const char *below, const char *target)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  char **names;
  size_t n;

  if (fs_list(a, arena_printf(a, "%s/%s", sys, parent), &names, &n, &err) < 0)
    return;
  for (size_t i = 0; i < n; i++)
    drop_links(a, sys, arena_printf(a, "%s/%s%s", parent, names[i], below), target);
}

int
device_tree_remove(const char *node_dir, const char *device_path, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const char *sys = arena_printf(a, "%s/sys", node_dir);
  const char *rel = strncmp(device_path, "sys/", 4) == 0 ? device_path + 4 : device_path;

  if (strncmp(rel, "devices/", 8) != 0 || strstr(rel, ".."))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "'%s' is not the path of a device", device_path);
  if (strncmp(rel, "devices/system/", 15) == 0) /* the machine keeps its NUMA node; the device goes */
    return fs_remove_tree(arena_printf(a, "%s/%s/dralab", sys, rel), reterr);
  /* The vendor directory first: from then on the device is gone for readers, whatever comes after. */
  int r = fs_remove_tree(arena_printf(a, "%s/%s/dralab", sys, rel), reterr);
  if (r < 0)
    return r;
  char *whole = arena_strdup(a, rel);
  if (strncmp(rel, "devices/pci", 11) == 0) /* with the bridge it sits behind */
    *strrchr(whole, '/') = '\0';
  r = fs_remove_tree(arena_printf(a, "%s/%s", sys, whole), reterr);
  if (r < 0)
    return r;
  drop_links(a, sys, "bus/pci/devices", strchr(whole, '/') + 1);
  drop_links_in_each(a, sys, "bus/pci/drivers", "", strchr(whole, '/') + 1);
  drop_links_in_each(a, sys, "class", "", strchr(whole, '/') + 1);
  drop_links_in_each(a, sys, "kernel/iommu_groups", "/devices", strchr(whole, '/') + 1);
  return 0;
}
