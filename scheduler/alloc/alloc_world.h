/*
 * alloc_world - what the allocator knows of the cluster, compiled.
 *
 * Devices have numbers: those of a slice are consecutive, so that facts about
 * devices are bit sets and a slice is a range in them. Per device the world
 * keeps 40 bytes and its attributes (8 bytes each, names and values
 * interned); what few devices have (counters, taints, node selection) is on
 * the side, and what is only needed for results is read from the slice's tree.
 *
 * Selectors are compiled once per text; a filter is the list of selectors that
 * a request runs on a device (its class's, then its own). Its answer for a
 * device is kept as two bits until the slice changes, so CEL runs once per
 * (filter, device version) however many pods and nodes ask.
 *
 * Internal to scheduler/alloc.
 */
#ifndef SCHEDULER_ALLOC_WORLD_H
#define SCHEDULER_ALLOC_WORLD_H

#include "alloc.h"
#include "alloc_amount.h"
#include "alloc_bits.h"
#include "alloc_capacity.h"
#include "alloc_strings.h"
#include "cel_dra.h"
#include "hmap.h"

#define CEIL_ALLOC_FILTERS 512 /* filters with remembered answers; the one not used for longest makes room */

/* An attribute's value: the number of an atom, or of a composite (several values) when this bit is set. */
#define ATTR_COMPOSITE 0x80000000u

struct attr {
  sid name;
  uint32_t value;
};

/* An attribute that is not exactly one scalar: lists, nothing, or against the API several at once. */
struct attr_composite {
  sid scalar[4]; /* atoms by enum attr_kind; SID_NONE: not set */
  uint32_t n[4]; /* list lengths */
  const sid *list[4];
};
enum attr_kind { ATTR_STRING, ATTR_INT, ATTR_BOOL, ATTR_VERSION };

enum device_flags {
  DEVICE_SHAREABLE = 1,      /* allowMultipleAllocations */
  DEVICE_BINDS_TO_NODE = 2,  /* bindsToNode */
  DEVICE_HAS_BINDING = 4,    /* bindingConditions present, even if empty */
  DEVICE_NEEDS_BINDING = 8,  /* bindingConditions with entries */
  DEVICE_DRAWS = 16,         /* consumesCounters with entries */
  DEVICE_TAINTED = 32,       /* taints, its own or by rule */
  DEVICE_HAS_NODE_NAME = 64, /* nodeName present */
  DEVICE_TO_JUDGE = 128,     /* it has a value that CEL may refuse: a version, or none or several */
};

/* One entry of consumesCounters. */
struct draw {
  sid set;
  uint32_t n, n_groups;
  struct draw_counter {
    sid name;
    amount amount;
  } * counters;
  const sid *groups;
};

/* What few devices have. */
struct device_side {
  const struct draw *draws;
  uint32_t n_draws;
  sid node_name; /* with perDeviceNodeSelection */
  bool all_nodes;
  uint32_t node_selector;          /* number + 1; 0: none */
  const struct json *taints;       /* the slice's own */
  const struct json **rule_taints; /* by DeviceTaintRules; owned */
  uint32_t n_rule_taints;
};

struct device {
  sid name;
  uint32_t slice;
  uint16_t n_attrs;
  uint16_t flags;
  const struct attr *attrs;
  const struct cap_shape *caps; /* NULL: no capacity */
  struct device_side *side;     /* NULL: nothing special */
};

struct slice {
  sid name, driver, node_name; /* node_name 0: none */
  uint32_t number;             /* its place in world.slices */
  uint32_t first, n_devices;   /* its range of devices */
  uint32_t node_selector;      /* number + 1; 0: none */
  int64_t generation, slice_count;
  uint64_t order; /* in which it was first added */
  struct pool *pool;
  const struct json *tree, *devices, *counter_sets, *skip_operations;
  struct record *record; /* NULL: the tree is borrowed */
  struct attr *attrs;    /* of all devices */
  struct arena *side;    /* what hangs off device_side; NULL when no device has any */
  bool has_node_name, all_nodes, per_device_given, per_device, has_groups;
  bool same_names, draws; /* two devices have one name; some consume counters */
  bool sound;             /* a pool that is this slice cannot be invalid, and nothing in it may end an attempt early */
  bool alone;             /* it is its pool's only one */
};

