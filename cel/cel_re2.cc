#include "cel_re2.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <new>

static_assert(static_cast<int>(RE2::ErrorPatternTooLarge) == static_cast<int>(CEL_RE2_TOO_LARGE), "codes follow RE2's");

extern "C" void *
cel_re2_new(const char *pattern, size_t n, int *code, char *part, size_t cap)
{
  RE2::Options options;

  options.set_log_errors(false);
  options.set_longest_match(false); // leftmost-first, as Perl and Go
  options.set_max_mem(16 << 20);
  auto *re = new (std::nothrow) RE2(re2::StringPiece(pattern, n), options);
  if (!re)
    return nullptr;
  if (re->ok())
    return re;
  *code = re->error_code();
  size_t len = std::min(re->error_arg().size(), cap - 1);
  std::memcpy(part, re->error_arg().data(), len);
  part[len] = '\0';
  delete re;
  return nullptr;
}

extern "C" void
cel_re2_free(void *re)
{
  delete static_cast<RE2 *>(re);
}

extern "C" int
cel_re2_match(const void *re, const char *text, size_t n, size_t from, size_t *start, size_t *end)
{
  const auto *r = static_cast<const RE2 *>(re);
  re2::StringPiece whole(text, n), found;

  if (!r->Match(whole, from, n, RE2::UNANCHORED, start ? &found : nullptr, start ? 1 : 0))
    return 0;
  if (start) {
    *start = static_cast<size_t>(found.data() - text);
    *end = *start + found.size();
  }
  return 1;
}
