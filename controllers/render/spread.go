package render

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

const (
	// Only pods of the same template count, so that a rollout is spread as well.
	sameTemplate = "pod-template-hash"

	mostWanted int32 = 100
)

// spread keeps dispatchers apart, as the app says or by default.
func spread(app *pushv1.PushApp, pod *corev1ac.PodSpecApplyConfiguration) {
	want := app.Spec.Dispatcher.TopologySpreadConstraints
	if len(want) == 0 && shared(app) {
		want = []pushv1.TopologySpread{{TopologyKey: corev1.LabelHostname, MaxSkew: 1, WhenUnsatisfiable: pushv1.SpreadScheduleAnyway}}
		pod.WithAffinity(apartInZones(app))
	}
	for _, s := range want {
		pod.WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithTopologyKey(s.TopologyKey).
			WithMaxSkew(s.MaxSkew).
			WithWhenUnsatisfiable(corev1.UnsatisfiableConstraintAction(s.WhenUnsatisfiable)).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(app.Name))).
			WithMatchLabelKeys(sameTemplate))
	}
}

// apartInZones is no topology spread constraint: the scheduler leaves nodes without the label of one constraint out of all
// of them, so that a cluster without zones would not be spread over nodes either.
func apartInZones(app *pushv1.PushApp) *corev1ac.AffinityApplyConfiguration {
	return corev1ac.Affinity().WithPodAntiAffinity(corev1ac.PodAntiAffinity().
		WithPreferredDuringSchedulingIgnoredDuringExecution(corev1ac.WeightedPodAffinityTerm().
			WithWeight(mostWanted).
			WithPodAffinityTerm(corev1ac.PodAffinityTerm().
				WithTopologyKey(corev1.LabelTopologyZone).
				WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(app.Name))).
				WithMatchLabelKeys(sameTemplate))))
}
