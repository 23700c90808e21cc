package pushchannel

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/fcm"
	"github.com/offlinepush/operator/dispatcher/provider/xiaomi"
)

// credential is a channel as dispatchers would run it, with the credential of one Secret.
type credential struct {
	secretName string
	row        config.Channel
	encoded    []byte
}

func (c credential) exists() bool { return len(c.encoded) > 0 }

func (c credential) same(other credential) bool { return bytes.Equal(c.encoded, other.encoded) }

// resolve finds what the spec refers to, and makes the vendor's client of it as dispatchers do. The caller closes it.
func (r *Reconciler) resolve(ctx context.Context, channel *pushv1.PushChannel) (credential, provider.Provider, error) {
	named, err := r.named(ctx, channel)
	if err != nil {
		return credential{}, nil, err
	}
	row := named.row
	row.Name = channel.Name
	vendor, err := r.NewProvider(row, provider.Deps{Guard: r.Guard, Log: r.Log})
	if err != nil {
		return credential{}, nil, condition.Terminal(pushv1.ReasonSecretMalformed, "Secret %s: %v", named.secretName, err)
	}
	return named, vendor, nil
}

// named reads the credential that the spec names and checks its shape.
func (r *Reconciler) named(ctx context.Context, channel *pushv1.PushChannel) (credential, error) {
	if err := r.Allowed.check(channel.Spec.Endpoint); err != nil {
		return credential{}, err
	}
	bundle, err := r.caBundle(ctx, channel)
	if err != nil {
		return credential{}, err
	}
	text, err := r.secretText(ctx, channel)
	if err != nil {
		return credential{}, err
	}
	if err := checkShape(channel.Spec, text); err != nil {
		return credential{}, err
	}
	row := render.Channel(channel.Spec, config.NewSecret(string(text)), bundle)
	encoded, err := render.EncodeChannel(row)
	if err != nil {
		return credential{}, err
	}
	return credential{secretName: string(channel.Spec.Credentials.SecretRef.Name), row: row, encoded: encoded}, nil
}

func (r *Reconciler) secretText(ctx context.Context, channel *pushv1.PushChannel) ([]byte, error) {
	name, key := string(channel.Spec.Credentials.SecretRef.Name), render.CredentialKey(channel.Spec.Vendor)
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: channel.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, condition.Waiting(pushv1.ReasonSecretNotFound,
			"Secret %s does not exist: create it with the key %s", name, key)
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	text, ok := secret.Data[key]
	if !ok {
		return nil, condition.Waiting(pushv1.ReasonSecretKeyMissing, "Secret %s lacks the key %s: add it", name, key)
	}
	return text, nil
}

// checkShape asks the vendor's package; its errors name the field and quote no secret.
func checkShape(spec pushv1.PushChannelSpec, text []byte) error {
	name := spec.Credentials.SecretRef.Name
	malformed := func(err error) error {
		return condition.Terminal(pushv1.ReasonSecretMalformed, "Secret %s: %v", name, err)
	}
	switch spec.Vendor {
	case pushv1.VendorFCM:
		if err := fcm.CheckCredential(text, ""); err != nil {
			return malformed(err)
		}
		if err := fcm.CheckCredential(text, spec.FCM.ProjectID); err != nil {
			return condition.Terminal(pushv1.ReasonIdentifierMismatch,
				"spec.fcm.projectID contradicts Secret %s: %v; correct one of them", name, err)
		}
	case pushv1.VendorXiaomi:
		if err := xiaomi.CheckCredential(text); err != nil {
			return malformed(err)
		}
	}
	return nil
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
