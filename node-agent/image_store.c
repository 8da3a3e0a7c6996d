#include "image_store.h"

#include <ctype.h>

#include "codec.h"

static const char *const path_env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
static const char *const run_bash[] = { "/bin/bash", NULL };
static const char *const run_sh[] = { "sh", NULL };
static const char *const run_pause[] = { "/pause", NULL };
static const char *const run_agnhost[] = { "/agnhost", NULL };
static const char *const arg_pause[] = { "pause", NULL };

/* `name` without a tag: any tag of it. */
static const struct {
  const char *name;
  const char *const *entrypoint, *const *cmd;
} builtin[] = {
  { "docker.io/library/ubuntu:22.04", NULL, run_bash },
  { "docker.io/library/ubuntu:24.04", NULL, run_bash },
  { "docker.io/library/ubuntu:latest", NULL, run_bash },
  { "docker.io/library/debian:12", NULL, run_bash },
  { "docker.io/library/debian:bookworm", NULL, run_bash },
  { "docker.io/library/debian:latest", NULL, run_bash },
  { "docker.io/library/bash:latest", NULL, run_bash },
  { "docker.io/library/busybox", NULL, run_sh },
  { "docker.io/library/alpine", NULL, run_sh },
  { "registry.k8s.io/e2e-test-images/busybox", NULL, run_sh },
  { "registry.k8s.io/pause", run_pause, NULL },
  { "docker.io/library/pause", run_pause, NULL },
  { "registry.k8s.io/e2e-test-images/agnhost", run_agnhost, arg_pause },
  { "docker.io/library/agnhost", run_agnhost, arg_pause },
};

static bool
is_host(struct span s)
{
  return span_is(s, "localhost") || (s.p && (memchr(s.p, '.', s.n) || memchr(s.p, ':', s.n)));
}

static bool
name_chars_ok(const char *s)
{
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && !strchr("._-/:@", *s))
      return false;
  return true;
}

int
image_name_normalize(struct arena *a, const char *text, char **ret, struct kerr *reterr)
{
  struct span rest, first = span_cut(span_of(text), '/', &rest);
  const char *slash = strrchr(text, '/');
  const char *last = slash ? slash + 1 : text, *tag = strpbrk(last, ":@");
  bool upper = false;

  for (const char *c = text; *c && *c != ':' && *c != '@'; c++)
    upper = upper || isupper((unsigned char)*c);
  if (!*text || !name_chars_ok(text) || !*last || tag == last || (tag && !tag[1]) || (upper && !is_host(first)))
    return kerr_set(reterr, KERR_INVALID, NULL, "couldn't parse image name \"%s\": invalid reference format%s", text,
                    upper ? ": repository name must be lowercase" : "");
  const char *prefix = !rest.p ? "docker.io/library/" : is_host(first) ? "" : "docker.io/";
  *ret = arena_printf(a, "%s%s%s", prefix, text, tag ? "" : ":latest");
  if (span_starts(span_of(*ret), SPAN("index.docker.io/")))
    *ret = arena_printf(a, "docker.io/%s", *ret + strlen("index.docker.io/"));
  return 0;
}

const char *
image_name_tag(const char *normalized)
{
  const char *slash = strrchr(normalized, '/'), *tag = strpbrk(slash ? slash : normalized, ":@");

  return tag ? tag + 1 : "";
}

static const char *
digest_of(struct arena *a, const char *name)
{
  uint8_t h[32];
  struct strbuf b;

  codec_sha256(span_of(name), h);
  strbuf_init(&b, 128);
  strbuf_puts(&b, "sha256:");
  codec_hex(&b, span_make((const char *)h, sizeof h));
  const char *out = arena_strdup(a, b.p);
  strbuf_release(&b);
  return out;
}

int
image_find(struct arena *a, const char *dir, const char *text, struct image *ret, struct kerr *reterr)
{
  char *name;
  int r = image_name_normalize(a, text, &name, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < ARRAY_SIZE(builtin); i++) {
    size_t n = strlen(builtin[i].name);
    bool any_tag = !strchr(builtin[i].name, ':');
    if (strncmp(name, builtin[i].name, n) != 0 || (any_tag ? name[n] != ':' : name[n] != '\0'))
      continue;
    r = image_build_base(dir, reterr);
    if (r < 0)
      return r;
    const char **layers = arena_array_of(a, const char *, 1);
    layers[0] = arena_printf(a, "%s/base-1", dir);
    *ret = (struct image){ .name = name,
                           .id = digest_of(a, builtin[i].name),
                           .layers = layers,
                           .n_layers = 1,
                           .entrypoint = builtin[i].entrypoint,
                           .cmd = builtin[i].cmd,
                           .env = path_env,
                           .workdir = "/",
                           .user = "" };
    return 0;
  }
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "no image \"%s\"", text);
}

const char *const *
image_names(struct arena *a)
{
  const char **names = arena_array_of(a, const char *, ARRAY_SIZE(builtin) + 1);
  size_t n = 0;

  for (size_t i = 0; i < ARRAY_SIZE(builtin); i++) {
    const char *s = builtin[i].name;
    names[n++] = span_starts(span_of(s), SPAN("docker.io/library/")) ? s + strlen("docker.io/library/") : s;
  }
  return names;
}
