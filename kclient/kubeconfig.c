#include "kubeconfig.h"

#include <string.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "codec.h"
#include "fs.h"
#include "yaml.h"

#define LOCK_TIMEOUT (5 * CLOCK_SEC)

static const char *const sections[] = { "clusters", "users", "contexts" };

/* -- which files -- */

struct paths {
  const char **list;
  size_t n;
};

static struct paths
paths_of(struct arena *a, const char *explicit_path)
{
  const char *env = getenv("KUBECONFIG"), *home = getenv("HOME");
  size_t most = 1;
  struct paths p = { NULL, 0 };

  for (const char *c = env ? env : ""; *c; c++)
    most += *c == ':';
  p.list = arena_array_of(a, const char *, most);
  if (explicit_path) {
    p.list[p.n++] = explicit_path;
    return p;
  }
  for (struct span rest = span_of(env); rest.n;) {
    struct span one = span_cut(rest, ':', &rest);
    bool seen = one.n == 0;

    for (size_t i = 0; i < p.n; i++)
      seen = seen || span_is(one, p.list[i]);
    if (!seen)
      p.list[p.n++] = arena_strndup(a, one.p, one.n);
  }
  if (!p.n)
    p.list[p.n++] = arena_printf(a, "%s/.kube/config", home ? home : "");
  return p;
}

/* The first that exists, else the last. */
static const char *
path_to_write(const struct paths *p)
{
  for (size_t i = 0; i < p->n; i++)
    if (fs_exists(p->list[i]))
      return p->list[i];
  return p->list[p->n - 1];
}

static char *
dir_of(struct arena *a, const char *path)
{
  const char *slash = strrchr(path, '/');

  return slash ? arena_strndup(a, path, slash == path ? 1 : (size_t)(slash - path)) : arena_strdup(a, ".");
}

/* -- reading -- */

/* An empty document for a file that is not there or empty. */
static int
read_config(struct arena *a, const char *path, struct json **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v = NULL;
  int r = fs_read(path, &text, &err);

  if (r < 0 && err.code == KERR_NOT_FOUND) {
    *ret = json_new_object(a);
    return 0;
  }
  if (r == 0)
    r = yaml_parse(a, strbuf_view(&text), NULL, &v, &err);
  if (r == 0 && !json_is(v, JSON_OBJECT) && !json_is(v, JSON_NULL))
    r = kerr_set(&err, KERR_PARSE, NULL, "a kubeconfig is a map");
  if (r < 0) {
    kerr_move(reterr, &err);
    return reterr->code == KERR_PARSE ? kerr_wrap(reterr, "error loading config file \"%s\"", path)
                                      : -(int)reterr->code;
  }
  *ret = json_is(v, JSON_OBJECT) ? v : json_new_object(a);
  return 0;
}

/* One named entry, and the folder that relative paths in it start from. */
struct entry {
  const struct json *value;
  const char *dir;
};

struct loaded {
  struct paths paths;
  struct json **docs; /* one for each path */
};

static struct entry
find_entry(struct arena *a, const struct loaded *l, const char *section, const char *kind, const char *name)
{
  for (size_t i = 0; i < l->paths.n; i++)
    for (json_each_item (e, json_get(l->docs[i], section)))
      if (span_is(json_span(json_get(*e, "name")), name))
        return (struct entry){ .value = json_get(*e, kind), .dir = dir_of(a, l->paths.list[i]) };
  return (struct entry){ .value = NULL };
}

static const char *
current_context(const struct loaded *l)
{
  for (size_t i = 0; i < l->paths.n; i++)
    if (*json_get_str_or(l->docs[i], "current-context", ""))
      return json_get_str(l->docs[i], "current-context");
  return NULL;
}

static int
read_file(struct arena *a, const struct entry *e, const char *path, const char **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  int r = fs_read(*path == '/' ? path : fs_join(a, e->dir, path), &text, reterr);

  if (r == 0)
    *ret = arena_strndup(a, text.p, text.n);
  return r;
}

/* `NAME-data` in base64, else the file NAME; NULL when there is neither. */
static int
pem_of(struct arena *a, const struct entry *e, const char *name, const char **ret, struct kerr *reterr)
{
  const char *data = json_get_str(e->value, arena_printf(a, "%s-data", name)), *path = json_get_str(e->value, name);
  _cleanup_strbuf_ struct strbuf raw = STRBUF_INIT(CEIL_SMALL_FILE);

  *ret = NULL;
  if (data && *data) {
    if (!codec_unbase64(&raw, span_of(data)))
      return kerr_set(reterr, KERR_PARSE, NULL, "kubeconfig: %s-data is not base64", name);
    *ret = arena_strndup(a, raw.p, raw.n);
    return 0;
  }
  return path && *path ? read_file(a, e, path, ret, reterr) : 0;
}

