package testenv

import (
	"errors"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// observed is an object's status as the rules see it.
type observed struct {
	generation         int64
	observedGeneration int64
	deleting           bool
	conditions         []metav1.Condition
	kstatus            kstatus.Status
	argo               Health
}

// rule returns what a status breaks, or nothing.
type rule func(observed) string

// CheckStatus returns an error that lists every rule of condition types, kstatus and Argo CD that the object's status breaks.
// It speaks of an object that a reconcile has just ended for, and belongs into every test of a controller.
func CheckStatus(object client.Object) error {
	state, err := observe(object)
	if err != nil {
		return err
	}
	var broken []error
	for _, breaks := range []rule{
		readyPresent, abnormalOnlyWhileTrue, neverBothAbnormal, abnormalMeansNotReady, notReadyIsExplained,
		generationsInOrder, notReadyWhileBehind, conditionsComplete, kstatusAgrees, argoAgrees,
	} {
		if what := breaks(state); what != "" {
			broken = append(broken, fmt.Errorf("%s/%s: %s", object.GetNamespace(), object.GetName(), what))
		}
	}
	return errors.Join(broken...)
}

// KStatus returns what Flux, kubectl and other readers of kstatus make of the object.
func KStatus(object client.Object) (kstatus.Status, error) {
	state, err := observe(object)
	return state.kstatus, err
}

func observe(object client.Object) (observed, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return observed{}, fmt.Errorf("reading the status of %s: %w", object.GetName(), err)
	}
	result, err := kstatus.Compute(&unstructured.Unstructured{Object: content})
	if err != nil {
		return observed{}, fmt.Errorf("computing the kstatus of %s: %w", object.GetName(), err)
	}
	var status struct {
		Status struct {
			ObservedGeneration int64              `json:"observedGeneration"`
			Conditions         []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &status); err != nil {
		return observed{}, fmt.Errorf("reading the status of %s: %w", object.GetName(), err)
	}
	kind := reflect.Indirect(reflect.ValueOf(object)).Type().Name()
	argo, err := ArgoHealth(kind, content)
	if err != nil {
		return observed{}, err
	}
	if err := record(kind, content, argo, status.Status.Conditions); err != nil {
		return observed{}, err
	}
	return observed{
		argo:               argo,
		generation:         object.GetGeneration(),
		observedGeneration: status.Status.ObservedGeneration,
		deleting:           object.GetDeletionTimestamp() != nil,
		conditions:         status.Status.Conditions,
		kstatus:            result.Status,
	}, nil
}

func (o observed) isTrue(condition string) bool {
	return meta.IsStatusConditionTrue(o.conditions, condition)
}

func (o observed) abnormal() bool {
	return o.isTrue(pushv1.ConditionReconciling) || o.isTrue(pushv1.ConditionStalled)
}

func readyPresent(o observed) string {
	if meta.FindStatusCondition(o.conditions, pushv1.ConditionReady) == nil {
		return "Ready must always be present"
	}
	return ""
}

func abnormalOnlyWhileTrue(o observed) string {
	for _, name := range []string{pushv1.ConditionReconciling, pushv1.ConditionStalled} {
		if c := meta.FindStatusCondition(o.conditions, name); c != nil && c.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s must be absent when it is not True, but is %s", name, c.Status)
		}
	}
	return ""
}

func neverBothAbnormal(o observed) string {
	if o.isTrue(pushv1.ConditionReconciling) && o.isTrue(pushv1.ConditionStalled) {
		return "Reconciling and Stalled must never be True together"
	}
	return ""
}

func abnormalMeansNotReady(o observed) string {
	ready := meta.FindStatusCondition(o.conditions, pushv1.ConditionReady)
	switch {
	case ready == nil:
		return ""
	case o.isTrue(pushv1.ConditionStalled) && ready.Status != metav1.ConditionFalse:
		return fmt.Sprintf("Ready must be False while Stalled is True, but is %s", ready.Status)
	case o.isTrue(pushv1.ConditionReconciling) && ready.Status == metav1.ConditionTrue:
		return "Ready must not be True while Reconciling is True"
	}
	return ""
}

func notReadyIsExplained(o observed) string {
	ready := meta.FindStatusCondition(o.conditions, pushv1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue || ready.Reason == pushv1.ReasonSuspended || o.abnormal() {
		return ""
	}
	return fmt.Sprintf("Reconciling or Stalled must be True while Ready is %s", ready.Status)
}

func generationsInOrder(o observed) string {
	if o.observedGeneration > o.generation {
		return fmt.Sprintf("observedGeneration %d must not be above generation %d", o.observedGeneration, o.generation)
	}
	for _, c := range o.conditions {
		if c.ObservedGeneration > o.observedGeneration {
			return fmt.Sprintf("observedGeneration %d of %s must not be above the status's %d", c.ObservedGeneration, c.Type, o.observedGeneration)
		}
	}
	return ""
}

func notReadyWhileBehind(o observed) string {
	if o.isTrue(pushv1.ConditionReady) && o.observedGeneration < o.generation {
		return fmt.Sprintf("Ready must not be True while observedGeneration %d is below generation %d", o.observedGeneration, o.generation)
	}
	return ""
}

func conditionsComplete(o observed) string {
	for _, c := range o.conditions {
		if c.Message == "" {
			return fmt.Sprintf("%s must have a message", c.Type)
		}
		if c.ObservedGeneration != o.observedGeneration {
			return fmt.Sprintf("%s must have the status's observedGeneration %d, but has %d", c.Type, o.observedGeneration, c.ObservedGeneration)
		}
	}
	return ""
}

func kstatusAgrees(o observed) string {
	want := kstatus.InProgressStatus
	switch {
	case o.deleting:
		want = kstatus.TerminatingStatus
	case o.observedGeneration != o.generation:
	case o.isTrue(pushv1.ConditionStalled):
		want = kstatus.FailedStatus
	case o.isTrue(pushv1.ConditionReady):
		want = kstatus.CurrentStatus
	}
	if o.kstatus != want {
		return fmt.Sprintf("kstatus must be %s, but is %s", want, o.kstatus)
	}
	return ""
}

// argoAgrees: people who read Argo CD must not see another truth than people who read kubectl or Flux.
func argoAgrees(o observed) string {
	suspended := false
	if ready := meta.FindStatusCondition(o.conditions, pushv1.ConditionReady); ready != nil {
		suspended = ready.Reason == pushv1.ReasonSuspended
	}
	switch {
	case !o.argo.AgreesWith(o.kstatus):
		return fmt.Sprintf("Argo CD says %s (%s), and kstatus %s", o.argo.Status, o.argo.Message, o.kstatus)
	case o.argo.Message == "":
		return "Argo CD must have something to say"
	case !o.deleting && o.observedGeneration == o.generation && suspended != (o.argo.Status == HealthSuspended):
		return fmt.Sprintf("Argo CD says %s of an object whose reason is Suspended: %t", o.argo.Status, suspended)
	}
	return ""
}
