package manager_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestNamespacesThatLetNobodyIn opens two namespaces one after the other to a manager that watches both and one that does not
// exist: each is worked in from then on, and people are told of the others.
func TestNamespacesThatLetNobodyIn(t *testing.T) {
	install(t, "default")
	first, second, missing := environment.Namespace(t), environment.Namespace(t), "does-not-exist"
	health := freeAddress(t)
	logs := start(t, &managertest.Dispatchers{}, manager.Settings{
		Namespaces: []string{first, second, missing}, DispatcherImage: "registry.example.com/dispatcher:test",
		LeaderElect: true, MetricsAddr: "0", HealthAddr: health,
	})
	channels := map[string]*pushv1.PushChannel{}
	for _, namespace := range []string{first, second} {
		channels[namespace] = testenv.XiaomiChannel(namespace, "xiaomi")
		channels[namespace].Spec.Suspend = new(true)
		create(t, channels[namespace])
	}
	eventually(t, func(ctx context.Context) error { return readiness(ctx, health, http.StatusInternalServerError) })
	eventually(t, func(context.Context) error { return access(map[string]float64{first: 0, second: 0, missing: 0}) })

	letIn(t, first)
	await(t, channels[first], suspended(channels[first]))
	eventually(t, func(ctx context.Context) error { return readiness(ctx, health, http.StatusOK) })
	if err := access(map[string]float64{first: 1, second: 0, missing: 0}); err != nil {
		t.Error(err)
	}
	if err := environment.Client.Get(t.Context(), client.ObjectKeyFromObject(channels[second]), channels[second]); err != nil || suspended(channels[second])() == nil {
		t.Errorf("the second namespace did not let the manager in (%v)", err)
	}

	letIn(t, second)
	await(t, channels[second], suspended(channels[second]))
	if err := access(map[string]float64{first: 1, second: 1, missing: 0}); err != nil {
		t.Error(err)
	}
	text := logs.String()
	for _, namespace := range []string{first, second, missing} {
		cure := "kubectl -n " + namespace + " create rolebinding offlinepush-manager --clusterrole=offlinepush-manager --serviceaccount=offlinepush-system:offlinepush-manager"
		if strings.Count(text, cure) != 1 {
			t.Errorf("the log must name the cure for %s once:\n%s", namespace, text)
		}
	}
	for _, part := range []string{"list pushapps.offlinepush.io", "a namespace lets the manager in"} {
		if !strings.Contains(text, part) {
			t.Errorf("the log lacks %q", part)
		}
	}
}

// TestWholeClusterNeedsAClusterRoleBinding: the rights of config/default do not reach beyond the manager's own namespace.
func TestWholeClusterNeedsAClusterRoleBinding(t *testing.T) {
	install(t, "default")
	health := freeAddress(t)
	logs := start(t, &managertest.Dispatchers{}, manager.Settings{
		DispatcherImage: "registry.example.com/dispatcher:test", MetricsAddr: "0", HealthAddr: health,
	})
	eventually(t, func(context.Context) error {
		if !strings.Contains(logs.String(), "kubectl create clusterrolebinding offlinepush-manager --clusterrole=offlinepush-manager") {
			return errors.New("the log does not name the cure")
		}
		return nil
	})
	eventually(t, func(ctx context.Context) error { return readiness(ctx, health, http.StatusInternalServerError) })

	install(t, "cluster")
	t.Cleanup(func() { shutOut(t) })
	namespace := environment.Namespace(t)
	channel := testenv.XiaomiChannel(namespace, "xiaomi")
	channel.Spec.Suspend = new(true)
	create(t, channel)
	await(t, channel, suspended(channel))
	eventually(t, func(ctx context.Context) error { return readiness(ctx, health, http.StatusOK) })
}

// shutOut takes the manager's rights in the whole cluster back, and waits until that holds: the next test relies on it.
func shutOut(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "offlinepush-manager"}}
	api, err := client.New(asManager(), client.Options{Scheme: environment.Client.Scheme()})
	if err := errors.Join(err, environment.Client.Delete(ctx, binding)); err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(ctx, glance, patience, true, func(ctx context.Context) (bool, error) {
		return apierrors.IsForbidden(api.List(ctx, &pushv1.PushAppList{})), nil
	})
	if err != nil {
		t.Errorf("the manager still may list the apps of the whole cluster: %v", err)
	}
}

// suspended is how a channel looks that the manager saw and that nobody must probe.
func suspended(channel *pushv1.PushChannel) func() error {
	return func() error {
		return conditionIs(channel.Status.Conditions, pushv1.ConditionReady, pushv1.ReasonSuspended)
	}
}

// access compares what the metric says of namespaces.
func access(want map[string]float64) error {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return err
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "offlinepush_namespace_access" {
			continue
		}
		for _, metric := range family.GetMetric() {
			got[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
		}
	}
	for namespace, value := range want {
		if is, ok := got[namespace]; !ok || is != value {
			return fmt.Errorf("the metric of %s is %v (there: %t), want %v", namespace, is, ok, value)
		}
	}
	return nil
}

func readiness(ctx context.Context, address string, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return errors.Join(fmt.Errorf("/readyz answers %s, want %d", resp.Status, want), resp.Body.Close())
	}
	return resp.Body.Close()
}

// freeAddress is one on which nothing listens. No other process looks for a port on its host, so nobody takes it before the
// manager does.
func freeAddress(t *testing.T) string {
	t.Helper()
	pid := os.Getpid()
	host := net.IPv4(127, byte(pid>>16)|128, byte(pid>>8), byte(pid)).String()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// eventually waits until a check has nothing to say any more.
func eventually(t *testing.T, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), glance/2, patience, true, func(ctx context.Context) (bool, error) {
		err := check(ctx)
		if ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(last)
	}
}
