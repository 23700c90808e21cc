package call

import "errors"

// Error says why a call does not let a step happen. The codes are stable.
type Error struct {
	Code, Detail string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Detail }

// The steps that a call does not let happen.
var (
	// ErrOver means that the call has ended, or rings no more for the user.
	ErrOver = &Error{"call_over", "the call is over, or does not ring any more for this user; begin another one"}
	// ErrExists means that the id belongs to a call that began otherwise.
	ErrExists = &Error{"call_exists", "callID belongs to another call; give another one, or none"}
	// ErrNotInvited means that the user was not invited to the call.
	ErrNotInvited = &Error{"not_invited", "the user was not invited to this call"}
	// ErrInvitedAlready means that the user is in the call or rings already.
	ErrInvitedAlready = &Error{"invited_already", "a user in to is in the call or rings already; leave out who is"}
	// ErrAnswered means that the invitation is answered: by another device, or by all who were invited.
	ErrAnswered = &Error{"call_answered", "the invitation is answered already; quit or end the call instead"}
	// ErrNotCaller means that only who began the call may do it.
	ErrNotCaller = &Error{"not_caller", "only the caller may cancel invitations"}
	// ErrNotInCall means that the user has not accepted, or that nobody has.
	ErrNotInCall = &Error{"not_in_call", "the user is not in the call, or nobody has accepted yet; cancel or reject it instead"}
	// ErrFull means that the call has as many invitees as there may be.
	ErrFull = &Error{"call_full", "a call has at most 9 invitees in all"}
)

// ErrNothing means that the step was made before, or that there is nothing to do: the call stays as it is.
var ErrNothing = errors.New("nothing changes")

// ErrBusy means that others changed the call again and again meanwhile.
var ErrBusy = errors.New("the call was changed by others again and again")
