// Client-go against a cluster: what its users rely on, one line "ok NAME" or "not ok NAME" each.
//
//	client-go KUBECONFIG
package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/retry"
)

const namespace = "interop-client-go"

var claims = schema.GroupVersionResource{Group: "resource.k8s.io", Version: "v1", Resource: "resourceclaims"}

type session struct {
	ctx    context.Context
	config *rest.Config
	json   kubernetes.Interface
	proto  kubernetes.Interface
}

func claim(name string) *resourcev1.ResourceClaim {
	return &resourcev1.ResourceClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"of": "test"}},
		Spec: resourcev1.ResourceClaimSpec{Devices: resourcev1.DeviceClaim{Requests: []resourcev1.DeviceRequest{{
			Name:    "gpu",
			Exactly: &resourcev1.ExactDeviceRequest{DeviceClassName: "gpu.example.com"},
		}}}},
	}
}

func expect(what bool, format string, args ...any) error {
	if what {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func until(ctx context.Context, what string, done func() bool) error {
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func discovers(s *session) error {
	client := discovery.NewDiscoveryClientForConfigOrDie(s.config)
	groups, err := restmapper.GetAPIGroupResources(client)
	if err != nil {
		return err
	}
	mapping, err := restmapper.NewDiscoveryRESTMapper(groups).RESTMapping(schema.GroupKind{Group: "resource.k8s.io", Kind: "ResourceClaim"})
	if err != nil {
		return err
	}
	if _, err := client.OpenAPIV3().Paths(); err != nil {
		return err
	}
	if _, err := client.OpenAPISchema(); err != nil {
		return fmt.Errorf("OpenAPI v2 in protobuf: %w", err)
	}
	return expect(mapping.Resource == claims, "mapped to %v", mapping.Resource)
}

// typed: create, get, conflict, update with retry, patch, list with selector, delete; in one encoding.
func typed(s *session, client kubernetes.Interface, name string) error {
	api := client.ResourceV1().ResourceClaims(namespace)
	made, err := api.Create(s.ctx, claim(name), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := api.Create(s.ctx, claim(name), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("second create: %v", err)
	}
	if made.Spec.Devices.Requests[0].Exactly.Count != 1 {
		return fmt.Errorf("no default count: %+v", made.Spec)
	}
	stale := made.DeepCopy()
	stale.ResourceVersion = "1"
	if _, err := api.Update(s.ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("update of a stale object: %v", err)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := api.Get(s.ctx, name, metav1.GetOptions{})
		if err == nil {
			now.Annotations = map[string]string{"a": "b"}
			_, err = api.Update(s.ctx, now, metav1.UpdateOptions{})
		}
		return err
	})
	if err != nil {
		return err
	}
	bad := claim(name + "-bad")
	bad.Spec.Devices.Requests[0].Exactly.DeviceClassName = "No Class"
	if _, err := api.Create(s.ctx, bad, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		return fmt.Errorf("invalid claim: %v", err)
	}
	patched, err := api.Patch(s.ctx, name, types.StrategicMergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	list, err := api.List(s.ctx, metav1.ListOptions{LabelSelector: "x=y"})
	if err != nil {
		return err
	}
	if len(list.Items) != 1 || list.Items[0].UID != made.UID || patched.Annotations["a"] != "b" {
		return fmt.Errorf("listed %d", len(list.Items))
	}
	if err := api.Delete(s.ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	_, err = api.Get(s.ctx, name, metav1.GetOptions{})
	return expect(apierrors.IsNotFound(err), "after the delete: %v", err)
}

func pages(s *session) error {
	api := s.json.CoreV1().ConfigMaps(namespace)
	for i := range 7 {
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("page-%d", i), Labels: map[string]string{"page": "yes"}}}
		if _, err := api.Create(s.ctx, c, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	seen, options := 0, metav1.ListOptions{Limit: 3, LabelSelector: "page"}
	for {
		list, err := api.List(s.ctx, options)
		if err != nil {
			return err
		}
		seen += len(list.Items)
		if list.Continue == "" {
			break
		}
		options.Continue = list.Continue
	}
	if seen != 7 {
		return fmt.Errorf("saw %d of 7", seen)
	}
	return api.DeleteCollection(s.ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "page"})
}

func untyped(s *session) error {
	api := dynamic.NewForConfigOrDie(s.config).Resource(claims).Namespace(namespace)
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": map[string]any{"generateName": "dynamic-"},
		"spec": map[string]any{"devices": map[string]any{"requests": []any{map[string]any{"name": "r", "exactly": map[string]any{"deviceClassName": "c"}}}}},
	}}
	made, err := api.Create(s.ctx, o, metav1.CreateOptions{FieldValidation: "Strict"})
	if err != nil {
		return err
	}
	partial, err := metadata.NewForConfigOrDie(s.config).Resource(claims).Namespace(namespace).Get(s.ctx, made.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	if partial.UID != made.GetUID() {
		return fmt.Errorf("metadata alone has uid %q", partial.UID)
	}
	return api.Delete(s.ctx, made.GetName(), metav1.DeleteOptions{})
}

func applies(s *session) error {
	api := s.json.CoreV1().ConfigMaps(namespace)
	first := coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "1", "b": "2"})
	if _, err := api.Apply(s.ctx, first, metav1.ApplyOptions{FieldManager: "one"}); err != nil {
		return err
	}
	other := coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "3"})
	if _, err := api.Apply(s.ctx, other, metav1.ApplyOptions{FieldManager: "two"}); !apierrors.IsConflict(err) {
		return fmt.Errorf("no conflict: %v", err)
	}
	if _, err := api.Apply(s.ctx, other, metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil {
		return err
	}
	now, err := api.Get(s.ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	mine, err := coreapply.ExtractConfigMap(now, "one")
	if err != nil {
		return err
	}
	return expect(now.Data["a"] == "3" && len(mine.Data) == 1 && mine.Data["b"] == "2", "owned by one: %v", mine.Data)
}

// informs: a shared informer (which lists by watching) sees what is made, changed and removed.
func informs(s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	var added, updated, removed atomic.Int32
	factory := informers.NewSharedInformerFactoryWithOptions(s.proto, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Secrets().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { added.Add(1) },
		UpdateFunc: func(_, _ any) { updated.Add(1) },
		DeleteFunc: func(any) { removed.Add(1) },
	})
	if err != nil {
		return err
	}
	api := s.json.CoreV1().Secrets(namespace)
	if _, err := api.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "before"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("the cache never became complete")
	}
	made, err := api.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "after"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.StringData = map[string]string{"k": "v"}
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err := api.Delete(ctx, "before", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return until(ctx, "events", func() bool { return added.Load() == 2 && updated.Load() == 1 && removed.Load() == 1 })
}

