package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

type test = *pushv1.PushTest

func pushTest(namespace string) test { return testenv.PushTest(namespace, "hello", "phone-1") }

func TestPushTest(t *testing.T) {
	t.Parallel()
	ttl := func(seconds int32) func(test) {
		return func(p test) { p.Spec.TTLSecondsAfterFinished = new(seconds) }
	}
	const target = "exactly one of `pushID` and `userID` must be set: a phone, or a user with all phones"
	const nothing = "`title`, `content` or `payload` must be set: there is nothing to push"
	checkCreate(t, pushTest, []change[test]{
		{name: "as built", edit: func(test) {}},
		{name: "whole", edit: func(p test) {
			p.Spec.Content, p.Spec.Payload, p.Spec.ResourcesID = "How are you?", `{"chat":4711}`, "message"
			ttl(86400)(p)
		}},
		{name: "user", edit: func(p test) { p.Spec.PushID, p.Spec.UserID = "", "u1" }},
		{name: "content alone", edit: func(p test) { p.Spec.Title, p.Spec.Content = "", "x" }},
		{name: "payload alone", edit: func(p test) { p.Spec.Title, p.Spec.Payload = "", "x" }},
		{name: "longest", edit: func(p test) {
			p.Spec.PushID, p.Spec.Title = strings.Repeat("p", 64), strings.Repeat("ü", 256)
			p.Spec.Content, p.Spec.Payload, p.Spec.ResourcesID = strings.Repeat("c", 2048), strings.Repeat("y", 3072), strings.Repeat("r", 32)
		}},
		{name: "deletes itself at once", edit: ttl(0)},
		{name: "deletes itself after a month", edit: ttl(2592000)},
		{name: "no app", edit: func(p test) { p.Spec.App = "" }, want: []string{"spec.app: Required value"}},
		{name: "bad app", edit: func(p test) { p.Spec.App = "Chat.eu" }, want: []string{"spec.app"}},
		{name: "phone and user", edit: func(p test) { p.Spec.UserID = "u1" }, want: []string{target}},
		{name: "neither phone nor user", edit: func(p test) { p.Spec.PushID = "" }, want: []string{target}},
		{name: "nothing to push", edit: func(p test) { p.Spec.Title = "" }, want: []string{nothing}},
		{name: "long phone", edit: func(p test) { p.Spec.PushID = strings.Repeat("p", 65) }, want: []string{"spec.pushID: Too long"}},
		{name: "long user", edit: func(p test) { p.Spec.PushID, p.Spec.UserID = "", strings.Repeat("u", 65) }, want: []string{"spec.userID: Too long"}},
		{name: "long title", edit: func(p test) { p.Spec.Title = strings.Repeat("t", 257) }, want: []string{"spec.title: Too long"}},
		{name: "long content", edit: func(p test) { p.Spec.Content = strings.Repeat("c", 2049) }, want: []string{"spec.content: Too long"}},
		{name: "long payload", edit: func(p test) { p.Spec.Payload = strings.Repeat("y", 3073) }, want: []string{"spec.payload: Too long"}},
		{name: "long profile", edit: func(p test) { p.Spec.ResourcesID = strings.Repeat("r", 33) }, want: []string{"spec.resourcesID: Too long"}},
		{name: "profile with a blank", edit: func(p test) { p.Spec.ResourcesID = "a b" }, want: []string{"spec.resourcesID"}},
		{name: "deletes itself before its end", edit: ttl(-1), want: []string{"spec.ttlSecondsAfterFinished"}},
		{name: "deletes itself too late", edit: ttl(2592001), want: []string{"spec.ttlSecondsAfterFinished"}},
	})
}

