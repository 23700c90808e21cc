package manager

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
)

// wholeCluster stands for every namespace in metrics and logs.
const wholeCluster = "*"

// accessMetric lets an alert ask for a RoleBinding.
var accessMetric = promauto.With(metrics.Registry).NewGaugeVec(prometheus.GaugeOpts{
	Name: "offlinepush_namespace_access",
	Help: "1 for each namespace of --namespaces that lets the manager in, 0 for one that does not and is therefore left out.",
}, []string{"namespace"})

// right is a verb on a resource.
type right struct {
	schema.GroupResource
	verb string
}

// String is the right as people read it.
func (r right) String() string { return r.verb + " " + r.GroupResource.String() }

// gate knows which namespaces let the manager in. A cache waits for all of its namespaces, so that a single one without a
// RoleBinding would keep the manager from working in the others.
type gate struct {
	api    kubernetes.Interface
	rights []right
	log    *slog.Logger
	// cure is the command that lets the manager in, without the namespace.
	cure string
	// told is what people were told of a namespace: what it lacks, or nothing.
	told map[string]string
}

// newGate asks who the manager is, for the command that it tells people.
func newGate(ctx context.Context, cluster *rest.Config, s Settings) (*gate, error) {
	cluster = rest.CopyConfig(cluster)
	cluster.QPS = -1 // A few small questions for each namespace, one after the other.
	api, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	self, err := api.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("asking the API server who the manager is: %w", err)
	}
	subject := "--user=" + self.Status.UserInfo.Username
	if account, ok := strings.CutPrefix(self.Status.UserInfo.Username, "system:serviceaccount:"); ok {
		subject = "--serviceaccount=" + account
	}
	return &gate{api: api, rights: rights(s), log: s.Log, cure: render.ManagedBy + " --clusterrole=" + render.ManagedBy + " " + subject, told: map[string]string{}}, nil
}

// rights are what the caches need.
func rights(s Settings) []right {
	resources := []schema.GroupResource{
		{Group: pushv1.GroupName, Resource: "pushapps"},
		{Group: pushv1.GroupName, Resource: "pushchannels"},
		{Group: pushv1.GroupName, Resource: "pushtests"},
		{Group: "apps", Resource: "deployments"},
		{Group: "autoscaling", Resource: "horizontalpodautoscalers"},
		{Group: "policy", Resource: "poddisruptionbudgets"},
		{Resource: "configmaps"},
		{Resource: "persistentvolumeclaims"},
		{Resource: "pods"},
		{Resource: "serviceaccounts"},
		{Resource: "services"},
	}
	if !s.GetSecrets {
		resources = append(resources, schema.GroupResource{Resource: "secrets"})
	}
	var all []right
	for _, resource := range resources {
		all = append(all, right{resource, "list"}, right{resource, "watch"})
	}
	return all
}

// open lists those of the namespaces that let the manager in; without a name, whether the cluster does. It tells people of
// those that do not, once.
func (g *gate) open(ctx context.Context, namespaces []string) ([]string, error) {
	var open []string
	for _, namespace := range namespaces {
		lacks, err := g.lacks(ctx, namespace)
		if err != nil {
			return nil, err
		}
		g.tell(ctx, namespace, lacks)
		if lacks == "" {
			open = append(open, namespace)
		}
	}
	return open, nil
}

// lacks is the first right that the manager does not have in a namespace; nothing when it has all.
func (g *gate) lacks(ctx context.Context, namespace string) (string, error) {
	for _, needed := range g.rights {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Group: needed.Group, Resource: needed.Resource, Verb: needed.verb,
			},
		}}
		answer, err := g.api.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return "", fmt.Errorf("asking the API server for the manager's rights: %w", err)
		}
		if !answer.Status.Allowed {
			return needed.String(), nil
		}
	}
	return "", nil
}

func (g *gate) tell(ctx context.Context, namespace, lacks string) {
	name, allowed := namespace, 0.0
	command := "kubectl -n " + namespace + " create rolebinding " + g.cure
	if namespace == metav1.NamespaceAll {
		name, command = wholeCluster, "kubectl create clusterrolebinding "+g.cure
	}
	if lacks == "" {
		allowed = 1
	}
	accessMetric.WithLabelValues(name).Set(allowed)
	before, known := g.told[namespace]
	g.told[namespace] = lacks
	switch {
	case lacks != "" && lacks != before:
		g.log.ErrorContext(ctx, "a namespace does not let the manager in, it is left out until it does",
			"namespace", name, "lacks", lacks, "cure", command+", or take it out of --namespaces")
	case lacks == "" && known && before != "":
		g.log.InfoContext(ctx, "a namespace lets the manager in", "namespace", name)
	}
}

// more reports whether a namespace that was left out lets the manager in now. It looks at the others, too, so that people
// hear of one that shut its door.
func (g *gate) more(ctx context.Context, namespaces, running []string) (bool, error) {
	open, err := g.open(ctx, namespaces)
	return slices.ContainsFunc(open, func(name string) bool { return !slices.Contains(running, name) }), err
}
