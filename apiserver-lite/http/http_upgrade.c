#include "http_upgrade.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct http_upgrades {
  pthread_mutex_t lock; /* everything below */
  pthread_cond_t given_back;
  struct http_upgrade *first;
  bool stopping;
};

struct http_upgrade {
  struct http_upgrades *set;
  struct exchange_upgrade *u; /* NULL when started */
  struct MHD_UpgradeResponseHandle *handle;
  int fd;
  struct http_upgrade *prev, *next; /* in the set, while somebody has the connection */
};

struct http_upgrades *
http_upgrades_new(void)
{
  struct http_upgrades *set = mem_alloc(sizeof *set);

  pthread_mutex_init(&set->lock, NULL);
  pthread_cond_init(&set->given_back, NULL);
  return set;
}

void
http_upgrades_stop(struct http_upgrades *set)
{
  pthread_mutex_lock(&set->lock);
  set->stopping = true;
  for (struct http_upgrade *h = set->first; h; h = h->next)
    (void)shutdown(h->fd, SHUT_RDWR);
  pthread_mutex_unlock(&set->lock);
}

void
http_upgrades_wait(struct http_upgrades *set)
{
  pthread_mutex_lock(&set->lock);
  while (set->first)
    pthread_cond_wait(&set->given_back, &set->lock);
  pthread_mutex_unlock(&set->lock);
}

void
http_upgrades_free(struct http_upgrades *set)
{
  if (!set)
    return;
  assert(!set->first);
  pthread_cond_destroy(&set->given_back);
  pthread_mutex_destroy(&set->lock);
  free(set);
}

/* The library may complete the request, and free `h`, as soon as it has the connection back. */
static void
give_back(void *arg)
{
  struct http_upgrade *h = arg;
  struct http_upgrades *set = h->set;

  pthread_mutex_lock(&set->lock);
  *(h->prev ? &h->prev->next : &set->first) = h->next;
  if (h->next)
    h->next->prev = h->prev;
  (void)MHD_upgrade_action(h->handle, MHD_UPGRADE_ACTION_CLOSE);
  pthread_cond_broadcast(&set->given_back);
  pthread_mutex_unlock(&set->lock);
}

static void
on_upgrade(void *cls, struct MHD_Connection *conn, void *con_cls, const char *extra, size_t n_extra, MHD_socket fd,
           struct MHD_UpgradeResponseHandle *handle)
{
  struct http_upgrade *h = cls;
  struct exchange_connection c = { .fd = fd, .early = span_make(extra, n_extra), .close = give_back, .arg = h };
  struct exchange_upgrade *u = steal_pointer(&h->u);

  (void)conn;
  (void)con_cls;
  h->handle = handle;
  h->fd = fd;
  pthread_mutex_lock(&h->set->lock);
  h->next = h->set->first;
  if (h->next)
    h->next->prev = h;
  h->set->first = h;
  if (h->set->stopping)
    (void)shutdown(fd, SHUT_RDWR);
  pthread_mutex_unlock(&h->set->lock);
  u->start(u, &c);
}

struct http_upgrade *
http_upgrade_new(struct http_upgrades *set, struct exchange_upgrade *u)
{
  struct http_upgrade *h = mem_alloc(sizeof *h);

  h->set = set;
  h->u = u;
  return h;
}

void
http_upgrade_free(struct http_upgrade *h)
{
  if (!h)
    return;
  if (h->u)
    h->u->free(h->u);
  free(h);
}

struct MHD_Response *
http_upgrade_response(struct http_upgrade *h)
{
  return MHD_create_response_for_upgrade(on_upgrade, h);
}
