// Package condition decides what an object's status says: Ready follows from
// facts by one pure function, and Reconciling and Stalled are there only while
// True, as readers of kstatus expect.
package condition

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// Severity says what a fact means to Ready.
type Severity int

// The severities of a fact, the worst last.
const (
	// Fine facts do not keep an object from being Ready.
	Fine Severity = iota
	// Pending facts may come right by themselves.
	Pending
	// Stuck facts need people.
	Stuck
)

// Fact is a condition that a controller found out.
type Fact struct {
	Type     string
	Status   metav1.ConditionStatus
	Reason   string
	Message  string
	Severity Severity
}

// True is a fact as it should be.
func True(name, reason, message string) Fact {
	return Fact{Type: name, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

// False is a fact that keeps the object from being Ready.
func False(name, reason, message string, severity Severity) Fact {
	return Fact{Type: name, Status: metav1.ConditionFalse, Reason: reason, Message: message, Severity: severity}
}

// Unknown is a fact that nobody knows at the moment.
func Unknown(name, reason, message string, severity Severity) Fact {
	return Fact{Type: name, Status: metav1.ConditionUnknown, Reason: reason, Message: message, Severity: severity}
}

// Ready follows from the facts: the first of the worst decides.
func Ready(facts []Fact) Fact {
	worst := Fact{Severity: Fine}
	for _, f := range facts {
		if f.Severity > worst.Severity {
			worst = f
		}
	}
	if worst.Severity == Fine {
		return True(pushv1.ConditionReady, pushv1.ReasonReady, "all is well")
	}
	return False(pushv1.ConditionReady, worst.Reason, worst.Message, worst.Severity)
}

// Suspended is Ready of an object that people put to rest: neither well nor in trouble.
func Suspended() Fact {
	return False(pushv1.ConditionReady, pushv1.ReasonSuspended, "spec.suspend is true: pushes wait until their deadline; set it to false to go on", Fine)
}

// Former are the facts of the types that conditions hold, for a pass that could not look at them again. All that is not
// True keeps an object from being Ready; what Stalled speaks of is Stuck.
func Former(conditions []metav1.Condition, types ...string) []Fact {
	stalled := meta.FindStatusCondition(conditions, pushv1.ConditionStalled)
	var facts []Fact
	for _, name := range types {
		c := meta.FindStatusCondition(conditions, name)
		if c == nil {
			continue
		}
		f := Fact{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, Severity: Pending}
		switch {
		case c.Status == metav1.ConditionTrue:
			f.Severity = Fine
		case stalled != nil && stalled.Reason == c.Reason:
			f.Severity = Stuck
		}
		facts = append(facts, f)
	}
	return facts
}

// Set writes facts and Ready into conditions, and Reconciling or Stalled as Ready's severity asks. Conditions of other
// types are removed.
func Set(conditions *[]metav1.Condition, generation int64, ready Fact, facts []Fact) {
	all := append(slices.Clone(facts), ready)
	switch ready.Severity {
	case Fine:
	case Pending:
		all = append(all, True(pushv1.ConditionReconciling, ready.Reason, ready.Message))
	case Stuck:
		all = append(all, True(pushv1.ConditionStalled, ready.Reason, ready.Message))
	}
	*conditions = slices.DeleteFunc(*conditions, func(c metav1.Condition) bool {
		return !slices.ContainsFunc(all, func(f Fact) bool { return f.Type == c.Type })
	})
	for _, f := range all {
		meta.SetStatusCondition(conditions, metav1.Condition{
			Type: f.Type, Status: f.Status, Reason: f.Reason, Message: f.Message, ObservedGeneration: generation,
		})
	}
}
