/* Columns and cells of server-side tables, as kube-apiserver 1.37.2 makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "json.h"
#include "table_cells.h"
#include "test_parse.h"

static const struct {
  const char *group, *version, *kind, *object, *cells;
} cases[] = {
  { "", "v1", "Endpoints", "{}", "['','<none>','<unknown>']" },
  { "", "v1", "Endpoints",
    "{'metadata':{'name':'e'},'subsets':[{'addresses':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}],'ports':[{'port':80},{'port'"
    ":"
    "443}]}]}",
    "['e','10.0.0.1:80,[fd00::1]:80,10.0.0.1:443 + 1 more...','<unknown>']" },
  { "discovery.k8s.io", "v1", "EndpointSlice",
    "{'metadata':{'name':'s'},'addressType':'IPv4','ports':[{'port':80},{'name':'x'},{}],'endpoints':[]}",
    "['s','IPv4','80,x,*','<unset>','<unknown>']" },
  { "apps", "v1", "ControllerRevision",
    "{'metadata':{'name':'r','ownerReferences':[{'apiVersion':'apps/"
    "v1','kind':'StatefulSet','name':'web','controller':true}]},'revision':3}",
    "['r','statefulset.apps/web',3,'<unknown>']" },
  { "networking.k8s.io", "v1", "Ingress",
    "{'metadata':{'name':'i'},'spec':{'rules':[{'host':'a'},{},{'host':'b'},{'host':'c'},{'host':'d'}],'tls':[{}]},"
    "'status':{'loadBalancer':{'ingress':[{'ip':'2.2.2.2'},{'hostname':'h'},{'ip':'1.1.1.1'},{'ip':'2.2.2.2'}]}}}",
    "['i','<none>','a,b,c + 2 more...','1.1.1.1,2.2.2.2,h','80, 443','<unknown>']" },
  { "networking.k8s.io", "v1", "IPAddress",
    "{'metadata':{'name':'10.0.0.1'},'spec':{'parentRef':{'resource':'services','namespace':'default','name':"
    "'kubernetes'}}}",
    "['10.0.0.1','services/default/kubernetes','<unknown>']" },
  { "certificates.k8s.io", "v1", "CertificateSigningRequest",
    "{'metadata':{'name':'c'},'spec':{'signerName':'s/x','username':'u','expirationSeconds':86400},'status':{"
    "'conditions':[{'type':'Approved'},{'type':'Failed'}],'certificate':'eA=='}}",
    "['c','<unknown>','s/x','u','24h','Approved,Failed,Issued']" },
  { "autoscaling", "v2", "HorizontalPodAutoscaler",
    "{'metadata':{'name':'h'},'spec':{'scaleTargetRef':{'kind':'Deployment','name':'d'},'maxReplicas':3,'metrics':["
    "{'type':'Resource','resource':{'name':'cpu','target':{'averageUtilization':80}}},"
    "{'type':'Pods','pods':{'target':{'averageValue':'5'}}},{'type':'External'}]},'status':{'currentReplicas':2}}",
    "['h','Deployment/d','cpu: <unknown>/80%, <unknown>/5 + 1 more...','<unset>',3,2,'<unknown>']" },
  { "flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration",
    "{'metadata':{'name':'p'},'spec':{'type':'Limited','limited':{'nominalConcurrencyShares':30}}}",
    "['p','Limited',30,'<none>','<none>','<none>','<unknown>']" },
  { "storagemigration.k8s.io", "v1", "StorageVersionMigration",
    "{'metadata':{'name':'m'},'spec':{'resource':{'group':'apps','resource':'deployments'}},'status':{'conditions':[{"
    "'type':'Running','status':'False'},{'type':'Succeeded','status':'True'}]}}",
    "['m','deployments.apps','Succeeded']" },
  { "apiextensions.k8s.io", "v1", "CustomResourceDefinition",
    "{'metadata':{'name':'x.y','creationTimestamp':'2026-01-02T03:04:05Z'},'spec':{'group':'y','scope':'Namespaced',"
    "'names':{'kind':'X','shortNames':['a','b']},'versions':[{'name':'v2','served':true,'storage':true},{'name':'v1',"
    "'served':true},{'name':'v0'}]},'status':{'conditions':[{'type':'Established','status':'True'}]}}",
    "['x.y','Namespaced','v1,v2(storage)','2026-01-02T03:04:05Z','y','X','a,b',true]" },
  { "apiregistration.k8s.io", "v1", "APIService",
    "{'metadata':{'name':'v1.x'},'spec':{'service':{'namespace':'n','name':'s'}},'status':{'conditions':[{'type':"
    "'Available','status':'False','reason':'ServiceNotFound'}]}}",
    "['v1.x','n/s','False (ServiceNotFound)','<unknown>']" },
  { "resource.k8s.io", "v1alpha3", "ResourcePoolStatusRequest",
    "{'metadata':{'name':'q'},'spec':{'driver':'d'},'status':{'poolCount':3,'pools':[{'totalDevices':4,"
    "'allocatedDevices':1,'availableDevices':3},{'validationError':'bad'}],'conditions':[{'type':'Complete','status':"
    "'True'}]}}",
    "['q','d','4','3','1','0','1',3,'Complete (2/3 pools)','<unknown>']" },
  { "resource.k8s.io", "v1alpha3", "ResourcePoolStatusRequest", "{'metadata':{'name':'q'},'spec':{'driver':'d'}}",
    "['q','d','-','-','-','-','-',0,'Pending','<none>']" },
  { "scheduling.k8s.io", "v1beta1", "PodGroup",
    "{'metadata':{'name':'g'},'spec':{'schedulingPolicy':{'gang':{'minCount':2}}},'status':{'conditions':[{'type':"
    "'PodGroupInitiallyScheduled','status':'False'}]}}",
    "['g','Gang','<none>','Unschedulable','<unknown>']" },
  { "storage.k8s.io", "v1", "CSIDriver",
    "{'metadata':{'name':'d'},'spec':{'tokenRequests':[{'audience':'a'},{'audience':'b'}]}}",
    "['d',false,false,false,'a,b',false,'<none>','<unknown>']" },
  { "rbac.authorization.k8s.io", "v1", "Role", "{'metadata':{'name':'r','creationTimestamp':'2026-01-02T03:04:05Z'}}",
    "['r','2026-01-02T03:04:05Z']" },
};

static void
cells_of_every_kind(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(1 << 20);
    const struct kind *k = kind_find(cases[i].group, cases[i].version, cases[i].kind);
    struct json *cells = json_new_array(a);

    if (!k)
      fail_msg("no kind %s", cases[i].kind);
    table_cells(a, k, test_parse_quoted(a, cases[i].object), 0, cells);
    assert_string_equal(json_text(a, cells, JSON_COMPACT),
                        json_text(a, test_parse_quoted(a, cases[i].cells), JSON_COMPACT));
  }
}

/* Own text, with quotes in it; shared text, with a line's end in it. */
static void
columns_are_described(void **state)
{
  const struct kind_table *pods = kind_table_find("", "v1", "Pod"),
                          *others = kind_table_find("meta.k8s.io", "v1", "PartialObjectMetadata");

  (void)state;
  assert_non_null(pods);
  assert_non_null(others);
  assert_string_equal(pods->columns[1].description, "The aggregate readiness state of this pod for accepting traffic.");
  assert_non_null(strstr(pods->columns[8].description, "status equal to \"True\" More info"));
  assert_string_equal(pods->columns[0].description, others->columns[0].description);
  assert_non_null(strstr(others->columns[1].description, "in UTC.\n\nPopulated"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(cells_of_every_kind),
    cmocka_unit_test(columns_are_described),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
