package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

// again is the time until the cluster looks at pods that it keeps from getting ready.
const again = 100 * time.Millisecond

// cluster plays what a kube-apiserver lacks in a namespace: the Deployments' controller, the storage and the kubelets, and
// dispatchers that load what they are given.
type cluster struct {
	client.Client
	namespace string
	vendor    *managertest.Vendor
	reports   *httptest.Server

	mu sync.Mutex
	// pods are the apps and the images by address.
	pods map[string]pod
	// broken are the images whose pods never get ready.
	broken map[string]bool
	// asked counts reports by app.
	asked map[string]int
	// rolling are the apps whose pods are being replaced, with the image that replaces, and crowd is the most at a time.
	rolling map[string]string
	crowd   int
}

type pod struct{ app, image string }

// newCluster plays a namespace until the test ends.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		namespace: environment.Namespace(t), vendor: managertest.NewVendor(),
		pods: map[string]pod{}, broken: map[string]bool{}, asked: map[string]int{}, rolling: map[string]string{},
	}
	t.Cleanup(c.vendor.Close)
	c.reports = httptest.NewServer(http.HandlerFunc(c.report))
	t.Cleanup(c.reports.Close)
	direct := rest.CopyConfig(environment.Config)
	direct.QPS = -1
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{render.ManagedByLabel: render.ManagedBy})}
	mgr, err := ctrl.NewManager(direct, ctrl.Options{
		Scheme: environment.Client.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{c.namespace: {}},
			ByObject:          map[client.Object]cache.ByObject{&corev1.Secret{}: ours},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Client = mgr.GetClient()
	mine := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		name := types.NamespacedName{Namespace: object.GetNamespace(), Name: render.NamesOf(object.GetLabels()[render.AppLabel]).Dispatcher}
		return []reconcile.Request{{NamespacedName: name}}
	})
	err = ctrl.NewControllerManagedBy(mgr).Named("cluster").For(&appsv1.Deployment{}).
		Watches(&corev1.Pod{}, mine).Watches(&corev1.PersistentVolumeClaim{}, mine).
		WithOptions(controller.Options{MaxConcurrentReconciles: 8, SkipNameValidation: new(true)}).Complete(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the cluster ended with %v", err)
		}
	})
	for _, object := range []client.Object{&corev1.Secret{}, &pushv1.PushApp{}, &pushv1.PushChannel{}} {
		if _, err := mgr.GetCache().GetInformer(ctx, object); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Reconcile brings the pods of a Deployment to what its template says, and says so in its status.
func (c *cluster) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	d := &appsv1.Deployment{}
	if err := c.Get(ctx, request.NamespacedName, d); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if err := c.bind(ctx, d); err != nil {
		return ctrl.Result{}, err
	}
	image := d.Spec.Template.Spec.Containers[0].Image
	held := c.isBroken(image)
	fresh, old, err := c.podsOf(ctx, d)
	if err != nil {
		return ctrl.Result{}, err
	}
	c.observe(d.Labels[render.AppLabel], image, len(old) > 0 || len(fresh) < int(*d.Spec.Replicas))
	if len(fresh) < int(*d.Spec.Replicas) {
		return ctrl.Result{}, c.makePods(ctx, d) // They are counted once they are seen.
	}
	over := fresh[*d.Spec.Replicas:]
	if !held {
		over = append(over, old...)
	}
	for i := range over {
		if err := c.Delete(ctx, &over[i], client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, err
		}
	}
	for i := range fresh {
		if err := c.ready(ctx, &fresh[i], !held); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	if held {
		return ctrl.Result{RequeueAfter: again}, c.count(ctx, d, len(fresh), len(old), len(old))
	}
	return ctrl.Result{}, c.count(ctx, d, len(fresh), len(old), len(fresh))
}

// bind gives the app its volume.
func (c *cluster) bind(ctx context.Context, d *appsv1.Deployment) error {
	claim := &corev1.PersistentVolumeClaim{}
	name := client.ObjectKey{Namespace: d.Namespace, Name: render.NamesOf(d.Labels[render.AppLabel]).Data}
	if err := c.Get(ctx, name, claim); err != nil || claim.Status.Phase == corev1.ClaimBound {
		return client.IgnoreNotFound(err)
	}
	claim.Status.Phase = corev1.ClaimBound
	return c.Status().Update(ctx, claim)
}

// podsOf are the pods of the Deployment's template and those of an older one. The fresh ones are in the order in which they are
// made: whoever sees one that is deleted already deletes the same one again, and no other.
func (c *cluster) podsOf(ctx context.Context, d *appsv1.Deployment) (fresh, old []corev1.Pod, err error) {
	var list corev1.PodList
	if err := c.List(ctx, &list, client.InNamespace(d.Namespace), client.MatchingLabels(d.Spec.Selector.MatchLabels)); err != nil {
		return nil, nil, err
	}
	for _, p := range list.Items {
		if p.Labels[render.RevisionLabel] == d.Spec.Template.Labels[render.RevisionLabel] {
			fresh = append(fresh, p)
		} else {
			old = append(old, p)
		}
	}
	slices.SortFunc(fresh, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return fresh, old, nil
}

// makePods makes those of a Deployment's pods that are not there; it has ten at most.
func (c *cluster) makePods(ctx context.Context, d *appsv1.Deployment) error {
	for i := range *d.Spec.Replicas {
		template := d.Spec.Template.DeepCopy()
		p := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
		p.Namespace, p.Name = d.Namespace, fmt.Sprintf("%s-%s-%d", d.Name, template.Labels[render.RevisionLabel], i)
		p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))}
		if err := c.Create(ctx, p); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// ready lets a pod run, and accept work or not.
func (c *cluster) ready(ctx context.Context, p *corev1.Pod, is bool) error {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	if len(p.Status.Conditions) == 1 && p.Status.Conditions[0].Status == status {
		return nil
	}
	if p.Status.PodIP == "" {
		p.Status.PodIP = c.address(pod{p.Labels[render.AppLabel], p.Spec.Containers[0].Image})
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	}
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	return c.Status().Update(ctx, p)
}

func (c *cluster) address(p pod) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.pods) + 1
	address := fmt.Sprintf("10.%d.%d.%d", 9+n/62500, n/250%250, n%250+1)
	c.pods[address] = p
	return address
}

