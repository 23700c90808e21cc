package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

// TestNewObjectsAreNeverBlank looks at objects that no controller has seen.
func TestNewObjectsAreNeverBlank(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	fcm, chat, hello := fcmChannel(namespace), chatApp(namespace), pushTest(namespace)
	create(t, fcm, chat, hello)
	checkTable(t, namespace, "pch", [][]string{
		{"NAME", "VENDOR", "READY", "REASON", "APPS", "AGE"},
		{"fcm", "FCM", "Unknown", "Pending", "0", "*"},
	})
	checkTable(t, namespace, "papp", [][]string{
		{"NAME", "READY", "CHANNELS", "DISPATCHERS", "ENDPOINT", "AGE"},
		{"chat", "Unknown", "-", "-", "-", "*"},
	})
	checkTable(t, namespace, "ptest", [][]string{
		{"NAME", "APP", "TARGET", "VENDOR", "RESULT", "AGE"},
		{"hello", "chat", "-", "-", "Running", "*"},
	})
	for _, object := range []client.Object{fcm, chat, hello} {
		if err := environment.Client.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			t.Fatal(err)
		}
		if got, err := testenv.KStatus(object); got != kstatus.InProgressStatus || err != nil {
			t.Errorf("kstatus of a new %T is %s (error %v), want InProgress", object, got, err)
		}
	}
	if fcm.Status.ObservedGeneration != -1 || fcm.Status.Conditions[0].Message != "waiting for the controller" {
		t.Errorf("a new channel's status is %+v", fcm.Status)
	}
}

// TestColumns looks at objects that are ready.
func TestColumns(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	fcm, chat, hello := fcmChannel(namespace), chatApp(namespace), pushTest(namespace)
	create(t, fcm, chat, hello)
	ready := []metav1.Condition{{
		Type: pushv1.ConditionReady, Status: metav1.ConditionTrue, Reason: pushv1.ReasonReady, Message: "well",
		ObservedGeneration: 1, LastTransitionTime: metav1.Now(),
	}}
	fcm.Status = pushv1.PushChannelStatus{
		ObservedGeneration: 1, Conditions: ready, Apps: new(int32(3)), LastProbeTime: new(metav1.Now()),
		Credentials: &pushv1.ChannelCredentialsStatus{Active: &pushv1.ActiveCredential{SecretName: "fcm", Hash: "0123456789abcdef"}},
	}
	chat.Status = pushv1.PushAppStatus{
		ObservedGeneration: 1, Conditions: ready, ConfigHash: "0123456789abcdef",
		Channels:    []pushv1.AppChannelStatus{{Name: "fcm", Vendor: pushv1.VendorFCM, Ready: metav1.ConditionTrue, Reason: pushv1.ReasonChannelReady}},
		Endpoints:   []pushv1.AppEndpoint{{Name: pushv1.EndpointExternal, URL: "https://push.example.com"}},
		Dispatchers: &pushv1.DispatcherCount{Desired: new(int32(1)), Ready: new(int32(0))},
		Summary:     &pushv1.AppSummary{Channels: "1/2", Dispatchers: "0/1", Endpoint: "https://push.example.com"},
	}
	hello.Status = pushv1.PushTestStatus{
		ObservedGeneration: 1, Conditions: ready, Result: pushv1.PushTestSucceeded, Target: "phone-1", Vendors: "FCM,Xiaomi",
		MessageID: "m", StartTime: new(metav1.Now()), CompletionTime: new(metav1.Now()),
		Devices: []pushv1.PushTestDevice{{
			PushID: "phone-1", Channel: "fcm", Vendor: pushv1.VendorFCM, Dispatcher: pushv1.PushTestHop{Status: pushv1.PushTestHopSucceeded},
			Push:    pushv1.PushTestHop{Status: pushv1.PushTestHopSucceeded, LatencyMilliseconds: new(int64(42))},
			Receipt: &pushv1.PushTestReceipt{Event: "Delivered", Time: new(metav1.Now())},
		}},
	}
	for _, object := range []client.Object{fcm, chat, hello} {
		if err := environment.Client.Status().Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		if err := testenv.CheckStatus(object); err != nil {
			t.Error(err)
		}
	}
	checkTable(t, namespace, "pch", [][]string{
		{"NAME", "VENDOR", "READY", "REASON", "APPS", "AGE", "MESSAGE", "LAST", "PROBE"},
		{"fcm", "FCM", "True", "Ready", "3", "*", "well", "*"},
	}, "-o", "wide")
	checkTable(t, namespace, "papp", [][]string{
		{"NAME", "READY", "CHANNELS", "DISPATCHERS", "ENDPOINT", "AGE", "MESSAGE"},
		{"chat", "True", "1/2", "0/1", "https://push.example.com", "*", "well"},
	}, "-o", "wide")
	checkTable(t, namespace, "ptest", [][]string{
		{"NAME", "APP", "TARGET", "VENDOR", "RESULT", "AGE", "MESSAGE"},
		{"hello", "chat", "phone-1", "FCM,Xiaomi", "Succeeded", "*", "well"},
	}, "-o", "wide")
	if got := environment.Kubectl(t, "get", "offlinepush", "-n", namespace, "-o", "name"); len(strings.Fields(got)) != 3 {
		t.Errorf("category offlinepush lists:\n%s", got)
	}
}

