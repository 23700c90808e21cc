package ingress

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const callsPath = "/v1/calls"

// callRoutes let the app's server make the steps of its users.
func (p *serverPlane) callRoutes() {
	register(p.plane, p.route(route{
		id: "begin-call", method: http.MethodPost, path: callsPath, status: http.StatusAccepted,
		summary: "Invite users to a call", description: beginDescription,
		errors: []int{http.StatusConflict}, maxBody: maxCallBody, rate: rateCalls,
	}), p.beginCall)
	againOK(p.api, callsPath)
	register(p.plane, p.route(route{
		id: "get-call", method: http.MethodGet, path: callsPath + "/{callID}", summary: "Tell how a call stands",
		description: "Its state and that of everybody in it. Calls that are over are kept as long as messages.", errors: []int{http.StatusNotFound},
	}), p.getCall)
	step := func(action, summary, description string) route {
		return p.route(route{
			id: action + "-call", method: http.MethodPost, path: callsPath + "/{callID}/" + action, summary: summary,
			description: description, errors: callErrors(), maxBody: maxCallBody,
		})
	}
	invite := step("invite", "Invite more users to a call", inviteDescription)
	invite.rate = rateCalls
	register(p.plane, invite, p.inviteToCall)
	register(p.plane, step("accept", "Accept a call for a user", acceptDescription), p.answerCall(message.CallAccept))
	register(p.plane, step("reject", "Reject a call for a user", rejectDescription), p.answerCall(message.CallReject))
	register(p.plane, step("cancel", "Cancel invitations", cancelDescription), p.cancelCall)
	register(p.plane, step("quit", "Leave a call for a user", quitDescription), p.leaveCall(message.CallQuit))
	register(p.plane, step("end", "End a call for everybody", endDescription), p.leaveCall(message.CallEnd))
}

// CallInput names a call. The library sees exported types only.
type CallInput struct {
	CallID string `path:"callID" maxLength:"64" doc:"The call, as in the answer to begin-call."`
}

type beginCallInput struct{ Body wire.BeginCallFrom }

func (p *serverPlane) beginCall(ctx context.Context, in *beginCallInput) (*begunOutput, error) {
	return begin(ctx, p.deps.Calls, in.Body.From, in.Body.BeginCall)
}

func (p *serverPlane) getCall(ctx context.Context, in *CallInput) (*callOutput, error) {
	return callOf(p.deps.Calls.Call(ctx, in.CallID))
}

type inviteToCallInput struct {
	CallInput
	Body wire.InviteToCallFor
}

func (p *serverPlane) inviteToCall(ctx context.Context, in *inviteToCallInput) (*callOutput, error) {
	e := invitationOf(in.Body.CallInvitation)
	e.By = in.Body.UserID
	return callOf(p.deps.Calls.Do(ctx, in.CallID, e))
}

type answerCallInput struct {
	CallInput
	Body wire.AnswerCallFor
}

func (p *serverPlane) answerCall(action message.CallAction) func(context.Context, *answerCallInput) (*callOutput, error) {
	return func(ctx context.Context, in *answerCallInput) (*callOutput, error) {
		return callOf(p.deps.Calls.Do(ctx, in.CallID, call.Event{Action: action, By: in.Body.UserID, Device: in.Body.ClientID}))
	}
}

type cancelCallInput struct {
	CallInput
	Body wire.CancelCallFor
}

func (p *serverPlane) cancelCall(ctx context.Context, in *cancelCallInput) (*callOutput, error) {
	return callOf(p.deps.Calls.Do(ctx, in.CallID, call.Event{
		Action: message.CallCancel, By: in.Body.UserID, To: in.Body.To, Push: configOf(in.Body.Push),
	}))
}

type leaveCallInput struct {
	CallInput
	Body wire.LeaveCallFor
}

func (p *serverPlane) leaveCall(action message.CallAction) func(context.Context, *leaveCallInput) (*callOutput, error) {
	return func(ctx context.Context, in *leaveCallInput) (*callOutput, error) {
		return callOf(p.deps.Calls.Do(ctx, in.CallID, call.Event{Action: action, By: in.Body.UserID, Push: configOf(in.Body.Push)}))
	}
}
