package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

type schema = apiextensionsv1.JSONSchemaProps

// foreign are the fields whose types are Kubernetes' own, and so are their texts.
var foreign = []string{"metadata", "conditions", "selector", "tolerations", "resources"}

func TestCRDsAreSmall(t *testing.T) {
	t.Parallel()
	for kind, file := range crdFiles(t) {
		if size := len(file); size > 100<<10 {
			t.Errorf("the CRD of %s has %d bytes, want at most 100 KiB", kind, size)
		}
	}
}

// TestExplainTeaches holds every field to the form that `kubectl explain` needs: its JSON name first, whole sentences, and
// its default, limits and values in words.
func TestExplainTeaches(t *testing.T) {
	t.Parallel()
	for kind, root := range schemas(t) {
		walk(&root, kind, func(path, name string, field *schema) {
			for _, lack := range explainLacks(name, field, strings.Contains(path, ".spec.")) {
				t.Errorf("%s: %s\n\t%s", path, lack, field.Description)
			}
		})
	}
}

func explainLacks(name string, field *schema, spec bool) []string {
	text := field.Description
	var lacks []string
	must := func(holds bool, format string, arguments ...any) {
		if !holds {
			lacks = append(lacks, fmt.Sprintf(format, arguments...))
		}
	}
	must(strings.HasPrefix(text, name+" "), "must start with %q", name)
	must(strings.HasSuffix(text, "."), "must end with a full stop")
	if !spec {
		return lacks
	}
	for _, value := range field.Enum {
		must(strings.Contains(text, unquote(value.Raw)), "must name the value %s", value.Raw)
	}
	if field.Default != nil && field.Type != "object" {
		must(strings.Contains(text, "Defaults to"), "must say what it defaults to")
	}
	if field.Default != nil && field.Type != "object" && field.Type != "array" {
		must(strings.Contains(text, unquote(field.Default.Raw)), "must name the default %s", field.Default.Raw)
	}
	for _, limit := range []*float64{field.Minimum, field.Maximum} {
		must(limit == nil || strings.Contains(text, strconv.FormatFloat(*limitOr(limit), 'f', -1, 64)), "must name the limit %v", *limitOr(limit))
	}
	must(field.Type != "integer" || field.Minimum != nil && field.Maximum != nil, "must have a minimum and a maximum")
	return lacks
}

func limitOr(limit *float64) *float64 {
	if limit == nil {
		return new(0.0)
	}
	return limit
}

func unquote(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

// TestEverythingIsBounded finds strings, lists and maps without a limit.
func TestEverythingIsBounded(t *testing.T) {
	t.Parallel()
	for kind, root := range schemas(t) {
		walk(&root, kind, func(path, _ string, field *schema) {
			if slices.Contains(foreign, path[strings.LastIndex(path, ".")+1:]) {
				return
			}
			for _, s := range []*schema{field, itemOf(field)} {
				if s != nil && s.Type == "string" && s.MaxLength == nil && s.Enum == nil && s.Format == "" {
					t.Errorf("%s: a string must have a maxLength", path)
				}
			}
			if field.Type == "array" && (field.MaxItems == nil || field.XListType == nil) {
				t.Errorf("%s: a list must have maxItems and a listType", path)
			}
			if field.AdditionalProperties != nil && field.MaxProperties == nil {
				t.Errorf("%s: a map must have maxProperties", path)
			}
		})
	}
}

// TestUnionsAreComplete holds both unions to one member for each vendor, by the vendor's name, with its rule.
func TestUnionsAreComplete(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	channel, app := all["PushChannel"].Properties["spec"], all["PushApp"].Properties["spec"]
	profiles := app.Properties["pushProfiles"]
	settings := itemOf(new(itemOf(&profiles).Properties["settings"]))
	for name, tt := range map[string]struct {
		schema *schema
		goType reflect.Type
		suffix string
	}{
		"PushChannelSpec": {schema: &channel, goType: reflect.TypeFor[pushv1.PushChannelSpec](), suffix: "Channel"},
		"ProfileSettings": {schema: settings, goType: reflect.TypeFor[pushv1.ProfileSettings](), suffix: "Profile"},
	} {
		vendors := tt.schema.Properties["vendor"].Enum
		if len(vendors) < 2 {
			t.Fatalf("%s: found %d vendors", name, len(vendors))
		}
		for _, vendor := range vendors {
			checkMember(t, tt.schema, tt.goType, unquote(vendor.Raw), tt.suffix)
		}
		if members := memberCount(tt.goType, tt.suffix); members != len(vendors) {
			t.Errorf("%s has %d members for %d vendors", name, members, len(vendors))
		}
	}
}

func checkMember(t *testing.T, union *schema, goType reflect.Type, vendor, suffix string) {
	t.Helper()
	field, found := goType.FieldByNameFunc(func(name string) bool { return name == vendor })
	if !found || field.Type.Kind() != reflect.Pointer || field.Type.Elem().Name() != vendor+suffix {
		t.Errorf("%s must have a member %s of type *%s%s", goType.Name(), vendor, vendor, suffix)
		return
	}
	member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if !strings.EqualFold(member, vendor) {
		t.Errorf("%s: the member of %s is called %s", goType.Name(), vendor, member)
	}
	rule := fmt.Sprintf("(self.vendor == '%s') == has(self.%s)", vendor, member)
	if !slices.ContainsFunc(union.XValidations, func(v apiextensionsv1.ValidationRule) bool { return v.Rule == rule }) {
		t.Errorf("%s lacks the rule %q", goType.Name(), rule)
	}
}

// memberCount counts the pointers to structs that are named like members.
func memberCount(union reflect.Type, suffix string) int {
	count := 0
	for field := range union.Fields() {
		if field.Type.Kind() == reflect.Pointer && field.Type.Elem().Name() == field.Name+suffix {
			count++
		}
	}
	return count
}

// walk visits the fields of this project's own types below a schema.
func walk(parent *schema, path string, visit func(path, name string, field *schema)) {
	for name, field := range parent.Properties {
		if name == "apiVersion" || name == "kind" {
			continue
		}
		here := path + "." + name
		if name != "metadata" {
			visit(here, name, &field)
		}
		if !slices.Contains(foreign, name) {
			walk(&field, here, visit)
			if item := itemOf(&field); item != nil {
				walk(item, here, visit)
			}
		}
	}
}

func itemOf(list *schema) *schema {
	if list.Items == nil {
		return nil
	}
	return list.Items.Schema
}

// schemas returns the schema of every kind.
func schemas(t *testing.T) map[string]schema {
	t.Helper()
	found := map[string]schema{}
	for name, file := range crdFiles(t) {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(file, &crd); err != nil {
			t.Fatalf("reading %s: %v", name, err)
		}
		found[crd.Spec.Names.Kind] = *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return found
}

func crdFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	names, err := filepath.Glob("crd/bases/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no CRDs in crd/bases (error %v): run `make generate`", err)
	}
	for _, name := range names {
		if files[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
