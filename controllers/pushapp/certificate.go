package pushapp

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/database"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
)

const (
	// warnBefore is how long before its end a certificate is called expiring.
	warnBefore = 30 * 24 * time.Hour
	// maxCertificate bounds a chain with its key, which share a Secret with the configuration.
	maxCertificate = 64 << 10
)

// certificateMetric lets an alert ask for a new certificate in time.
var certificateMetric = promauto.With(metrics.Registry).NewGaugeVec(prometheus.GaugeOpts{
	Name: "offlinepush_app_certificate_expiry_timestamp_seconds",
	Help: "When the certificate that the dispatchers of a PushApp serve runs out, in seconds since 1970; absent without exposure.tls.",
}, []string{"namespace", "name"})

// serving is the certificate that dispatchers serve.
type serving struct {
	pair render.Certificate
	// ends is zero when they serve plain HTTP.
	ends time.Time
	// trouble says why it is not the one in the Secret that the spec names.
	trouble error
}

// resolveCertificate reads the certificate that the spec names. While it cannot be served, dispatchers keep the one that
// they have, and all else of the configuration goes on; only without one they must wait.
func (r *Reconciler) resolveCertificate(ctx context.Context, app *pushv1.PushApp) (serving, error) {
	ref := app.Spec.Exposure.TLS
	if ref == nil {
		return serving{}, nil
	}
	const field = "spec.exposure.tls.secretRef"
	data, err := r.secretData(ctx, app, field, ref.SecretRef)
	if err == nil {
		var named serving
		if named, err = parseCertificate(data, time.Now()); err == nil {
			return named, nil
		}
		err = condition.Wrap(err, "%s: Secret %s: ", field, ref.SecretRef.Name)
	}
	if condition.Transient(err) != nil {
		return serving{}, err
	}
	former, formerErr := r.formerCertificate(ctx, app)
	if formerErr != nil {
		return serving{}, formerErr
	}
	if former.pair.Chain == "" {
		return serving{}, err
	}
	former.trouble = condition.Wrap(err, "%s: ", former.kept(time.Now()))
	return former, nil
}

// formerCertificate is the one that was rendered last, also when it has ended.
func (r *Reconciler) formerCertificate(ctx context.Context, app *pushv1.PushApp) (serving, error) {
	name := render.NamesOf(app.Name).Dispatcher
	var secret corev1.Secret
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: name}, &secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return serving{}, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if err != nil || !metav1.IsControlledBy(&secret, app) {
		return serving{}, nil
	}
	former, err := parseCertificate(secret.Data, time.Time{})
	if err != nil {
		return serving{}, nil //nolint:nilerr // A damaged copy is as good as none.
	}
	return former, nil
}

// parseCertificate reads the entries of a Secret of type kubernetes.io/tls. Its errors are condition.Errors that name the
// entry and the cure, and quote nothing of it.
func parseCertificate(data map[string][]byte, now time.Time) (serving, error) {
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(data[key]) == 0 {
			return serving{}, condition.Waiting(pushv1.ReasonSecretKeyMissing, "entry %s is missing: add it", key)
		}
	}
	chain, key := data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey]
	if len(chain)+len(key) > maxCertificate {
		return serving{}, condition.Terminal(pushv1.ReasonSecretMalformed,
			"%s and %s must have at most %d KiB: leave out certificates that do not belong to the chain",
			corev1.TLSCertKey, corev1.TLSPrivateKeyKey, maxCertificate>>10)
	}
	if !database.HoldsCertificates(string(chain)) {
		return serving{}, condition.Terminal(pushv1.ReasonSecretMalformed,
			"entry %s must hold PEM certificates and nothing else, the dispatchers' own first", corev1.TLSCertKey)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil { // Its text may quote the entries.
		return serving{}, condition.Terminal(pushv1.ReasonSecretMalformed,
			"entry %s must be the PEM private key of the first certificate in %s: store both of one pair", corev1.TLSPrivateKeyKey, corev1.TLSCertKey)
	}
	if !pair.Leaf.NotAfter.After(now) {
		return serving{}, condition.Terminal(pushv1.ReasonCredentialExpired,
			"the certificate ended on %s: renew it and store it there", day(pair.Leaf.NotAfter))
	}
	return serving{pair: render.Certificate{Chain: string(chain), Key: config.NewSecret(string(key))}, ends: pair.Leaf.NotAfter}, nil
}

// kept says what dispatchers go on with.
func (s serving) kept(now time.Time) string {
	if s.ends.After(now) {
		return "dispatchers keep the certificate that ends on " + day(s.ends)
	}
	return "dispatchers still serve a certificate that clients refuse, because it ended on " + day(s.ends)
}

// warn says of a configuration that runs everywhere that its certificate ends soon.
func (s serving) warn(applied condition.Fact, now time.Time) condition.Fact {
	if applied.Reason != pushv1.ReasonConfigApplied || s.ends.IsZero() || s.ends.Sub(now) >= warnBefore {
		return applied
	}
	return condition.True(applied.Type, pushv1.ReasonCredentialExpiring, fmt.Sprintf(
		"%s; the certificate of spec.exposure.tls ends on %s: renew it and put it into the Secret", applied.Message, day(s.ends)))
}

// publish shows the end as a metric.
func (s serving) publish(name types.NamespacedName) {
	if s.ends.IsZero() {
		forgetCertificate(name)
		return
	}
	certificateMetric.WithLabelValues(name.Namespace, name.Name).Set(float64(s.ends.Unix()))
}

func forgetCertificate(name types.NamespacedName) {
	certificateMetric.DeleteLabelValues(name.Namespace, name.Name)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
