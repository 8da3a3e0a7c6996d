"""The generated clients: create, read, replace, patch, list and delete, and what is refused."""
from kubernetes import client
from kubernetes.utils import retry

from session import NAMESPACE, claim, expect, refused, same, until


def versions(s):
    expect(client.VersionApi(s.api).get_code().git_version.startswith("v1.37."), "version")
    groups = {g.name: g.preferred_version.group_version for g in client.ApisApi(s.api).get_api_versions().groups}
    same(groups["resource.k8s.io"], "resource.k8s.io/v1", "preferred version")
    kinds = {r.name: r for r in s.dra.get_api_resources().resources}
    expect(kinds["resourceclaims"].namespaced and "patch" in kinds["resourceclaims/status"].verbs, "resources of the group")


def claims(s):
    made = s.dra.create_namespaced_resource_claim(NAMESPACE, claim("typed", labels={"app": "python"}))
    same(made.spec.devices.requests[0].exactly.count, 1, "default count")
    same(made.spec.devices.requests[0].exactly.allocation_mode, "ExactCount", "default mode")
    expect(made.metadata.creation_timestamp.tzinfo is not None and made.metadata.uid, "metadata of the server")
    made.metadata.annotations = {"note": "replaced"}
    now = s.dra.replace_namespaced_resource_claim("typed", NAMESPACE, made)
    expect(now.metadata.resource_version != made.metadata.resource_version, "the version stayed")
    refused(409, "Conflict", s.dra.replace_namespaced_resource_claim, "typed", NAMESPACE, made)
    now.spec.devices.requests[0].exactly.device_class_name = "other"
    status = refused(422, "Invalid", s.dra.replace_namespaced_resource_claim, "typed", NAMESPACE, now)
    same([c["field"] for c in status["details"]["causes"]], ["spec"], "what may not change")
    listed = s.dra.list_namespaced_resource_claim(NAMESPACE, label_selector="app=python", field_selector="metadata.name=typed")
    same([i.metadata.uid for i in listed.items], [made.metadata.uid], "listed")
    everywhere = s.dra.list_resource_claim_for_all_namespaces(label_selector="app in (python)")
    same(len(everywhere.items), 1, "listed in all namespaces")
    gone = s.dra.delete_namespaced_resource_claim("typed", NAMESPACE)
    same(gone.metadata.name, "typed", "what was deleted")
    refused(404, "NotFound", s.dra.read_namespaced_resource_claim, "typed", NAMESPACE)


def claim_status(s):
    s.dra.create_namespaced_resource_claim(NAMESPACE, claim("status"))
    now = s.dra.read_namespaced_resource_claim_status("status", NAMESPACE)
    consumer = client.V1ResourceClaimConsumerReference(api_group="example.com", resource="trainings", name="one", uid="1")
    now.status = client.V1ResourceClaimStatus(allocation=client.V1AllocationResult(), reserved_for=[consumer])
    now.spec.devices.requests[0].name, now.metadata.labels = "other", {"a": "b"}
    now = s.dra.replace_namespaced_resource_claim_status("status", NAMESPACE, now)
    same(now.status.reserved_for[0].name, "one", "reserved")
    same((now.spec.devices.requests[0].name, now.metadata.labels), ("gpu", None), "spec and labels stay")
    more = {"status": {"reservedFor": [{"apiGroup": "example.com", "resource": "trainings", "name": "two", "uid": "2"}]}}
    now = s.dra.patch_namespaced_resource_claim_status("status", NAMESPACE, more)
    same(sorted(r.uid for r in now.status.reserved_for), ["1", "2"], "a strategic patch merges by uid")
    s.dra.delete_namespaced_resource_claim("status", NAMESPACE)


