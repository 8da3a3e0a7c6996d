/* fake_http - an exchange over plain HTTP/1.1, a thread for each connection: what libcurl needs to be tested, no more.
 */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include "exchange.h"

struct fake_http;
struct fake_http *fake_http_new(struct exchange *x);
int fake_http_port(const struct fake_http *h);
void fake_http_free(struct fake_http *h); /* NULL is fine; ends every connection */

#endif
