package main

import (
	"encoding/json"
	"fmt"

	openapi "github.com/google/gnostic-models/openapiv2"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// The same value gives the same text, however its YAML was laid out.
func settle(any *openapi.Any) error {
	var value interface{}
	if err := yaml.Unmarshal([]byte(any.GetYaml()), &value); err != nil {
		return err
	}
	text, err := json.Marshal(value)
	any.Yaml = string(text)
	return err
}

func settleAll(m protoreflect.Message) (err error) {
	if any, ok := m.Interface().(*openapi.Any); ok {
		return settle(any)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = settleAll(v.List().Get(i).Message())
			}
		default:
			err = settleAll(v.Message())
		}
		return err == nil
	})
	return err
}

// The first definition or path that differs, for who has to look.
func firstDifference(got, want *openapi.Document) string {
	for i, d := range want.GetDefinitions().GetAdditionalProperties() {
		if i >= len(got.GetDefinitions().GetAdditionalProperties()) || !proto.Equal(d, got.Definitions.AdditionalProperties[i]) {
			return "definition " + d.Name
		}
	}
	for i, p := range want.GetPaths().GetPath() {
		if i >= len(got.GetPaths().GetPath()) || !proto.Equal(p, got.Paths.Path[i]) {
			return "path " + p.Name
		}
	}
	return "the rest"
}

// A definition with what built-in kinds do not have in their schemas.
const widgets = `{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.interop.example.com"},
"spec": {"group": "interop.example.com", "names": {"kind": "Widget", "plural": "widgets"}, "scope": "Namespaced", "versions": [{"name": "v1", "served": true, "storage": true,
"schema": {"openAPIV3Schema": {"type": "object", "description": "a: b", "required": ["spec"], "properties": {"spec": {"type": "object", "properties": {
"size": {"type": "integer", "minimum": 0, "maximum": 9007199254740993, "exclusiveMaximum": true, "default": 3},
"ratio": {"type": "number", "multipleOf": 0.25, "minimum": -1.5},
"name": {"type": "string", "minLength": 0, "maxLength": 300, "pattern": "^[a-z]+$", "enum": ["a", "null", "1", ""], "default": "a"},
"flags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 5, "x-kubernetes-list-type": "atomic"},
"ports": {"type": "array", "items": {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer", "format": "int32"}}}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"]},
"labels": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "default": {"a": "b", "c": "- d"}},
"anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
"either": {"x-kubernetes-int-or-string": true}}}}}}}]}}`

func define(s *session) error {
	var definition unstructured.Unstructured
	if err := definition.UnmarshalJSON([]byte(widgets)); err != nil {
		return err
	}
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	client := dynamic.NewForConfigOrDie(s.config).Resource(resource)
	if _, err := client.Create(s.ctx, &definition, metav1.CreateOptions{}); err != nil {
		return err
	}
	return until(s.ctx, "the definition is served", func() bool {
		_, err := s.json.Discovery().ServerResourcesForGroupVersion("interop.example.com/v1")
		return err == nil
	})
}

// OpenAPISchema() reads protobuf: it must be what gnostic makes of the JSON form.
func describes(s *session) error {
	if err := define(s); err != nil {
		return err
	}
	client := discovery.NewDiscoveryClientForConfigOrDie(s.config)
	got, err := client.OpenAPISchema()
	if err != nil {
		return err
	}
	raw, err := client.RESTClient().Get().AbsPath("/openapi/v2").SetHeader("Accept", "application/json").Do(s.ctx).Raw()
	if err != nil {
		return err
	}
	want, err := openapi.ParseDocument(raw)
	if err != nil {
		return err
	}
	if len(want.GetDefinitions().GetAdditionalProperties()) < 200 || len(want.GetPaths().GetPath()) < 200 {
		return fmt.Errorf("only %d definitions and %d paths", len(want.Definitions.AdditionalProperties), len(want.Paths.Path))
	}
	if err := settleAll(got.ProtoReflect()); err != nil {
		return err
	}
	if err := settleAll(want.ProtoReflect()); err != nil {
		return err
	}
	return expect(proto.Equal(got, want), "%s differs from its JSON", firstDifference(got, want))
}
