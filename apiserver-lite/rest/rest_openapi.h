/* rest_openapi - /openapi/v2, /openapi/v3 and what is below it. */
#ifndef APISERVER_REST_OPENAPI_H
#define APISERVER_REST_OPENAPI_H

#include "rest.h"

/* `rest`: what follows /openapi/v2 or /openapi/v3: "" or "/...". */
_must_check_ int rest_openapi_v2(struct rest_call *c, const char *rest, struct kerr *reterr);
_must_check_ int rest_openapi_v3(struct rest_call *c, const char *rest, struct kerr *reterr);

#endif
