/* Replays corpus files through a fuzz target, so that any compiler runs every saved case. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)4 << 20)

int
main(int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    FILE *f = fopen(argv[i], "rb");
    uint8_t *whole = malloc(INPUT_MAX), *exact;
    size_t n;

    if (!f || !whole) {
      perror(argv[i]);
      return 1;
    }
    n = fread(whole, 1, INPUT_MAX, f);
    fclose(f);
    exact = malloc(n ? n : 1); /* its own block, so that the sanitizer sees a read past the end */
    for (size_t k = 0; k < n; k++)
      exact[k] = whole[k];
    free(whole);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
  }
  printf("%d inputs replayed\n", argc - 1);
  return 0;
}
