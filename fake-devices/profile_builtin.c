/* The built-in profiles: the files of fake-devices/profiles/, taken into the binary as they are. */
#include "embed.h"
#include "profile.h"

EMBED_FILE(profile_gpu, "fake-devices/profiles/gpu.yaml");
EMBED_FILE(profile_h100, "fake-devices/profiles/h100-mig.yaml");
EMBED_FILE(profile_nic, "fake-devices/profiles/nic.yaml");
EMBED_FILE(profile_cpu, "fake-devices/profiles/cpu.yaml");
EMBED_FILE(profile_cats, "fake-devices/profiles/cats.yaml");

static const struct {
  const char *name, *begin, *end;
} builtin[] = {
  { "gpu", embed_profile_gpu, embed_profile_gpu_end },    { "h100-mig", embed_profile_h100, embed_profile_h100_end },
  { "nic", embed_profile_nic, embed_profile_nic_end },    { "cpu", embed_profile_cpu, embed_profile_cpu_end },
  { "cats", embed_profile_cats, embed_profile_cats_end },
};

const char *
profile_builtin(size_t i, struct span *ret_text)
{
  if (i >= ARRAY_SIZE(builtin))
    return NULL;
  if (ret_text)
    *ret_text = span_make(builtin[i].begin, (size_t)(builtin[i].end - builtin[i].begin));
  return builtin[i].name;
}
