package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// TestInstallsApply applies each way to install the operator over the one before, twice the way people do.
func TestInstallsApply(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"default", "get-only-secrets", "cluster", "default"} {
		apply := []string{"apply", "--server-side", "--validate=strict", "-o", "jsonpath={.kind} {.metadata.name} {.metadata.resourceVersion}\n", "-k", folder}
		first := environment.Kubectl(t, apply...)
		if second := environment.Kubectl(t, apply...); first != second {
			t.Errorf("%s: the second apply changed something:\n%s", folder, cmp.Diff(first, second))
		}
	}
}

// TestInstallForTheCluster: one binding instead of one for each namespace, and a manager that watches them all.
func TestInstallForTheCluster(t *testing.T) {
	t.Parallel()
	before, after := built(t, "default"), built(t, "cluster")
	binding, everywhere := "RoleBinding offlinepush-manager", "ClusterRoleBinding offlinepush-manager"
	if before[binding] == nil || before[everywhere] != nil || after[binding] != nil || after[everywhere] == nil {
		t.Errorf("config/cluster must have the ClusterRoleBinding instead of the RoleBinding, has %v and %v", after[binding], after[everywhere])
	}
	delete(before, binding)
	delete(after, everywhere)
	checkArguments(t, before, after, "--namespaces=*")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("config/cluster changes more (-default +cluster):\n%s", diff)
	}
}

// TestInstallThatGetsSecrets: the manager loses list, watch and delete of Secrets, and nothing else.
func TestInstallThatGetsSecrets(t *testing.T) {
	t.Parallel()
	before, after := built(t, "default"), built(t, "get-only-secrets")
	const name = "ClusterRole offlinepush-manager"
	had, has := verbs(t, before[name]), verbs(t, after[name])
	if got := has["/secrets"]; !slices.Equal(got, []string{"create", "get", "patch"}) {
		t.Errorf("the manager may %v Secrets", got)
	}
	delete(had, "/secrets")
	delete(has, "/secrets")
	if diff := cmp.Diff(had, has); diff != "" {
		t.Errorf("other rights changed (-default +get-only-secrets):\n%s", diff)
	}
	delete(before, name)
	delete(after, name)
	checkArguments(t, before, after, "--secret-access=Get")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("config/get-only-secrets changes more (-default +get-only-secrets):\n%s", diff)
	}
}

// built lists what a folder makes, by kind and name.
func built(t *testing.T, folder string) map[string]map[string]any {
	t.Helper()
	objects := map[string]map[string]any{}
	for text := range strings.SplitSeq(environment.Kubectl(t, "kustomize", folder), "\n---\n") {
		var object unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		objects[object.GetKind()+" "+object.GetName()] = object.Object
	}
	return objects
}

// checkArguments expects one more argument of the manager, and takes both Deployments out.
func checkArguments(t *testing.T, before, after map[string]map[string]any, want string) {
	t.Helper()
	const name = "Deployment offlinepush-manager"
	was, is := decoded[appsv1.Deployment](t, before[name]), decoded[appsv1.Deployment](t, after[name])
	args := &was.Spec.Template.Spec.Containers[0].Args
	*args = append(*args, want)
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("the manager's Deployment (-want +got):\n%s", diff)
	}
	delete(before, name)
	delete(after, name)
}

// verbs are those of a role by group and resource.
func verbs(t *testing.T, role map[string]any) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, rule := range decoded[rbacv1.ClusterRole](t, role).Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				key := group + "/" + resource
				all[key] = slices.Sorted(slices.Values(append(all[key], rule.Verbs...)))
			}
		}
	}
	return all
}

func decoded[T any](t *testing.T, object map[string]any) (out T) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &out); err != nil {
		b, _ := json.Marshal(object)
		t.Fatalf("decoding %s: %v", b, err)
	}
	return out
}
