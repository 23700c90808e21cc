package pushchannel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
)

// sourceAnnotation keeps the name of the Secret that an accepted credential was read from.
const sourceAnnotation = "offlinepush.io/secret"

// candidate is a named credential with what the vendor says of it.
type candidate struct {
	named, active credential
	outcome       probed
}

// accept keeps the named credential for the PushApps once the vendor accepted it, and returns the one in use. The first
// one needs only the right shape while the vendor says nothing; one that the vendor refused never gets in.
func (r *Reconciler) accept(ctx context.Context, channel *pushv1.PushChannel, c candidate) (credential, error) {
	first := !c.active.exists() && !c.outcome.refused() && !suspended(channel)
	if (!c.outcome.accepted() && !first) || c.named.same(c.active) {
		return c.active, nil
	}
	secret := corev1ac.Secret(render.AcceptedName(channel.Name), channel.Namespace).
		WithLabels(map[string]string{render.ManagedByLabel: render.ManagedBy, render.ChannelLabel: channel.Name}).
		WithAnnotations(map[string]string{sourceAnnotation: c.named.secretName}).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(pushv1.SchemeGroupVersion.String()).WithKind("PushChannel").
			WithName(channel.Name).WithUID(channel.UID).WithController(true).WithBlockOwnerDeletion(false)).
		WithType(corev1.SecretTypeOpaque).
		WithData(map[string][]byte{render.AcceptedKey: c.named.encoded})
	if err := r.Client.Apply(ctx, secret, client.ForceOwnership); err != nil {
		return c.active, fmt.Errorf("applying Secret %s: %w", render.AcceptedName(channel.Name), err)
	}
	return c.named, nil
}

// accepted reads the credential that was accepted last; it does not exist before the first.
func (r *Reconciler) accepted(ctx context.Context, channel *pushv1.PushChannel) (credential, error) {
	name := render.AcceptedName(channel.Name)
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: channel.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return credential{}, nil
	}
	if err != nil {
		return credential{}, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if secret.Labels[render.ChannelLabel] != channel.Name {
		return credential{}, condition.Terminal(pushv1.ReasonNameConflict,
			"Secret %s exists and was not made for this channel: rename or delete it", name)
	}
	row, err := render.DecodeChannel(secret.Data[render.AcceptedKey])
	if err != nil { // Somebody damaged it; the next accepted credential replaces it.
		return credential{}, nil //nolint:nilerr // A damaged copy is as good as none.
	}
	return credential{secretName: secret.Annotations[sourceAnnotation], row: row, encoded: secret.Data[render.AcceptedKey]}, nil
}

// writeTo tells the status which credential is in use, without revealing it.
func (c credential) writeTo(channel *pushv1.PushChannel) {
	if !c.exists() {
		channel.Status.Credentials = nil
		return
	}
	sum := sha256.Sum256([]byte(string(channel.UID) + c.row.Credential().Reveal()))
	channel.Status.Credentials = &pushv1.ChannelCredentialsStatus{Active: &pushv1.ActiveCredential{
		SecretName: pushv1.ObjectName(c.secretName),
		Hash:       hex.EncodeToString(sum[:8]),
	}}
}
