package main

import (
	"fmt"
	"reflect"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	resourcev1 "k8s.io/api/resource/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

var checks = []struct {
	name string
	run  func(*world) error
}{
	{"webhooks of the manager: default, warning, refusal", webhooksAnswer},
	{"a reconciler makes claims and reports", reconciles},
	{"what is taken away or changed comes back", repairs},
	{"more and fewer devices", scales},
	{"cached lists: index, labels, metadata alone", caches},
	{"conflicts, and retrying", conflicts},
	{"apply: conflict, force, status", applies},
	{"create or update, create or patch", createsOrUpdates},
	{"clients with field owner, namespace, strictness, dry run", wraps},
	{"subresources", subresources},
	{"delete all of", deletesAll},
	{"events", recordsEvents},
	{"finalizer, and the garbage collector", finalizes},
	{"leader election: the other manager takes over", takesOver},
}

func object(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: namespace}
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: name} }

// settles waits until a Training is ready with so many devices, and its claims are those that it should have.
func settles(w *world, name string, devices int32) error {
	return until(w, fmt.Sprintf("%s has %d devices", name, devices), func() (bool, any) {
		t, claims := &Training{}, &resourcev1.ResourceClaimList{}
		if err := w.Get(w, key(name), t); err != nil {
			return false, err
		}
		if err := w.List(w, claims, client.InNamespace(namespace), client.MatchingLabels{ofLabel: name}); err != nil {
			return false, err
		}
		ready := meta.IsStatusConditionTrue(t.Status.Conditions, "Ready")
		return ready && t.Status.Devices == devices && t.Status.ObservedGeneration == t.Generation && len(claims.Items) == int(devices), t.Status
	})
}

func webhooksAnswer(w *world) error {
	many := &Training{ObjectMeta: object("many"), Spec: TrainingSpec{Devices: 5}}
	if err := w.Create(w, many); err != nil {
		return err
	}
	if many.Spec.Model != "llama" || !slices.Contains(w.warnings.texts, "that is a lot") {
		return fmt.Errorf("model %q, warnings %q", many.Spec.Model, w.warnings.texts)
	}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := w.Get(w, key("many"), many); err != nil {
			return err
		}
		many.Spec.Model = "mistral"
		return w.Update(w, many)
	})
	if err := says(err, apierrors.IsForbidden, `admission webhook "validate.runtime.example.com" denied the request: model llama may not become mistral`); err != nil {
		return err
	}
	many.Spec.Devices = 9
	if err := says(w.Create(w, &Training{ObjectMeta: object("more"), Spec: many.Spec}), apierrors.IsInvalid,
		`spec.devices: Invalid value: 9: spec.devices in body should be less than or equal to 8`); err != nil {
		return err
	}
	kept := &Training{ObjectMeta: object("kept")}
	kept.Labels = map[string]string{"keep": "yes"}
	if err := w.Create(w, kept); err != nil {
		return err
	}
	return says(w.Delete(w, kept), apierrors.IsForbidden, "kept is to be kept")
}

func reconciles(w *world) error {
	t := &Training{ObjectMeta: object("one"), Spec: TrainingSpec{Devices: 2}}
	if err := w.Create(w, t); err != nil {
		return err
	}
	if err := settles(w, "one", 2); err != nil {
		return err
	}
	claim := &resourcev1.ResourceClaim{}
	if err := w.Get(w, key("one-1"), claim); err != nil {
		return err
	}
	managers := map[string]metav1.ManagedFieldsOperationType{}
	for _, m := range claim.ManagedFields {
		managers[m.Manager+"/"+m.Subresource] = m.Operation
	}
	wanted := map[string]metav1.ManagedFieldsOperationType{"trainer/": metav1.ManagedFieldsOperationApply, "allocator/status": metav1.ManagedFieldsOperationApply}
	return expect(metav1.IsControlledBy(claim, t) && reflect.DeepEqual(managers, wanted), "owners %v, managers %v", claim.OwnerReferences, managers)
}

