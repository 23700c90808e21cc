package manager_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	home = "offlinepush-system"
	// glance is the time between two looks at what no watch tells.
	glance = 100 * time.Millisecond
	// patience only ends a hang.
	patience = 3 * time.Minute
)

var environment *testenv.Environment

func TestMain(m *testing.M) {
	os.Exit(testenv.Main(m, &environment))
}

// TestInstalledRightsSuffice runs the manager with no other rights than config/default gives its ServiceAccount and a
// RoleBinding gives it in a second namespace: every call of the controllers must be allowed, under the policy on pods.
func TestInstalledRightsSuffice(t *testing.T) {
	for range 2 { // Applying is repeatable.
		install(t, "default")
	}
	guest := environment.Namespace(t)
	restrict(t, guest)
	letIn(t, guest)
	dispatchers := &managertest.Dispatchers{}
	logs := start(t, dispatchers, manager.Settings{
		Namespaces: []string{home, guest}, DispatcherImage: "registry.example.com/dispatcher:test", FastReload: true,
		LeaderElect: true, MetricsAddr: "127.0.0.1:0", HealthAddr: "0",
	})

	channel, app := testenv.XiaomiChannel(guest, "xiaomi"), testenv.App(guest, "chat", "xiaomi", "elsewhere")
	channel.Spec.Suspend = new(true) // Nobody must call Xiaomi from here.
	app.Spec.Channels[1].ChannelRef.Namespace = "unwatched"
	create(t, testenv.XiaomiSecret(guest, "xiaomi", "xiaomi-secret-0123456789"), channel,
		testenv.KeysSecret(guest, "chat-server", "server-key-0123456789"),
		testenv.KeysSecret(guest, "chat-registration", "registration-key-0123456789"), app)
	pod := podOf(t, guest)
	await(t, app, func() error {
		if err := conditionIs(app.Status.Conditions, pushv1.ConditionConfigApplied, pushv1.ReasonReportPending); err != nil {
			return err
		}
		if words := app.Status.Channels[1].Message; !strings.Contains(words, "add it to --namespaces") {
			return fmt.Errorf("the unwatched namespace is explained by %q", words)
		}
		return nil
	})
	await(t, channel, func() error {
		return conditionIs(channel.Status.Conditions, pushv1.ConditionReady, pushv1.ReasonSuspended)
	})
	dispatchers.Report(pod.Status.PodIP, report.Report{Version: report.Version})
	await(t, pod, func() error {
		if pod.Annotations[render.ConfigHashAnnotation] == "" {
			return errors.New("the pod is not annotated")
		}
		return nil
	})
	checkTests(t, dispatchers, guest)
	checkPodPolicy(t, pod)
	checkPolicies(t, guest)
	checkSeveral(t, guest)
	if text := logs.String(); strings.Contains(text, "forbidden") {
		t.Errorf("the manager lacks a right:\n%s", text)
	}
}

// checkTests: a test is told apart from others, ends with a status, and is deleted after its time.
func checkTests(t *testing.T, dispatchers *managertest.Dispatchers, namespace string) {
	t.Helper()
	for _, phone := range []string{"stays", "goes"} {
		dispatchers.Answer(phone, func(report.PushTest) (report.PushTestState, error) {
			return report.PushTestState{}, &admin.RefusedError{PushTestRefusal: report.PushTestRefusal{Code: report.RefusedUnknownPushID}}
		})
	}
	stays, goes := testenv.PushTest(namespace, "stays", "stays"), testenv.PushTest(namespace, "goes", "goes")
	goes.Spec.TTLSecondsAfterFinished = new(int32(0))
	create(t, stays, goes)
	await(t, stays, func() error {
		return conditionIs(stays.Status.Conditions, pushv1.ConditionFailed, pushv1.ReasonUnknownPushID)
	})
	await(t, stays, func() error {
		if err := environment.Client.Get(t.Context(), client.ObjectKeyFromObject(goes), goes); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the test with ttlSecondsAfterFinished is still there (error %w)", err)
		}
		return nil
	})
}

// checkPodPolicy: the manager may not change anything of a pod but its annotation.
func checkPodPolicy(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	api, err := client.New(asManager(), client.Options{Scheme: environment.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*corev1.Pod){
		"label":              func(p *corev1.Pod) { p.Labels["stolen"] = "yes" },
		"image":              func(p *corev1.Pod) { p.Spec.Containers[0].Image = "evil:1" },
		"another annotation": func(p *corev1.Pod) { p.Annotations["sidecar.example.com/inject"] = "yes" },
		"finalizer":          func(p *corev1.Pod) { p.Finalizers = []string{"example.com/hold"} },
	} {
		awaitRefusal(t, name, "nothing else of them", func(ctx context.Context) error {
			changed := pod.DeepCopy()
			edit(changed)
			return api.Patch(ctx, changed, client.MergeFrom(pod), client.DryRunAll)
		})
	}
}

func asManager() *rest.Config {
	config := rest.CopyConfig(environment.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + home + ":offlinepush-manager",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + home, "system:authenticated"},
	}
	return config
}

// install applies a folder of config.
func install(t *testing.T, folder string) {
	t.Helper()
	environment.Kubectl(t, "apply", "--server-side", "-k", environment.Root+"/config/"+folder)
}

// letIn gives the manager its rights in a namespace.
func letIn(t *testing.T, namespace string) {
	t.Helper()
	create(t, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "offlinepush-manager"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "offlinepush-manager"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: home, Name: "offlinepush-manager"}},
	})
}

// start runs a manager as its ServiceAccount until the test ends.
func start(t *testing.T, dispatchers *managertest.Dispatchers, settings manager.Settings) *managertest.Logs {
	t.Helper()
	logs := &managertest.Logs{}
	settings.Log, settings.Reports, settings.PushTests, settings.ReportPeriod = managertest.Logging(logs), dispatchers, dispatchers, time.Second
	settings.LeaderElectionNamespace, settings.AccessPeriod, settings.SecretPeriod = home, glance, glance
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- manager.Run(ctx, asManager(), settings) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended with %v", err)
		}
	})
	return logs
}

// podOf plays the Deployment's controller and a kubelet.
func podOf(t *testing.T, namespace string) *corev1.Pod {
	t.Helper()
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "chat-dispatcher"}}
	await(t, deployment, func() error { return nil })
	pod := &corev1.Pod{ObjectMeta: deployment.Spec.Template.ObjectMeta, Spec: deployment.Spec.Template.Spec}
	pod.Namespace, pod.Name = namespace, "one"
	create(t, pod)
	before := pod.DeepCopy()
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, "10.9.0.1", []corev1.PodIP{{IP: "10.9.0.1"}}
	if err := environment.Client.Status().Patch(t.Context(), pod, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	return pod
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := environment.Client.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %T: %v", object, err)
		}
	}
}

func await(t *testing.T, object client.Object, check func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), glance/2, patience, true, func(ctx context.Context) (bool, error) {
		err := environment.Client.Get(ctx, client.ObjectKeyFromObject(object), object)
		if err == nil {
			err = check()
		}
		if ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("%T %s: %v", object, object.GetName(), last)
	}
}

func conditionIs(conditions []metav1.Condition, name, reason string) error {
	if c := meta.FindStatusCondition(conditions, name); c == nil || c.Reason != reason {
		return fmt.Errorf("%s is %+v, want reason %s", name, c, reason)
	}
	return nil
}
