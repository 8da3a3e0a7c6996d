/* validate_schedule - when a cron job runs: github.com/robfig/cron's standard syntax, and time zones. */
#ifndef APISERVER_VALIDATE_SCHEDULE_H
#define APISERVER_VALIDATE_SCHEDULE_H

#include "validate_internal.h"

/* spec.schedule of a cron job; `old`: the spec that was there, NULL for a new one. */
void validate_schedule(struct validation *v, const struct vpath *path, const struct json *spec, const struct json *old);
/* spec.timeZone; JSON null is nothing to say. */
void validate_time_zone(struct validation *v, const struct vpath *path, const struct json *zone);
/* What is wrong with a schedule, in the library's words; NULL when nothing is. */
const char *schedule_check(struct arena *a, struct span text);

extern const char validate_zone_names[]; /* with a space after each */

#endif
