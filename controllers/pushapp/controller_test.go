package pushapp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

func TestFromNothingToReady(t *testing.T) {
	t.Parallel()
	s := stage(t)
	suite.Create(t, s.app)
	await(t, s.app, "ConfigApplied=False/ConfigPending", "StoreReady=False/VolumePending", "DispatcherAvailable=False/RollingOut",
		"Ready=False/ConfigPending", "Reconciling=True/ConfigPending", "Stalled=absent")

	pod := s.pod(t, "one")
	await(t, s.app, "ConfigApplied=Unknown/ReportUnavailable")
	suite.Dispatchers.Report(pod.Status.PodIP, healthy("0123456789abcdef"))
	await(t, s.app, "ChannelsReady=True/ChannelsReady", "ConfigApplied=False/ConfigPending")
	document, hash := s.document(t)
	if got := document.Channels[0].Xiaomi.AppSecret.Reveal(); got != firstSecret {
		t.Errorf("the document has another AppSecret than the accepted one: %q", got)
	}
	suite.Settle(t, s.app)
	suite.Dispatchers.Report(pod.Status.PodIP, healthy(hash, report.Channel{Name: "xiaomi", State: report.NoTraffic}))
	await(t, s.app, "ChannelsReady=True/ChannelsReady", "StoreReady=True/StoreReady", "DispatcherAvailable=True/DispatcherAvailable",
		"ConfigApplied=True/ConfigApplied", "Ready=True/Ready", "Reconciling=absent", "Stalled=absent")

	want := pushv1.AppSummary{Channels: "1/1", Dispatchers: "1/1", Endpoint: "http://chat-device." + s.namespace + ".svc"}
	if diff := cmp.Diff(want, *s.app.Status.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if s.app.Status.ConfigHash != hash {
		t.Errorf("status has hash %s, the Secret %s", s.app.Status.ConfigHash, hash)
	}
	keys := named(&corev1.Secret{}, s.namespace, "chat-keys")
	managertest.Await(t, suite, keys, func(*corev1.Secret) error { return nil })
	if got := suite.Dispatchers.Key(pod.Status.PodIP); got == "" || got != string(keys.Data["report"]) {
		t.Error("the report must be read with the app's report key")
	}
	managertest.Await(t, suite, pod, func(p *corev1.Pod) error {
		if got := p.Annotations[render.ConfigHashAnnotation]; got != hash {
			return fmt.Errorf("pod is annotated with %q, want %q", got, hash)
		}
		return nil
	})
}

// TestConfigAppliedNeedsEveryPod: one of two pods is late, refuses, is silent, ends.
func TestConfigAppliedNeedsEveryPod(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.launch(t)
	late := s.pod(t, "two")
	hash := s.app.Status.ConfigHash
	await(t, s.app, "ConfigApplied=Unknown/ReportUnavailable", "Ready=False/ReportUnavailable")
	old := healthy("0123456789abcdef")
	suite.Dispatchers.Report(late.Status.PodIP, old)
	await(t, s.app, "ConfigApplied=False/ConfigPending", "Reconciling=True/ConfigPending")
	old.Config.Error = "channels[0].xiaomi.appSecret: must be set"
	suite.Dispatchers.Report(late.Status.PodIP, old)
	await(t, s.app, "ConfigApplied=False/ConfigRejected")
	broken := healthy(hash)
	broken.Store = report.Store{Error: "disk is full"}
	suite.Dispatchers.Report(late.Status.PodIP, broken)
	await(t, s.app, "ConfigApplied=True/ConfigApplied", "StoreReady=False/StoreUnavailable")
	suite.Dispatchers.Silence(late.Status.PodIP)
	if err := suite.Client.Delete(t.Context(), late, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	await(t, s.app, "ConfigApplied=True/ConfigApplied", "Ready=True/Ready")
}

// TestVendorSaysNo is the life of a revoked credential: the vendor's words show in the app and in the channel, a rotated
// Secret brings both back, and no pod is replaced.
func TestVendorSaysNo(t *testing.T) {
	t.Parallel()
	s := stage(t)
	pod := s.launch(t)
	_, before := s.document(t)
	suite.Vendor.Set(s.namespace, managertest.VendorState{Refused: []string{firstSecret}})
	suite.Dispatchers.Report(pod.Status.PodIP, healthy(before, report.Channel{
		Name: "xiaomi", State: report.CredentialRejected, Code: "21301", Message: "Authentication failed",
	}))
	awaitRow(t, s.app, "xiaomi", "False/CredentialsRejected", "Xiaomi answered 21301", "Authentication failed")
	await(t, s.app, "ChannelsReady=False/CredentialsRejected", "Ready=False/CredentialsRejected", "Stalled=True/CredentialsRejected")
	managertest.Await(t, suite, s.channel, func(c *pushv1.PushChannel) error {
		return channelIs(c, "Delivering=False/CredentialsRejected", "Ready=False/CredentialsRejected", "Stalled=True/CredentialsRejected")
	})

	managertest.Change(t, suite, testenv.XiaomiSecret(s.namespace, "xiaomi", ""), func(secret *corev1.Secret) {
		secret.Data[pushv1.XiaomiAppSecretKey] = []byte(secondSecret)
	})
	managertest.Await(t, suite, s.app, func(a *pushv1.PushApp) error {
		if a.Status.ConfigHash == before {
			return errors.New("the rotated credential is not rendered yet")
		}
		return nil
	})
	document, after := s.document(t)
	if got := document.Channels[0].Xiaomi.AppSecret.Reveal(); got != secondSecret {
		t.Errorf("the document has AppSecret %q", got)
	}
	suite.Dispatchers.Report(pod.Status.PodIP, healthy(after, report.Channel{Name: "xiaomi", State: report.Delivering}))
	await(t, s.app, "Ready=True/Ready")
	awaitRow(t, s.app, "xiaomi", "True/Delivering")
	managertest.Await(t, suite, s.channel, func(c *pushv1.PushChannel) error {
		return channelIs(c, "CredentialsValid=True/CredentialsAccepted", "Delivering=True/Delivering", "Ready=True/Ready")
	})
	if err := testenv.CheckStatus(s.channel); err != nil {
		t.Error(err)
	}
	deployment := named(&appsv1.Deployment{}, s.namespace, "chat-dispatcher")
	managertest.Await(t, suite, deployment, func(*appsv1.Deployment) error { return nil })
	if deployment.Generation != 1 {
		t.Errorf("a rotation must not touch the Deployment, generation is %d", deployment.Generation)
	}
}

// TestRowStates has what a dispatcher can report of a row, and what that means.
func TestRowStates(t *testing.T) {
	t.Parallel()
	s := stage(t)
	pod := s.launch(t)
	hash := s.app.Status.ConfigHash
	var faults []string
	for _, tt := range []struct {
		state   report.ChannelState
		blocked bool
		row     string
		ready   string
	}{
		{report.Delivering, false, "True/Delivering", "True/Ready"},
		{report.Throttled, false, "True/VendorThrottled", "True/Ready"},
		{report.Throttled, true, "Unknown/VendorThrottled", "False/VendorThrottled"},
		{report.QuotaExhausted, false, "False/QuotaExhausted", "False/QuotaExhausted"},
		{report.Unreachable, false, "Unknown/VendorUnreachable", "False/VendorUnreachable"},
		{report.MassInvalidation, false, "False/MassInvalidation", "False/MassInvalidation"},
		{report.Misconfigured, false, "False/Misconfigured", "False/Misconfigured"},
		{report.Refusing, false, "False/MessagesRefused", "False/MessagesRefused"},
		{"Levitating", false, "Unknown/ReportUnavailable", "False/ReportUnavailable"},
		{report.NoTraffic, false, "True/NoTraffic", "True/Ready"},
	} {
		suite.Dispatchers.Report(pod.Status.PodIP, healthy(hash, report.Channel{
			Name: "xiaomi", State: tt.state, Code: "1", Message: "words", Blocked: tt.blocked,
		}))
		awaitRow(t, s.app, "xiaomi", tt.row)
		await(t, s.app, "Ready="+tt.ready)
		if reason, fault := strings.CutPrefix(tt.ready, "False/"); fault {
			faults = append(faults, "Warning "+reason)
		}
	}
	s.told(t, faults...)
}

func channelIs(c *pushv1.PushChannel, conditions ...string) error {
	app := &pushv1.PushApp{ObjectMeta: metav1.ObjectMeta{Generation: c.Generation}}
	app.Status.Conditions, app.Status.ObservedGeneration = c.Status.Conditions, c.Status.ObservedGeneration
	return conditionsOf(app, conditions...)
}

func TestSecondPassChangesNothing(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.launch(t)
	before := s.versions(t)
	managertest.Change(t, suite, named(&corev1.Secret{}, s.namespace, "chat-server"), func(secret *corev1.Secret) {
		secret.Labels = map[string]string{"touched": "yes"}
	})
	managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) { a.Spec.Channels[0].Required = pushv1.ChannelOptional })
	await(t, s.app, "Ready=True/Ready")
	if diff := cmp.Diff(before, s.versions(t)); diff != "" {
		t.Errorf("a pass without a change changed objects (-before +after):\n%s", diff)
	}
}

