package manager_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/managertest"
)

// TestMetricsAskWhoReads: over TLS, nobody, somebody, and somebody who may.
func TestMetricsAskWhoReads(t *testing.T) {
	install(t, "default")
	address := freeAddress(t)
	start(t, &managertest.Dispatchers{}, manager.Settings{
		Namespaces: []string{home}, DispatcherImage: "registry.example.com/dispatcher:test", MetricsAddr: address, HealthAddr: "0",
	})
	namespace := environment.Namespace(t)
	stranger, reader := token(t, namespace, "stranger"), token(t, namespace, "prometheus")
	create(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "offlinepush-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "prometheus"}},
	})
	eventually(t, func(ctx context.Context) error {
		return scrape(ctx, address, reader, http.StatusOK, "offlinepush_namespace_access")
	})
	for _, tt := range []struct {
		bearer string
		status int
	}{
		{"", http.StatusUnauthorized},
		{stranger, http.StatusForbidden},
		{"forged", http.StatusInternalServerError}, // What the library makes of a token that Kubernetes did not sign.
	} {
		if err := scrape(t.Context(), address, tt.bearer, tt.status, ""); err != nil {
			t.Error(err)
		}
	}
	if resp, err := http.Get("http://" + address + "/metrics"); err == nil { //nolint:noctx // It ends at once.
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS the metrics answer %s", resp.Status)
		}
		_ = resp.Body.Close()
	}
}

// token is one of a new ServiceAccount.
func token(t *testing.T, namespace, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	create(t, account)
	request := &authenticationv1.TokenRequest{}
	if err := environment.Client.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func scrape(ctx context.Context, address, bearer string, want int, text string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", http.NoBody)
	if err != nil {
		return err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want || !strings.Contains(string(body), text) {
		return fmt.Errorf("with the token %.6q… the metrics answer %s, want %d with %q", bearer, resp.Status, want, text)
	}
	return nil
}
