package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/scheme"
)

var groupVersion = schema.GroupVersion{Group: "runtime.example.com", Version: "v1"}

// Training wants so many devices. It is what a user's operator would define.
type Training struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              TrainingSpec   `json:"spec,omitempty"`
	Status            TrainingStatus `json:"status,omitempty"`
}

type TrainingSpec struct {
	Model   string `json:"model,omitempty"`
	Devices int32  `json:"devices"`
}

type TrainingStatus struct {
	Devices            int32              `json:"devices,omitempty"`
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

type TrainingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Training `json:"items"`
}

func (t *Training) DeepCopyInto(out *Training) {
	*out = *t
	t.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Status.Conditions = append([]metav1.Condition(nil), t.Status.Conditions...)
}

func (t *Training) DeepCopy() *Training {
	out := &Training{}
	t.DeepCopyInto(out)
	return out
}

func (t *Training) DeepCopyObject() runtime.Object { return t.DeepCopy() }

func (l *TrainingList) DeepCopyObject() runtime.Object {
	out := &TrainingList{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy(), Items: make([]Training, len(l.Items))}
	for i := range l.Items {
		l.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}

func newScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		return nil, err
	}
	return s, (&scheme.Builder{GroupVersion: groupVersion}).Register(&Training{}, &TrainingList{}).AddToScheme(s)
}