// versions are the resource versions of the app's objects.
func (s scene) versions(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for name, object := range s.children() {
		if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			t.Fatal(err)
		}
		versions[name] = object.GetResourceVersion()
	}
	return versions
}

func (s scene) children() map[string]client.Object {
	return map[string]client.Object{
		"Secret":                 named(&corev1.Secret{}, s.namespace, "chat-dispatcher"),
		"ServiceAccount":         named(&corev1.ServiceAccount{}, s.namespace, "chat-dispatcher"),
		"Deployment":             named(&appsv1.Deployment{}, s.namespace, "chat-dispatcher"),
		"device Service":         named(&corev1.Service{}, s.namespace, "chat-device"),
		"server Service":         named(&corev1.Service{}, s.namespace, "chat-server"),
		"generated keys":         named(&corev1.Secret{}, s.namespace, "chat-keys"),
		"PersistentVolumeClaims": named(&corev1.PersistentVolumeClaim{}, s.namespace, "chat-data"),
	}
}

func TestChildrenComeBackAndDriftIsUndone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.launch(t)
	for name, object := range s.children() {
		if name == "generated keys" || name == "PersistentVolumeClaims" {
			continue // Their data would be lost; nobody makes that up.
		}
		if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			t.Fatal(err)
		}
		uid := object.GetUID()
		if err := suite.Client.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		managertest.Await(t, suite, object, func(o client.Object) error {
			if o.GetUID() == uid {
				return fmt.Errorf("%s is still the old one", name)
			}
			if !metav1.IsControlledBy(o, s.app) {
				return fmt.Errorf("%s has owners %v, want the app", name, o.GetOwnerReferences())
			}
			return nil
		})
	}
	service := named(&corev1.Service{}, s.namespace, "chat-server")
	managertest.Change(t, suite, service, func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "thief"} })
	managertest.Await(t, suite, service, func(s *corev1.Service) error {
		if s.Spec.Selector[render.AppLabel] != "chat" {
			return fmt.Errorf("selector is %v", s.Spec.Selector)
		}
		return nil
	})
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.launch(t)
	port := corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}
	dropped := named(&corev1.Service{Spec: port}, s.namespace, "chat-former")
	dropped.Labels = render.Labels("chat")
	dropped.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(s.app, pushv1.SchemeGroupVersion.WithKind("PushApp"))}
	copied := named(&corev1.Service{Spec: port}, s.namespace, "chat-copy")
	copied.Labels = render.Labels("chat")
	suite.Create(t, copied, dropped)
	deadline := named(&corev1.Service{}, s.namespace, "chat-device")
	managertest.Await(t, suite, deadline, func(*corev1.Service) error {
		err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(dropped), dropped)
		if !apierrors.IsNotFound(err) {
			return errors.Join(errors.New("the dropped Service is still there"), err)
		}
		return nil
	})
	if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(copied), copied); err != nil {
		t.Errorf("somebody else's Service with copied labels is gone: %v", err)
	}
}

