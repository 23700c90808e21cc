package pushtest

import (
	"context"
	"errors"
	"time"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/report"
)

// maxAsked bounds the pods that one pass asks; the next pass asks others.
const maxAsked = 4

// answer is what a pass found out.
type answer struct {
	state report.PushTestState
	// trouble says why there is no state.
	trouble error
	// wait is the pause that the dispatcher asks for.
	wait time.Duration
}

// ask puts the test to a dispatcher of its app. Any will do, and asking again too: all of them know by the UID what was done.
func (r *Reconciler) ask(ctx context.Context, test *pushv1.PushTest) answer {
	app, err := r.app(ctx, test)
	if err != nil {
		return answer{trouble: err}
	}
	key, err := r.key(ctx, app)
	if err != nil {
		return answer{trouble: err}
	}
	addresses, err := r.addresses(ctx, app)
	if err != nil {
		return answer{trouble: err}
	}
	found := answer{trouble: condition.Waiting(pushv1.ReasonDispatcherUnreachable,
		"no dispatcher of PushApp %s runs: its status says why; waiting for one", app.Name)}
	for _, address := range addresses[:min(len(addresses), maxAsked)] {
		state, err := r.Dispatchers.Push(ctx, address, key, command(test))
		if err == nil {
			return answer{state: state}
		}
		refused, ok := errors.AsType[*admin.RefusedError](err)
		if ok && refused.Code != report.RefusedUnavailable {
			return refusal(app, test, refused.PushTestRefusal)
		}
		found.trouble = unanswered(app, err)
	}
	return found
}

// command is the same in every pass, but for the MessageID as soon as there is one.
func command(test *pushv1.PushTest) report.PushTest {
	return report.PushTest{
		UID: string(test.UID), PushID: test.Spec.PushID, UserID: test.Spec.UserID,
		Title: test.Spec.Title, Content: test.Spec.Content, Payload: test.Spec.Payload, ResourcesID: test.Spec.ResourcesID,
		MessageID: test.Status.MessageID,
	}
}
