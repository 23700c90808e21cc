package pushtest

import (
	"fmt"
	"strings"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
)

// complete is the condition from which the others follow: what the phones' hops come to, or the trouble on the way there.
func complete(devices []pushv1.PushTestDevice, trouble error) condition.Fact {
	const name = pushv1.ConditionComplete
	if trouble != nil {
		return condition.FromError(name, trouble)
	}
	answered, refused := 0, (*pushv1.PushTestDevice)(nil)
	waiting := ""
	for i := range devices {
		switch d := &devices[i]; {
		case !settled(*d):
			if said := lastTry(*d); said != "" && waiting == "" {
				waiting = said
			}
		default:
			answered++
			if refused == nil && !took(*d) {
				refused = d
			}
		}
	}
	switch {
	case answered < len(devices) || len(devices) == 0:
		return condition.False(name, pushv1.ReasonPushing, fmt.Sprintf("%d of %d phones have a result%s", answered, len(devices), waiting), condition.Pending)
	case refused != nil:
		return refusedBy(*refused)
	}
	return condition.True(name, pushv1.ReasonPushed, fmt.Sprintf("%s took the push for %s", vendorsInWords(devices), phones(len(devices))))
}

// failed is the opposite of complete once the test ended.
func failed(complete condition.Fact) condition.Fact {
	if complete.Severity == condition.Stuck {
		return condition.True(pushv1.ConditionFailed, complete.Reason, complete.Message)
	}
	return condition.False(pushv1.ConditionFailed, complete.Reason, complete.Message, condition.Fine)
}

// ready says in Ready's name what complete says.
func ready(complete condition.Fact) condition.Fact {
	complete.Type = pushv1.ConditionReady
	return complete
}

// resultOf is the one word for people.
func resultOf(complete condition.Fact) pushv1.PushTestResult {
	switch complete.Severity {
	case condition.Fine:
		return pushv1.PushTestSucceeded
	case condition.Stuck:
		return pushv1.PushTestFailed
	case condition.Pending:
	}
	return pushv1.PushTestRunning
}

// settled reports whether nothing more will come of a phone but a receipt.
func settled(d pushv1.PushTestDevice) bool {
	return d.Dispatcher.Status == pushv1.PushTestHopFailed || d.Push.Status == pushv1.PushTestHopFailed || took(d)
}

func took(d pushv1.PushTestDevice) bool {
	return d.Dispatcher.Status != pushv1.PushTestHopFailed && d.Push.Status == pushv1.PushTestHopSucceeded
}

func refusedBy(d pushv1.PushTestDevice) condition.Fact {
	const name = pushv1.ConditionComplete
	if d.Dispatcher.Status == pushv1.PushTestHopFailed {
		return condition.False(name, pushv1.ReasonDispatcherRefused,
			fmt.Sprintf("phone %s: the dispatcher says %s", d.PushID, quote(d.Dispatcher)), condition.Stuck)
	}
	return condition.False(name, pushv1.ReasonVendorRefused,
		fmt.Sprintf("phone %s: %s answered %s", d.PushID, vendorOr(d.Vendor), quote(d.Push)), condition.Stuck)
}

// lastTry quotes what came of the last try for a phone; the dispatcher tries again.
func lastTry(d pushv1.PushTestDevice) string {
	for _, hop := range []struct {
		who string
		pushv1.PushTestHop
	}{{"the dispatcher", d.Dispatcher}, {vendorOr(d.Vendor), d.Push}} {
		if hop.Status == pushv1.PushTestHopPending && hop.Code != "" {
			return fmt.Sprintf("; phone %s: %s answered %s, trying again", d.PushID, hop.who, quote(hop.PushTestHop))
		}
	}
	return ""
}

// quote is a hop's code with its words.
func quote(h pushv1.PushTestHop) string {
	code, message := clip(h.Code, maxWords), clip(h.Message, maxWords)
	switch {
	case code == "" && message == "":
		return "nothing that explains it"
	case message == "":
		return code
	case code == "":
		return message
	}
	return code + ": " + message
}

func vendorOr(v pushv1.Vendor) string {
	if v == "" {
		return "the vendor"
	}
	return string(v)
}

func vendorsInWords(devices []pushv1.PushTestDevice) string {
	names := vendorsOf(devices)
	if names == "" {
		return "the vendor"
	}
	last := strings.LastIndex(names, ",")
	if last < 0 {
		return names
	}
	return strings.ReplaceAll(names[:last], ",", ", ") + " and " + names[last+1:]
}

func phones(n int) string {
	if n == 1 {
		return "1 phone"
	}
	return fmt.Sprintf("%d phones", n)
}
