package main

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const released = `
spec:
  group: example.com
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [name]
            properties:
              name: {type: string, maxLength: 64, minLength: 2, pattern: "^a"}
              color: {type: string, enum: [Red, Blue], default: Red}
              size: {type: integer, minimum: 1, maximum: 9}
              tags: {type: array, maxItems: 8, items: {type: string, maxLength: 20}}
`

func changed(t *testing.T, old, to string) []string {
	t.Helper()
	if strings.Count(released, old) != 1 {
		t.Fatalf("%q is in the CRD %d times", old, strings.Count(released, old))
	}
	var before, after apiextensionsv1.CustomResourceDefinition
	for text, crd := range map[string]*apiextensionsv1.CustomResourceDefinition{released: &before, strings.Replace(released, old, to, 1) + "\n": &after} {
		if err := yaml.Unmarshal([]byte(text), crd); err != nil {
			t.Fatal(err)
		}
	}
	return compare(&before, &after)
}

func TestBreakingChanges(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ old, to, want string }{
		"a field gone":          {"              size: {type: integer, minimum: 1, maximum: 9}\n", "", "Thing.spec.size: the field is gone"},
		"a field renamed":       {"color:", "colour:", "Thing.spec.color: the field is gone"},
		"an enum value gone":    {"[Red, Blue]", "[Red]", `Thing.spec.color: the value "Blue" is gone`},
		"values where any were": {"{type: string, maxLength: 20}", "{type: string, maxLength: 20, enum: [x]}", "Thing.spec.tags[]: only some values are left"},
		"required anew":         {"required: [name]", "required: [name, size]", "Thing.spec: size is required anew"},
		"shorter":               {"maxLength: 64", "maxLength: 32", "Thing.spec.name: a lower upper bound"},
		"longer at least":       {"minLength: 2", "minLength: 3", "Thing.spec.name: a higher lower bound"},
		"a smaller maximum":     {"maximum: 9", "maximum: 8", "Thing.spec.size: a lower upper bound"},
		"a larger minimum":      {"minimum: 1", "minimum: 2", "Thing.spec.size: a higher lower bound"},
		"fewer items":           {"maxItems: 8", "maxItems: 7", "Thing.spec.tags: a lower upper bound"},
		"a bound anew":          {"type: array, maxItems: 8", "type: array, minItems: 1, maxItems: 8", "Thing.spec.tags: a higher lower bound"},
		"an item shorter":       {"maxLength: 20", "maxLength: 19", "Thing.spec.tags[]: a lower upper bound"},
		"another pattern":       {"\"^a\"", "\"^b\"", "Thing.spec.name: another pattern"},
		"another type":          {"size: {type: integer,", "size: {type: number,", "Thing.spec.size: another type"},
		"another default":       {"default: Red", "default: Blue", "Thing.spec.color: another default"},
		"a version not served":  {"served: true", "served: false", "Thing: version v1 is gone"},
		"another scope":         {"scope: Namespaced", "scope: Cluster", "Thing: group, scope, kind or plural changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(changed(t, tt.old, tt.to), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestChangesThatBreakNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ old, to string }{
		"nothing":        {"maximum: 9", "maximum: 9"},
		"a field more":   {"maximum: 9}", "maximum: 9}\n              weight: {type: integer}"},
		"a value more":   {"[Red, Blue]", "[Red, Blue, Green]"},
		"a wider bound":  {"maximum: 9", "maximum: 10"},
		"no bound":       {", maximum: 9", ""},
		"no pattern":     {", pattern: \"^a\"", ""},
		"not required":   {"required: [name]", "required: []"},
		"a longer text":  {"maxLength: 64", "maxLength: 65"},
		"words anywhere": {"minLength: 2", "minLength: 2, description: A name."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := changed(t, tt.old, tt.to); len(got) > 0 {
				t.Errorf("found %q", got)
			}
		})
	}
}
