/*
 * embed - a file of the source tree as bytes of the program.
 *
 * EMBED_FILE(id, "images/agnhost.sh") makes embed_<id> .. embed_<id>_end; the
 * path is relative to the root of the repository, where make runs the
 * compiler. The component's gen.mk names the file as a prerequisite of the
 * object, because the compiler's own dependency list does not.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include "span.h"

#define EMBED_FILE(id, path)                                                                    \
  __asm__(".pushsection .rodata\n"                                                              \
          ".global embed_" #id "\n.hidden embed_" #id "\nembed_" #id ":\n"                      \
          ".incbin \"" path "\"\n"                                                              \
          ".global embed_" #id "_end\n.hidden embed_" #id "_end\nembed_" #id "_end:\n.byte 0\n" \
          ".popsection\n");                                                                     \
  extern const char embed_##id[], embed_##id##_end[]

#define EMBED_SPAN(id) span_make(embed_##id, (size_t)(embed_##id##_end - embed_##id))

#endif
