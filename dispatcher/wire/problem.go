package wire

import (
	"encoding/json"
	"net/http"
)

// Code says what went wrong, for programs. A code keeps its meaning; a program treats one that it does not know like its status.
type Code string

// The codes of every error.
const (
	// CodeInvalidRequest means that the request is malformed or a field breaks its rule; errors names them.
	CodeInvalidRequest Code = "invalid_request"
	// CodeUnauthenticated means that the credential is missing or wrong.
	CodeUnauthenticated Code = "unauthenticated"
	// CodeUserTokensOff means that the app has no auth.deviceJWT: bind through the server plane.
	CodeUserTokensOff Code = "user_tokens_off"
	// CodeNotFound means that there is no such device, message or path.
	CodeNotFound Code = "not_found"
	// CodeNotSender means that somebody else sent the message: only its sender may recall or edit it.
	CodeNotSender Code = "not_sender"
	// CodeRecalled means that the message was recalled before, so that it can be neither recalled nor edited.
	CodeRecalled Code = "already_recalled"
	// CodeIDConflict means that the client id was used for a request with other content.
	CodeIDConflict Code = "id_conflict"
	// CodeCallOver means that the call has ended, or rings no more for the user.
	CodeCallOver Code = "call_over"
	// CodeCallExists means that the call id belongs to another call.
	CodeCallExists Code = "call_exists"
	// CodeNotInvited means that a user was not invited to the call.
	CodeNotInvited Code = "not_invited"
	// CodeInvitedAlready means that who is to be invited is in the call or rings already.
	CodeInvitedAlready Code = "invited_already"
	// CodeCallAnswered means that the invitation is answered: by another device, or by all who were invited.
	CodeCallAnswered Code = "call_answered"
	// CodeNotCaller means that only who began the call may do it.
	CodeNotCaller Code = "not_caller"
	// CodeNotInCall means that the user is not in the call, or that nobody has accepted yet.
	CodeNotInCall Code = "not_in_call"
	// CodeCallFull means that the call has as many invitees as there may be.
	CodeCallFull Code = "call_full"
	// CodeGroupFull means that the group would have too many members.
	CodeGroupFull Code = "group_full"
	// CodeEnded means that it has ended and cannot be changed any more.
	CodeEnded Code = "ended"
	// CodeTooLarge means that the request body is larger than allowed.
	CodeTooLarge Code = "too_large"
	// CodeUnsupportedMediaType means that the request body is not application/json.
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	// CodeTimeout means that the request body did not arrive in time.
	CodeTimeout Code = "request_timeout"
	// CodeRateLimited means too many requests: wait Retry-After seconds.
	CodeRateLimited Code = "rate_limited"
	// CodeBacklogFull means that too many pushes are pending: wait Retry-After seconds.
	CodeBacklogFull Code = "backlog_full"
	// CodeStoreUnavailable means that nothing was stored: wait Retry-After seconds and send the same again.
	CodeStoreUnavailable Code = "store_unavailable"
	// CodeKeysUnavailable means that the keys of user tokens could not be fetched yet: wait Retry-After seconds.
	CodeKeysUnavailable Code = "keys_unavailable"
	// CodeDraining means that this dispatcher is stopping: connect again.
	CodeDraining Code = "draining"
	// CodeInternal means a fault of the dispatcher; its log has the request id.
	CodeInternal Code = "internal"
)

// Codes lists every code once.
func Codes() []Code {
	return []Code{
		CodeInvalidRequest, CodeUnauthenticated, CodeUserTokensOff, CodeNotFound, CodeNotSender, CodeRecalled, CodeIDConflict,
		CodeCallOver, CodeCallExists, CodeNotInvited, CodeInvitedAlready, CodeCallAnswered, CodeNotCaller, CodeNotInCall, CodeCallFull,
		CodeGroupFull, CodeEnded,
		CodeTooLarge, CodeUnsupportedMediaType, CodeTimeout, CodeRateLimited, CodeBacklogFull,
		CodeStoreUnavailable, CodeKeysUnavailable, CodeDraining, CodeInternal,
	}
}

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"

// Problem is an error of the API (RFC 9457).
type Problem struct {
	Title     string       `json:"title" doc:"The name of the HTTP status."`
	Status    int          `json:"status" doc:"The HTTP status, as in the answer itself."`
	Code      Code         `json:"code" enum:"invalid_request,unauthenticated,user_tokens_off,not_found,not_sender,already_recalled,id_conflict,call_over,call_exists,not_invited,invited_already,call_answered,not_caller,not_in_call,call_full,group_full,ended,too_large,unsupported_media_type,request_timeout,rate_limited,backlog_full,store_unavailable,keys_unavailable,draining,internal" doc:"What went wrong, for programs; treat a code that you do not know like its status."`
	Detail    string       `json:"detail" doc:"What went wrong and what to do, for people."`
	RequestID string       `json:"requestID,omitempty" doc:"The id of this request, as in the header X-Request-Id and in the dispatcher's log."`
	Errors    []FieldError `json:"errors,omitempty" nullable:"false" doc:"The fields that break a rule; absent when it is not about fields."`
}

// FieldError is a field that breaks a rule, and the rule.
type FieldError struct {
	Field   string `json:"field" example:"body.push.resourcesID" doc:"Where the field is: body, path or query, then its names."`
	Message string `json:"message" doc:"What must hold, or what to do."`
}

// ContentType makes the OpenAPI document and the answers name ProblemType.
func (*Problem) ContentType(string) string { return ProblemType }

// Write answers a request with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	p.Title = http.StatusText(p.Status)
	p.RequestID = w.Header().Get(RequestIDHeader)
	w.Header().Set("Content-Type", ProblemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // The caller has hung up.
}