static int
read_user(struct arena *a, const struct entry *user, const char *name, struct kclient_remote *ret, struct kerr *reterr)
{
  const char *token_file = json_get_str(user->value, "tokenFile");
  int r = pem_of(a, user, "client-certificate", &ret->cert_pem, reterr);

  if (r == 0)
    r = pem_of(a, user, "client-key", &ret->key_pem, reterr);
  if (r < 0)
    return r;
  ret->token = json_get_str(user->value, "token");
  if (!ret->token && token_file) {
    r = read_file(a, user, token_file, &ret->token, reterr);
    if (r < 0)
      return r;
    ret->token = arena_span(a, span_trim(span_of(ret->token))).p;
  }
  if (ret->cert_pem || ret->token)
    return 0;
  if (json_get(user->value, "exec") || json_get(user->value, "auth-provider") || json_get(user->value, "username"))
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "user \"%s\" of the kubeconfig logs in by a plugin or a password: only certificates and tokens are "
                    "supported",
                    name);
  return 0;
}

static int
read_access(struct arena *a, const struct loaded *l, const struct entry *context, struct kubeconfig_access *ret,
            struct kerr *reterr)
{
  const char *cluster_name = json_get_str_or(context->value, "cluster", "");
  const char *user_name = json_get_str_or(context->value, "user", "");
  struct entry cluster = find_entry(a, l, "clusters", "cluster", cluster_name);
  struct entry user = find_entry(a, l, "users", "user", user_name);
  struct kclient_remote *remote = &ret->remote;
  int r;

  if (!cluster.value)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "cluster \"%s\" does not exist", cluster_name);
  if (*user_name && !user.value)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "auth info \"%s\" does not exist", user_name);
  remote->server = json_get_str_or(cluster.value, "server", "");
  if (!*remote->server)
    return kerr_set(reterr, KERR_PARSE, NULL, "cluster has no server defined");
  remote->insecure = json_get_bool(cluster.value, "insecure-skip-tls-verify", false);
  r = pem_of(a, &cluster, "certificate-authority", &remote->ca_pem, reterr);
  if (r == 0 && user.value)
    r = read_user(a, &user, user_name, remote, reterr);
  ret->ns = json_get_str_or(context->value, "namespace", "");
  if (!*ret->ns)
    ret->ns = "default";
  return r;
}

int
kubeconfig_load(struct arena *a, const char *path, const char *context, struct kubeconfig_access *ret,
                struct kerr *reterr)
{
  struct loaded l = { .paths = paths_of(a, path) };
  struct kubeconfig_access access = { .context = context };
  struct entry found;
  int r;

  if (path && !fs_exists(path))
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "stat %s: no such file or directory", path);
  l.docs = arena_array_of(a, struct json *, l.paths.n);
  for (size_t i = 0; i < l.paths.n; i++) {
    r = read_config(a, l.paths.list[i], &l.docs[i], reterr);
    if (r < 0)
      return r;
  }
  if (!access.context)
    access.context = current_context(&l);
  if (!access.context)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "no configuration has been provided: %s names no current context",
                    l.paths.list[0]);
  found = find_entry(a, &l, "contexts", "context", access.context);
  if (!found.value)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "context \"%s\" does not exist", access.context);
  r = read_access(a, &l, &found, &access, reterr);
  if (r == 0)
    *ret = access;
  return r;
}

/* -- writing -- */

static void
unlock(const char **path)
{
  if (*path)
    fs_unlock(*path);
}

static int
write_config(const char *path, const struct json *conf, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_free_ char *real = realpath(path, NULL); /* a link stays a link */
  struct stat st;

  path = real ? real : path;
  yaml_write(&text, conf);
  if (strbuf_overflowed(&text))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "%s would be larger than %zu bytes", path, CEIL_SMALL_FILE);
  return fs_write(path, strbuf_view(&text), stat(path, &st) == 0 ? st.st_mode & 0777 : 0600, true, reterr);
}

/* The place of an entry in a section, or its count when it is not there. */
static size_t
place_of(const struct json *list, const struct json *name)
{
  size_t i = 0;

  while (i < json_count(list) && !json_equal(json_get(json_at(list, i), "name"), name))
    i++;
  return i;
}

