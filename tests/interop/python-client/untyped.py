"""What does without generated types: custom resources, the dynamic client, manifests, and the asynchronous client."""
import asyncio
import tempfile

import yaml
from kubernetes import aio, client, dynamic, utils
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, ResourceNotFoundError, UnprocessibleEntityError

from session import CLAIM_API, NAMESPACE, Unexpected, expect, refused, same, until

GROUP, VERSION, PLURAL = "python.example.com", "v1", "trainings"

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: trainings.python.example.com}
spec:
  group: python.example.com
  scope: Namespaced
  names: {plural: trainings, singular: training, kind: Training, listKind: TrainingList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.workers, statusReplicasPath: .status.workers}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [model]
            properties:
              model: {type: string, maxLength: 20}
              workers: {type: integer, minimum: 1, default: 1}
              claims:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, devices: {type: integer}}}
            x-kubernetes-validations:
            - {rule: "self.workers <= 8", message: "eight workers are enough"}
          status:
            type: object
            properties: {workers: {type: integer}, phase: {type: string}}
"""

MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: from-yaml}
data: {sign: "=", octal: "010"}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: from-yaml}
spec: {spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu.dralab.dev, allocationMode: ExactCount, count: 1}}]}}}
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: from-yaml}
"""


def refuses(kind, call, *args, **more):
    try:
        call(*args, **more)
    except kind as e:
        return e.summary()
    raise Unexpected(f"no {kind.__name__}")


def training(name, **spec):
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Training", "metadata": {"name": name}, "spec": spec}


def definitions(s):
    utils.create_from_dict(s.api, yaml.safe_load(DEFINITION))
    extensions = client.ApiextensionsV1Api(s.api)

    def established():
        conditions = extensions.read_custom_resource_definition(f"{PLURAL}.{GROUP}").status.conditions or []
        return any(c.type == "Established" and c.status == "True" for c in conditions)

    until("the definition is established", established)


def custom_objects(s):
    api = client.CustomObjectsApi(s.api)
    at = (GROUP, VERSION, NAMESPACE, PLURAL)
    made = api.create_namespaced_custom_object(*at, training("one", model="llama"))
    same((made["spec"]["workers"], made["metadata"]["generation"]), (1, 1), "a default, and the first generation")
    status = refused(422, "Invalid", api.create_namespaced_custom_object, *at, training("two", model="llama", workers=9))
    same(status["details"]["causes"][0]["message"], 'Invalid value: eight workers are enough', "a rule")
    status = refused(422, "Invalid", api.create_namespaced_custom_object, *at, training("two", workers=0))
    same(sorted(c["field"] for c in status["details"]["causes"]), ["<nil>", "spec.model", "spec.workers"], "all that is wrong")
    refused(415, "UnsupportedMediaType", api.patch_namespaced_custom_object, *at, "one", {"spec": {"workers": 2}},
            _content_type="application/strategic-merge-patch+json")
    now = api.patch_namespaced_custom_object(*at, "one", {"spec": {"workers": 2}}, _content_type="application/merge-patch+json")
    same((now["spec"]["workers"], now["metadata"]["generation"]), (2, 2), "a merge patch")
    now = api.patch_namespaced_custom_object_status(*at, "one", {"spec": {"workers": 5}, "status": {"phase": "Running"}},
                                                    _content_type="application/merge-patch+json")
    same((now["spec"]["workers"], now["status"], now["metadata"]["generation"]), (2, {"phase": "Running"}, 2), "status alone")
    now["status"], now["spec"]["workers"] = {}, 3
    now = api.replace_namespaced_custom_object(*at, "one", now)
    same((now["spec"]["workers"], now["status"]), (3, {"phase": "Running"}), "spec alone")
    scale = api.get_namespaced_custom_object_scale(*at, "one")
    same((scale["kind"], scale["spec"]["replicas"]), ("Scale", 3), "scale")
    same(len(api.list_namespaced_custom_object(*at)["items"]), 1, "listed")
    same(len(api.list_cluster_custom_object(GROUP, VERSION, PLURAL)["items"]), 1, "listed in all namespaces")
    same(api.delete_namespaced_custom_object(*at, "one")["status"], "Success", "deleted")


def dynamic_claims(s):
    claims = s.dynamic.resources.get(api_version=CLAIM_API, kind="ResourceClaim")
    same((claims.namespaced, claims.name), (True, "resourceclaims"), "discovered")
    body = {"apiVersion": CLAIM_API, "kind": "ResourceClaim", "metadata": {"generateName": "dynamic-"},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "c"}}]}}}
    made = claims.create(body=body, namespace=NAMESPACE)
    expect(made.metadata.name.startswith("dynamic-"), made.metadata.name)
    same(made.spec.devices.requests[0].exactly.count, 1, "default")
    now = claims.patch(body={"metadata": {"labels": {"a": "b"}}}, name=made.metadata.name, namespace=NAMESPACE)
    same(now.metadata.labels.a, "b", "label")
    same([i.metadata.name for i in claims.get(namespace=NAMESPACE, label_selector="a=b").items], [made.metadata.name], "listed")
    made.metadata.labels = {"a": "stale"}
    message = refuses(ConflictError, claims.replace, body=made, namespace=NAMESPACE)
    expect("the object has been modified; please apply your changes to the latest version and try again" in message, message)
    claims.delete(name=made.metadata.name, namespace=NAMESPACE)
    message = refuses(NotFoundError, claims.get, name=made.metadata.name, namespace=NAMESPACE)
    same(message, f'resourceclaims.resource.k8s.io "{made.metadata.name}" not found', "message")
    try:
        s.dynamic.resources.get(api_version=CLAIM_API, kind="NoSuchKind")
    except ResourceNotFoundError:
        return
    raise Unexpected("a kind that does not exist was found")


