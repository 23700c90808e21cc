// Package gitops_test proves against a real kube-apiserver what GitOps tools rely on: any order, no drift, suspension, prune
// and return.
package gitops_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

var suite *managertest.Suite

func TestMain(m *testing.M) {
	os.Exit(managertest.Main(m, &suite))
}

// tool is a GitOps tool with a repository that holds everything that an app needs.
type tool struct {
	namespace string
	files     []client.Object
}

// repository is one commit with a channel, an app, and all that they refer to.
func repository(t *testing.T) tool {
	t.Helper()
	namespace := suite.Namespace(t)
	return tool{namespace, repositoryIn(t, namespace)}
}

// repositoryIn are the files for a namespace.
func repositoryIn(t *testing.T, namespace string) []client.Object {
	t.Helper()
	channel := testenv.XiaomiChannel(namespace, "xiaomi")
	channel.Spec.Endpoint = suite.Vendor.Endpoint(namespace, pushv1.VendorXiaomi)
	return []client.Object{
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "vendor-ca"}, Data: map[string]string{"ca.crt": suite.Vendor.CA()}},
		testenv.XiaomiSecret(namespace, "xiaomi", "xiaomi-secret-first-0123"),
		testenv.KeysSecret(namespace, "chat-server", "server-key-0123456789"),
		testenv.KeysSecret(namespace, "chat-registration", "registration-key-0123456789"),
		channel,
		testenv.App(namespace, "chat", "xiaomi"),
	}
}

func (g tool) channel() *pushv1.PushChannel {
	return &pushv1.PushChannel{ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: "xiaomi"}}
}

func (g tool) app() *pushv1.PushApp {
	return &pushv1.PushApp{ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: "chat"}}
}

// sync applies the files server-side in the order given, as Flux and Argo CD do, and returns their resource versions.
func (g tool) sync(t *testing.T, order []int) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, i := range order {
		object := manifest(t, g.files[i])
		err := suite.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("gitops"), client.ForceOwnership)
		if err != nil {
			t.Fatalf("applying %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		versions[object.GetKind()+" "+object.GetName()] = object.GetResourceVersion()
	}
	return versions
}

// manifest is an object as it stands in a file.
func manifest(t *testing.T, object client.Object) *unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	kind, err := suite.Client.GroupVersionKindFor(object)
	if err != nil {
		t.Fatal(err)
	}
	file := &unstructured.Unstructured{Object: content}
	file.SetGroupVersionKind(kind)
	unstructured.RemoveNestedField(file.Object, "status")
	return file
}

// shuffled is an order of the files, and inOrder the one that people would write.
func (g tool) shuffled(seed uint64) []int {
	return rand.New(rand.NewPCG(seed, seed)).Perm(len(g.files))
}

func (g tool) inOrder() []int {
	order := make([]int, len(g.files))
	for i := range order {
		order[i] = i
	}
	return order
}

// converge plays the cluster beside the manager until the app is Ready.
func (g tool) converge(t *testing.T, pod string) {
	t.Helper()
	app := g.app()
	made := suite.Pod(t, app, pod)
	suite.Settle(t, app)
	managertest.Await(t, suite, app, func(a *pushv1.PushApp) error {
		suite.Dispatchers.Report(made.Status.PodIP, report.Report{
			Version: report.Version, Config: report.Config{Hash: a.Status.ConfigHash}, Store: report.Store{Ready: true},
			Account: report.Account{Admitted: time.Now().UnixNano()},
		})
		return is(a.Status.Conditions, "True/Ready")
	})
	managertest.Await(t, suite, g.channel(), func(c *pushv1.PushChannel) error {
		if c.Status.Apps == nil || *c.Status.Apps != 1 {
			return errors.New("the channel has yet to count its app")
		}
		return is(c.Status.Conditions, "True/Ready")
	})
}

func is(conditions []metav1.Condition, want string) error {
	ready := meta.FindStatusCondition(conditions, pushv1.ConditionReady)
	if got := string(ready.Status) + "/" + ready.Reason; got != want {
		return fmt.Errorf("Ready is %s (%s), want %s", got, ready.Message, want)
	}
	return nil
}

// objects are all objects of the namespace that the tool or the manager made, by kind and name.
func (g tool) objects(t *testing.T) map[string]*metav1.PartialObjectMetadata {
	t.Helper()
	found := map[string]*metav1.PartialObjectMetadata{}
	for _, kind := range []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("Secret"), corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		corev1.SchemeGroupVersion.WithKind("Service"), corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
		corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), appsv1.SchemeGroupVersion.WithKind("Deployment"),
		pushv1.SchemeGroupVersion.WithKind("PushChannel"), pushv1.SchemeGroupVersion.WithKind("PushApp"),
	} {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := suite.Client.List(t.Context(), &list, client.InNamespace(g.namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			found[kind.Kind+" "+list.Items[i].Name] = &list.Items[i]
		}
	}
	return found
}

// versions are the resource versions of all objects.
func (g tool) versions(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for name, object := range g.objects(t) {
		versions[name] = object.ResourceVersion
	}
	return versions
}
