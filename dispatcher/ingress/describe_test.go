package ingress_test

import (
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
)

// TestEverythingIsDescribed wants a sentence about every operation, parameter and property of both documents.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for name, server := range map[string]*httptest.Server{"device": bed.Device, "server": bed.Server} {
		doc := describe(t, server)
		if len(doc.Paths) == 0 || len(doc.Components.Schemas) == 0 {
			t.Fatalf("the %s document is empty", name)
		}
		for _, what := range doc.undescribed() {
			t.Errorf("%s.yaml: %s: has no description that is a sentence", name, what)
		}
	}
}

// undescribed are the operations, parameters and properties that nobody wrote a sentence about.
func (d *described) undescribed() []string {
	var out []string
	want := func(description, what string) {
		if !strings.HasSuffix(description, ".") {
			out = append(out, what)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for method, op := range d.Paths[path] {
			want(op.Description, strings.ToUpper(method)+" "+path)
			if op.Summary == "" {
				out = append(out, strings.ToUpper(method)+" "+path+", summary")
			}
			for _, p := range op.Parameters {
				want(p.Description, strings.ToUpper(method)+" "+path+", "+p.In+" parameter "+p.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		d.Components.Schemas[name].properties(name, want)
	}
	return out
}

// properties calls want for every property, also for those of objects within.
func (s schema) properties(name string, want func(description, what string)) {
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		property, path := s.Properties[field], name+"."+field
		want(property.Description, path)
		property.properties(path, want)
		if property.Items != nil {
			property.Items.properties(path+"[]", want)
		}
	}
}

// TestUndescribedIsFound keeps the test above honest.
func TestUndescribedIsFound(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	doc := describe(t, bed.Device)
	op := doc.Paths["/v1/devices"]["post"]
	op.Summary, op.Description = "", "No sentence"
	doc.Paths["/v1/devices"]["post"] = op
	doc.Paths["/v1/devices/{pushID}/badge"]["put"].Parameters[0].Description = ""
	set := doc.Components.Schemas["SetBadge"]
	set.Properties["badge"] = schema{}
	want := []string{"POST /v1/devices", "POST /v1/devices, summary", "PUT /v1/devices/{pushID}/badge, path parameter pushID", "SetBadge.badge"}
	if got := doc.undescribed(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
