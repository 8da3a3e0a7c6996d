/*
 * rest - how one request becomes an answer, inside the API server.
 *
 * A `struct rest_call` is made for each request and lives as long as serve()
 * runs; its memory is the arena of the request. The way of a request:
 *
 *   request line → rest_info (who is asked for what)          rest_request.c
 *   user: authentication, impersonation, authorization        rest_access.c
 *   route: the handler of (resource, subresource, verb)       rest_route.c
 *   negotiation: what the client wants to read and sends      rest_negotiate.c
 *   the verb                                                  rest_create.c, rest_update.c, ...
 *   the answer: document, records or stream                   rest_answer.c
 *
 * Objects have one of two shapes: the *request's* version (what the client
 * sends and reads) and the *storage* version (what strategies, admission and
 * the store see). Both are canonical trees as kind.h describes them.
 *
 * Errors: functions return 0 or a negative code with `reterr` filled; a
 * refusal that needs more than a message (causes, details) leaves the whole
 * Status in call->refusal first (rest_refuse).
 *
 * Threads: a call belongs to the thread that serves it; struct apiserver is
 * shared and constant after apiserver_new, except for what it names.
 */
#ifndef APISERVER_REST_H
#define APISERVER_REST_H

#include "crd_set.h"
#include "exchange.h"
#include "kind.h"
#include "selector.h"
#include "status.h"
#include "store.h"

struct apiserver;
struct admission_rounds;
struct service_write;

/* What a request line asks for (k8s.io/apiserver/pkg/endpoints/request.RequestInfo). Texts are never NULL. */
struct rest_info {
  bool is_resource;
  bool old_watch;   /* /api/v1/watch/... */
  const char *verb; /* get list watch create update patch delete deletecollection; lower-case method for other paths */
  const char *prefix; /* "api" or "apis" */
  const char *group, *version, *namespace_, *resource, *subresource, *name;
  const char *path;
  const char *rest; /* what follows the subresource, for proxies: "" or "/..." */
};

/* The form of an answer. */
enum rest_shape { REST_PLAIN, REST_TABLE, REST_PARTIAL, REST_PARTIAL_LIST };
enum rest_encoding { REST_JSON, REST_YAML, REST_PROTOBUF };
struct rest_form {
  enum rest_encoding encoding;
  enum rest_shape shape;
  const char *meta_version; /* of Table and PartialObjectMetadata: "v1" or "v1beta1" */
  bool pretty;
};

enum rest_validation { REST_IGNORE, REST_WARN, REST_STRICT };

struct rest_call {
  struct apiserver *s;
  struct personality *personality;
  struct served served; /* what there is while this request runs */
  const struct exchange_request *req;
  struct exchange_answer *ans;
  struct arena *a;
  struct rest_info info;
  const struct exchange_user *user;
  const struct kind_resource *res; /* the resource in the request's version */
  const struct kind *kind;         /* of the request's version */
  const struct kind *stored;       /* of the storage version */
  bool hub;                        /* a component sends the storage version, which this release does not serve */
  struct rest_form form;
  bool converted; /* records have been through rest_convert_records: they are read as they are */
  bool dry_run;
  bool unlabelled; /* the client sent an object without labels: those it has are defaults */
  bool reshape;    /* a strategy added members: the order has to be made anew before storing */
  enum rest_validation field_validation;
  const char *field_manager; /* of this write, never NULL */
  const char **warnings;
  size_t n_warnings, cap_warnings;
  struct json *refusal; /* a Status that says more than the kerr does */
  int64_t now;          /* wall time of the request */
  bool connecting;      /* admission is asked about exec, attach, portforward or proxy */
  bool admitted;        /* admission has seen what the client sent: it is not asked about what follows from it */
  const struct json *delete_options; /* members of the DeleteOptions; NULL: none were sent */
  struct admission_rounds *rounds;   /* of the mutating plugins under way, see admission_rounds.h */
  struct service_write *service;     /* what the service under way has taken, until it is stored or refused */
};

typedef int rest_handler_fn(struct rest_call *c, struct kerr *reterr);

/* -- rest_request.c -- */
void rest_info_parse(struct arena *a, const struct exchange_request *req, struct rest_info *ret);

/* -- rest_call.c: small things every verb needs -- */
const char *rest_query(struct rest_call *c, const char *name); /* NULL when absent */
const char *rest_header(struct rest_call *c, const char *name);
/* Go's strconv.ParseInt(..., 10, 64) with its message, wrapped as a bad request. */
_must_check_ int rest_query_int(struct rest_call *c, const char *name, int64_t *ret, bool *ret_given,
                                struct kerr *reterr);