// count tells the Deployment's status of its pods.
func (c *cluster) count(ctx context.Context, d *appsv1.Deployment, fresh, old, ready int) error {
	status := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: int32(fresh + old), UpdatedReplicas: int32(fresh),
		ReadyReplicas: int32(ready), AvailableReplicas: int32(ready),
	}
	was := d.Status
	if was.ObservedGeneration == status.ObservedGeneration && was.Replicas == status.Replicas && was.UpdatedReplicas == status.UpdatedReplicas &&
		was.AvailableReplicas == status.AvailableReplicas {
		return nil
	}
	d.Status = status
	return c.Status().Update(ctx, d)
}

// observe keeps which apps are being rolled out.
func (c *cluster) observe(app, image string, rolling bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !rolling {
		delete(c.rolling, app)
		return
	}
	c.rolling[app] = image
	c.crowd = max(c.crowd, len(c.rolling))
}

// mostAtOnce is the most apps that were rolled out at a time since it was asked last.
func (c *cluster) mostAtOnce() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := c.crowd
	c.crowd = 0
	return most
}

// breakImage keeps pods of an image from getting ready, or lets them.
func (c *cluster) breakImage(image string, is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[image] = is
}

func (c *cluster) isBroken(image string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken[image]
}

// report is what the dispatcher at the request's address tells: that it runs on what its Secret holds.
func (c *cluster) report(w http.ResponseWriter, r *http.Request) {
	address, _, _ := strings.Cut(r.Host, ":")
	c.mu.Lock()
	p, ok := c.pods[address]
	up := ok && !c.broken[p.image]
	c.asked[p.app]++
	c.mu.Unlock()
	var secret corev1.Secret
	err := errors.New("it does not run")
	if up {
		err = c.Get(r.Context(), client.ObjectKey{Namespace: c.namespace, Name: render.NamesOf(p.app).Dispatcher}, &secret)
	}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(report.Report{
		Version: report.Version, Config: report.Config{Hash: config.Hash(secret.Data[config.FileName])}, Store: report.Store{Ready: true},
		Account: report.Account{Admitted: time.Now().UnixNano()},
	})
}

// asks is how often every one of the apps was asked at least, by the one that was asked least.
func (c *cluster) asks(apps []string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	least := -1
	for _, app := range apps {
		if n := c.asked[app]; least < 0 || n < least {
			least = n
		}
	}
	return least
}
