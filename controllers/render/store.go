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
	if name[0] < 'a' || strings.HasPrefix(name, "pg_") || name == "public" || name == "information_schema" {
		name = "app_" + name
	}
	return name[:min(len(name), maxIdentifier)]
}

// shared reports whether the app's dispatchers share a database, so that there may be several.
func shared(app *pushv1.PushApp) bool { return app.Spec.Store.Postgres != nil }