// TestPushTestUpdate: nothing of the spec changes, whatever else does.
func TestPushTestUpdate(t *testing.T) {
	t.Parallel()
	fixed := []string{"spec: Invalid value", "`spec` must not change: make another PushTest for another push"}
	checkUpdate(t, pushTest, []change[test]{
		{name: "nothing", edit: func(test) {}},
		{name: "label", edit: func(p test) { p.Labels = map[string]string{"team": "support"} }},
		{name: "app", edit: func(p test) { p.Spec.App = "talk" }, want: fixed},
		{name: "phone", edit: func(p test) { p.Spec.PushID = "phone-2" }, want: fixed},
		{name: "a user instead", edit: func(p test) { p.Spec.PushID, p.Spec.UserID = "", "u1" }, want: fixed},
		{name: "title", edit: func(p test) { p.Spec.Title = "Hello again" }, want: fixed},
		{name: "content", edit: func(p test) { p.Spec.Content = "x" }, want: fixed},
		{name: "payload", edit: func(p test) { p.Spec.Payload = "x" }, want: fixed},
		{name: "profile", edit: func(p test) { p.Spec.ResourcesID = "message" }, want: fixed},
		{name: "time to live", edit: func(p test) { p.Spec.TTLSecondsAfterFinished = new(int32(1)) }, want: fixed},
	})
}

// samplesOf are the documents of a sample of PushTests by their kind.
func samplesOf(t *testing.T, file string) map[string]map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("samples", "pushtest", file))
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]map[string]any{}
	for text := range bytes.SplitSeq(b, []byte("\n---\n")) {
		document := map[string]any{}
		if err := yaml.UnmarshalStrict(text, &document); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		kind, _ := document["kind"].(string)
		documents[kind] = document
	}
	return documents
}

// TestPushTestSamples applies what has a CRD here, and holds the rest to the test that it speaks of.
func TestPushTestSamples(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	annotations := map[string]map[string]string{
		"plain.yaml": nil,
		"flux.yaml":  {"kustomize.toolkit.fluxcd.io/force": "enabled"},
		"argocd.yaml": {
			"argocd.argoproj.io/hook": "PostSync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
		},
	}
	for file, want := range annotations {
		sample := &pushv1.PushTest{}
		convert(t, samplesOf(t, file)["PushTest"], sample)
		if sample.Namespace != "push" || sample.Spec.App != "chat" {
			t.Errorf("%s is for app %s/%s, config/samples has push/chat", file, sample.Namespace, sample.Spec.App)
		}
		if len(sample.Annotations) != len(want) {
			t.Errorf("%s has the annotations %v, want %v", file, sample.Annotations, want)
		}
		for name, value := range want {
			if sample.Annotations[name] != value {
				t.Errorf("%s: annotation %s is %q, want %q", file, name, sample.Annotations[name], value)
			}
		}
		if gitOps := want != nil; gitOps && sample.Spec.TTLSecondsAfterFinished != nil {
			t.Errorf("%s must not delete itself: it would be made again, and push again", file)
		}
		sample.Namespace = namespace
		if err := environment.Client.Create(t.Context(), sample, client.DryRunAll); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestFluxWaitsForTheTest and for no other object.
func TestFluxWaitsForTheTest(t *testing.T) {
	t.Parallel()
	documents := samplesOf(t, "flux.yaml")
	var sample pushv1.PushTest
	var flux struct {
		Spec struct {
			HealthChecks []struct{ APIVersion, Kind, Name, Namespace string }
		}
	}
	convert(t, documents["PushTest"], &sample)
	b, err := yaml.Marshal(documents["Kustomization"])
	if err == nil {
		err = yaml.Unmarshal(b, &flux)
	}
	if err != nil || len(flux.Spec.HealthChecks) != 1 {
		t.Fatalf("Kustomization is %+v, error %v", flux, err)
	}
	check := flux.Spec.HealthChecks[0]
	if check.APIVersion != sample.APIVersion || check.Kind != sample.Kind || check.Name != sample.Name || check.Namespace != sample.Namespace {
		t.Errorf("Flux waits for %+v", check)
	}
}

// convert reads a document strictly.
func convert(t *testing.T, document map[string]any, into any) {
	t.Helper()
	b, err := yaml.Marshal(document)
	if err == nil {
		err = yaml.UnmarshalStrict(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
