// Preloaded into the gateway: after SIGUSR2 the FAIL_MALLOCth allocation fails, once, whoever asks.
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

// What glibc calls its own.
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_long left = -1;  // until the one that fails; negative: none does
static long number;

static void arm(int signal) {
  (void)signal;
  atomic_store(&left, number);
}

__attribute__((constructor)) static void begin(void) {
  const char *given = getenv("FAIL_MALLOC");
  number = given ? atol(given) : -1;
  signal(SIGUSR2, arm);
}

static int fails(void) {
  if (atomic_load(&left) < 0 || atomic_fetch_sub(&left, 1) != 1) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t bytes) { return fails() ? NULL : __libc_malloc(bytes); }

void *calloc(size_t count, size_t bytes) { return fails() ? NULL : __libc_calloc(count, bytes); }

void *realloc(void *memory, size_t bytes) {
  return fails() ? NULL : __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  return fails() ? NULL : __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
