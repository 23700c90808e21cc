package storetest

import (
	"slices"
	"testing"

	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// namesUsers are the names of columns that say whose a row is, by the store's key or by the id.
func namesUsers() []string {
	return []string{"user_key", "user_id", "sender", "member_key", "owner_key", "caller", "caller_key"}
}

// CheckUserTables fails when a table has rows of users that an erasure would leave. Columns are those of all tables.
func CheckUserTables(t *testing.T, columns map[string][]string) {
	t.Helper()
	erased := rules.UserTables()
	kept := rules.KeptTables()
	for table, names := range columns {
		one := slices.IndexFunc(erased, func(e rules.UserTable) bool { return e.Name == table })
		if one >= 0 && !slices.Contains(names, erased[one].Column) {
			t.Errorf("table %s has no column %s", table, erased[one].Column)
		}
		if one >= 0 || kept[table] != "" {
			continue
		}
		for _, name := range names {
			if slices.Contains(namesUsers(), name) {
				t.Errorf("table %s has a column %s: an erasure must empty it, add a line to rules.UserTables (or KeptTables, with the reason)", table, name)
			}
		}
	}
	for _, e := range erased {
		if columns[e.Name] == nil {
			t.Errorf("rules.UserTables names %s, which is no table", e.Name)
		}
	}
}
