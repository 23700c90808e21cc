package ingress

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// pushRoutes are those of what is no message of a conversation.
func (p *serverPlane) pushRoutes() {
	const push, application = "/v1/pushes", "/v1/applications"
	failures := []int{http.StatusConflict}
	register(p.plane, p.route(route{
		id: "send-push", method: http.MethodPost, path: push, status: http.StatusAccepted,
		summary: "Push to users or devices without a message",
		description: "It is in no inbox and goes to the vendors at once, also to devices that are connected. " +
			"A receiver that breaks a rule or is unknown is left out and has a problem in the answer; the request is refused when none remains.",
		errors: failures, maxBody: maxMessageBody, rate: rateMessages,
	}), p.push)
	p.idempotent(push)
	register(p.plane, p.route(route{
		id: "send-application", method: http.MethodPost, path: application, status: http.StatusAccepted,
		summary:     "Tell users of a step of an application",
		description: "A request to become friends or to join a group, and the answers to it, are messages of the kind Application.",
		errors:      failures, maxBody: maxMessageBody, rate: rateMessages,
	}), p.apply)
	p.idempotent(application)
}

type pushInput struct{ Body wire.SendPush }

type pushOutput struct {
	Status int
	Body   wire.SentPush
}

func (p *serverPlane) push(ctx context.Context, in *pushInput) (*pushOutput, error) {
	b := in.Body
	r := p.deps.Acceptor.Accept(ctx, []accept.Request{{
		ClientID: b.ClientID, From: b.From, To: b.Users, PushIDs: b.PushIDs, Kind: message.KindPush,
		Push: b.Push.Config(), PushTTL: seconds(b.PushTTLSeconds),
	}})[0]
	if r.Err != nil {
		return nil, r.Err
	}
	out := &pushOutput{Status: acceptedAs(r.Duplicate), Body: wire.SentPush{MessageID: r.MessageID, Duplicate: r.Duplicate}}
	out.Body.Receivers = make([]wire.PushReceiver, 0, len(b.Users)+len(b.PushIDs)) // of which one is empty
	for i, id := range b.Users {
		out.Body.Receivers = append(out.Body.Receivers, wire.PushReceiver{UserID: id, Problem: problemText(r.Problems[i])})
	}
	for i, id := range b.PushIDs {
		out.Body.Receivers = append(out.Body.Receivers, wire.PushReceiver{PushID: id, Problem: problemText(r.Problems[i])})
	}
	return out, nil
}

type applicationInput struct{ Body wire.SendApplication }

func (p *serverPlane) apply(ctx context.Context, in *applicationInput) (*sendOutput, error) {
	b := in.Body
	r := p.deps.Acceptor.Accept(ctx, []accept.Request{{
		ClientID: b.ClientID, From: b.From, To: b.To, Body: b.Body, Kind: message.KindApplication,
		Detail: message.Detail{GroupID: b.GroupID, Application: &message.Application{Type: b.Type, Action: b.Action}},
		Push:   pushOf(b.Push), PushTTL: seconds(b.PushTTLSeconds),
	}})[0]
	if r.Err != nil {
		return nil, r.Err
	}
	return answerOf(b.To, r), nil
}
