package pushtest

import (
	"errors"
	"slices"
	"time"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/report"
)

// unanswered is what the test waits for when a dispatcher did not answer as it should.
func unanswered(app *pushv1.PushApp, err error) error {
	if refused, ok := errors.AsType[*admin.RefusedError](err); ok {
		return condition.Waiting(pushv1.ReasonStoreUnavailable,
			"a dispatcher of PushApp %s cannot use the store: %s; asking again", app.Name, clip(refused.Message, maxWords))
	}
	return condition.Waiting(pushv1.ReasonDispatcherUnreachable, "no dispatcher of PushApp %s answers: %v; asking again", app.Name, err)
}

// refusal turns a dispatcher's no into trouble.
func refusal(app *pushv1.PushApp, test *pushv1.PushTest, refused report.PushTestRefusal) answer {
	switch refused.Code {
	case report.RefusedTooSoon:
		wait := min(max(time.Duration(refused.RetryAfterSeconds)*time.Second, time.Second), time.Minute)
		return answer{wait: wait, trouble: condition.Waiting(pushv1.ReasonTooSoon,
			"a phone gets at most one test in 5 seconds: asking again in %d s", int(wait.Seconds()))}
	case report.RefusedUnknownPushID:
		return failure(pushv1.ReasonUnknownPushID, refused, "take the pushID that the phone's registration answered and ")
	case report.RefusedNoDevices:
		return failure(pushv1.ReasonUserWithoutDevices, refused, "log in on a phone as the user and ")
	case report.RefusedProfile:
		if declares(app, test.Spec.ResourcesID) {
			return answer{trouble: condition.Waiting(pushv1.ReasonConfigPending,
				"the dispatchers of PushApp %s have yet to load its push profile %s; asking again", app.Name, test.Spec.ResourcesID)}
		}
		return failure(pushv1.ReasonUnknownResourcesID, refused, "add it to the PushApp's spec.pushProfiles, or take one of those, and ")
	case report.RefusedInvalid:
		return failure(pushv1.ReasonInvalidSpec, refused, "")
	}
	return failure(pushv1.ReasonDispatcherRefused, refused, "")
}

// failure ends the test.
func failure(reason string, refused report.PushTestRefusal, cure string) answer {
	return answer{trouble: condition.Terminal(reason, "the dispatcher says %s: %s; %smake another PushTest",
		clip(refused.Code, maxCode), clip(refused.Message, maxWords), cure)}
}

// declares reports whether the app has a push profile, which its dispatchers then get to know.
func declares(app *pushv1.PushApp, resourcesID string) bool {
	return slices.ContainsFunc(app.Spec.PushProfiles, func(p pushv1.PushProfile) bool { return p.ResourcesID == resourcesID })
}
