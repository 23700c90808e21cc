package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Server is one of the app's own servers. It is safe for concurrent use.
type Server struct {
	caller
	key string
}

// NewServer calls the server plane at the URL with a server key; a nil client means the default one.
func NewServer(baseURL, key string, c *http.Client) *Server {
	return &Server{caller: newCaller(baseURL, c), key: key}
}

func (s *Server) call(ctx context.Context, method, path string, body, out any) error {
	return s.do(ctx, call{method: method, path: path, bearer: s.key, body: body}, out)
}

// Send sends a message; the same message may be sent again until there is an answer.
func (s *Server) Send(ctx context.Context, m wire.SendMessage) (wire.Sent, error) {
	var out wire.Sent
	err := s.call(ctx, http.MethodPost, "/v1/messages", m, &out)
	return out, err
}

// SendBatch sends up to wire.MaxBatch messages; every one has its own result.
func (s *Server) SendBatch(ctx context.Context, ms []wire.SendMessage) ([]wire.BatchResult, error) {
	var out wire.BatchResults
	err := s.call(ctx, http.MethodPost, "/v1/messages:batch", wire.SendBatch{Messages: ms}, &out)
	return out.Results, err
}

// Trace tells what became of a message, device by device.
func (s *Server) Trace(ctx context.Context, messageID string) (wire.Trace, error) {
	var out wire.Trace
	err := s.call(ctx, http.MethodGet, "/v1/messages/"+url.PathEscape(messageID), nil, &out)
	return out, err
}

// Online tells whether a user is connected.
func (s *Server) Online(ctx context.Context, userID string) (bool, error) {
	var out wire.Presence
	err := s.call(ctx, http.MethodGet, "/v1/users/"+url.PathEscape(userID)+"/presence", nil, &out)
	return out.Online, err
}

// Devices lists the devices of a user, page by page.
func (s *Server) Devices(ctx context.Context, userID string) ([]wire.Device, error) {
	var devices []wire.Device
	for cursor := ""; ; {
		var page wire.Devices
		if err := s.call(ctx, http.MethodGet, "/v1/users/"+url.PathEscape(userID)+"/devices"+pageQuery(cursor), nil, &page); err != nil {
			return nil, err
		}
		devices = append(devices, page.Devices...)
		if cursor = page.NextCursor; cursor == "" {
			return devices, nil
		}
	}
}

// SetUserBadge sets the number on the app's icon on all devices of a user, from which pushes count on.
func (s *Server) SetUserBadge(ctx context.Context, userID string, badge int32) error {
	return s.call(ctx, http.MethodPut, "/v1/users/"+url.PathEscape(userID)+"/badge", wire.SetBadge{Badge: badge}, nil)
}

// Bind binds a device to a user, whom the app's server has authenticated.
func (s *Server) Bind(ctx context.Context, pushID, userID string) error {
	return s.call(ctx, http.MethodPut, devicePath(pushID, "/binding"), wire.BindDevice{UserID: userID}, nil)
}

// Unbind logs the device's user out.
func (s *Server) Unbind(ctx context.Context, pushID string) error {
	return s.call(ctx, http.MethodDelete, devicePath(pushID, "/binding"), nil, nil)
}
