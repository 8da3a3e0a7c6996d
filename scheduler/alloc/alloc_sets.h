/*
 * alloc_sets - small sets of names, each stored once and known by its number.
 *
 * For list attributes and compatibility groups. Intersections are remembered,
 * so a search that goes to and fro makes no new ones, and two states of the
 * search are equal when their numbers are.
 */
#ifndef SCHEDULER_ALLOC_SETS_H
#define SCHEDULER_ALLOC_SETS_H

#include "alloc_strings.h"
#include "arena.h"

#define SET_NONE UINT32_MAX /* nothing in common */

struct sets;

struct sets *sets_new(void);
void sets_free(struct sets *t);
/* `kind` keeps apart what is never equal; duplicates in `v` are dropped. */
uint32_t sets_put(struct sets *t, uint32_t kind, const sid *v, uint32_t n);
/* What is in both; SET_NONE when nothing is, or the kinds differ. */
uint32_t sets_meet(struct sets *t, uint32_t x, uint32_t y);
uint32_t sets_members(const struct sets *t, uint32_t set, const sid **ret);

#endif