// leads: one of two candidates leads, and the other after it has let go.
func leads(s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	led := make(chan string, 2)
	run := func(ctx context.Context, id string) {
		lock := &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "lead", Namespace: namespace}, Client: s.json.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: id}}
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true, LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 200 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { led <- id }, OnStoppedLeading: func() {}},
		})
	}
	first, stop := context.WithCancel(ctx)
	defer stop()
	go run(first, "one")
	if who := <-led; who != "one" {
		return fmt.Errorf("%s leads", who)
	}
	go run(ctx, "two")
	stop()
	select {
	case who := <-led:
		return expect(who == "two", "%s leads again", who)
	case <-ctx.Done():
		return fmt.Errorf("nobody took over")
	}
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		fmt.Println("not ok kubeconfig:", err)
		os.Exit(1)
	}
	config.QPS = -1
	binary := rest.CopyConfig(config)
	binary.ContentType, binary.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := &session{ctx, config, kubernetes.NewForConfigOrDie(config), kubernetes.NewForConfigOrDie(binary)}
	if _, err := s.json.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		fmt.Println("not ok namespace:", err)
		os.Exit(1)
	}
	failed := false
	for _, t := range []struct {
		name string
		run  func(*session) error
	}{
		{"discovery and a REST mapper", discovers},
		{"typed client, JSON", func(s *session) error { return typed(s, s.json, "in-json") }},
		{"typed client, protobuf", func(s *session) error { return typed(s, s.proto, "in-proto") }},
		{"lists in pages, deletecollection", pages},
		{"dynamic and metadata clients", untyped},
		{"server-side apply", applies},
		{"informer with watch-list, protobuf", informs},
		{"leader election", leads},
		{"OpenAPI v2, protobuf and JSON alike", describes},
	} {
		if err := t.run(s); err != nil {
			fmt.Printf("not ok client-go: %s: %v\n", t.name, err)
			failed = true
			continue
		}
		fmt.Println("ok client-go:", t.name)
	}
	if failed {
		os.Exit(1)
	}
}
