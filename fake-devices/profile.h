/*
 * profile - what kinds of devices a fake node has, described in a file.
 *
 * A profile is YAML (fake-devices/profiles/ has the built-in ones; they are
 * part of the binary): driver, device classes, and either one `device` that is
 * made `count` times or a list of `devices`. Texts may hold {index}, {uuid},
 * {serial}, {node}, {name}, {numa} and, in partitions, {slot}; they are filled in when a
 * tree is made (device_tree.h), which is the only use of a profile: the driver
 * reads the tree and never the profile.
 *
 * The same cluster and node names give the same identities in every run.
 * Immutable after parsing; lives in the arena it was parsed into.
 */
#ifndef FAKE_DEVICES_PROFILE_H
#define FAKE_DEVICES_PROFILE_H

#include "arena.h"
#include "json.h"
#include "kerr.h"

#define PROFILE_MAX_DEVICES 4096 /* of one profile on one node */
#define PROFILE_MAX_PARTS   64   /* partitions of one device */

/* Where in the tree a device lives. */
enum profile_place {
  PLACE_PCI,     /* behind a bridge of a PCIe root: sys/devices/pciDDDD:BB/<bridge>/<bdf> */
  PLACE_NUMA,    /* a NUMA node: sys/devices/system/node/nodeN */
  PLACE_VIRTUAL, /* sys/devices/virtual/<class>/<name> */
};

struct profile_pci {
  const char *vendor, *device, *class_, *subsystem_vendor, *subsystem_device, *revision; /* "0x10de" */
  const char *driver;                                                                    /* kernel driver's name */
  const char *link_speed, *link_width;
  int64_t bar_bytes; /* size of the one big memory window */
  bool drm;          /* has drm/cardN and drm/renderDN */
  const char *net;   /* interface name ("eth{index}"), or NULL */
  int64_t per_root;  /* devices that share one PCIe root */
};

/* A device, or a partition of one. Maps are JSON objects, in the order they were written; NULL when absent. */
struct profile_device {
  const char *name;              /* text with placeholders; after filling in a DNS label */
  const struct json *attributes; /* name -> {string|int|bool|version: value} */
  const struct json *capacity;   /* name -> quantity, or {value, default, min, max, step, values} */
  const struct json *env;        /* what a container that is given the device sees */
  const struct json *dev_nodes;  /* list of paths */
  const struct json *consumes;   /* counter -> quantity, of the device's own counter set */
  const struct json *counters;   /* counter -> quantity: the device's counter set (partitionable devices) */
  bool shareable;                /* allowMultipleAllocations */
  struct profile_device *partitions;
  int64_t slots; /* a partition: how many of it there are */
  size_t n_partitions;
};

struct profile {
  const char *name, *driver;
  const char *text; /* the YAML it came from */
  enum profile_place place;
  const char *class_name; /* PLACE_VIRTUAL: sys/class/<class_name> */
  struct profile_pci pci;
  int64_t count; /* devices made when nobody says how many */
  struct profile_device *devices;
  size_t n_devices;                  /* templates; device i is made from devices[i % n_devices] */
  const struct json *device_classes; /* DeviceClass objects without apiVersion and kind: {metadata, spec} */
};

/* `source` names the text in messages ("profile gpu", a path). Errors: KERR_PARSE, KERR_INVALID with the path of the
 * value. */
_must_check_ int profile_parse(struct arena *a, struct span text, const char *source, struct profile **ret,
                               struct kerr *reterr);
/* A built-in profile's name, or the path of a file (a text with a '/' or a .yaml ending). KERR_NOT_FOUND lists the
 * names there are. */
_must_check_ int profile_load(struct arena *a, const char *name_or_path, struct profile **ret, struct kerr *reterr);
/* The built-in ones: name and text by position; NULL past the end. */
const char *profile_builtin(size_t i, struct span *ret_text);

/* What --devices says: "gpu", "gpu:4", "gpu:4,cats", "./my.yaml:2". */
struct profile_count {
  struct profile *profile;
  int64_t count;
};
_must_check_ int profile_spec_parse(struct arena *a, const char *spec, struct profile_count **ret, size_t *ret_n,
                                    struct kerr *reterr);

/* {name} -> value in `text`; the values are a NULL-terminated list of pairs. An unknown placeholder stays as it is. */
char *profile_fill(struct arena *a, const char *text, const char *const *pairs);

#endif
