// Package config_test proves the manifests under config/ against a real kube-apiserver: what the CRDs refuse and what they
// fill in, what people see of them, and that every folder applies.
package config_test

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/offlinepush/operator/controllers/testenv"
)

var environment *testenv.Environment

func TestMain(m *testing.M) {
	os.Exit(testenv.Main(m, &environment))
}

// change is an edit of a valid object; want lists what the error must say, and is empty when the edit is valid.
type change[T client.Object] struct {
	name string
	edit func(T)
	want []string
}

// checkCreate makes each change to a new object before it is created.
func checkCreate[T client.Object](t *testing.T, build func(namespace string) T, changes []change[T]) {
	t.Helper()
	namespace := environment.Namespace(t)
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			object := build(namespace)
			object.SetName("")
			object.SetGenerateName("x-")
			tt.edit(object)
			checkRefusal(t, environment.Client.Create(t.Context(), object, client.DryRunAll), tt.want)
		})
	}
}

// checkUpdate makes each change to an object that exists.
func checkUpdate[T client.Object](t *testing.T, build func(namespace string) T, changes []change[T]) {
	t.Helper()
	namespace := environment.Namespace(t)
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			object := build(namespace)
			object.SetName("")
			object.SetGenerateName("x-")
			if err := environment.Client.Create(t.Context(), object); err != nil {
				t.Fatalf("creating the object to change: %v", err)
			}
			tt.edit(object)
			checkRefusal(t, environment.Client.Update(t.Context(), object, client.DryRunAll), tt.want)
		})
	}
}

func checkRefusal(t *testing.T, err error, want []string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("a valid change was refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatalf("an invalid change was accepted, want an error with %q", want)
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
}
