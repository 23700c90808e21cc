package pushapp

import (
	"context"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/database"
	"github.com/offlinepush/operator/dispatcher/config"
)

// storeError is trouble of what spec.store refers to; StoreReady tells it.
type storeError struct{ error }

func (t storeError) Unwrap() error { return t.error }

// resolveStore reads where the app's database is; SQLite refers to nothing.
func (r *Reconciler) resolveStore(ctx context.Context, app *pushv1.PushApp) (config.Postgres, error) {
	store := app.Spec.Store.Postgres
	if store == nil {
		return config.Postgres{}, nil
	}
	const field = "spec.store.postgres.secretRef"
	data, err := r.secretData(ctx, app, field, store.SecretRef)
	if err != nil {
		return config.Postgres{}, storeError{err}
	}
	found, err := database.Parse(data)
	if err != nil {
		return config.Postgres{}, storeError{condition.Wrap(err, "%s: Secret %s: ", field, store.SecretRef.Name)}
	}
	return found, nil
}