bool rest_query_bool(struct rest_call *c,
                     const char *name); /* as Go's conversion of url values: absent, "false" and "0" are false */
/* A kind as this release has it; NULL when that has none of the name. */
const struct kind *rest_kind(const struct rest_call *c, const char *group, const char *version, const char *kind);
void rest_warn(struct rest_call *c, const char *fmt, ...) _printf_(2, 3);
int rest_refuse(struct rest_call *c, struct json *status, struct kerr *reterr);
struct status_subject rest_subject(const struct rest_call *c, const char *name);      /* details name the resource */
struct status_subject rest_kind_subject(const struct rest_call *c, const char *name); /* details name the kind */
/* "pods" or "resourceclaims.resource.k8s.io" */
const char *rest_qualified(const struct rest_call *c);
int rest_not_found(struct rest_call *c, const char *name, struct kerr *reterr);
int rest_already_exists(struct rest_call *c, const char *name, const char *prefix, struct kerr *reterr);
/* generateName did not find a free name. */
int rest_generate_conflict(struct rest_call *c, const char *name, struct kerr *reterr);
int rest_conflict(struct rest_call *c, const char *name, const char *why, struct kerr *reterr);
/* The same about another resource than the request's. */
int rest_conflict_of(struct rest_call *c, const char *group, const char *resource, const char *name, const char *why,
                     struct kerr *reterr);
/*
 * What is stored of the request's resource has another `what` ("UID", "ResourceVersion") than the write was for; told
 * as upstream's storage tells it (storage.Preconditions).
 */
int rest_conflict_stored(struct rest_call *c, const char *name, const char *what, const char *wants, const char *has,
                         struct kerr *reterr);
int rest_method_not_allowed(struct rest_call *c, struct kerr *reterr);
int rest_no_such_patch(struct rest_call *c, struct kerr *reterr); /* 415: no form of a patch */
int rest_forbidden(struct rest_call *c, const char *name, const char *why, struct kerr *reterr);
/* 422 of the request's kind with these errors. */
int rest_invalid(struct rest_call *c, const char *name, const struct field_errors *errs, struct kerr *reterr);
/* The same of another kind (DeleteOptions, ListOptions). */
int rest_invalid_of(struct rest_call *c, const char *group, const char *kind, const char *name,
                    const struct field_errors *errs, struct kerr *reterr);
struct span rest_key(struct arena *a, const struct kind_resource *res, const char *ns, const char *name);
/* A key without the root of all: what upstream's layers above the store call it. */
struct span rest_key_below_root(struct span key);
struct span rest_prefix(struct arena *a, const struct kind_resource *res, const char *ns);
char *rest_time(struct arena *a, int64_t wall); /* metav1.Time */
/* "pkg/api/legacyscheme/scheme.go:30"; `shared`: that of the kinds all groups share. */
const char *rest_scheme_name(const struct rest_call *c);
/* -- rest_convert.c: between what is stored and what is asked for. Where a webhook converts, these wait for it -- */
/* Are the bytes of the record what the client is to read: the request's version, in its present shape. */
bool rest_is_verbatim(const struct rest_call *c, const struct record *r);
/* KERR_INTERNAL, `object not decodable revision=7: ...`: what a write says of an object that it cannot read. */
_must_check_ int rest_to_request(struct rest_call *c, const struct json *stored, struct json **ret,
                                 struct kerr *reterr);
_must_check_ int rest_to_stored(struct rest_call *c, const struct json *o, struct json **ret, struct kerr *reterr);
/* The same for answers: refused with the Status of a GET, or of a list. A webhook is asked once about many. */
_must_check_ int rest_read(struct rest_call *c, struct record *r, struct json **ret, struct kerr *reterr);
_must_check_ int rest_read_all(struct rest_call *c, struct record *const *records, size_t n, const struct json **ret,
                               struct kerr *reterr);
/* May reading objects of the request's kind ask a webhook? Then selectors are about what it makes of them. */
bool rest_read_waits(const struct rest_call *c);
/* Each record becomes one in the request's version; the old references are given back. */
_must_check_ int rest_convert_records(struct rest_call *c, struct record **records, size_t n, struct kerr *reterr);

