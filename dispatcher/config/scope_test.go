package config

import (
	"reflect"
	"slices"
	"testing"
)

// TestScopesAgreeWithTheMembers walks the members by reflection: a vendor has regions or environments in the table
// if its member names one, and then the row's place is what the member names.
func TestScopesAgreeWithTheMembers(t *testing.T) {
	t.Parallel()
	seen := 0
	for f := range reflect.TypeFor[Channel]().Fields() {
		if f.Type.Kind() != reflect.Pointer {
			continue
		}
		seen++
		row := Channel{Vendor: f.Name}
		member := reflect.New(f.Type.Elem())
		reflect.ValueOf(&row).Elem().FieldByIndex(f.Index).Set(member)
		scope := ScopeOf(f.Name)
		name := func(field string, values []string) (want string) {
			v := member.Elem().FieldByName(field)
			if v.IsValid() != (len(values) > 0) {
				t.Errorf("%s: the member names a %s: %v, the table has %v", f.Name, field, v.IsValid(), values)
			}
			if v.IsValid() {
				want = "some " + field
				v.SetString(want)
			}
			return want
		}
		region, environment := name("Region", scope.Regions), name("Environment", scope.Environments)
		if gotRegion, gotEnvironment := row.Place(); gotRegion != region || gotEnvironment != environment {
			t.Errorf("%s: the row's place is %q, %q, want %q, %q", f.Name, gotRegion, gotEnvironment, region, environment)
		}
	}
	if seen != len((Channel{}).members()) || len(ScopeOf("Nokia").Regions) > 0 {
		t.Errorf("%d members, want %d", seen, len((Channel{}).members()))
	}
	if !slices.Equal(ScopeOf("APNs").Environments, []string{"Production", "Sandbox"}) {
		t.Error("an APNs token without an environment must be one of production")
	}
}
