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
	// alone says that there is no other credential to begin with.
	alone bool
}

// news reports whether the credential is another than the one in use and may replace it. The first one needs only the right
// shape while the vendor says nothing; one that the vendor refused never gets in.
func (c candidate) news(suspended bool) bool {
	if c.named.same(c.active) {
		return c.named.secretName != c.active.secretName
	}
	first := c.alone && !c.active.exists() && !c.outcome.refused() && !suspended
	return c.outcome.accepted() || first
}

// accept keeps the named credential for the PushApps once the vendor accepted it, and returns the one in use.
func (r *Reconciler) accept(ctx context.Context, channel *pushv1.PushChannel, c candidate) (credential, error) {
	if !c.news(suspended(channel)) {
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
	if c.active.exists() && c.active.secretName != c.named.secretName {
		r.Recorder.Eventf(channel, nil, corev1.EventTypeNormal, pushv1.ReasonCredentialPromoted, "Rotate",
			"sending goes on with the credential of Secret %s, after that of Secret %s", c.named.secretName, c.active.secretName)
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
	former := channel.Status.Credentials
	if !c.exists() {
		channel.Status.Credentials = nil
		return
	}
	sum := sha256.Sum256([]byte(string(channel.UID) + c.row.Credential().Reveal()))
	active := &pushv1.ActiveCredential{SecretName: pushv1.ObjectName(c.secretName), Hash: hex.EncodeToString(sum[:8])}
	if former != nil && former.Active != nil && former.Active.Hash == active.Hash {
		active.NotAfter = former.Active.NotAfter // Also while another credential is on trial.
	}
	channel.Status.Credentials = &pushv1.ChannelCredentialsStatus{Active: active}
}
