package ingress

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const deviceCallsPath = "/v1/devices/{pushID}/calls"

// callRoutes let a phone make the steps of its user.
func (p *devicePlane) callRoutes() {
	both := []string{deviceSecret, userToken}
	register(p.plane, route{
		id: "begin-call", method: http.MethodPost, path: deviceCallsPath, status: http.StatusAccepted,
		summary: "Invite users to a call", description: beginDescription, security: both,
		errors: callErrors(http.StatusForbidden), maxBody: maxCallBody,
	}, p.beginCall)
	againOK(p.api, deviceCallsPath)
	step := func(action, summary, description string) route {
		return route{
			id: action + "-call", method: http.MethodPost, path: deviceCallsPath + "/{callID}/" + action, summary: summary,
			description: description, security: both, errors: callErrors(http.StatusForbidden), maxBody: maxCallBody,
		}
	}
	register(p.plane, step("invite", "Invite more users to a call", inviteDescription), p.inviteToCall)
	register(p.plane, step("accept", "Accept a call", acceptDescription), p.answerCall(message.CallAccept))
	register(p.plane, step("reject", "Reject a call", rejectDescription), p.answerCall(message.CallReject))
	register(p.plane, step("cancel", "Cancel invitations", cancelDescription), p.cancelCall)
	register(p.plane, step("quit", "Leave a call", quitDescription), p.leaveCall(message.CallQuit))
	register(p.plane, step("end", "End a call for everybody", endDescription), p.leaveCall(message.CallEnd))
}

// participant is the user of the token, to whom the device must be bound.
func (p *devicePlane) participant(ctx context.Context, by UserProof) (string, error) {
	d, userID, err := p.user(ctx, by)
	if err == nil && d.UserID != userID {
		err = fail(http.StatusUnauthorized, wire.CodeUnauthenticated, "the device is not bound to this user; log in first")
	}
	return userID, err
}

// do makes a step for the device's user.
func (p *devicePlane) do(ctx context.Context, by UserProof, callID string, e call.Event) (*callOutput, error) {
	var err error
	if e.By, err = p.participant(ctx, by); err != nil {
		return nil, err
	}
	if e.Action == message.CallAccept {
		e.Device = by.PushID
	}
	return callOf(p.deps.Calls.Do(ctx, callID, e))
}

type deviceBeginInput struct {
	UserProof
	Body wire.BeginCall
}

func (p *devicePlane) beginCall(ctx context.Context, in *deviceBeginInput) (*begunOutput, error) {
	userID, err := p.participant(ctx, in.UserProof)
	if err != nil {
		return nil, err
	}
	return begin(ctx, p.deps.Calls, userID, in.Body)
}

type deviceInviteInput struct {
	UserProof
	CallInput
	Body wire.CallInvitation
}

func (p *devicePlane) inviteToCall(ctx context.Context, in *deviceInviteInput) (*callOutput, error) {
	return p.do(ctx, in.UserProof, in.CallID, invitationOf(in.Body))
}

type deviceAnswerInput struct {
	UserProof
	CallInput
}

func (p *devicePlane) answerCall(action message.CallAction) func(context.Context, *deviceAnswerInput) (*callOutput, error) {
	return func(ctx context.Context, in *deviceAnswerInput) (*callOutput, error) {
		return p.do(ctx, in.UserProof, in.CallID, call.Event{Action: action})
	}
}

type deviceCancelInput struct {
	UserProof
	CallInput
	Body wire.CallCancellation
}

func (p *devicePlane) cancelCall(ctx context.Context, in *deviceCancelInput) (*callOutput, error) {
	return p.do(ctx, in.UserProof, in.CallID, call.Event{Action: message.CallCancel, To: in.Body.To, Push: configOf(in.Body.Push)})
}

type deviceLeaveInput struct {
	UserProof
	CallInput
	Body wire.CallLeaving
}

func (p *devicePlane) leaveCall(action message.CallAction) func(context.Context, *deviceLeaveInput) (*callOutput, error) {
	return func(ctx context.Context, in *deviceLeaveInput) (*callOutput, error) {
		return p.do(ctx, in.UserProof, in.CallID, call.Event{Action: action, Push: configOf(in.Body.Push)})
	}
}
