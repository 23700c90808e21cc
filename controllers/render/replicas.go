package render

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	autoscalingv2ac "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// A dispatcher that ends sends its phones to the others, so the autoscaler ends one a minute, and none for a lull.
const (
	scaleDownPods          int32 = 1
	scaleDownPeriodSeconds int32 = 60
	scaleDownWindowSeconds int32 = 300
)

// manyReplicas are the objects that several dispatchers need besides.
func manyReplicas(app *pushv1.PushApp, n Names) []Object {
	scaling := app.Spec.Dispatcher.Autoscaling
	switch {
	case scaling != nil:
		return []Object{disruptionBudget(app, n), autoscaler(app, n, *scaling)}
	case Replicas(app) > 1:
		return []Object{disruptionBudget(app, n)}
	}
	return nil
}

// disruptionBudget lets nodes be drained one dispatcher at a time. One that is not ready is in nobody's way.
func disruptionBudget(app *pushv1.PushApp, n Names) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return policyv1ac.PodDisruptionBudget(n.Dispatcher, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(app.Name))))
}

func autoscaler(app *pushv1.PushApp, n Names, want pushv1.DispatcherAutoscaling) *autoscalingv2ac.HorizontalPodAutoscalerApplyConfiguration {
	return autoscalingv2ac.HorizontalPodAutoscaler(n.Dispatcher, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithSpec(autoscalingv2ac.HorizontalPodAutoscalerSpec().
			WithScaleTargetRef(autoscalingv2ac.CrossVersionObjectReference().
				WithAPIVersion("apps/v1").WithKind("Deployment").WithName(n.Dispatcher)).
			WithMinReplicas(want.MinReplicas).
			WithMaxReplicas(want.MaxReplicas).
			WithMetrics(autoscalingv2ac.MetricSpec().
				WithType(autoscalingv2.ContainerResourceMetricSourceType).
				WithContainerResource(autoscalingv2ac.ContainerResourceMetricSource().
					WithName(corev1.ResourceCPU).
					WithContainer(ContainerName).
					WithTarget(autoscalingv2ac.MetricTarget().
						WithType(autoscalingv2.UtilizationMetricType).
						WithAverageUtilization(want.TargetCPUUtilizationPercent)))).
			WithBehavior(autoscalingv2ac.HorizontalPodAutoscalerBehavior().
				WithScaleDown(autoscalingv2ac.HPAScalingRules().
					WithStabilizationWindowSeconds(scaleDownWindowSeconds).
					WithSelectPolicy(autoscalingv2.MaxChangePolicySelect).
					WithPolicies(autoscalingv2ac.HPAScalingPolicy().
						WithType(autoscalingv2.PodsScalingPolicy).
						WithValue(scaleDownPods).
						WithPeriodSeconds(scaleDownPeriodSeconds)))))
}