def cluster_kinds(s):
    selector = client.V1DeviceSelector(cel=client.V1CELDeviceSelector(expression="device.driver == 'python.example.com'"))
    meta = client.V1ObjectMeta(name="python.example.com")
    made = s.dra.create_device_class(client.V1DeviceClass(metadata=meta, spec=client.V1DeviceClassSpec(selectors=[selector])))
    selector.cel.expression = "device.driver =="
    status = refused(422, "Invalid", s.dra.patch_device_class, made.metadata.name, {"spec": {"selectors": [selector.to_dict()]}})
    same(status["details"]["causes"][0]["field"], "spec.selectors[0].cel.expression", "field")
    device = client.V1Device(
        name="d0",
        attributes={"model": client.V1DeviceAttribute(string="a100"), "cores": client.V1DeviceAttribute(int=8)},
        capacity={"memory": client.V1DeviceCapacity(value="40Gi")},
    )
    pool = client.V1ResourcePool(name="pool", generation=1, resource_slice_count=1)
    spec = client.V1ResourceSliceSpec(driver="python.example.com", pool=pool, all_nodes=True, devices=[device])
    s.dra.create_resource_slice(client.V1ResourceSlice(metadata=client.V1ObjectMeta(name="python"), spec=spec))
    found = s.dra.list_resource_slice(field_selector="spec.driver=python.example.com").items
    same([d.name for d in found[0].spec.devices], ["d0"], "devices")
    same(found[0].spec.devices[0].attributes["cores"].int, 8, "a number")
    taint = client.V1DeviceTaint(key="broken", effect="NoExecute")
    rule = client.V1DeviceTaintRuleSpec(device_selector=client.V1DeviceTaintSelector(driver="python.example.com"), taint=taint)
    s.dra.create_device_taint_rule(client.V1DeviceTaintRule(metadata=client.V1ObjectMeta(name="python"), spec=rule))
    expect(s.dra.read_device_taint_rule("python").spec.taint.time_added is not None, "a taint knows when it was added")
    s.dra.delete_device_taint_rule("python")
    s.dra.delete_resource_slice("python")
    s.dra.delete_device_class("python.example.com")


def errors(s):
    status = refused(409, "AlreadyExists", s.core.create_namespace, client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    same(status["message"], f'namespaces "{NAMESPACE}" already exists', "message")
    status = refused(404, "NotFound", s.core.read_namespaced_pod, "nosuch", NAMESPACE)
    same(status["details"], {"name": "nosuch", "kind": "pods"}, "details")
    refused(404, "NotFound", s.core.create_namespaced_config_map, "nosuch", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="x")))
    status = refused(422, "Invalid", s.config_map, "Not_A_Name")
    same(status["details"]["causes"][0]["field"], "metadata.name", "field")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "colour": "red"}
    at = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    status = refused(400, "BadRequest", s.dynamic.request, "post", at, body=body, query_params=[("fieldValidation", "Strict")])
    expect('unknown field "colour"' in status["message"], status["message"])
    refused(400, "BadRequest", s.core.list_namespaced_pod, NAMESPACE, label_selector="a==b==c")
    refused(400, "BadRequest", s.core.list_namespaced_pod, NAMESPACE, field_selector="spec.colour=red")
    stranger = client.ApiClient(header_name="Impersonate-User", header_value="stranger")
    status = refused(403, "Forbidden", client.CoreV1Api(stranger).list_namespaced_secret, NAMESPACE)
    same(status["message"], 'secrets is forbidden: User "stranger" cannot list resource "secrets" in API group "" in the namespace '
         f'"{NAMESPACE}"', "message")
    refused(401, "Unauthorized", client.CoreV1Api(s.bearer("wrong")).list_namespace)


def patches(s):
    s.config_map("patched", {"a": "1", "b": "2"}, finalizers=["example.com/one"])
    patch = s.core.patch_namespaced_config_map
    same(patch("patched", NAMESPACE, {"data": {"a": None, "c": "3"}}, _content_type="application/merge-patch+json").data,
         {"b": "2", "c": "3"}, "merge patch")
    now = patch("patched", NAMESPACE, [{"op": "test", "path": "/data/b", "value": "2"}, {"op": "remove", "path": "/data/b"}])
    same(now.data, {"c": "3"}, "a list is a JSON patch")
    refused(422, "Invalid", patch, "patched", NAMESPACE, [{"op": "test", "path": "/data/c", "value": "other"}])
    two = {"metadata": {"finalizers": ["example.com/two"]}}
    now = patch("patched", NAMESPACE, two, _content_type="application/strategic-merge-patch+json")
    same(sorted(now.metadata.finalizers), ["example.com/one", "example.com/two"], "a strategic patch adds to a set")
    now = patch("patched", NAMESPACE, two, _content_type="application/merge-patch+json")
    same(now.metadata.finalizers, ["example.com/two"], "a merge patch replaces a list")
    refused(415, "UnsupportedMediaType", patch, "patched", NAMESPACE, {}, _content_type="application/json")
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "patched"}, "data": {"d": "4"}}
    now = patch("patched", NAMESPACE, applied, _content_type="application/apply-patch+yaml", field_manager="applier")
    same(now.data, {"c": "3", "d": "4"}, "apply")
    owner = [f for f in now.metadata.managed_fields if f.manager == "applier"]
    same((owner[0].operation, owner[0].fields_v1), ("Apply", {"f:data": {"f:d": {}}}), "owner of what was applied")
    patch("patched", NAMESPACE, {"metadata": {"finalizers": None}}, _content_type="application/merge-patch+json")
    s.core.delete_namespaced_config_map("patched", NAMESPACE)