// TestStatusRefusesNonsense keeps a mistake of the controller out of the cluster.
func TestStatusRefusesNonsense(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	fcm, chat, hello := fcmChannel(namespace), chatApp(namespace), pushTest(namespace)
	create(t, fcm, chat, hello)
	fcm.Status.Credentials = &pushv1.ChannelCredentialsStatus{Active: &pushv1.ActiveCredential{SecretName: "fcm", Hash: "the secret itself"}}
	checkRefusal(t, environment.Client.Status().Update(t.Context(), fcm), []string{"status.credentials.active.hash"})
	chat.Status.Endpoints = []pushv1.AppEndpoint{{Name: "admin", URL: "https://push.example.com"}}
	checkRefusal(t, environment.Client.Status().Update(t.Context(), chat), []string{"status.endpoints[0].name"})
	hop := pushv1.PushTestHop{Status: "Dreaming", Answer: strings.Repeat("x", 2049), LatencyMilliseconds: new(int64(-1))}
	hello.Status.Result, hello.Status.Devices = "Maybe", []pushv1.PushTestDevice{{PushID: "p", Push: hop}, {PushID: "p"}}
	checkRefusal(t, environment.Client.Status().Update(t.Context(), hello), []string{
		"status.result", "status.devices[0].push.status", "status.devices[0].push.answer", "status.devices[0].push.latencyMilliseconds",
	})
}

// TestFoldersApply applies each folder twice the way people do; the second time changes nothing.
func TestFoldersApply(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"crd", "rbac/users", "samples", "samples/postgres", "samples/gitops/push"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			apply := []string{"apply", "--server-side", "--validate=strict", "-o", "jsonpath={.kind} {.metadata.name} {.metadata.resourceVersion}\n", "-k", folder}
			first := environment.Kubectl(t, apply...)
			if second := environment.Kubectl(t, apply...); first != second {
				t.Errorf("the second apply changed something:\n%s", cmp.Diff(first, second))
			}
		})
	}
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := environment.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// checkTable compares what `kubectl get` prints, word by word; "*" stands for any word.
func checkTable(t *testing.T, namespace, kind string, want [][]string, flags ...string) {
	t.Helper()
	output := environment.Kubectl(t, append([]string{"get", kind, "-n", namespace}, flags...)...)
	var got [][]string
	for line := range strings.Lines(output) {
		words := strings.Fields(line)
		if row := len(got); row < len(want) && len(words) == len(want[row]) {
			for i, word := range want[row] {
				if word == "*" {
					words[i] = "*"
				}
			}
		}
		got = append(got, words)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kubectl get %s (-want +got):\n%s", kind, diff)
	}
}
