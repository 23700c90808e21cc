package pushchannel

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// nextField is where the spec names the credential that is to follow.
const nextField = "spec.credentials.nextSecretRef"

// source is a Secret that the spec names.
type source struct {
	// field is where the spec names it, secret its name.
	field, secret string
}

// sources are the Secrets that the spec names; next is empty without one of its own.
func sources(channel *pushv1.PushChannel) (current, next source) {
	credentials := channel.Spec.Credentials
	current = source{field: "spec.credentials.secretRef", secret: string(credentials.SecretRef.Name)}
	if ref := credentials.NextSecretRef; ref != nil && ref.Name != credentials.SecretRef.Name {
		next = source{field: nextField, secret: string(ref.Name)}
	}
	return current, next
}

// credential is a channel as dispatchers would run it, with the credential of one Secret.
type credential struct {
	secretName string
	row        config.Channel
	encoded    []byte
}

func (c credential) exists() bool { return len(c.encoded) > 0 }

func (c credential) same(other credential) bool { return bytes.Equal(c.encoded, other.encoded) }

// resolve finds what the spec refers to, and makes the vendor's client of it as dispatchers do. The caller closes it.
func (r *Reconciler) resolve(ctx context.Context, channel *pushv1.PushChannel, from source) (credential, provider.Provider, error) {
	named, err := r.named(ctx, channel, from)
	if err != nil {
		return credential{}, nil, err
	}
	row := named.row
	row.Name = channel.Name
	vendor, err := r.NewProvider(row, provider.Deps{Guard: r.Guard, Log: r.Log})
	if err != nil {
		return credential{}, nil, unusable(channel.Name, from, err)
	}
	return named, vendor, nil
}

// named reads the credential of one of the Secrets that the spec names.
func (r *Reconciler) named(ctx context.Context, channel *pushv1.PushChannel, from source) (credential, error) {
	if err := r.Allowed.check(channel.Spec.Endpoint); err != nil {
		return credential{}, err
	}
	if _, err := (config.Limits{QuotaTimeZone: channel.Spec.Limits.QuotaTimeZone}).Zone(); err != nil {
		return credential{}, condition.Terminal(pushv1.ReasonInvalidSpec, "spec.limits.%v", err)
	}
	bundle, err := r.caBundle(ctx, channel)
	if err != nil {
		return credential{}, err
	}
	credentials, err := r.credentials(ctx, channel, from)
	if err != nil {
		return credential{}, err
	}
	row := render.Channel(channel.Spec, credentials, bundle)
	encoded, err := render.EncodeChannel(row)
	if err != nil {
		return credential{}, err
	}
	return credential{secretName: from.secret, row: row, encoded: encoded}, nil
}

// credentials reads the Secret.
func (r *Reconciler) credentials(ctx context.Context, channel *pushv1.PushChannel, from source) (render.Credentials, error) {
	name := from.secret
	wanted := render.CredentialKeys(channel.Spec)
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: channel.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, condition.Waiting(pushv1.ReasonSecretNotFound, "%s: Secret %s does not exist: create it with %s", from.field, name, listed(wanted))
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	found := render.Credentials{}
	for _, key := range wanted {
		text, ok := secret.Data[key.Name]
		if !ok && !key.Optional {
			return nil, condition.Waiting(pushv1.ReasonSecretKeyMissing, "%s: Secret %s lacks the key %s: add it", from.field, name, key.Name)
		}
		if ok {
			found[key.Name] = config.NewSecret(string(text))
		}
	}
	return found, nil
}

// listed names the keys that a Secret needs.
func listed(keys []render.CredentialKey) string {
	var names []string
	for _, k := range keys {
		if !k.Optional {
			names = append(names, k.Name)
		}
	}
	if len(names) == 1 {
		return "the key " + names[0]
	}
	return "the keys " + strings.Join(names, " and ")
}

// unusable says why a vendor's client cannot be made of a credential; such errors name the field and quote no secret.
func unusable(channel string, from source, err error) error {
	if contradiction, ok := errors.AsType[*provider.MismatchError](err); ok {
		return condition.Terminal(pushv1.ReasonIdentifierMismatch,
			"spec.%s contradicts Secret %s: %s; correct one of them", contradiction.Field, from.secret, contradiction.Problem)
	}
	if over, ok := errors.AsType[*provider.ExpiredError](err); ok {
		return condition.Terminal(pushv1.ReasonCredentialExpired, "%s: Secret %s: %v and put the new one into the Secret", from.field, from.secret, over)
	}
	words := strings.TrimPrefix(err.Error(), "channel "+channel+": ")
	return condition.Terminal(pushv1.ReasonSecretMalformed, "%s: Secret %s: %s", from.field, from.secret, words)
}

func (r *Reconciler) caBundle(ctx context.Context, channel *pushv1.PushChannel) (string, error) {
	if channel.Spec.Endpoint == nil || channel.Spec.Endpoint.CABundleRef == nil {
		return "", nil
	}
	ref := channel.Spec.Endpoint.CABundleRef
	var bundle corev1.ConfigMap
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: channel.Namespace, Name: string(ref.Name)}, &bundle)
	if err != nil && !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("reading ConfigMap %s: %w", ref.Name, err)
	}
	text, ok := bundle.Data[ref.Key]
	if !ok {
		return "", condition.Waiting(pushv1.ReasonCABundleNotFound,
			"spec.endpoint.caBundleRef: ConfigMap %s with the key %s does not exist: create it", ref.Name, ref.Key)
	}
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		return "", condition.Terminal(pushv1.ReasonCABundleMalformed,
			"spec.endpoint.caBundleRef: key %s of ConfigMap %s holds no PEM certificate", ref.Key, ref.Name)
	}
	return text, nil
}
