package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/wire"
)

func userPath(userID, rest string) string { return "/v1/users/" + url.PathEscape(userID) + rest }

// PushRule is what a user wants of pushes.
func (s *Server) PushRule(ctx context.Context, userID string) (wire.PushRule, error) {
	var out wire.PushRule
	err := s.call(ctx, http.MethodGet, userPath(userID, "/push-rule"), nil, &out)
	return out, err
}

// SetPushRule replaces what a user wants of pushes; what is left out is the default.
func (s *Server) SetPushRule(ctx context.Context, userID string, rule wire.PushRule) error {
	return s.call(ctx, http.MethodPut, userPath(userID, "/push-rule"), rule, nil)
}

// Mutes lists the conversations that a user muted, page by page.
func (s *Server) Mutes(ctx context.Context, userID string) ([]wire.Conversation, error) {
	return mutes(func(cursor string, page *wire.Mutes) error {
		return s.call(ctx, http.MethodGet, userPath(userID, "/mutes")+pageQuery(cursor), nil, page)
	})
}

// SetMutes mutes up to 10 conversations of a user, or does not any more.
func (s *Server) SetMutes(ctx context.Context, userID string, m wire.SetMutes) error {
	return s.call(ctx, http.MethodPut, userPath(userID, "/mutes"), m, nil)
}

// Presence tells whether a user is online, and if not why.
func (s *Server) Presence(ctx context.Context, userID string) (wire.Presence, error) {
	var out wire.Presence
	err := s.call(ctx, http.MethodGet, userPath(userID, "/presence"), nil, &out)
	return out, err
}

// SetPresence reports a user of an app whose connections live elsewhere.
func (s *Server) SetPresence(ctx context.Context, userID string, p wire.SetPresence) error {
	return s.call(ctx, http.MethodPut, userPath(userID, "/presence"), p, nil)
}

// QueryPresence tells which of up to 100 users are online, in their order.
func (s *Server) QueryPresence(ctx context.Context, userIDs []string) ([]wire.Presence, error) {
	var out wire.Presences
	err := s.call(ctx, http.MethodPost, "/v1/presence:query", wire.QueryPresence{UserIDs: userIDs}, &out)
	return out.Users, err
}

// PushRule is what the user of the token wants of pushes.
func (d *Device) PushRule(ctx context.Context, userToken string) (wire.PushRule, error) {
	var out wire.PushRule
	err := d.do(ctx, d.call(http.MethodGet, "/push-rule", userToken, nil), &out)
	return out, err
}

// SetPushRule replaces what the user of the token wants of pushes; what is left out is the default.
func (d *Device) SetPushRule(ctx context.Context, userToken string, rule wire.PushRule) error {
	return d.do(ctx, d.call(http.MethodPut, "/push-rule", userToken, rule), nil)
}

// Mutes lists the conversations that the user of the token muted, page by page.
func (d *Device) Mutes(ctx context.Context, userToken string) ([]wire.Conversation, error) {
	return mutes(func(cursor string, page *wire.Mutes) error {
		return d.do(ctx, d.call(http.MethodGet, "/mutes"+pageQuery(cursor), userToken, nil), page)
	})
}

// SetMutes mutes up to 10 conversations of the user of the token, or does not any more.
func (d *Device) SetMutes(ctx context.Context, userToken string, m wire.SetMutes) error {
	return d.do(ctx, d.call(http.MethodPut, "/mutes", userToken, m), nil)
}

// mutes reads all pages.
func mutes(read func(cursor string, page *wire.Mutes) error) (all []wire.Conversation, err error) {
	for cursor := ""; ; {
		var page wire.Mutes
		if err := read(cursor, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Conversations...)
		if cursor = page.NextCursor; cursor == "" {
			return all, nil
		}
	}
}