func repairs(w *world) error {
	claim := &resourcev1.ResourceClaim{}
	if err := w.Get(w, key("one-0"), claim); err != nil {
		return err
	}
	before := claim.DeepCopy()
	claim.Labels[ofLabel] = "somebody"
	if err := w.Patch(w, claim, client.MergeFrom(before)); err != nil {
		return err
	}
	if err := settles(w, "one", 2); err != nil {
		return err
	}
	if err := w.Delete(w, claim); err != nil {
		return err
	}
	return until(w, "the claim is there again", func() (bool, any) {
		again := &resourcev1.ResourceClaim{}
		err := w.Get(w, key("one-0"), again)
		return err == nil && again.UID != before.UID && again.Status.Allocation != nil, err
	})
}

func scales(w *world) error {
	for _, devices := range []int32{4, 1, 3} {
		t := &Training{ObjectMeta: object("one")}
		if err := w.Patch(w, t, client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"devices":%d}}`, devices))); err != nil {
			return err
		}
		if err := settles(w, "one", devices); err != nil {
			return err
		}
	}
	return nil
}

func caches(w *world) error {
	if err := until(w, "the cache has what the server has", func() (bool, any) {
		claims := &resourcev1.ResourceClaimList{}
		err := w.cached.List(w, claims, client.InNamespace(namespace), client.MatchingFields{byOwner: "one"})
		return err == nil && len(claims.Items) == 3, len(claims.Items)
	}); err != nil {
		return err
	}
	partial := &metav1.PartialObjectMetadataList{}
	partial.SetGroupVersionKind(resourcev1.SchemeGroupVersion.WithKind("ResourceClaimList"))
	for _, c := range []client.Reader{w.Client, w.cached} {
		if err := c.List(w, partial, client.InNamespace(namespace), client.MatchingLabels{ofLabel: "one"}); err != nil {
			return err
		}
		if len(partial.Items) != 3 || partial.Items[0].OwnerReferences[0].Name != "one" {
			return fmt.Errorf("metadata of %d claims", len(partial.Items))
		}
	}
	untyped := &unstructured.Unstructured{}
	untyped.SetGroupVersionKind(groupVersion.WithKind("Training"))
	if err := w.cached.Get(w, key("one"), untyped); err != nil {
		return err
	}
	devices, _, err := unstructured.NestedInt64(untyped.Object, "spec", "devices")
	return expect(err == nil && devices == 3, "untyped: %d %v", devices, err)
}

func conflicts(w *world) error {
	c := &corev1.ConfigMap{ObjectMeta: object("counter"), Data: map[string]string{"n": "0"}}
	if err := w.Create(w, c); err != nil {
		return err
	}
	stale, tries := c.DeepCopy(), 0
	c.Data["n"] = "1"
	if err := w.Update(w, c); err != nil {
		return err
	}
	base := stale.DeepCopy()
	stale.Data["n"] = "2"
	if err := says(w.Update(w, stale), apierrors.IsConflict, "the object has been modified; please apply your changes to the latest version and try again"); err != nil {
		return err
	}
	if err := says(w.Patch(w, stale, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})), apierrors.IsConflict, "the object has been modified"); err != nil {
		return err
	}
	if err := says(w.Delete(w, stale, client.Preconditions{ResourceVersion: &stale.ResourceVersion}), apierrors.IsConflict, "ResourceVersion in the precondition"); err != nil {
		return err
	}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if tries++; tries > 1 {
			if err := w.Get(w, key("counter"), stale); err != nil {
				return err
			}
		}
		stale.Data["n"] = "3"
		return w.Update(w, stale)
	})
	return expect(err == nil && tries == 2, "%d tries, %v", tries, err)
}

func applies(w *world) error {
	first := coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "1", "b": "2"})
	if err := w.Apply(w, first, client.FieldOwner("one")); err != nil {
		return err
	}
	if first.UID == nil || first.ResourceVersion == nil {
		return fmt.Errorf("the answer is not in what was applied")
	}
	second := coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "3"})
	if err := says(w.Apply(w, second, client.FieldOwner("two")), apierrors.IsConflict, `conflict with "one": .data.a`); err != nil {
		return err
	}
	if err := w.Apply(w, coreapply.ConfigMap("applied", namespace).WithData(map[string]string{"a": "3"}), client.FieldOwner("two"), client.ForceOwnership); err != nil {
		return err
	}
	if err := w.Apply(w, coreapply.ConfigMap("applied", namespace).WithData(map[string]string{}), client.FieldOwner("one")); err != nil {
		return err
	}
	now := &corev1.ConfigMap{}
	if err := w.Get(w, key("applied"), now); err != nil {
		return err
	}
	if !reflect.DeepEqual(now.Data, map[string]string{"a": "3"}) {
		return fmt.Errorf("data %v", now.Data)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{map[string]any{
		"type": "Seen", "status": "True", "reason": "Here", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}}}}}
	u.SetGroupVersionKind(groupVersion.WithKind("Training"))
	u.SetName("one")
	u.SetNamespace(namespace)
	if err := w.Status().Apply(w, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("watcher")); err != nil {
		return err
	}
	t := &Training{}
	if err := w.Get(w, key("one"), t); err != nil {
		return err
	}
	return expect(meta.IsStatusConditionTrue(t.Status.Conditions, "Seen") && meta.FindStatusCondition(t.Status.Conditions, "Ready") != nil,
		"conditions %v", t.Status.Conditions)
}

func createsOrUpdates(w *world) error {
	c := &corev1.ConfigMap{ObjectMeta: object("either")}
	set := func(value string) controllerutil.MutateFn {
		return func() error { c.Data = map[string]string{"k": value}; return nil }
	}
	var seen []controllerutil.OperationResult
	for _, value := range []string{"1", "1", "2"} {
		did, err := controllerutil.CreateOrUpdate(w, w.Client, c, set(value))
		if err != nil {
			return err
		}
		seen = append(seen, did)
	}
	t := &Training{ObjectMeta: object("one")}
	did, err := controllerutil.CreateOrPatch(w, w.Client, t, func() error {
		meta.SetStatusCondition(&t.Status.Conditions, metav1.Condition{Type: "Patched", Status: "True", Reason: "Here"})
		t.Labels = map[string]string{"patched": "yes"}
		return nil
	})
	if err != nil {
		return err
	}
	seen = append(seen, did)
	return expect(slices.Equal(seen, []controllerutil.OperationResult{"created", "unchanged", "updated", "updatedStatus"}), "%v", seen)
}

func wraps(w *world) error {
	c := client.NewNamespacedClient(client.WithFieldOwner(client.WithFieldValidation(w.Client, metav1.FieldValidationStrict), "wrapped"), namespace)
	u := &unstructured.Unstructured{Object: map[string]any{"colour": "red"}}
	u.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	u.SetName("wrapped")
	if err := says(c.Create(w, u), apierrors.IsBadRequest, `strict decoding error: unknown field "colour"`); err != nil {
		return err
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "wrapped"}, Data: map[string]string{"k": "v"}}
	if err := c.Create(w, m); err != nil {
		return err
	}
	if m.Namespace != namespace || m.ManagedFields[0].Manager != "wrapped" {
		return fmt.Errorf("in %q by %q", m.Namespace, m.ManagedFields[0].Manager)
	}
	m.Data["k"] = "dry"
	dry := client.NewDryRunClient(w.Client)
	if err := dry.Update(w, m); err != nil {
		return err
	}
	if err := dry.Delete(w, m); err != nil {
		return err
	}
	if err := w.Get(w, key("wrapped"), m); err != nil {
		return err
	}
	return expect(m.Data["k"] == "v", "a dry run wrote %q", m.Data["k"])
}

func subresources(w *world) error {
	account := &corev1.ServiceAccount{ObjectMeta: object("default")}
	request := &authenticationv1.TokenRequest{}
	if err := until(w, "the default account", func() (bool, any) {
		err := w.SubResource("token").Create(w, account, request)
		return err == nil, err
	}); err != nil {
		return err
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: request.Status.Token}}
	if err := w.Create(w, review); err != nil {
		return err
	}
	if review.Status.User.Username != "system:serviceaccount:"+namespace+":default" {
		return fmt.Errorf("the token is of %+v", review.Status)
	}
	t := &Training{}
	if err := w.SubResource("status").Get(w, &Training{ObjectMeta: object("one")}, t); err != nil {
		return err
	}
	t.Spec.Devices = 0
	if err := w.Status().Update(w, t); err != nil {
		return err
	}
	return expect(t.Spec.Devices == 3, "an update of the status made it %d devices", t.Spec.Devices)
}

func deletesAll(w *world) error {
	for i := range 5 {
		c := &corev1.ConfigMap{ObjectMeta: object(fmt.Sprintf("batch-%d", i))}
		c.Labels = map[string]string{"batch": fmt.Sprint(i % 2)}
		if err := w.Create(w, c); err != nil {
			return err
		}
	}
	if err := w.DeleteAllOf(w, &corev1.ConfigMap{}, client.InNamespace(namespace), client.MatchingLabels{"batch": "0"}); err != nil {
		return err
	}
	left := &corev1.ConfigMapList{}
	if err := w.List(w, left, client.InNamespace(namespace), client.HasLabels{"batch"}); err != nil {
		return err
	}
	return expect(len(left.Items) == 2 && left.Items[0].Name == "batch-1", "%d left", len(left.Items))
}

func recordsEvents(w *world) error {
	return until(w, "an event about the training", func() (bool, any) {
		list := &eventsv1.EventList{}
		if err := w.List(w, list, client.InNamespace(namespace)); err != nil {
			return false, err
		}
		for _, e := range list.Items {
			if e.Regarding.Name == "one" && e.Regarding.Kind == "Training" && e.Reason == "Allocated" && e.Note == "3 devices" && e.ReportingController == "trainer" {
				return true, e
			}
		}
		return false, len(list.Items)
	})
}

func finalizes(w *world) error {
	t := &Training{}
	if err := w.Get(w, key("one"), t); err != nil {
		return err
	}
	if err := w.Delete(w, t, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		return err
	}
	if err := until(w, "the training is gone, and its claims", func() (bool, any) {
		claims := &resourcev1.ResourceClaimList{}
		if err := w.List(w, claims, client.InNamespace(namespace), client.MatchingLabels{ofLabel: "one"}); err != nil {
			return false, err
		}
		err := w.Get(w, key("one"), &Training{})
		return apierrors.IsNotFound(err) && len(claims.Items) == 0, fmt.Sprintf("%d claims, %v", len(claims.Items), err)
	}); err != nil {
		return err
	}
	note := &corev1.ConfigMap{}
	if err := w.Get(w, key("goodbye-one"), note); err != nil {
		return err
	}
	return expect(note.Data["uid"] == string(t.UID), "the last word is of %q", note.Data["uid"])
}

func takesOver(w *world) error {
	first, second := w.managers[0], w.managers[1]
	select {
	case <-second.Elected():
		return fmt.Errorf("both lead")
	default:
	}
	first.stop()
	if err := <-first.ended; err != nil {
		return fmt.Errorf("the first manager: %w", err)
	}
	select {
	case <-second.Elected():
	case <-w.Done():
		return fmt.Errorf("nobody took over")
	}
	c := &resourcev1.ResourceClaim{ObjectMeta: object("many-0")}
	if err := w.Delete(w, c); err != nil {
		return err
	}
	return settles(w, "many", 5)
}
