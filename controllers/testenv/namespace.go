package testenv

import (
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Namespace makes a namespace of the test's own and returns its name. It is never deleted: nothing here would finish that.
func (e *Environment) Namespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: namespacePrefix(t.Name())}}
	if err := e.Client.Create(t.Context(), namespace); err != nil {
		t.Fatalf("creating namespace %s*: %v", namespace.GenerateName, err)
	}
	return namespace.Name
}

// namespacePrefix turns a test's name into the beginning of a namespace's name.
func namespacePrefix(test string) string {
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(test), "-")
	return strings.Trim(name[:min(len(name), 40)], "-") + "-"
}
