/*
 * storage_codec - documents as kube-apiserver keeps them in etcd.
 *
 * Built-in kinds are Kubernetes protobuf in its envelope, in their storage
 * version; custom resources, and the kinds of the API machinery itself that
 * upstream keeps so, are JSON. What is read may be either, in any version that
 * is known: it is converted and given its defaults, as upstream does with what
 * it reads (apiserver/pkg/server/storage/storage_factory.go,
 * runtime/serializer/versioning).
 */
#ifndef APISERVER_STORAGE_CODEC_H
#define APISERVER_STORAGE_CODEC_H

#include "gates.h"
#include "store.h"

/* Where events are, in both of their groups, and how long after their last write: kube-apiserver --event-ttl. */
#define STORAGE_EVENTS        SPAN("/registry/events/")
#define STORAGE_EVENT_SECONDS 3600

/* Its payload is a struct storage_codec. */
extern const struct store_codec storage_codec;

struct storage_codec_payload {
  const struct personality *personality; /* borrowed */
  struct clock *clock;
};

#endif
