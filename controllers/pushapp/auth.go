package pushapp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/config"
)

const (
	// jwksKey is the key of the Secret with a JSON Web Key Set.
	jwksKey = "jwks.json"
	// minKeyLength is the least number of characters of a server or registration key.
	minKeyLength = 16
)

// resolveAuth reads the keys of those who may call the dispatchers.
func (r *Reconciler) resolveAuth(ctx context.Context, app *pushv1.PushApp) (config.Auth, error) {
	spec := app.Spec.Auth
	server, err := r.callerKeys(ctx, app, "spec.auth.serverKeysSecretRef", spec.ServerKeysSecretRef)
	if err != nil {
		return config.Auth{}, err
	}
	registration, err := r.callerKeys(ctx, app, "spec.auth.registrationKeysSecretRef", spec.RegistrationKeysSecretRef)
	if err != nil {
		return config.Auth{}, err
	}
	auth := config.Auth{ServerKeys: server, RegistrationKeys: registration}
	if spec.DeviceJWT == nil {
		return auth, nil
	}
	auth.DeviceJWT = config.DeviceJWT{
		Issuer: spec.DeviceJWT.Issuer, Audience: spec.DeviceJWT.Audience, JWKSURL: string(spec.DeviceJWT.JWKSURL),
	}
	for _, a := range spec.DeviceJWT.Algorithms {
		auth.DeviceJWT.Algorithms = append(auth.DeviceJWT.Algorithms, string(a))
	}
	if ref := spec.DeviceJWT.KeysSecretRef; ref != nil {
		auth.DeviceJWT.JWKS, err = r.jwks(ctx, app, *ref)
	}
	return auth, err
}

// callerKeys reads every entry of a Secret as a key, in the order of their names.
func (r *Reconciler) callerKeys(ctx context.Context, app *pushv1.PushApp, field string, ref pushv1.SecretReference) ([]config.Secret, error) {
	data, err := r.secretData(ctx, app, field, ref)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, condition.Waiting(pushv1.ReasonSecretKeyMissing, "%s: Secret %s holds no key: add an entry", field, ref.Name)
	}
	var keys []config.Secret
	for _, name := range slices.Sorted(maps.Keys(data)) {
		key := string(data[name])
		if len(key) < minKeyLength || strings.TrimSpace(key) != key {
			return nil, condition.Terminal(pushv1.ReasonSecretMalformed,
				"%s: entry %s of Secret %s must have at least %d characters and no blank or newline around them", field, name, ref.Name, minKeyLength)
		}
		keys = append(keys, config.NewSecret(key))
	}
	return keys, nil
}

func (r *Reconciler) jwks(ctx context.Context, app *pushv1.PushApp, ref pushv1.SecretReference) (config.Secret, error) {
	const field = "spec.auth.deviceJWT.keysSecretRef"
	data, err := r.secretData(ctx, app, field, ref)
	if err != nil {
		return config.Secret{}, err
	}
	text, ok := data[jwksKey]
	if !ok {
		return config.Secret{}, condition.Waiting(pushv1.ReasonSecretKeyMissing, "%s: Secret %s lacks the key %s: add it", field, ref.Name, jwksKey)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil || len(set.Keys) == 0 {
		return config.Secret{}, condition.Terminal(pushv1.ReasonSecretMalformed,
			"%s: %s of Secret %s must be a JSON Web Key Set with at least one key", field, jwksKey, ref.Name)
	}
	return config.NewSecret(string(text)), nil
}

func (r *Reconciler) secretData(ctx context.Context, app *pushv1.PushApp, field string, ref pushv1.SecretReference) (map[string][]byte, error) {
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: string(ref.Name)}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, condition.Waiting(pushv1.ReasonSecretNotFound, "%s: Secret %s does not exist: create it", field, ref.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	return secret.Data, nil
}