func TestDataOutlivesTheApp(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.launch(t)
	keys, claim := named(&corev1.Secret{}, s.namespace, "chat-keys"), named(&corev1.PersistentVolumeClaim{}, s.namespace, "chat-data")
	for _, object := range []client.Object{keys, claim} {
		if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			t.Fatal(err)
		}
		if owners := object.GetOwnerReferences(); len(owners) != 0 {
			t.Errorf("%s must have no owner, has %v", object.GetName(), owners)
		}
	}
	if err := suite.Client.Delete(t.Context(), s.app); err != nil {
		t.Fatal(err)
	}
	other := testenv.App(s.namespace, "chat", "xiaomi")
	other.Spec.AppID = "another"
	suite.Create(t, other)
	await(t, other, "Ready=False/NameConflict", "Stalled=True/NameConflict")
	if err := suite.Client.Delete(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	again := testenv.App(s.namespace, "chat", "xiaomi")
	suite.Create(t, again)
	await(t, again, "ChannelsReady=True/ChannelsReady", "Stalled=absent")
	adopted := named(&corev1.Secret{}, s.namespace, "chat-keys")
	if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(adopted), adopted); err != nil {
		t.Fatal(err)
	}
	if adopted.UID != keys.UID || !cmp.Equal(adopted.Data, keys.Data) {
		t.Error("an app of the same name and appID must adopt the keys")
	}
}

func TestForeignObjectIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	foreign := testenv.KeysSecret(s.namespace, "chat-dispatcher", "not-for-you-0123456789")
	suite.Create(t, foreign, s.app)
	await(t, s.app, "ConfigApplied=False/NameConflict", "Ready=False/NameConflict", "Stalled=True/NameConflict")
	got := foreign.DeepCopy()
	if err := suite.Client.Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil || got.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the foreign Secret was changed (%v)", err)
	}
	if err := suite.Client.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	await(t, s.app, "ConfigApplied=False/ConfigPending", "Stalled=absent")
}