/* -- rest_negotiate.c -- */
_must_check_ int rest_negotiate(struct rest_call *c, struct kerr *reterr);
/* The content type of the body: which decoder. `patch`: patch types are looked up by the caller. */
_must_check_ int rest_body_encoding(struct rest_call *c, enum rest_encoding *ret, struct kerr *reterr);

/* -- rest_body.c -- */
/* The body as an object of the request's kind, canonical and defaulted, in the request's version. */
_must_check_ int rest_body_object(struct rest_call *c, struct json **ret, struct kerr *reterr);
/* The body as an object of another kind (DeleteOptions, Binding, Scale ...); NULL in *ret when there is no body. */
_must_check_ int rest_body_of(struct rest_call *c, const struct kind *k, struct json **ret, struct kerr *reterr);
/* Doubled keys as the YAML parser that upstream asks tells of them: all are one problem. JSON has one line. */
const char *rest_doubled_keys(struct rest_call *c, const struct json_dup *dups);
/* The same of what a strategic merge patch made, by the other rules that upstream has there (kind_restore_problem). */
_must_check_ int rest_restore_strictly(struct rest_call *c, const struct kind *k, const struct json *in,
                                       const struct json_dup *dups, struct json **ret, const char **ret_problems,
                                       struct kerr *reterr);
/*
 * A tree → the canonical tree of `k`. What strict decoding does not like becomes warnings (Warn), the text
 * *ret_problems (Strict; NULL when there is none) or nothing (Ignore). `dups` belong to `in`, or when `foreign` to the
 * patch that made it, and are told by their paths.
 */
_must_check_ int rest_decode_strictly(struct rest_call *c, const struct kind *k, const struct json *in,
                                      const struct json_dup *dups, bool foreign, struct json **ret,
                                      const char **ret_problems, struct kerr *reterr);
/* dryRun, fieldValidation, fieldManager of the query; `opts_kind` "CreateOptions" ... for the error. */
_must_check_ int rest_write_options(struct rest_call *c, const char *opts_kind, bool apply, struct kerr *reterr);
/* dryRun given as `list`, or (NULL) in the query; sets c->dry_run. */
void rest_check_dry_run(struct rest_call *c, const struct json *list, struct field_errors *errs);

/* -- rest_answer.c -- */
void rest_answer_error(struct rest_call *c, const struct kerr *err);
void rest_answer_status(struct rest_call *c, int http_status, const struct json *status);
/* The record in the request's version: itself, or a new one; one reference. */
_must_check_ int rest_record_in_version(struct rest_call *c, struct record *r, struct record **ret,
                                        struct kerr *reterr);
/* One stored object, as the client wants it. */
_must_check_ int rest_answer_record(struct rest_call *c, int http_status, struct record *r, struct kerr *reterr);
/* An object that is not stored; `k` is its kind. In-process callers get it as a JSON document too. */
_must_check_ int rest_answer_object(struct rest_call *c, int http_status, const struct kind *k, const struct json *o,
                                    struct kerr *reterr);
/* PartialObjectMetadata of `o`. */
struct json *rest_partial(struct rest_call *c, const struct json *o);
_must_check_ int rest_answer_list(struct rest_call *c, struct record **items, size_t n, int64_t revision,
                                  const char *continue_token, int64_t remaining, struct kerr *reterr);
void rest_answer_text(struct rest_call *c, int http_status, const char *content_type, struct span text);
/* A document of our own (discovery, version), in JSON. */
void rest_answer_document(struct rest_call *c, const struct json *doc);
void rest_answer_header(struct rest_call *c, const char *name, const char *value);

/* -- rest_patch.c -- */
/* The body as a patch of the two kinds that know no types, in the shape that such a patch has. */
_must_check_ int rest_patch_read(struct rest_call *c, bool is_json_patch, const struct json **ret, struct kerr *reterr);
/* patch_json, refused in the words of upstream's server, not of its library. */
_must_check_ int rest_patch_apply(struct rest_call *c, const struct json *doc, const struct json *patch,
                                  struct json **ret, struct kerr *reterr);
/* 422 of nothing in particular: the patch as a whole is at fault, whose result `value` is. */
int rest_bad_patch(struct rest_call *c, const char *value, const char *why, struct kerr *reterr);

/* -- rest_watch.c -- */
_must_check_ int rest_watch(struct rest_call *c, struct kerr *reterr);

/* -- verbs -- */
rest_handler_fn rest_create, rest_get, rest_list, rest_update, rest_patch, rest_delete, rest_delete_collection;

#endif
