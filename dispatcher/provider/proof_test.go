package provider_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// probe answers every probe with an outcome of its class.
type probe struct {
	provider.Provider
	class message.Class
}

func (p probe) Probe(context.Context) message.Outcome {
	return message.Outcome{Class: p.class, Code: "4711", HTTPStatus: 418, Detail: "words", RetryAfter: time.Minute}
}

func TestProve(t *testing.T) {
	t.Parallel()
	verdicts := map[message.Class]provider.Verdict{
		message.Accepted: provider.Valid, message.QuotaExhausted: provider.Valid,
		message.CredentialRejected: provider.Refused, message.Throttled: provider.Busy,
		message.InvalidToken: provider.Silent, message.AuthExpired: provider.Silent, message.Transient: provider.Silent,
		message.Rejected: provider.Silent, message.Unknown: provider.Silent,
	}
	for _, class := range message.Classes() {
		want := provider.Proof{Verdict: verdicts[class], Code: "4711", HTTPStatus: 418, Detail: "words", RetryAfter: time.Minute}
		if diff := cmp.Diff(want, provider.Prove(t.Context(), probe{class: class})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", class, diff)
		}
	}
}

// local accepts without asking anybody.
type local struct{ provider.Provider }

func (local) Probe(context.Context) message.Outcome {
	return message.Outcome{Class: message.Accepted, Detail: "checked here"}
}

func TestNobodyWasAsked(t *testing.T) {
	t.Parallel()
	want := provider.Proof{Verdict: provider.Unasked, Detail: "checked here"}
	if diff := cmp.Diff(want, provider.Prove(t.Context(), local{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