def dynamic_apply(s):
    trainings = dynamic.DynamicClient(s.api).resources.get(api_version=f"{GROUP}/{VERSION}", kind="Training")

    def apply(manager, name="applied", **spec):
        force = spec.pop("force", None)
        return trainings.server_side_apply(body=training(name, **spec), namespace=NAMESPACE, field_manager=manager, force_conflicts=force)

    apply("one", model="llama", claims=[{"name": "a", "devices": 1}])
    now = apply("two", model="llama", claims=[{"name": "b", "devices": 2}])
    same([(c.name, c.devices) for c in now.spec.claims], [("a", 1), ("b", 2)], "a list by name has an owner for each item")
    message = refuses(ConflictError, apply, "two", model="mistral", claims=[{"name": "b", "devices": 2}])
    expect('conflict with "one"' in message and ".spec.model" in message, message)
    now = apply("two", model="mistral", claims=[{"name": "b", "devices": 2}], force=True)
    same(now.spec.model, "mistral", "taken by force")
    now = apply("one", claims=[])
    same(([c.name for c in now.spec.claims], now.spec.model), (["b"], "mistral"), "what one does not name any more is gone")
    message = refuses(UnprocessibleEntityError, apply, "one", name="other", model="m" * 21)
    expect("Too long: may not be more than 20" in message, message)
    same({f.manager: f.operation for f in now.metadata.managedFields}, {"two": "Apply"}, "who owns nothing is not named")
    trainings.delete(name="applied", namespace=NAMESPACE)


def manifests(s):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(MANIFEST)
        file.flush()
        made = [o for group in utils.create_from_yaml(s.api, file.name, namespace=NAMESPACE) for o in group]
        same([type(o).__name__ for o in made], ["V1ConfigMap", "V1ResourceClaimTemplate", "V1DeviceClass"], "made")
        same(made[0].data, {"sign": "=", "octal": "010"}, "data")
        try:
            utils.create_from_yaml(s.api, file.name, namespace=NAMESPACE)
            raise Unexpected("made twice")
        except utils.FailToCreateError as e:
            same([(x.status, x.reason) for x in e.api_exceptions], [(409, "Conflict")] * 3, "the second time")
        again = [o for group in utils.create_from_yaml(s.api, file.name, namespace=NAMESPACE, apply=True) for o in group]
        same([o.metadata.uid for o in again], [o.metadata.uid for o in made], "applied to the same objects")
    objects = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(part) for part in MANIFEST.split("---")][1:]}
    try:
        utils.create_from_dict(s.api, objects, namespace=NAMESPACE)
        raise Unexpected("made thrice")
    except utils.FailToCreateError as e:
        same([x.status for x in e.api_exceptions], [409, 409], "a List")
    s.dra.delete_device_class("from-yaml")


def asynchronous(s):
    async def run():
        await aio.config.load_kube_config(s.kubeconfig)
        async with aio.client.ApiClient() as api:
            core = aio.client.CoreV1Api(api)
            before = await core.list_namespaced_config_map(NAMESPACE)
            names = [f"async-{i}" for i in range(20)]
            made = await asyncio.gather(*(core.create_namespaced_config_map(
                NAMESPACE, aio.client.V1ConfigMap(metadata=aio.client.V1ObjectMeta(name=n))) for n in names))
            expect(len({m.metadata.resource_version for m in made}) == 20, "a version for each")
            seen = []
            async with aio.watch.Watch() as watch:
                async for event in watch.stream(core.list_namespaced_config_map, NAMESPACE,
                                                resource_version=before.metadata.resource_version):
                    seen.append(event["object"].metadata.name)
                    if len(seen) == 20:
                        break
            same(sorted(seen), sorted(names), "watched")

    asyncio.run(asyncio.wait_for(run(), 60))


def definition_goes(s):
    api = client.CustomObjectsApi(s.api)
    at = (GROUP, VERSION, NAMESPACE, PLURAL)
    api.create_namespaced_custom_object(*at, training("left", model="llama"))
    client.ApiextensionsV1Api(s.api).delete_custom_resource_definition(f"{PLURAL}.{GROUP}")

    def gone():
        try:
            api.list_namespaced_custom_object(*at)
        except client.ApiException as e:
            same(e.status, 404, "the answer when it is gone")
            return True

    until("the definition goes with its objects", gone)


CHECKS = [
    ("a definition from a dict", definitions),
    ("custom objects", custom_objects),
    ("dynamic client", dynamic_claims),
    ("server-side apply", dynamic_apply),
    ("create_from_yaml", manifests),
    ("the asynchronous client", asynchronous),
    ("a definition goes", definition_goes),
]
