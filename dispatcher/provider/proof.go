package provider

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Verdict is what a probe proved of a credential.
type Verdict string

// The verdicts of a probe.
const (
	// Valid means that the vendor takes the credential.
	Valid Verdict = "Valid"
	// Unasked means that the credential has the right shape, and that the vendor has nobody to ask about it.
	Unasked Verdict = "Unasked"
	// Refused means that it will not, until somebody changes something.
	Refused Verdict = "Refused"
	// Busy means that the vendor asks for patience.
	Busy Verdict = "Busy"
	// Silent means that the vendor did not answer, or with something that proves nothing.
	Silent Verdict = "Silent"
)

// Proof is a verdict with the vendor's own words.
type Proof struct {
	Verdict    Verdict
	Code       string
	HTTPStatus int
	Detail     string
	RetryAfter time.Duration
}

// Prove probes a credential.
func Prove(ctx context.Context, p Provider) Proof {
	o := probe(ctx, p)
	return Proof{Verdict: verdictOf(o), Code: o.Code, HTTPStatus: o.HTTPStatus, Detail: o.Detail, RetryAfter: o.RetryAfter}
}

// verdictOf takes a used up quota for a yes: the vendor counts only for accounts that it knows.
// An acceptance that came with no answer is none of the vendor's.
func verdictOf(o message.Outcome) Verdict {
	switch o.Class {
	case message.Accepted:
		if o.HTTPStatus == 0 {
			return Unasked
		}
		return Valid
	case message.QuotaExhausted:
		return Valid
	case message.CredentialRejected:
		return Refused
	case message.Throttled:
		return Busy
	case message.InvalidToken, message.AuthExpired, message.Transient, message.Rejected, message.Unknown:
	}
	return Silent
}
