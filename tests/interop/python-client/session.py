"""What every check gets: clients on one cluster and a namespace, and a few words to say what is expected."""
import json
import time

from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException

NAMESPACE = "interop-python"
CLAIM_API = "resource.k8s.io/v1"


class Unexpected(Exception):
    """The cluster answered, and not as it should."""


class Session:
    def __init__(self, kubeconfig):
        config.load_kube_config(kubeconfig)
        self.kubeconfig = kubeconfig
        self.api = client.ApiClient()
        self.core = client.CoreV1Api(self.api)
        self.dra = client.ResourceV1Api(self.api)
        self.dynamic = dynamic.DynamicClient(self.api)

    def bearer(self, token):
        """The same cluster, seen by whoever has that token."""
        config = client.Configuration.get_default_copy()
        config.api_key, config.cert_file, config.key_file, config.refresh_api_key_hook = {"authorization": "Bearer " + token}, None, None, None
        return client.ApiClient(config)

    def config_map(self, name, data=None, **metadata):
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, **metadata), data=data)
        return self.core.create_namespaced_config_map(NAMESPACE, body)


def claim(name, device_class="gpu.dralab.dev", **metadata):
    request = client.V1DeviceRequest(name="gpu", exactly=client.V1ExactDeviceRequest(device_class_name=device_class))
    return client.ResourceV1ResourceClaim(
        metadata=client.V1ObjectMeta(name=name, **metadata),
        spec=client.V1ResourceClaimSpec(devices=client.V1DeviceClaim(requests=[request])),
    )


def expect(true, what):
    if not true:
        raise Unexpected(what)


def same(got, wanted, what):
    expect(got == wanted, f"{what}: {got!r}, wanted {wanted!r}")


def refused(code, reason, call, *args, **more):
    """The call fails with that code, and its body is a Status with that reason; returns the Status."""
    try:
        call(*args, **more)
    except ApiException as e:
        status = json.loads(e.body)
        same((e.status, status["kind"], status["code"], status["reason"]), (code, "Status", code, reason), status["message"])
        return status
    raise Unexpected(f"not refused with {code} {reason}")


def until(what, done, seconds=60):
    """Waits for done(): patience for a busy machine, not a measurement."""
    end = time.monotonic() + seconds
    while not done():
        expect(time.monotonic() < end, f"waited in vain: {what}")
        time.sleep(0.05)
