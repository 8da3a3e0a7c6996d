#include "keytree.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A subtree may weigh at most DELTA times its sibling; GAMMA decides between a single and a double rotation. */
#define DELTA 3
#define GAMMA 2

struct keytree {
  atomic_uint refs;
  uint32_t size;
  struct keytree *left, *right; /* references */
  struct record *record;        /* a reference */
};

struct keytree *
keytree_ref(struct keytree *t)
{
  if (t) {
    unsigned before = atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);

    assert(before > 0);
  }
  return t;
}

/* Recursion goes to the left only and is bounded by the height of the tree. */
void
keytree_unref(struct keytree *t)
{
  while (t) {
    unsigned before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel);
    struct keytree *right;

    assert(before > 0);
    if (before > 1)
      return;
    right = t->right;
    keytree_unref(t->left);
    record_unref(t->record);
    free(t);
    t = right;
  }
}

size_t
keytree_size(const struct keytree *t)
{
  return t ? t->size : 0;
}

size_t
keytree_height(const struct keytree *t)
{
  size_t left = t ? keytree_height(t->left) : 0, right = t ? keytree_height(t->right) : 0;

  return t ? 1 + (left > right ? left : right) : 0;
}

static size_t
weight(const struct keytree *t)
{
  return keytree_size(t) + 1;
}

/* Takes over the two subtrees; borrows the record. */
static struct keytree *
node(struct keytree *left, struct record *r, struct keytree *right)
{
  struct keytree *t = mem_alloc(sizeof *t);

  atomic_init(&t->refs, 1);
  t->size = (uint32_t)(keytree_size(left) + keytree_size(right) + 1);
  t->left = left;
  t->right = right;
  t->record = record_ref(r);
  return t;
}

static struct keytree *
rotate_left(struct keytree *left, struct record *r, struct keytree *right)
{
  struct keytree *mid = right->left, *t;

  if (weight(mid) < GAMMA * weight(right->right))
    t = node(node(left, r, keytree_ref(mid)), right->record, keytree_ref(right->right));
  else
    t = node(node(left, r, keytree_ref(mid->left)), mid->record,
             node(keytree_ref(mid->right), right->record, keytree_ref(right->right)));
  keytree_unref(right);
  return t;
}

static struct keytree *
rotate_right(struct keytree *left, struct record *r, struct keytree *right)
{
  struct keytree *mid = left->right, *t;

  if (weight(mid) < GAMMA * weight(left->left))
    t = node(keytree_ref(left->left), left->record, node(keytree_ref(mid), r, right));
  else
    t = node(node(keytree_ref(left->left), left->record, keytree_ref(mid->left)), mid->record,
             node(keytree_ref(mid->right), r, right));
  keytree_unref(left);
  return t;
}

/* As node(), for subtrees of which one has just gained or lost a record. */
static struct keytree *
balance(struct keytree *left, struct record *r, struct keytree *right)
{
  size_t l = weight(left), n = weight(right);

  if (l + n <= 3)
    return node(left, r, right);
  if (n > DELTA * l)
    return rotate_left(left, r, right);
  if (l > DELTA * n)
    return rotate_right(left, r, right);
  return node(left, r, right);
}

struct keytree *
keytree_from_sorted(struct record **records, size_t n)
{
  size_t mid = n / 2;

  if (n == 0)
    return NULL;
  assert(n < UINT32_MAX);
  return node(keytree_from_sorted(records, mid), records[mid], keytree_from_sorted(records + mid + 1, n - mid - 1));
}

struct keytree *
keytree_insert(struct keytree *t, struct record *r)
{
  int c;

  if (!t)
    return node(NULL, r, NULL);
  c = span_cmp(record_key(r), record_key(t->record));
  if (c == 0)
    return node(keytree_ref(t->left), r, keytree_ref(t->right));
  if (c < 0)
    return balance(keytree_insert(t->left, r), t->record, keytree_ref(t->right));
  return balance(keytree_ref(t->left), t->record, keytree_insert(t->right, r));
}

/* The tree without its first (last) record, which is borrowed from `t`. */
static struct keytree *
without_first(struct keytree *t, struct record **ret_first)
{
  if (t->left)
    return balance(without_first(t->left, ret_first), t->record, keytree_ref(t->right));
  *ret_first = t->record;
  return keytree_ref(t->right);
}

static struct keytree *
without_last(struct keytree *t, struct record **ret_last)
{
  if (t->right)
    return balance(keytree_ref(t->left), t->record, without_last(t->right, ret_last));
  *ret_last = t->record;
  return keytree_ref(t->left);
}

/* The records of two neighbouring subtrees as one tree. */
static struct keytree *
join(struct keytree *left, struct keytree *right)
{
  struct record *middle;
  struct keytree *rest;

  if (!left || !right)
    return keytree_ref(left ? left : right);
  if (left->size > right->size) {
    rest = without_last(left, &middle);
    return balance(rest, middle, keytree_ref(right));
  }
  rest = without_first(right, &middle);
  return balance(keytree_ref(left), middle, rest);
}

static struct keytree *
remove_present(struct keytree *t, struct span key)
{
  int c = span_cmp(key, record_key(t->record));

  if (c == 0)
    return join(t->left, t->right);
  if (c < 0)
    return balance(remove_present(t->left, key), t->record, keytree_ref(t->right));
  return balance(keytree_ref(t->left), t->record, remove_present(t->right, key));
}

struct keytree *
keytree_remove(struct keytree *t, struct span key)
{
  return keytree_find(t, key) ? remove_present(t, key) : keytree_ref(t);
}

struct record *
keytree_find(const struct keytree *t, struct span key)
{
  while (t) {
    int c = span_cmp(key, record_key(t->record));

    if (c == 0)
      return t->record;
    t = c < 0 ? t->left : t->right;
  }
  return NULL;
}

size_t
keytree_rank(const struct keytree *t, struct span key, bool inclusive)
{
  size_t rank = 0;

  while (t) {
    int c = span_cmp(record_key(t->record), key);

    if (c < 0 || (c == 0 && inclusive)) {
      rank += keytree_size(t->left) + 1;
      t = t->right;
    } else {
      t = t->left;
    }
  }
  return rank;
}

size_t
keytree_rank_end(const struct keytree *t, struct span prefix)
{
  size_t rank = 0;

  while (t) {
    struct span key = record_key(t->record);

    if (span_starts(key, prefix) || span_cmp(key, prefix) < 0) {
      rank += keytree_size(t->left) + 1;
      t = t->right;
    } else {
      t = t->left;
    }
  }
  return rank;
}

void
keytree_slice(const struct keytree *t, size_t start, size_t n, struct record **ret)
{
  while (n > 0) {
    size_t below = keytree_size(t->left), from_left;

    if (start > below) {
      start -= below + 1;
      t = t->right;
      continue;
    }
    from_left = below - start < n ? below - start : n;
    if (from_left > 0)
      keytree_slice(t->left, start, from_left, ret);
    if (from_left == n)
      return;
    ret[from_left] = t->record;
    ret += from_left + 1;
    n -= from_left + 1;
    start = 0;
    t = t->right;
  }
}
