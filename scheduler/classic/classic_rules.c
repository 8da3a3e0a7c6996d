#include "classic_rules.h"

#include "mem.h"

#define ALLOCATE_TEXT  "waiting for resource driver to allocate resource"
#define DRIVER_TEXT    "waiting for resource driver"
#define RESOURCE_CLASS .class_text = "excluded by resource class node filter"
#define DEVICE_CLASS   .class_text = "excluded by device class node filter"

/* Each release does what the one before did, and more. */
#define FROM_28 .pre_enqueue = true, .hints = true
#define FROM_29 FROM_28, .early_lookup = true, .careful = true
#define FROM_30 FROM_29, .writes_late = true, .tells_deallocation = true

#define UNTIL_29 .selected_text = ALLOCATE_TEXT, .asked_text = CLASSIC_INFORMATION_TEXT, RESOURCE_CLASS
#define SINCE_30 .selected_text = DRIVER_TEXT, .asked_text = DRIVER_TEXT

/* Newest first. */
static const struct classic_rules releases[] = {
  { 31, FROM_30, SINCE_30, DEVICE_CLASS, .reserve = CLASSIC_FIT_ERROR, .prebind = CLASSIC_FIT_ERROR },
  { 30, FROM_30, SINCE_30, RESOURCE_CLASS, .reserve = CLASSIC_FIT_ERROR, .prebind = CLASSIC_BARE },
  { 29, FROM_29, UNTIL_29, .reserve = CLASSIC_FIT_ERROR },
  { 28, FROM_28, UNTIL_29, .reserve = CLASSIC_FIT_ERROR },
  { 0, UNTIL_29, .reserve = CLASSIC_ERROR },
};

const struct classic_rules *
classic_rules_of(int minor)
{
  size_t i = 0;

  if (minor > 31)
    return NULL;
  while (minor < releases[i].since)
    i++;
  return &releases[i];
}

const char *
classic_words(enum classic_words how, const char *text, struct arena *a)
{
  if (how == CLASSIC_ERROR)
    return arena_printf(a, "running Reserve plugin \"DynamicResources\": %s", text);
  return how == CLASSIC_FIT_ERROR ? arena_printf(a, "0/1 nodes are available: 1 %s.", text) : text;
}
