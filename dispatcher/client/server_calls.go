package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// BeginCall invites users to a call; the same request may be sent again until there is an answer.
func (s *Server) BeginCall(ctx context.Context, b wire.BeginCallFrom) (wire.Call, error) {
	var out wire.Call
	err := s.call(ctx, http.MethodPost, "/v1/calls", b, &out)
	return out, err
}

// Call tells how a call stands.
func (s *Server) Call(ctx context.Context, callID string) (wire.Call, error) {
	var out wire.Call
	err := s.call(ctx, http.MethodGet, "/v1"+callPath(callID, ""), nil, &out)
	return out, err
}

// InviteToCall invites more users to a call.
func (s *Server) InviteToCall(ctx context.Context, callID string, i wire.InviteToCallFor) (wire.Call, error) {
	return s.callStep(ctx, callID, "/invite", i)
}

// AcceptCall accepts for a user.
func (s *Server) AcceptCall(ctx context.Context, callID string, a wire.AnswerCallFor) (wire.Call, error) {
	return s.callStep(ctx, callID, "/accept", a)
}

// RejectCall rejects for a user.
func (s *Server) RejectCall(ctx context.Context, callID string, a wire.AnswerCallFor) (wire.Call, error) {
	return s.callStep(ctx, callID, "/reject", a)
}

// CancelCall takes invitations back that are not answered.
func (s *Server) CancelCall(ctx context.Context, callID string, c wire.CancelCallFor) (wire.Call, error) {
	return s.callStep(ctx, callID, "/cancel", c)
}

// QuitCall leaves a call for a user.
func (s *Server) QuitCall(ctx context.Context, callID string, l wire.LeaveCallFor) (wire.Call, error) {
	return s.callStep(ctx, callID, "/quit", l)
}

// EndCall ends a call for everybody.
func (s *Server) EndCall(ctx context.Context, callID string, l wire.LeaveCallFor) (wire.Call, error) {
	return s.callStep(ctx, callID, "/end", l)
}

func (s *Server) callStep(ctx context.Context, callID, step string, body any) (wire.Call, error) {
	var out wire.Call
	err := s.call(ctx, http.MethodPost, "/v1"+callPath(callID, step), body, &out)
	return out, err
}

func callPath(callID, rest string) string { return "/calls/" + url.PathEscape(callID) + rest }
