"""Watches, informers, leases and running pods."""
import logging
import threading

from kubernetes import client, informer, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from session import NAMESPACE, Unexpected, claim, expect, same, until


def take(count, *args, **more):
    """The first events of a watch, as (type, name), and the version to go on from."""
    w, seen = watch.Watch(more.pop("type", None)), []
    for event in w.stream(*args, **more):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == count:
            break
    return seen, w.resource_version


def resumes(s):
    claims = dict(type="ResourceV1ResourceClaim", namespace=NAMESPACE)
    follow = s.dra.list_namespaced_resource_claim
    start = follow(NAMESPACE).metadata.resource_version
    s.dra.create_namespaced_resource_claim(NAMESPACE, claim("w1"))
    s.dra.patch_namespaced_resource_claim("w1", NAMESPACE, {"metadata": {"labels": {"a": "b"}}})
    s.dra.delete_namespaced_resource_claim("w1", NAMESPACE)
    s.dra.create_namespaced_resource_claim(NAMESPACE, claim("w2", labels={"a": "b"}))
    first, version = take(2, follow, **claims, resource_version=start)
    same(first, [("ADDED", "w1"), ("MODIFIED", "w1")], "first half")
    rest, _ = take(2, follow, **claims, resource_version=version)
    same(rest, [("DELETED", "w1"), ("ADDED", "w2")], "second half, from where the first ended")
    chosen, _ = take(3, follow, **claims, resource_version=start, label_selector="a=b")
    same(chosen, [("ADDED", "w1"), ("DELETED", "w1"), ("ADDED", "w2")], "an object enters a selection when it is changed")
    now, _ = take(9, follow, **claims, timeout_seconds=1)
    same(now, [("ADDED", "w2")], "what is there, until the time is over")
    untyped = s.dynamic.resources.get(api_version="resource.k8s.io/v1", kind="ResourceClaim")
    events = untyped.watch(namespace=NAMESPACE, name="w2", timeout=1)
    same([(e["type"], e["object"].metadata.name) for e in events], [("ADDED", "w2")], "dynamic")
    s.dra.delete_namespaced_resource_claim("w2", NAMESPACE)


def bookmarks(s):
    """A list by watching: what is there, then a bookmark that says so."""
    s.config_map("listed", labels={"stream": "yes"})
    events = []
    for event in watch.Watch().stream(
            s.core.list_namespaced_config_map, NAMESPACE, label_selector="stream=yes", allow_watch_bookmarks=True,
            send_initial_events=True, resource_version_match="NotOlderThan", timeout_seconds=5):
        events.append(event)
        if event["type"] == "BOOKMARK":
            break
    same([e["type"] for e in events], ["ADDED", "BOOKMARK"], "events")
    meta = events[1]["raw_object"]["metadata"]
    same(meta["annotations"], {"k8s.io/initial-events-end": "true"}, "the bookmark's annotation")
    expect(int(meta["resourceVersion"]) >= int(events[0]["object"].metadata.resource_version), "the bookmark's version")


def expires(s):
    """More than the history holds (32 MiB): a watch and a page from before it get 410, and a list makes it good."""
    small = s.core.list_namespaced_config_map(NAMESPACE, limit=1)
    expect(small.metadata._continue, "one page")
    s.config_map("big", {"v": "x" * 1000000})
    for i in range(40):
        s.core.patch_namespaced_config_map("big", NAMESPACE, {"data": {"n": str(i)}})
    try:
        take(1, s.core.list_namespaced_config_map, NAMESPACE, resource_version=small.metadata.resource_version)
        raise Unexpected("nothing was too old")
    except ApiException as e:
        same(e.status, 410, e.reason)
        expect(e.reason.startswith("Expired: too old resource version: " + small.metadata.resource_version), e.reason)
    try:
        s.core.list_namespaced_config_map(NAMESPACE, limit=1, _continue=small.metadata._continue)
        raise Unexpected("a page of a list that is too old")
    except ApiException as e:
        same(e.status, 410, e.body)
        expect("The provided continue parameter is too old" in e.body, e.body)
    s.core.delete_namespaced_config_map("big", NAMESPACE)
    version = s.core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    s.config_map("after")
    same(take(1, s.core.list_namespaced_config_map, NAMESPACE, resource_version=version)[0], [("ADDED", "after")], "after a list")


