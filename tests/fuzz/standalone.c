/*
 * A main for fuzz targets, so that any compiler runs them.
 *
 *   fuzz_NAME FILE...                replays saved inputs
 *   fuzz_NAME -t SECONDS [-s SEED]   makes inputs of random bytes for so long; the seed is by default the time
 *
 * An input that fails, or takes longer than a minute, is printed in hexadecimal.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX  ((size_t)4 << 20)
#define RANDOM_MAX 256 /* bytes of a made input */
#define PATIENCE_S 60

static const uint8_t *running; /* the input at work, for the signal handler */
static size_t running_n;

static void
put(const char *s, size_t n)
{
  ssize_t written = write(STDERR_FILENO, s, n);

  (void)written; /* nobody to tell */
}

static void
on_failure(int signal_number)
{
  static const char digits[] = "0123456789abcdef";

  put("input: ", 7);
  for (size_t i = 0; i < running_n; i++)
    put((char[2]){ digits[running[i] >> 4], digits[running[i] & 15] }, 2);
  put(signal_number == SIGALRM ? "\ntook too long\n" : "\nfailed\n", signal_number == SIGALRM ? 15 : 8);
  _exit(1);
}

static void
run(const uint8_t *data, size_t n)
{
  running = data;
  running_n = n;
  alarm(PATIENCE_S);
  LLVMFuzzerTestOneInput(data, n);
  alarm(0);
}

static int
replay(const char *path)
{
  FILE *f = fopen(path, "rb");
  uint8_t *whole = malloc(INPUT_MAX), *exact;
  size_t n;

  if (!f || !whole) {
    perror(path);
    return 1;
  }
  n = fread(whole, 1, INPUT_MAX, f);
  fclose(f);
  exact = malloc(n ? n : 1); /* its own block, so that the sanitizer sees a read past the end */
  if (!exact) {
    perror(path);
    return 1;
  }
  if (n)
    memcpy(exact, whole, n);
  free(whole);
  run(exact, n);
  free(exact);
  return 0;
}

/* splitmix64 */
static uint64_t
next(uint64_t *state)
{
  uint64_t z = *state += 0x9E3779B97F4A7C15u;

  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static void
print_slowest(const uint8_t *bytes, size_t n, double seconds)
{
  printf("slowest: %.3f s, ", seconds);
  for (size_t i = 0; i < n; i++)
    printf("%02x", bytes[i]);
  printf("\n");
}

static double
clock_seconds(void)
{
  struct timespec t;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
make_inputs(long seconds, uint64_t seed)
{
  time_t end = time(NULL) + seconds;
  uint8_t bytes[RANDOM_MAX], slowest[RANDOM_MAX];
  size_t n_slowest = 0;
  double took, longest = 0;
  unsigned long n = 0;

  printf("seed %llu\n", (unsigned long long)seed);
  fflush(stdout);
  for (uint64_t state = seed; time(NULL) < end; n++) {
    size_t length = next(&state) % 4 ? 8 : next(&state) % RANDOM_MAX;

    for (size_t i = 0; i < length; i++)
      bytes[i] = (uint8_t)next(&state);
    took = clock_seconds();
    run(bytes, length);
    took = clock_seconds() - took;
    if (took > longest) {
      longest = took;
      n_slowest = length;
      memcpy(slowest, bytes, length);
    }
  }
  print_slowest(slowest, n_slowest, longest);
  printf("%lu inputs made in %ld s, none failed\n", n, seconds);
  return 0;
}

int
main(int argc, char **argv)
{
  int option, r = 0;
  long seconds = 0;
  uint64_t seed = (uint64_t)time(NULL);

  signal(SIGABRT, on_failure);
  signal(SIGSEGV, on_failure);
  signal(SIGALRM, on_failure);
  while ((option = getopt(argc, argv, "t:s:")) != -1)
    if (option == 't')
      seconds = strtol(optarg, NULL, 10);
    else if (option == 's')
      seed = strtoull(optarg, NULL, 10);
    else
      return 2;
  if (seconds > 0)
    return make_inputs(seconds, seed);
  for (int i = optind; i < argc && r == 0; i++)
    r = replay(argv[i]);
  if (r == 0)
    printf("%d inputs replayed\n", argc - optind);
  return r;
}