def retries(s):
    """Two writers that do not know of each other, and the client's own helper for that."""
    s.config_map("counter", {"n": "0"})
    tries = []

    def add():
        now = s.core.read_namespaced_config_map("counter", NAMESPACE)
        if not tries:
            s.core.patch_namespaced_config_map("counter", NAMESPACE, {"data": {"other": "writer"}})
        tries.append(now.metadata.resource_version)
        now.data["n"] = str(int(now.data["n"]) + 1)
        return s.core.replace_namespaced_config_map("counter", NAMESPACE, now)

    same(retry.retry_on_conflict(add).data, {"n": "1", "other": "writer"}, "counted")
    same(len(tries), 2, "tries")


def pages(s):
    for i in range(7):
        s.config_map(f"page-{i}", labels={"page": "yes"})
    read = dict(namespace=NAMESPACE, label_selector="page=yes", limit=3)
    first = s.core.list_namespaced_config_map(**read)
    same(len(first.items), 3, "first page")
    s.core.delete_namespaced_config_map("page-6", NAMESPACE)  # after the first page: the list is of its moment
    names, page = [i.metadata.name for i in first.items], first
    while page.metadata._continue:
        page = s.core.list_namespaced_config_map(**read, _continue=page.metadata._continue)
        names += [i.metadata.name for i in page.items]
        same(page.metadata.resource_version, first.metadata.resource_version, "version of all pages")
    same(names, [f"page-{i}" for i in range(7)], "all pages")
    unselected = s.core.list_namespaced_config_map(NAMESPACE, limit=1)
    expect(unselected.metadata.remaining_item_count >= 6, "how many remain")
    refused(400, "BadRequest", s.core.list_namespaced_config_map, NAMESPACE, limit=1, _continue="nonsense")
    s.core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="page=yes")
    same(s.core.list_namespaced_config_map(**read).items, [], "after deletecollection")


def dry_run(s):
    made = s.core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="dry-")), dry_run="All")
    expect(made.metadata.name.startswith("dry-") and made.metadata.uid, "a dry run answers as if it were true")
    refused(404, "NotFound", s.core.read_namespaced_config_map, made.metadata.name, NAMESPACE)
    s.config_map("dry", {"a": "1"})
    s.core.delete_namespaced_config_map("dry", NAMESPACE, dry_run="All")
    same(s.core.read_namespaced_config_map("dry", NAMESPACE).data, {"a": "1"}, "after the dry deletion")
    refused(422, "Invalid", s.core.delete_namespaced_config_map, "dry", NAMESPACE, dry_run="Some")
    s.core.delete_namespaced_config_map("dry", NAMESPACE)


def deletes(s):
    owner = s.config_map("owner")
    reference = client.V1OwnerReference(
        api_version="v1", kind="ConfigMap", name="owner", uid=owner.metadata.uid, block_owner_deletion=True)
    child = lambda name: s.config_map(name, owner_references=[reference])
    child("owned")
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="0"))
    status = refused(409, "Conflict", s.core.delete_namespaced_config_map, "owner", NAMESPACE, body=wrong)
    expect(f"the UID in the precondition (0) does not match the UID in record ({owner.metadata.uid})" in status["message"], status["message"])
    refused(422, "Invalid", s.core.delete_namespaced_config_map, "owner", NAMESPACE, propagation_policy="Sideways")
    gone = lambda name: name not in {i.metadata.name for i in s.core.list_namespaced_config_map(NAMESPACE).items}
    s.core.delete_namespaced_config_map("owner", NAMESPACE, propagation_policy="Foreground")
    until("the owner goes after what it owns", lambda: gone("owned") and gone("owner"))

    reference.uid = s.config_map("owner").metadata.uid
    child("orphan")
    s.core.delete_namespaced_config_map("owner", NAMESPACE, body=client.V1DeleteOptions(propagation_policy="Orphan"))
    until("the owner goes", lambda: gone("owner"))
    same(s.core.read_namespaced_config_map("orphan", NAMESPACE).metadata.owner_references, None, "owners of an orphan")
    s.core.delete_namespaced_config_map("orphan", NAMESPACE)

    reference.uid = s.config_map("owner").metadata.uid
    child("background")
    status = s.core.delete_namespaced_config_map("owner", NAMESPACE)
    same((status["status"], status["details"]["uid"]), ("Success", reference.uid), "answer")
    until("the garbage collector comes", lambda: gone("background"))


