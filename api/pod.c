#include "pod.h"

#include <string.h>

bool
pod_has_ended(const struct json *pod)
{
  const char *phase = json_get_str_or(json_get(pod, "status"), "phase", "");

  return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}
