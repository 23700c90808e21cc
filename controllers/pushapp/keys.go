package pushapp

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
)

// keySize is the size of a generated key in bytes.
const keySize = 32

// generatedKeys lists the entries of the Secret with an app's generated keys.
func generatedKeys(k *config.Keys) map[string]*config.Secret {
	return map[string]*config.Secret{
		admin.ReportKeyEntry: &k.Report, "peer": &k.Peer, "sealing": &k.Sealing, "receiptPath": &k.ReceiptPath,
	}
}

// keys reads the app's generated keys and makes them when there are none. They have no owner, because what they seal
// outlives the PushApp; one of the same name and appID adopts them again.
func (r *Reconciler) keys(ctx context.Context, app *pushv1.PushApp) (config.Keys, error) {
	name := render.NamesOf(app.Name).Keys
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		secret = newKeys(app, name)
		err = r.Client.Create(ctx, &secret)
	}
	if err != nil {
		return config.Keys{}, fmt.Errorf("reading or making Secret %s: %w", name, err)
	}
	if err := adoptable(app, &secret); err != nil {
		return config.Keys{}, err
	}
	var keys config.Keys
	for entry, key := range generatedKeys(&keys) {
		text := string(secret.Data[entry])
		if b, err := base64.StdEncoding.DecodeString(text); err != nil || len(b) != keySize {
			return config.Keys{}, condition.Terminal(pushv1.ReasonSecretMalformed,
				"Secret %s: entry %s must be %d bytes in base64: restore it, or delete the Secret to make new keys", name, entry, keySize)
		}
		*key = config.NewSecret(text)
	}
	return keys, nil
}

func newKeys(app *pushv1.PushApp, name string) corev1.Secret {
	data := map[string][]byte{}
	for entry := range generatedKeys(&config.Keys{}) {
		random := make([]byte, keySize)
		_, _ = rand.Read(random) // Never fails.
		data[entry] = []byte(base64.StdEncoding.EncodeToString(random))
	}
	return corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: app.Namespace, Name: name,
			Labels:      render.Labels(app.Name),
			Annotations: map[string]string{render.AppIDAnnotation: app.Spec.AppID},
		},
		Type: corev1.SecretTypeOpaque,
		Data: data,
	}
}

// adoptable refuses an object that was not made for this app, or for another appID under its name.
func adoptable(app *pushv1.PushApp, object client.Object) error {
	if object.GetLabels()[render.AppLabel] != app.Name {
		return condition.Terminal(pushv1.ReasonNameConflict,
			"%s exists and was not made for this PushApp: rename or delete it", object.GetName())
	}
	if id, ok := object.GetAnnotations()[render.AppIDAnnotation]; ok && id != app.Spec.AppID {
		return condition.Terminal(pushv1.ReasonNameConflict,
			"%s keeps the data of appID %s: use that appID or another name, or delete it with its data", object.GetName(), id)
	}
	return nil
}
