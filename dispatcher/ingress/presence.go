package ingress

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func (p *serverPlane) presenceRoutes() {
	register(p.plane, p.route(route{
		id: "get-presence", method: http.MethodGet, path: "/v1/users/{userID}/presence", summary: "Tell whether a user is online",
		description: "An id that nobody knows is answered NeverLoggedIn.",
	}), p.presence)
	register(p.plane, p.route(route{
		id: "set-presence", method: http.MethodPut, path: "/v1/users/{userID}/presence", summary: "Report a user online elsewhere",
		description: "For apps whose connections live elsewhere: while it holds, nothing is pushed to the user.",
	}), p.setPresence)
	register(p.plane, p.route(route{
		id: "query-presence", method: http.MethodPost, path: "/v1/presence:query", summary: "Tell which of up to 100 users are online",
		description: "In the order of the request. An id that nobody knows is answered NeverLoggedIn.", rate: rateQueries,
	}), p.queryPresence)
}

type presenceOutput struct{ Body wire.Presence }

func (p *serverPlane) presence(ctx context.Context, in *userInput) (*presenceOutput, error) {
	found, err := p.presences(ctx, []string{in.UserID})
	if err != nil {
		return nil, err
	}
	return &presenceOutput{Body: found[0]}, nil
}

type queryPresenceInput struct{ Body wire.QueryPresence }

type presencesOutput struct{ Body wire.Presences }

func (p *serverPlane) queryPresence(ctx context.Context, in *queryPresenceInput) (*presencesOutput, error) {
	for i, userID := range in.Body.UserIDs {
		if err := message.CheckID(fmt.Sprintf("userIDs[%d]", i), userID); err != nil {
			return nil, err
		}
	}
	found, err := p.presences(ctx, in.Body.UserIDs)
	if err != nil {
		return nil, err
	}
	return &presencesOutput{Body: wire.Presences{Users: found}}, nil
}

// presences answers in the order of the users.
func (p *serverPlane) presences(ctx context.Context, userIDs []string) ([]wire.Presence, error) {
	asks := make([]store.Ask, len(userIDs))
	for i, userID := range userIDs {
		asks[i].UserID = userID
	}
	found, err := p.deps.Store.Recipients(ctx, asks)
	if err != nil {
		return nil, err
	}
	now := p.deps.Store.Now()
	out := make([]wire.Presence, len(userIDs))
	for i, userID := range userIDs {
		status := statusOf(found[userID], now)
		out[i] = wire.Presence{UserID: userID, Online: status == wire.StatusOnline, Status: status}
	}
	return out, nil
}

func statusOf(r store.Recipient, now time.Time) string {
	switch {
	case r.OnlineUntil.After(now), slices.ContainsFunc(r.Devices, func(d message.Device) bool { return d.Connected(now) }):
		return wire.StatusOnline
	case len(r.Devices) > 0:
		return wire.StatusOffline
	case r.LoggedIn:
		return wire.StatusLoggedOut
	}
	return wire.StatusNeverLoggedIn
}

// online reports whether a dispatcher holds a session of the device, or one that stopped did a moment ago.
func (p *serverPlane) online(d message.Device) bool { return d.Connected(p.deps.Store.Now()) }

type setPresenceInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Body   wire.SetPresence
}

func (p *serverPlane) setPresence(ctx context.Context, in *setPresenceInput) (*struct{}, error) {
	if err := p.userInPath(ctx, in.UserID); err != nil {
		return nil, err
	}
	ttl := time.Duration(in.Body.TTLSeconds) * time.Second
	if !in.Body.Online {
		ttl = 0
	}
	return nil, p.deps.Store.SetPresence(ctx, in.UserID, ttl)
}
