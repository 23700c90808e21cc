package admin

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/controllers/render"
)

// ReportKeyEntry is the entry of Secret <app>-keys with the key that admin ports ask for.
const ReportKeyEntry = "report"

// LivePods lists an app's pods that do not end.
func LivePods(ctx context.Context, reader client.Reader, app types.NamespacedName) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := reader.List(ctx, &list, client.InNamespace(app.Namespace),
		client.MatchingFields{reference.MadeFor: app.Name}, client.MatchingLabels(render.Selector(app.Name)))
	if err != nil {
		return nil, fmt.Errorf("listing the dispatchers' pods: %w", err)
	}
	var pods []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp.IsZero() && pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// Ready reports whether a pod accepts work.
func Ready(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
