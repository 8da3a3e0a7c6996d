/*
 * kube_print - objects and tables on standard output, in kubectl's forms.
 */
#ifndef CMD_KUBE_PRINT_H
#define CMD_KUBE_PRINT_H

#include "json.h"
#include "strbuf.h"

/* Text in columns: cells are added row by row, widths are found at the end. */
struct text_table {
  struct arena *a;
  const char ***rows;
  size_t n, columns;
};

struct text_table *text_table_new(struct arena *a, size_t columns);
/* `cells`: `columns` texts, borrowed. */
void text_table_add(struct text_table *t, const char *const *cells);
void text_table_print(const struct text_table *t, struct strbuf *out);

/*
 * A meta.k8s.io Table as kubectl prints it. `wide`: columns of priority > 0 too; `with_namespace`: a NAMESPACE column
 * in front; `prefix`: "pod/" before names, or NULL; `headers`: the first line.
 */
struct table_style {
  bool wide, with_namespace, headers, show_labels;
  const char *prefix;
  /* One more column for wide output, or NULL: its header, and its cell of a row's object. */
  const char *extra_header;
  const char *(*extra)(struct arena *a, const struct json *object);
};
void kube_print_table(struct arena *a, const struct json *table, const struct table_style *style, struct strbuf *out);

/* The devices of an allocated claim: "gpu-0 (gpu.example.com, node-1)"; "<none>" before. */
const char *kube_claim_devices(struct arena *a, const struct json *claim);

#endif
