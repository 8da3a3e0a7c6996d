/*
 * keytree - an immutable ordered map from key to record.
 *
 * A weight-balanced tree whose nodes are never changed once they are shared:
 * an insertion makes the log n nodes from the root to the place and shares the
 * rest with the tree before. So every revision of the store is one root
 * pointer, a reader walks its own revision without a lock, and history costs
 * what changed. Each node knows how many records lie below it, which makes the
 * n-th key, and the count of a range, a walk from the root.
 *
 * An empty tree is NULL. Trees are counted: functions borrow the trees they
 * are given and return a reference of their own. Reading is safe from any
 * thread that holds a reference.
 *
 * Balance: Adams' weight-balanced trees with the parameters (3, 2) proved sound
 * by Hirai and Yamamoto, "Balancing weight-balanced trees", JFP 2011.
 */
#ifndef APISERVER_KEYTREE_H
#define APISERVER_KEYTREE_H

#include "record.h"

struct keytree;

struct keytree *keytree_ref(struct keytree *t); /* returns t */
void keytree_unref(struct keytree *t);
size_t keytree_size(const struct keytree *t);
size_t keytree_height(const struct keytree *t); /* nodes on the longest way down */

/* A tree of `n` records in ascending order of keys; takes references of its own. */
struct keytree *keytree_from_sorted(struct record **records, size_t n);
/* A tree in which `r` stands at its key, whatever stood there before. */
struct keytree *keytree_insert(struct keytree *t, struct record *r);
/* A tree without `key`; `t` again when there is none. */
struct keytree *keytree_remove(struct keytree *t, struct span key);

/* Borrowed from the tree; NULL when absent. */
struct record *keytree_find(const struct keytree *t, struct span key);
/* How many keys come before `key`; with `inclusive`, `key` itself counts. */
size_t keytree_rank(const struct keytree *t, struct span key, bool inclusive);
/* How many keys are smaller than `prefix` or begin with it. */
size_t keytree_rank_end(const struct keytree *t, struct span prefix);
/* Records number `start` ... `start + n - 1` in key order, borrowed; the range lies within the tree. */
void keytree_slice(const struct keytree *t, size_t start, size_t n, struct record **ret);

#define KEYTREE_NODE_BYTES 48 /* what a node takes from the heap, for accounting */

#endif
