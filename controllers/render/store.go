package render

import (
	"strings"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// maxIdentifier is the length of a name in PostgreSQL in bytes.
const maxIdentifier = 63

// store says where the app's data is; SQLite needs no words.
func store(in Input) config.Store {
	want := in.App.Spec.Store.Postgres
	if want == nil {
		return config.Store{}
	}
	database := in.Database
	database.Schema = schemaOf(want.Schema, in.App.Spec.AppID)
	database.PoolMode = string(want.PoolMode)
	return config.Store{Postgres: &database}
}

// reserved are the names of its own and the key words that PostgreSQL takes for no schema without quotes
// (PostgreSQL 15, appendix C: reserved, also where a function or type may be called so).
var reserved = setOf(`public information_schema
	all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
	concurrently constraint create cross current_catalog current_date current_role current_schema current_time
	current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from
	full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime
	localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning
	right select session_user similar some symmetric table tablesample then to trailing true union unique user using
	variadic verbose when where window with`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// schemaOf is the wanted schema, or the one that an appID stands for. Two appIDs may stand for the same one; the store's
// own note of its appID then refuses the second.
func schemaOf(wanted, appID string) string {
	if wanted != "" {
		return wanted
	}
	name := strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return '_'
	}, strings.ToLower(appID))
	if name[0] < 'a' || strings.HasPrefix(name, "pg_") || reserved[name] {
		name = "app_" + name
	}
	return name[:min(len(name), maxIdentifier)]
}

// shared reports whether the app's dispatchers share a database, so that there may be several.
func shared(app *pushv1.PushApp) bool { return app.Spec.Store.Postgres != nil }
