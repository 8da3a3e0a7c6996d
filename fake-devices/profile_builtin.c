/* The built-in profiles: the files of fake-devices/profiles/, taken into the binary as they are. */
#include "profile.h"

/* Relative to the root of the repository, where make runs the compiler. */
#define EMBED(id, file)                                  \
  __asm__(".pushsection .rodata\n"                       \
          ".global profile_text_" #id "\n"               \
          ".hidden profile_text_" #id "\n"               \
          "profile_text_" #id ":\n"                      \
          ".incbin \"fake-devices/profiles/" file "\"\n" \
          ".global profile_text_" #id "_end\n"           \
          ".hidden profile_text_" #id "_end\n"           \
          "profile_text_" #id "_end:\n"                  \
          ".byte 0\n"                                    \
          ".popsection\n");                              \
  extern const char profile_text_##id[], profile_text_##id##_end[]

#define BUILTIN_PROFILES(X)            \
  X(gpu, "gpu", "gpu.yaml")            \
  X(h100, "h100-mig", "h100-mig.yaml") \
  X(nic, "nic", "nic.yaml")            \
  X(cpu, "cpu", "cpu.yaml")            \
  X(cats, "cats", "cats.yaml")

#define X(id, name, file) EMBED(id, file);
BUILTIN_PROFILES(X)
#undef X

static const struct {
  const char *name, *begin, *end;
} builtin[] = {
#define X(id, profile_name, file) { profile_name, profile_text_##id, profile_text_##id##_end },
  BUILTIN_PROFILES(X)
#undef X
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
