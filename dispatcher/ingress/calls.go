package ingress

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Calls makes the steps of calls.
type Calls interface {
	Begin(ctx context.Context, b call.Beginning) (c message.Call, duplicate bool, err error)
	Call(ctx context.Context, id string) (message.Call, error)
	Do(ctx context.Context, id string, e call.Event) (message.Call, error)
}

// maxCallBody bounds the requests that hold a body and a push.
const maxCallBody = maxMessageBody

const (
	beginDescription  = "Everybody in to is told and, while offline, pushed for as long as it rings: 202, or 200 when the same request was accepted before."
	inviteDescription = "Whoever is in the call may invite; at most 9 users are invited to a call in all."
	endDescription    = "Whoever is in the call may end it. Phones that show the invitation still are told by a push, if there was one."
	cancelDescription = "The caller takes back invitations that nobody has answered. Pushes that are not out yet stay in, and what phones show is replaced."
	acceptDescription = "Only one device of a user accepts; its other devices stop ringing. Accepting again from the same device, or with the same clientID, changes nothing."
	rejectDescription = "It stops ringing for the user. The call ends when nobody is left who may accept."
	quitDescription   = "The call goes on while two are left who are in it or ring."
)

type callOutput struct{ Body wire.Call }

type begunOutput struct {
	Status int
	Body   wire.Call
}

func callOf(c message.Call, err error) (*callOutput, error) {
	if err != nil {
		return nil, err
	}
	return &callOutput{Body: wire.CallOf(c)}, nil
}

// begin begins a call for both planes.
func begin(ctx context.Context, calls Calls, from string, b wire.BeginCall) (*begunOutput, error) {
	e := invitationOf(b.CallInvitation)
	c, duplicate, err := calls.Begin(ctx, call.Beginning{
		ClientID: b.ClientID, From: from, CallID: b.CallID, To: e.To, Ring: e.Ring, Body: e.Body, Push: e.Push,
	})
	if err != nil {
		return nil, err
	}
	out := &begunOutput{Status: http.StatusAccepted, Body: wire.CallOf(c)}
	if duplicate {
		out.Status = http.StatusOK
	}
	return out, nil
}

func invitationOf(i wire.CallInvitation) call.Event {
	return call.Event{
		Action: message.CallInvite, To: i.To, Ring: time.Duration(i.TimeoutSeconds) * time.Second, Body: i.Body, Push: configOf(i.Push),
	}
}

func configOf(p *wire.Push) *message.PushConfig {
	if p == nil {
		return nil
	}
	return p.Config()
}

// againOK documents that a repetition is answered with 200.
func againOK(api huma.API, path string) {
	begun := api.OpenAPI().Paths[path].Post.Responses
	begun["200"] = &huma.Response{Description: "The same request was accepted before.", Content: begun["202"].Content}
}

// ofCall is a step that a call does not let happen; nil for any other error.
func ofCall(err error) *failure {
	if e, ok := errors.AsType[*call.Error](err); ok {
		return fail(http.StatusConflict, wire.Code(e.Code), e.Detail)
	}
	return nil
}

// callErrors are those of every step of a call.
func callErrors(more ...int) []int {
	return append([]int{http.StatusNotFound, http.StatusConflict}, more...)
}
