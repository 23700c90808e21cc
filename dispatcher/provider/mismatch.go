package provider

import (
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/message"
)

// MismatchError says that an identifier of a channel contradicts its credential. It quotes no secret.
type MismatchError struct {
	// Field is the identifier's path in the channel, such as fcm.projectID.
	Field string
	// Problem says what contradicts it.
	Problem string
}

// Error implements error.
func (e *MismatchError) Error() string { return e.Field + ": " + e.Problem }

// Proven tells whether a refusal concerns the credential or one push: a wrong credential never delivered to anyone, a
// foreign token is alone. The zero value has delivered nothing.
type Proven struct{ accepted atomic.Bool }

// Judge gives the outcomes with a code of the vendor's, which its table has as CredentialRejected, another class once
// anything was accepted.
func (p *Proven) Judge(outcomes []message.Outcome, code string, class message.Class) {
	for _, o := range outcomes {
		if o.Class == message.Accepted {
			p.accepted.Store(true)
			break
		}
	}
	for i := range outcomes {
		if outcomes[i].Code == code && p.accepted.Load() {
			outcomes[i].Class = class
		}
	}
}
