package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	resourceapply "k8s.io/client-go/applyconfigurations/resource/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const (
	finalizer = "runtime.example.com/goodbye"
	owner     = client.FieldOwner("trainer")
	byOwner   = ".metadata.controller"
	ofLabel   = "runtime.example.com/training"
)

// trainer keeps as many claims for a Training as it asks for.
type trainer struct {
	client.Client
	events events.EventRecorder
}

func (r *trainer) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	training := &Training{}
	if err := r.Get(ctx, request.NamespacedName, training); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !training.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.goodbye(ctx, training)
	}
	if controllerutil.AddFinalizer(training, finalizer) {
		return ctrl.Result{}, r.Update(ctx, training)
	}
	for i := range training.Spec.Devices {
		if err := r.Apply(ctx, claimOf(training, i), owner, client.ForceOwnership); err != nil {
			return ctrl.Result{}, err
		}
	}
	allocated, err := r.count(ctx, training)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.report(ctx, training, allocated)
}

func claimOf(t *Training, i int32) *resourceapply.ResourceClaimApplyConfiguration {
	exactly := resourceapply.ExactDeviceRequest().WithDeviceClassName("gpu.example.com").WithAllocationMode(resourcev1.DeviceAllocationModeExactCount).WithCount(1)
	return resourceapply.ResourceClaim(fmt.Sprintf("%s-%d", t.Name, i), t.Namespace).
		WithLabels(map[string]string{ofLabel: t.Name}).
		WithOwnerReferences(metaapply.OwnerReference().WithAPIVersion(groupVersion.String()).WithKind("Training").
			WithName(t.Name).WithUID(t.UID).WithController(true).WithBlockOwnerDeletion(true)).
		WithSpec(resourceapply.ResourceClaimSpec().WithDevices(resourceapply.DeviceClaim().
			WithRequests(resourceapply.DeviceRequest().WithName("gpu").WithExactly(exactly))))
}

// count says how many of the claims are allocated, and deletes those that are too many. It finds them by the cache's index.
func (r *trainer) count(ctx context.Context, t *Training) (int32, error) {
	claims := &resourcev1.ResourceClaimList{}
	if err := r.List(ctx, claims, client.InNamespace(t.Namespace), client.MatchingFields{byOwner: t.Name}); err != nil {
		return 0, err
	}
	wanted, allocated := map[string]bool{}, int32(0)
	for i := range t.Spec.Devices {
		wanted[fmt.Sprintf("%s-%d", t.Name, i)] = true
	}
	for i := range claims.Items {
		c := &claims.Items[i]
		if !wanted[c.Name] {
			if err := r.Delete(ctx, c, client.Preconditions{UID: &c.UID}); client.IgnoreNotFound(err) != nil {
				return 0, err
			}
		} else if c.Status.Allocation != nil && c.DeletionTimestamp.IsZero() {
			allocated++
		}
	}
	return allocated, nil
}

// report writes the status; a conflict is an error, which brings the Training back into the queue.
func (r *trainer) report(ctx context.Context, t *Training, allocated int32) error {
	ready := metav1.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Waiting", Message: "not all devices are there", ObservedGeneration: t.Generation}
	if allocated == t.Spec.Devices {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionTrue, "Allocated", fmt.Sprintf("%d devices", allocated)
	}
	changed := meta.SetStatusCondition(&t.Status.Conditions, ready)
	if !changed && t.Status.Devices == allocated && t.Status.ObservedGeneration == t.Generation {
		return nil
	}
	t.Status.Devices, t.Status.ObservedGeneration = allocated, t.Generation
	if err := r.Status().Update(ctx, t); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.events.Eventf(t, nil, corev1.EventTypeNormal, ready.Reason, "Train", "%s", ready.Message)
	return nil
}

func (r *trainer) goodbye(ctx context.Context, t *Training) error {
	if !controllerutil.ContainsFinalizer(t, finalizer) {
		return nil
	}
	note := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "goodbye-" + t.Name, Namespace: t.Namespace}}
	if _, err := controllerutil.CreateOrUpdate(ctx, r.Client, note, func() error {
		note.Data = map[string]string{"uid": string(t.UID)}
		return nil
	}); err != nil {
		return err
	}
	before := t.DeepCopy()
	controllerutil.RemoveFinalizer(t, finalizer)
	return client.IgnoreNotFound(r.Patch(ctx, t, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

// allocator stands for a scheduler: claims of trainings get an allocation with no devices in it, which is a valid one.
type allocator struct{ client.Client }

func (r *allocator) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	claim := &resourcev1.ResourceClaim{}
	if err := r.Get(ctx, request.NamespacedName, claim); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if claim.Status.Allocation != nil || !claim.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	status := resourceapply.ResourceClaim(claim.Name, claim.Namespace).
		WithStatus(resourceapply.ResourceClaimStatus().WithAllocation(resourceapply.AllocationResult()))
	return ctrl.Result{}, client.IgnoreNotFound(r.Status().Apply(ctx, status, client.FieldOwner("allocator")))
}

// Webhooks: a default, a refusal, a warning.
type webhooks struct{}

func (webhooks) Default(_ context.Context, t *Training) error {
	if t.Spec.Model == "" {
		t.Spec.Model = "llama"
	}
	return nil
}

func (webhooks) ValidateCreate(_ context.Context, t *Training) (admission.Warnings, error) {
	if t.Spec.Devices > 4 {
		return admission.Warnings{"that is a lot"}, nil
	}
	return nil, nil
}

func (webhooks) ValidateUpdate(_ context.Context, old, t *Training) (admission.Warnings, error) {
	if old.Spec.Model != t.Spec.Model {
		return nil, fmt.Errorf("model %s may not become %s", old.Spec.Model, t.Spec.Model)
	}
	return nil, nil
}

func (webhooks) ValidateDelete(_ context.Context, t *Training) (admission.Warnings, error) {
	if t.Labels["keep"] == "yes" {
		return nil, fmt.Errorf("%s is to be kept", t.Name)
	}
	return nil, nil
}

// operate registers everything with a manager; one that does not serve webhooks only reconciles.
func operate(mgr ctrl.Manager, serve bool) error {
	claimOwner := func(o client.Object) []string {
		if c := metav1.GetControllerOf(o); c != nil && c.Kind == "Training" {
			return []string{c.Name}
		}
		return nil
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &resourcev1.ResourceClaim{}, byOwner, claimOwner); err != nil {
		return err
	}
	reconciler := &trainer{mgr.GetClient(), mgr.GetEventRecorder("trainer")}
	if err := ctrl.NewControllerManagedBy(mgr).For(&Training{}).Owns(&resourcev1.ResourceClaim{}).Complete(reconciler); err != nil {
		return err
	}
	ours := predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetLabels()[ofLabel] != "" })
	if err := ctrl.NewControllerManagedBy(mgr).Named("allocator").For(&resourcev1.ResourceClaim{}, builder.WithPredicates(ours)).Complete(&allocator{mgr.GetClient()}); err != nil {
		return err
	}
	if !serve {
		return nil
	}
	return ctrl.NewWebhookManagedBy(mgr, &Training{}).WithDefaulter(webhooks{}).WithValidator(webhooks{}).Complete()
}
