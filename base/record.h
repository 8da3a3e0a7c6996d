/*
 * record - one version of one stored document: immutable, counted, shared.
 *
 * The store makes a record for each write and everybody else holds references:
 * the watch cache, a LIST under way, an informer in the same process, a
 * scheduling cycle. The bytes are the document as it is stored; the tree is
 * parsed from them once, when somebody first asks, and read-only from then on.
 *
 * A document does not hold its own revision (upstream's etcd values do not
 * either): `stamp_at` says where in the bytes the text
 * `,"resourceVersion":"N"` belongs, and record_write() puts it there, so that
 * handing out a document is two copies and never a re-serialisation. The tree
 * has it as metadata.resourceVersion like any other member.
 *
 * Threads: count and tree are safe from any thread (the tree is published
 * atomically). Everything else is constant after record_new.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include "json.h"

struct record;

/* No place for a revision in this document. */
#define RECORD_NO_STAMP ((size_t)-1)

/*
 * Copies key and bytes. `revision` 0 means "not stored yet".
 * `stamp_at`: offset in `bytes` where the resourceVersion member is put (just after another member of metadata,
 * so that it begins with a comma), or RECORD_NO_STAMP.
 */
struct record *record_new(struct span key, int64_t revision, struct span bytes, size_t stamp_at);
/*
 * Serialise `tree`, an API object, and find the place of the stamp: in metadata after name, generateName, namespace,
 * selfLink and uid, as Go's ObjectMeta has it. A metadata.resourceVersion in the tree is left out: the record's own
 * counts. Text is written as kube-apiserver writes it (<, > and & escaped).
 */
struct record *record_from_json(struct span key, int64_t revision, const struct json *tree);
struct record *record_ref(struct record *r); /* returns r */
void record_unref(struct record *r);         /* NULL is fine */
void record_unrefp(struct record **pr);

struct span record_key(const struct record *r);
int64_t record_revision(const struct record *r);
struct span record_bytes(const struct record *r); /* without the revision */
size_t record_stamp_at(const struct record *r);
/* Only by the store, once, before anybody else can see the record. */
void record_set_revision(struct record *r, int64_t revision);

/* The parsed document with metadata.resourceVersion; borrowed from the record. Aborts on bytes that are not JSON. */
const struct json *record_tree(struct record *r);
/* The same for who looks once and is the only one to look: parsed into `a`, unless the record has its tree already. */
const struct json *record_glance(const struct record *r, struct arena *a);
/* The document with its revision, as a client is to read it. */
void record_write(struct strbuf *b, const struct record *r);
size_t record_memory(const struct record *r); /* bytes held, for ceilings and metrics */

#define _cleanup_record_ __attribute__((cleanup(record_unrefp)))

#endif