def informs(s):
    before = s.core.create_namespaced_secret(NAMESPACE, client.V1Secret(metadata=client.V1ObjectMeta(name="before")))
    seen, lock = [], threading.Lock()
    inf = informer.SharedInformer(s.core.list_namespaced_secret, namespace=NAMESPACE, field_selector="type=Opaque")

    def note(kind):
        def handler(o):
            with lock:
                seen.append((kind, o.metadata.name))
        return handler

    for kind in ("ADDED", "MODIFIED", "DELETED"):
        inf.add_event_handler(kind, note(kind))
    inf.start()
    until("the first list", lambda: seen)
    s.core.create_namespaced_secret(NAMESPACE, client.V1Secret(metadata=client.V1ObjectMeta(name="after"), string_data={"k": "v"}))
    s.core.patch_namespaced_secret("after", NAMESPACE, {"stringData": {"k": "w"}})
    s.core.delete_namespaced_secret("before", NAMESPACE)
    until("all events", lambda: len(seen) == 4)
    same(seen, [("ADDED", "before"), ("ADDED", "after"), ("MODIFIED", "after"), ("DELETED", "before")], "events")
    same(inf.cache.get_by_key(f"{NAMESPACE}/after").data, {"k": "dw=="}, "cached")
    expect(inf.cache.get_by_key(f"{NAMESPACE}/before") is None, f"{before.metadata.name} is still cached")
    logging.getLogger("kubernetes.informer.informer").setLevel(logging.CRITICAL)  # it ends its own connection, and wonders
    inf.stop()


def leads(s):
    """Two candidates for one lease: the second leads when the first has not renewed it for as long as it said."""
    def candidate(name):
        nothing = lambda: None
        return LeaderElection(Config(LeaseLock("lead", NAMESPACE, name), 2, 1.5, 1, nothing, nothing))

    one, two = candidate("one"), candidate("two")
    expect(one.try_acquire_or_renew(), "one leads")
    expect(not two.try_acquire_or_renew(), "two does not")
    expect(one.try_acquire_or_renew(), "one renews")
    until("two leads", two.try_acquire_or_renew)
    lease = client.CoordinationV1Api(s.api).read_namespaced_lease("lead", NAMESPACE)
    same((lease.spec.holder_identity, lease.spec.lease_duration_seconds), ("two", 2), "the lease")
    expect(not one.try_acquire_or_renew(), "one comes back too late")


def pod_with_gpu(s):
    """What people do with it: a pod from a template of claims, watched until it is over, and its log."""
    spec = client.V1ResourceClaimTemplateSpec(spec=claim("x").spec)
    s.dra.create_namespaced_resource_claim_template(
        NAMESPACE, client.V1ResourceClaimTemplate(metadata=client.V1ObjectMeta(name="gpu"), spec=spec))
    container = client.V1Container(
        name="c", image="busybox", command=["sh", "-c", "echo first; env | grep -c GPU_DEVICE; echo last"],
        resources=client.V1ResourceRequirements(claims=[client.CoreV1ResourceClaim(name="gpu")]))
    wants = client.V1PodResourceClaim(name="gpu", resource_claim_template_name="gpu")
    pod_spec = client.V1PodSpec(restart_policy="Never", containers=[container], resource_claims=[wants])
    before = s.dra.list_namespaced_resource_claim(NAMESPACE).metadata.resource_version
    s.core.create_namespaced_pod(NAMESPACE, client.V1Pod(metadata=client.V1ObjectMeta(name="gpu"), spec=pod_spec))
    phases = []
    for event in watch.Watch().stream(s.core.list_namespaced_pod, NAMESPACE, field_selector="metadata.name=gpu",
                                      resource_version=before, timeout_seconds=60):
        phase = event["object"].status.phase
        if phase not in phases:
            phases.append(phase)
        if phase in ("Succeeded", "Failed"):
            break
    same((phases[0], phases[-1]), ("Pending", "Succeeded"), "phases")
    now = s.core.read_namespaced_pod("gpu", NAMESPACE)
    made = next(watch.Watch("ResourceV1ResourceClaim").stream(s.dra.list_namespaced_resource_claim, NAMESPACE, resource_version=before))
    same(made["object"].metadata.owner_references[0].uid, now.metadata.uid, "whose the claim was")
    same(made["object"].metadata.name, now.status.resource_claim_statuses[0].resource_claim_name, "and its name")
    lines = list(watch.Watch().stream(s.core.read_namespaced_pod_log, name="gpu", namespace=NAMESPACE))
    same((lines[0], int(lines[1]) > 0, lines[2]), ("first", True, "last"), "log, line by line")
    same(s.core.read_namespaced_pod_log("gpu", NAMESPACE, tail_lines=1), "last\n", "its tail")
    reasons = {e.reason for e in s.core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=gpu,involvedObject.kind=Pod").items}
    expect({"Scheduled", "Started"} <= reasons, f"events {reasons}")
    s.core.delete_namespaced_pod("gpu", NAMESPACE)
    until("the claim goes with the pod", lambda: not s.dra.list_namespaced_resource_claim(NAMESPACE).items)


CHECKS = [
    ("a watch goes on where it ended", resumes),
    ("a list by watching", bookmarks),
    ("410 when it is too old", expires),
    ("informer", informs),
    ("leases", leads),
]
PODS = [("a pod with a device, watched to its end", pod_with_gpu)]
