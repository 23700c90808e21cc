package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Erase erases a user with all devices and data. It is not done when there is so much that it goes on by
// itself; another call tells.
func (s *Server) Erase(ctx context.Context, userID string) (done bool, err error) {
	var out wire.Erased
	err = s.call(ctx, http.MethodDelete, "/v1/users/"+url.PathEscape(userID), nil, &out)
	return out.Done, err
}