/* All slices of one (driver, pool), of every generation and for every node. */
struct pool {
  sid driver, name;
  struct slice **slices; /* by order */
  uint32_t n, cap;
  uint64_t version;   /* changes with every slice */
  uint64_t gathering; /* scratch of alloc_pools.c: in which gathering it was seen, and its place there */
  uint32_t gathered;
};

/* Slices with the same nodeName. */
struct node_slices {
  struct slice **v;
  uint32_t n, cap;
  uint64_t version;
};

struct class
{
  sid name;
  const struct json *tree;
  struct record *record;
};

struct node {
  sid name;
  uint32_t place;                 /* in world.nodes */
  const struct node_slices *near; /* those of this name; NULL: it has none */
  const struct json *tree;
  struct record *record;
  uint8_t *matches; /* per node selector: enum node_match, 0 for unknown */
  uint32_t n_matches;
  bool optional_operations; /* declares the feature DRAOptionalNodeOperations */
  struct view *view;        /* what it sees of the world, or NULL; see alloc_pools.h */
};
enum node_match { NODE_UNKNOWN, NODE_MATCHES, NODE_OTHER, NODE_SELECTOR_BROKEN };

struct selector {
  sid text;
  struct cel_selector *program; /* NULL: does not compile */
  char *error;
  uint8_t derived; /* compiled as a derived attribute */
};

struct filter {
  uint32_t *selectors;
  uint32_t n, n_class;    /* the first n_class are the class's */
  struct bits known, yes; /* yes without known: the answer is an error */
  uint64_t used;
  uint32_t pins;                 /* jobs that use it */
  struct projection *projection; /* what it looks at; NULL: everything */
};

struct use; /* alloc_usage.h */

struct device_range {
  uint32_t first, n;
};

struct alloc_world {
  struct alloc_features features;
  enum alloc_channel channel;
  bool consumable; /* consumable capacity is on, and the variant knows it */
  struct strings *names, *atoms;
  struct arena *interned; /* shapes, composites, node selectors: for the world's life */
  struct hmap *shape_index, *composite_index, *node_selector_index;
  struct attr_composite **composites;
  uint32_t n_composites, cap_composites, n_shapes;
  const struct json **node_selectors;
  uint32_t n_node_selectors, cap_node_selectors;

  struct device *devices;
  uint32_t n_devices, cap_devices, live_devices;
  struct slice **slices; /* holes are NULL */
  uint32_t n_slices, cap_slices;
  struct device_range *free; /* numbers of devices that are gone */
  uint32_t n_free, cap_free;
  uint32_t *holes; /* in slices */
  uint32_t n_holes, cap_holes;
  uint64_t order, version;           /* counters that give out orders and versions */
  struct node_slices shared_slices;  /* those without a node name */
  struct node_slices counter_slices; /* those with shared counters: "stable" looks at them for every node */
  uint32_t *marks;                   /* by name: scratch for finding duplicates */
  uint32_t cap_marks, mark;
  uint64_t gatherings;
  struct hmap *slice_index, *pool_index, *node_slices_index, *class_index, *node_index;
  struct node **nodes; /* those of node_index, in no order that matters */
  uint32_t n_nodes, cap_nodes;
  uint32_t last_node;          /* the place of the one asked for last; often the next one follows, or it is the same */
  struct alloc_job *spare_job; /* its memory serves the next; NULL: none */
  uint64_t class_version;
  const struct json **rules;
  struct record **rule_records;
  uint32_t n_rules, cap_rules;

  struct selector *selectors;
  uint32_t n_selectors, cap_selectors;
  struct hmap *selector_index, *filter_index; /* selectors by text and whether they are derived attributes */
  uint64_t clock;                             /* of filter use */
  struct bits accepted, accepted_shapes;      /* values and shapes that CEL has taken; see alloc_projection.c */
  struct arena *scratch;
  uint8_t random[256]; /* for share ids */
  size_t n_random;