def finalizers(s):
    s.dra.create_namespaced_resource_claim(NAMESPACE, claim("held", finalizers=["example.com/hold"]))
    held = s.dra.delete_namespaced_resource_claim("held", NAMESPACE)
    same((held.metadata.deletion_grace_period_seconds, held.metadata.deletion_timestamp is not None), (0, True), "on its way")
    now = s.dra.read_namespaced_resource_claim("held", NAMESPACE)
    now.metadata.finalizers = ["example.com/hold", "example.com/late"]
    status = refused(422, "Invalid", s.dra.replace_namespaced_resource_claim, "held", NAMESPACE, now)
    same(status["details"]["causes"][0]["field"], "metadata.finalizers", "no new finalizers")
    now.metadata.finalizers = None
    s.dra.replace_namespaced_resource_claim("held", NAMESPACE, now)
    refused(404, "NotFound", s.dra.read_namespaced_resource_claim, "held", NAMESPACE)


def accounts(s):
    """A service account's token opens what its roles say, and nothing else."""
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=600))
    until("the account is there", lambda: s.core.list_namespaced_service_account(NAMESPACE).items)
    pod = s.bearer(s.core.create_namespaced_service_account_token("default", NAMESPACE, request).status.token)
    me = client.AuthenticationV1Api(pod).create_self_subject_review(client.V1SelfSubjectReview()).status.user_info
    same(me.username, f"system:serviceaccount:{NAMESPACE}:default", "user")
    list_claims = client.ResourceV1Api(pod).list_namespaced_resource_claim
    refused(403, "Forbidden", list_claims, NAMESPACE)
    rbac = client.RbacAuthorizationV1Api(s.api)
    rule = client.V1PolicyRule(api_groups=["resource.k8s.io"], resources=["resourceclaims"], verbs=["list"])
    meta = client.V1ObjectMeta(name="reader")
    rbac.create_namespaced_role(NAMESPACE, client.V1Role(metadata=meta, rules=[rule]))
    rbac.create_namespaced_role_binding(NAMESPACE, client.V1RoleBinding(
        metadata=meta, role_ref=client.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="Role", name="reader"),
        subjects=[client.RbacV1Subject(kind="ServiceAccount", name="default", namespace=NAMESPACE)]))
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
        resource_attributes=client.V1ResourceAttributes(namespace=NAMESPACE, group="resource.k8s.io", resource="resourceclaims", verb="list")))

    def allowed():
        return client.AuthorizationV1Api(pod).create_self_subject_access_review(review).status.allowed

    until("the role is known", allowed)
    same(list_claims(NAMESPACE).items, [], "claims")
    refused(403, "Forbidden", client.CoreV1Api(pod).list_namespaced_pod, NAMESPACE)


def scale(s):
    apps = client.AppsV1Api(s.api)
    labels = {"app": "scaled"}
    container = client.V1Container(name="c", image="busybox")
    template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container]))
    spec = client.V1DeploymentSpec(replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=template)
    apps.create_namespaced_deployment(NAMESPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="scaled"), spec=spec))
    now = apps.patch_namespaced_deployment_scale("scaled", NAMESPACE, {"spec": {"replicas": 2}})
    same((now.spec.replicas, now.status.selector), (2, "app=scaled"), "scale")
    same(apps.read_namespaced_deployment("scaled", NAMESPACE).spec.replicas, 2, "replicas")
    apps.delete_namespaced_deployment("scaled", NAMESPACE)


CHECKS = [
    ("version and discovery", versions),
    ("typed claims", claims),
    ("status of claims", claim_status),
    ("classes, slices and taint rules", cluster_kinds),
    ("errors are Status objects", errors),
    ("four kinds of patch", patches),
    ("retry on conflict", retries),
    ("lists in pages", pages),
    ("dry run", dry_run),
    ("delete options and owners", deletes),
    ("finalizers", finalizers),
    ("service account tokens and roles", accounts),
    ("scale", scale),
]
