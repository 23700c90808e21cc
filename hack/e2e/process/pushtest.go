package process

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/report"
)

// PushTest asks for a push test as the controllers do. It gives the state, or the refusal with its status.
func (d *Dispatcher) PushTest(tb testing.TB, test report.PushTest) (status int, state report.PushTestState, refusal report.PushTestRefusal) {
	tb.Helper()
	status = d.command(tb, report.PushTestPath, test, &state, &refusal)
	return status, state, refusal
}
