package pushapp

import (
	"context"
	"strings"
	"unicode/utf8"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/database"
	"github.com/offlinepush/operator/dispatcher/config"
)

// resolveCallback reads the key that signs what the app's own server is told; without a callback there is none.
func (r *Reconciler) resolveCallback(ctx context.Context, app *pushv1.PushApp) (config.Callback, error) {
	spec := app.Spec.Callback
	if spec == nil {
		return config.Callback{}, nil
	}
	const field = "spec.callback.keySecretRef"
	ref := spec.KeySecretRef
	data, err := r.secretData(ctx, app, field, ref)
	if err != nil {
		return config.Callback{}, err
	}
	key, ok := data[pushv1.CallbackKeyKey]
	if !ok {
		return config.Callback{}, condition.Waiting(pushv1.ReasonSecretKeyMissing,
			"%s: Secret %s lacks the entry %s: add it", field, ref.Name, pushv1.CallbackKeyKey)
	}
	// The document is JSON, which bytes that are no text would not survive.
	if text := string(key); len(key) < config.MinCallbackKey || !utf8.Valid(key) || strings.TrimSpace(text) != text {
		return config.Callback{}, condition.Terminal(pushv1.ReasonSecretMalformed,
			"%s: entry %s of Secret %s must be text of at least %d characters and no blank or newline around them",
			field, pushv1.CallbackKeyKey, ref.Name, config.MinCallbackKey)
	}
	bundle := string(data[pushv1.CallbackCAKey])
	if bundle != "" && !database.HoldsCertificates(bundle) {
		return config.Callback{}, condition.Terminal(pushv1.ReasonCABundleMalformed,
			"%s: entry %s of Secret %s must hold PEM certificates and nothing else: correct it, or remove it", field, pushv1.CallbackCAKey, ref.Name)
	}
	return config.Callback{URL: string(spec.URL), Key: config.NewSecret(string(key)), CABundle: bundle}, nil
}
