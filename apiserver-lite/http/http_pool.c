#include "http_pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "thread.h"

struct http_pool {
  pthread_mutex_t lock; /* everything below */
  pthread_cond_t work;
  struct http_job *first, **last;
  size_t waiting; /* jobs in the queue */
  size_t idle;    /* threads that wait for one */
  size_t n, max;
  pthread_t *threads;
  bool stopping;
};

static void *
worker(void *arg)
{
  struct http_pool *p = arg;

  pthread_mutex_lock(&p->lock);
  for (;;) {
    struct http_job *job = p->first;

    if (job) {
      p->first = job->next;
      if (!p->first)
        p->last = &p->first;
      p->waiting--;
      pthread_mutex_unlock(&p->lock);
      job->run(job);
      pthread_mutex_lock(&p->lock);
    } else if (p->stopping) {
      break;
    } else {
      p->idle++;
      pthread_cond_wait(&p->work, &p->lock);
      p->idle--;
    }
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

struct http_pool *
http_pool_new(size_t max_threads)
{
  struct http_pool *p = mem_alloc(sizeof *p);

  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->work, NULL);
  p->last = &p->first;
  p->max = max_threads;
  p->threads = mem_calloc(max_threads, sizeof *p->threads);
  return p;
}

bool
http_pool_submit(struct http_pool *p, struct http_job *job)
{
  bool taken, wake;

  job->next = NULL;
  pthread_mutex_lock(&p->lock);
  taken = !p->stopping;
  if (taken) {
    *p->last = job;
    p->last = &job->next;
    p->waiting++;
    if (p->waiting > p->idle && p->n < p->max)
      thread_start(&p->threads[p->n++], "http-worker", worker, p);
  }
  wake = taken && p->idle > 0;
  pthread_mutex_unlock(&p->lock);
  if (wake)
    pthread_cond_signal(&p->work); /* without the lock, or it would wake to wait for that */
  return taken;
}

void
http_pool_stop(struct http_pool *p)
{
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_cond_broadcast(&p->work);
  pthread_mutex_unlock(&p->lock);
  for (size_t i = 0; i < p->n; i++)
    pthread_join(p->threads[i], NULL);
  p->n = 0;
}

void
http_pool_free(struct http_pool *p)
{
  if (!p)
    return;
  assert(p->stopping && p->n == 0);
  pthread_cond_destroy(&p->work);
  pthread_mutex_destroy(&p->lock);
  free(p->threads);
  free(p);
}
