package config

import (
	"reflect"
	"testing"
)

// Every rate has a default, and what is set of it stays.
func TestRatesOrDefault(t *testing.T) {
	t.Parallel()
	defaults := DefaultRates()
	if got := (Rates{}).OrDefault(); got != defaults {
		t.Errorf("without any: %+v, want %+v", got, defaults)
	}
	for f := range reflect.TypeFor[Rates]().Fields() {
		if reflect.ValueOf(defaults).FieldByIndex(f.Index).Float() <= 0 {
			t.Errorf("%s has no default", f.Name)
		}
		var set Rates
		reflect.ValueOf(&set).Elem().FieldByIndex(f.Index).SetFloat(0.25)
		if got := reflect.ValueOf(set.OrDefault()).FieldByIndex(f.Index).Float(); got != 0.25 {
			t.Errorf("%s is %v, want what was set", f.Name, got)
		}
		reflect.ValueOf(&set).Elem().FieldByIndex(f.Index).SetFloat(-1)
		if set.validate() == nil {
			t.Errorf("%s may be less than 0", f.Name)
		}
	}
}