static void
merge_section(struct arena *a, struct json *into, const struct json *from, const char *section)
{
  struct json *list = json_ensure_array(a, into, section);

  for (json_each_item (e, json_get(from, section))) {
    size_t at = place_of(list, json_get(*e, "name"));

    if (at < list->count)
      json_remove_at(list, at);
    json_insert(a, list, at, json_copy(a, *e));
  }
}

int
kubeconfig_merge(const char *path, const struct json *conf, struct clock *clock, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct paths paths = paths_of(a, path);
  const char *file = path_to_write(&paths);
  _cleanup_(unlock) const char *locked = NULL;
  struct json *existing;
  int r = fs_mkdirs(dir_of(a, file), 0755, reterr);

  if (r == 0)
    r = fs_lock(file, clock, LOCK_TIMEOUT, reterr);
  if (r < 0)
    return r;
  locked = file;
  r = read_config(a, file, &existing, reterr);
  if (r < 0)
    return r;
  if (!json_get(existing, "kind")) { /* some clients insist on them */
    json_set_str(a, existing, "apiVersion", "v1");
    json_set_str(a, existing, "kind", "Config");
  }
  for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
    merge_section(a, existing, conf, sections[i]);
  if (json_get_str(conf, "current-context"))
    json_set_str(a, existing, "current-context", json_get_str(conf, "current-context"));
  return write_config(file, existing, reterr);
}

static bool
remove_entries(struct arena *a, struct json *conf, const char *name)
{
  struct json *wanted = json_new_str(a, name);
  bool changed = false;

  for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
    struct json *list = json_find(conf, sections[i]);

    for (size_t at; list && (at = place_of(list, wanted)) < json_count(list); changed = true)
      json_remove_at(list, at);
  }
  if (strcmp(json_get_str_or(conf, "current-context", ""), name) != 0)
    return changed;
  json_set_str(a, conf, "current-context", "");
  return true;
}

static int
remove_from(struct arena *a, const char *file, const char *name, struct clock *clock, struct kerr *reterr)
{
  _cleanup_(unlock) const char *locked = NULL;
  struct json *conf;
  int r = fs_lock(file, clock, LOCK_TIMEOUT, reterr);

  if (r < 0)
    return r;
  locked = file;
  r = read_config(a, file, &conf, reterr);
  if (r < 0 || !remove_entries(a, conf, name))
    return r;
  return write_config(file, conf, reterr);
}

int
kubeconfig_remove(const char *path, const char *name, struct clock *clock, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct paths paths = paths_of(a, path);
  int r = 0;

  for (size_t i = 0; r == 0 && i < paths.n; i++)
    if (fs_exists(paths.list[i]))
      r = remove_from(a, paths.list[i], name, clock, reterr);
  return r;
}

static void
set_data(struct arena *a, struct json *o, const char *name, const char *pem)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_SMALL_FILE);

  if (!pem)
    return;
  codec_base64(&b, span_of(pem));
  json_set(a, o, name, json_new_strn(a, b.p, b.n));
}

/* {name: NAME, KIND: {}} appended to a section; returns the inner object. */
static struct json *
add_entry(struct arena *a, struct json *conf, const char *section, const char *kind, const char *name)
{
  struct json *entry = json_append(a, json_ensure_array(a, conf, section), json_new_object(a));

  json_set_str(a, entry, "name", name);
  return json_ensure_object(a, entry, kind);
}

struct json *
kubeconfig_new(struct arena *a, const char *name, const struct kclient_remote *remote)
{
  struct json *conf = json_new_object(a), *cluster, *user, *context;

  json_set_str(a, conf, "apiVersion", "v1");
  json_set_str(a, conf, "kind", "Config");
  cluster = add_entry(a, conf, "clusters", "cluster", name);
  set_data(a, cluster, "certificate-authority-data", remote->ca_pem);
  json_set_str(a, cluster, "server", remote->server);
  if (remote->insecure)
    json_set_bool(a, cluster, "insecure-skip-tls-verify", true);
  context = add_entry(a, conf, "contexts", "context", name);
  json_set_str(a, context, "cluster", name);
  json_set_str(a, context, "user", name);
  json_set_str(a, conf, "current-context", name);
  user = add_entry(a, conf, "users", "user", name);
  set_data(a, user, "client-certificate-data", remote->cert_pem);
  set_data(a, user, "client-key-data", remote->key_pem);
  if (remote->token)
    json_set_str(a, user, "token", remote->token);
  return conf;
}
