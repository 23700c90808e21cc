package ingress

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/revise"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// revisionRoutes are those of messages that are there already.
func (p *serverPlane) revisionRoutes() {
	const recall, edit = "/v1/messages/{messageID}/recall", "/v1/messages/{messageID}/edit"
	failures := []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict}
	register(p.plane, p.route(route{
		id: "recall-message", method: http.MethodPost, path: recall, status: http.StatusAccepted,
		summary: "Take a message back",
		description: "Its body and push are gone, pushes that wait end, and its receivers get an event of the kind Recall: in a group, the members of now. " +
			"A push of the recall takes the place of the message's notification where the vendor can.",
		errors: failures, maxBody: maxMessageBody, rate: rateMessages,
	}), p.recall)
	p.idempotent(recall)
	register(p.plane, p.route(route{
		id: "edit-message", method: http.MethodPost, path: edit, status: http.StatusAccepted,
		summary:     "Give a message another body",
		description: "Its receivers get an event of the kind Edit. Nothing is pushed.",
		errors:      failures, maxBody: maxMessageBody, rate: rateMessages,
	}), p.edit)
	p.idempotent(edit)
	register(p.plane, p.route(route{
		id: "list-messages", method: http.MethodGet, path: "/v1/users/{userID}/messages",
		summary:     "Read the inbox of a user",
		description: "In order of seq, from behind a seq; read on behind the last one until there are none. A user who never got a message has none.",
		errors:      []int{http.StatusUnprocessableEntity},
	}), p.messages)
}

type recallInput struct {
	MessageID string `path:"messageID" maxLength:"64" doc:"The message, as in the answer to its request."`
	Body      wire.RecallMessage
}

func (p *serverPlane) recall(ctx context.Context, in *recallInput) (*sendOutput, error) {
	b := in.Body
	revised, err := p.revisions.Recall(ctx, revise.Recall{
		MessageID: in.MessageID, ClientID: b.ClientID, From: b.From, Push: pushOf(b.Push), PushTTL: seconds(b.PushTTLSeconds),
	})
	if err != nil {
		return nil, err
	}
	return answerOf(revised.To, revised.Result), nil
}

type editInput struct {
	MessageID string `path:"messageID" maxLength:"64" doc:"The message, as in the answer to its request."`
	Body      wire.EditMessage
}

func (p *serverPlane) edit(ctx context.Context, in *editInput) (*sendOutput, error) {
	b := in.Body
	revised, err := p.revisions.Edit(ctx, revise.Edit{MessageID: in.MessageID, ClientID: b.ClientID, From: b.From, Body: b.Body})
	if err != nil {
		return nil, err
	}
	return answerOf(revised.To, revised.Result), nil
}

type inboxInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	After  int64  `query:"after" minimum:"0" doc:"The seq behind which to begin; without it the inbox is read from its beginning."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many messages the answer has at most. 50 without it."`
}

type inboxOutput struct{ Body wire.UserMessages }

func (p *serverPlane) messages(ctx context.Context, in *inboxInput) (*inboxOutput, error) {
	entries, gap, err := p.deps.Store.Inbox(ctx, in.UserID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := wire.UserMessages{UserID: in.UserID, Gap: gap, Messages: make([]wire.Message, len(entries))}
	for i, e := range entries {
		out.Messages[i] = wire.MessageOf(e)
	}
	return &inboxOutput{Body: out}, nil
}
