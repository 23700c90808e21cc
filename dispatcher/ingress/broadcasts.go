package ingress

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// The app's broadcasts are limited like those of ZIM.
const (
	broadcastPause = time.Second
	broadcastsADay = 100
)

func (p *serverPlane) broadcastRoutes() {
	register(p.plane, p.route(route{
		id: "send-broadcast", method: http.MethodPost, path: "/v1/broadcasts", status: http.StatusAccepted,
		summary: "Send a message to all users of the app",
		description: "It is brought to the users from then on, see get-broadcast. Devices that are registered later do not receive it. " +
			"At most one a second and 100 in 24 hours.",
		errors: []int{http.StatusConflict}, maxBody: maxMessageBody, rate: rateBroadcasts,
	}), p.sendBroadcast)
	p.documentDuplicate("/v1/broadcasts")
	register(p.plane, p.route(route{
		id: "list-broadcasts", method: http.MethodGet, path: "/v1/broadcasts", summary: "List the app's broadcasts, the newest first",
		description: "Page by page. Ended ones are kept as long as messages, and at least for a day.", errors: []int{http.StatusUnprocessableEntity},
	}), p.listBroadcasts)
	register(p.plane, p.route(route{
		id: "get-broadcast", method: http.MethodGet, path: "/v1/broadcasts/{broadcastID}", summary: "Tell how far a broadcast is",
		description: "Its state, and how many users it has passed. What became of each push tells trace-message with the same id.", errors: []int{http.StatusNotFound},
	}), p.getBroadcast)
	for _, change := range []struct {
		id, summary, description string
		to                       store.ExpansionState
	}{
		{"pause", "Stop a broadcast until it is resumed", "After the answer nobody more is decided for; what is decided is still pushed.", store.Paused},
		{"resume", "Go on with a broadcast that was paused", "It goes on where it was.", store.Running},
		{"cancel", "Stop a broadcast for good", "After the answer nobody more is decided for; what is decided is still pushed.", store.Cancelled},
	} {
		register(p.plane, p.route(route{
			id: change.id + "-broadcast", method: http.MethodPost, path: "/v1/broadcasts/{broadcastID}/" + change.id,
			summary: change.summary, description: change.description, errors: []int{http.StatusNotFound, http.StatusConflict},
		}), p.setBroadcast(change.to))
	}
}

type sendBroadcastInput struct{ Body wire.SendBroadcast }

type broadcastOutput struct{ Body wire.Broadcast }

type broadcastSentOutput struct {
	Status int
	Body   wire.Broadcast
}

func (p *serverPlane) sendBroadcast(ctx context.Context, in *sendBroadcastInput) (*broadcastSentOutput, error) {
	m := in.Body
	r := accept.Request{
		ClientID: m.ClientID, From: m.From, Body: m.Body, PushTTL: time.Duration(m.PushTTLSeconds) * time.Second,
		Kind: message.KindBroadcast,
		Also: store.Also{Expansion: &store.NewExpansion{
			Audience: store.Audience{Mode: store.BroadcastMode(m.Mode)},
			Limit:    store.BroadcastLimit{Pause: broadcastPause, PerDay: broadcastsADay},
		}},
	}
	if m.Push != nil {
		r.Push = m.Push.Config()
	}
	result := p.deps.Acceptor.Accept(ctx, []accept.Request{r})[0]
	if result.Err != nil {
		return nil, result.Err
	}
	x, err := p.deps.Store.Broadcast(ctx, result.MessageID)
	if result.Duplicate && errors.Is(err, store.ErrNotFound) { // The id outlives what the broadcast became.
		x, err = store.Expansion{MessageID: result.MessageID, Sender: m.From, State: store.Done, Audience: r.Also.Expansion.Audience}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &broadcastSentOutput{Status: http.StatusAccepted, Body: broadcastOf(x)}
	if out.Body.Duplicate = result.Duplicate; result.Duplicate {
		out.Status = http.StatusOK
	}
	return out, nil
}

type broadcastInput struct {
	BroadcastID string `path:"broadcastID" maxLength:"64" doc:"The broadcast, as in the answer to send-broadcast."`
}

func (p *serverPlane) getBroadcast(ctx context.Context, in *broadcastInput) (*broadcastOutput, error) {
	x, err := p.deps.Store.Broadcast(ctx, in.BroadcastID)
	if err != nil {
		return nil, err
	}
	return &broadcastOutput{Body: broadcastOf(x)}, nil
}

func (p *serverPlane) setBroadcast(to store.ExpansionState) func(context.Context, *broadcastInput) (*broadcastOutput, error) {
	return func(ctx context.Context, in *broadcastInput) (*broadcastOutput, error) {
		x, err := p.deps.Store.SetBroadcast(ctx, in.BroadcastID, to)
		if err != nil {
			return nil, err
		}
		return &broadcastOutput{Body: broadcastOf(x)}, nil
	}
}

type listBroadcastsInput struct{ Page }

type listBroadcastsOutput struct{ Body wire.Broadcasts }

func (p *serverPlane) listBroadcasts(ctx context.Context, in *listBroadcastsInput) (*listBroadcastsOutput, error) {
	key, err := after[string](in.Page)
	if err != nil {
		return nil, err
	}
	found, err := p.deps.Store.Broadcasts(ctx, key, in.Limit+1)
	if err != nil {
		return nil, err
	}
	page, more := paged(found, in.Page, func(x store.Expansion) string { return x.MessageID })
	out := wire.Broadcasts{Broadcasts: make([]wire.Broadcast, len(page)), More: more}
	for i, x := range page {
		out.Broadcasts[i] = broadcastOf(x)
	}
	return &listBroadcastsOutput{Body: out}, nil
}

func broadcastOf(x store.Expansion) wire.Broadcast {
	out := wire.Broadcast{
		BroadcastID: x.MessageID, From: x.Sender, Mode: string(x.Mode), State: string(x.State), Users: x.Users, Targets: x.Targets,
		StartedAt: x.StartedAt,
	}
	if !x.FinishedAt.IsZero() {
		out.FinishedAt = &x.FinishedAt
	}
	return out
}
