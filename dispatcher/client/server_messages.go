package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Recall takes a message back; the same request may be sent again until there is an answer.
func (s *Server) Recall(ctx context.Context, messageID string, r wire.RecallMessage) (wire.Sent, error) {
	var out wire.Sent
	err := s.call(ctx, http.MethodPost, messagePath(messageID)+"/recall", r, &out)
	return out, err
}

// Edit gives a message another body; the same request may be sent again until there is an answer.
func (s *Server) Edit(ctx context.Context, messageID string, e wire.EditMessage) (wire.Sent, error) {
	var out wire.Sent
	err := s.call(ctx, http.MethodPost, messagePath(messageID)+"/edit", e, &out)
	return out, err
}

// Push pushes to users or devices without a message; the same request may be sent again until there is an answer.
func (s *Server) Push(ctx context.Context, p wire.SendPush) (wire.SentPush, error) {
	var out wire.SentPush
	err := s.call(ctx, http.MethodPost, "/v1/pushes", p, &out)
	return out, err
}

// Apply tells users of a step of an application; the same request may be sent again until there is an answer.
func (s *Server) Apply(ctx context.Context, a wire.SendApplication) (wire.Sent, error) {
	var out wire.Sent
	err := s.call(ctx, http.MethodPost, "/v1/applications", a, &out)
	return out, err
}

// Messages reads at most limit messages of a user's inbox behind a seq; a limit of 0 is the API's own.
func (s *Server) Messages(ctx context.Context, userID string, after int64, limit int) (wire.UserMessages, error) {
	path := fmt.Sprintf("/v1/users/%s/messages?after=%d", url.PathEscape(userID), after)
	if limit > 0 {
		path += fmt.Sprintf("&limit=%d", limit)
	}
	var out wire.UserMessages
	err := s.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func messagePath(messageID string) string { return "/v1/messages/" + url.PathEscape(messageID) }
