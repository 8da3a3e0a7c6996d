/* Claims of 1.26 to 1.30 in the shape of today's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "claim_classic.h"
#include "test_parse.h"

/* {"status": ...} with ' for ", and what status.allocation.devices becomes. */
static void
becomes(const char *status, const char *devices)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *in = arena_printf(a, "{'metadata':{'name':'c'},'status':%s}", status);
  const struct json *claim = test_parse_quoted(a, in);
  const struct json *got = json_dig(claim_from_classic(a, claim), "status", "allocation", "devices", NULL);
  assert_string_equal(got ? json_text(a, got, 0) : "", test_quotes(a, devices));
}

#define DEVICE(driver, pool, name) "{'request':'','driver':'" driver "','pool':'" pool "','device':'" name "'}"

static void
handles(void **state)
{
  (void)state;
  becomes("{}", "");
  /* 1.26: one text; the driver is the status's. */
  becomes("{'driverName':'cats.io','allocation':{'resourceHandle':'{\\'pool\\':\\'n\\',\\'devices\\':[\\'felix\\']}'}}",
          "{'results':[" DEVICE("cats.io", "n", "felix") "]}");
  /* From 1.27: a list; a driver may leave out its name, and one without a handle is called all the same. */
  becomes("{'driverName':'cats.io','allocation':{'resourceHandles':["
          "{'data':'{\\'pool\\':\\'n\\',\\'devices\\':[\\'felix\\',\\'tom\\']}'},{'driverName':'dogs.io','data':'"
          "secret'}]}}",
          "{'results':[" DEVICE("cats.io", "n", "felix") "," DEVICE("cats.io", "n", "tom") "," DEVICE("dogs.io", "",
                                                                                                      "") "]}");
  becomes("{'driverName':'dogs.io','allocation':{}}", "{'results':[" DEVICE("dogs.io", "", "") "]}");
  /* What the built-in driver was asked to pass on. */
  becomes("{'driverName':'cats.io','allocation':{'resourceHandles':[{'data':"
          "'{\\'pool\\':\\'n\\',\\'devices\\':[],\\'config\\':[{\\'kind\\':\\'DeviceConfig\\'}]}'}]}}",
          "{'results':[],'config':[{'opaque':{'driver':'cats.io','parameters':{'kind':'DeviceConfig'}}}]}");
}

static void
structured(void **state)
{
  (void)state;
  becomes(
      "{'driverName':'cats.io','allocation':{'resourceHandles':[{'driverName':'cats.io','structuredData':{"
      "'vendorClassParameters':{'a':1},'vendorClaimParameters':null,'nodeName':'n','results':["
      "{'vendorRequestParameters':{'b':2},'namedResources':{'name':'felix'}},{'namedResources':{'name':'tom'}}]}}]}}",
      "{'results':[" DEVICE("cats.io", "n", "felix") "," DEVICE(
          "cats.io", "n", "tom") "],"
                                 "'config':[{'opaque':{'driver':'cats.io','parameters':{'a':1}}},"
                                 "{'opaque':{'driver':'cats.io','parameters':{'b':2}}}]}");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(handles),
    cmocka_unit_test(structured),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