  /* What is in use, by device; see alloc_usage.c. */
  const struct alloc_usage *usage;
  uint64_t usage_serial, usage_seen, usage_version;
  struct bits dedicated, allocated, shared;
  struct use **uses; /* by device; NULL: not in use */
  uint32_t cap_uses;
  uint32_t *fresh; /* numbers of slices that came since */
  uint32_t n_fresh, cap_fresh;
};

static inline const char *
world_text(const struct alloc_world *w, sid id)
{
  return strings_text(w->names, id);
}

static inline const struct slice *
device_slice(const struct alloc_world *w, uint32_t device)
{
  return w->slices[w->devices[device].slice];
}

/* The Device object of a device. */
const struct json *device_json(const struct alloc_world *w, uint32_t device);
/* "driver/pool/device", in the arena. */
const char *device_id(const struct alloc_world *w, uint32_t device, struct arena *a);

const struct class *world_class(const struct alloc_world *w, const char *name); /* NULL when there is none */
/* The node of this tree, if the world knows it. */
struct node *world_node(struct alloc_world *w, const struct json *node);
struct node *node_new(struct alloc_world *w, const struct json *tree, struct record *record);
void node_free(struct node *n);
/* Does node selector `number` match? Kept per node. */
enum node_match node_selector_match(const struct alloc_world *w, struct node *n, uint32_t number);
/* Upstream's NodeMatches for a slice's or a device's node selection. `node_selector`: number + 1, or 0. */
enum node_match node_selection_match(const struct alloc_world *w, struct node *n, sid node_name, bool all_nodes,
                                     uint32_t node_selector);

/* -- alloc_slices.c: used by alloc_world.c -- */
uint32_t world_node_selector(struct alloc_world *w, const struct json *selector); /* number + 1; 0 for none */
struct slice *slice_new(struct alloc_world *w, uint32_t number, const struct json *tree, struct record *record);
void slice_free(struct alloc_world *w, struct slice *s);
void slice_apply_rules(struct alloc_world *w, struct slice *s);
uint32_t attr_from_json(struct alloc_world *w, const struct json *attribute);
/* To find devices of one name: after `begin`, the first of the slice's names that was marked already, or SID_NONE. */
void world_marks_begin(struct alloc_world *w);
sid slice_mark_names(struct alloc_world *w, const struct slice *s);

/* A value that CEL takes as it is, without having looked at it. */
static inline bool
world_is_plain_value(const struct alloc_world *w, uint32_t value)
{
  return !(value & ATTR_COMPOSITE) && strings_text(w->atoms, value)[0] != 'v';
}

/* -- alloc_filters.c -- */
struct filter *filter_get(struct alloc_world *w, const struct json *class_selectors, const struct json *selectors);
uint32_t selector_get(struct alloc_world *w, struct span text, bool derived);
void filters_forget(struct alloc_world *w, uint32_t first, uint32_t n);
void filters_free(struct alloc_world *w);
enum filter_answer { FILTER_NO, FILTER_YES, FILTER_ERROR };
enum filter_answer filter_ask(struct alloc_world *w, struct filter *f, uint32_t device);
/* The same for `n` (at most 64) consecutive devices: a bit for each that is not "no"; in *ret_errors, for each error.
 */
word filter_ask_range(struct alloc_world *w, struct filter *f, uint32_t first, uint32_t n, word *ret_errors);
/* The error of FILTER_ERROR, with upstream's text from `selector #i` on; `ret_class`: is it the class's selector? */
int filter_error(struct alloc_world *w, struct filter *f, uint32_t device, bool *ret_class, struct kerr *reterr);
/* For explanations: the first selector that says no; its index and whether it is the class's. */
bool filter_first_no(struct alloc_world *w, struct filter *f, uint32_t device, uint32_t *ret_selector,
                     uint32_t *ret_index, bool *ret_class);
struct cel_device *world_cel_device(struct alloc_world *w, uint32_t device, struct arena *a, struct kerr *reterr);

#endif
