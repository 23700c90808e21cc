package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// letterQuery is a filter as a query.
func letterQuery(f wire.LetterFilter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"channel": f.Channel, "state": f.State, "reason": f.Reason, "userID": f.UserID, "messageID": f.MessageID,
		"since": timeOf(f.Since), "until": timeOf(f.Until),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func timeOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// DeadLetters lists a page of the pushes that finally failed, the newest first, from behind the cursor of the page
// before; an empty cursor is the first page. The filter's ids are not used.
func (s *Server) DeadLetters(ctx context.Context, f wire.LetterFilter, cursor string) (wire.DeadLetters, error) {
	q := letterQuery(f)
	q.Set("limit", strconv.Itoa(pageLimit))
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	var out wire.DeadLetters
	err := s.call(ctx, http.MethodGet, "/v1/dead-letters?"+q.Encode(), nil, &out)
	return out, err
}

// CountDeadLetters counts the pushes that finally failed. The filter's ids are not used.
func (s *Server) CountDeadLetters(ctx context.Context, f wire.LetterFilter) (wire.LetterCounts, error) {
	var out wire.LetterCounts
	err := s.call(ctx, http.MethodGet, "/v1/dead-letters:count?"+letterQuery(f).Encode(), nil, &out)
	return out, err
}

// RequeueDeadLetters pushes up to 1,000 dead letters again, the oldest first.
func (s *Server) RequeueDeadLetters(ctx context.Context, c wire.ChangeLetters) (wire.RequeuedLetters, error) {
	var out wire.RequeuedLetters
	err := s.call(ctx, http.MethodPost, "/v1/dead-letters:requeue", c, &out)
	return out, err
}

// PurgeDeadLetters deletes up to 1,000 dead letters, the oldest first.
func (s *Server) PurgeDeadLetters(ctx context.Context, c wire.ChangeLetters) (wire.PurgedLetters, error) {
	var out wire.PurgedLetters
	err := s.call(ctx, http.MethodPost, "/v1/dead-letters:purge", c, &out)
	return out, err
}

// RestoreQuarantine ends the quarantine of a channel row's tokens that began since a time.
func (s *Server) RestoreQuarantine(ctx context.Context, r wire.RestoreQuarantine) (wire.RestoredQuarantine, error) {
	var out wire.RestoredQuarantine
	err := s.call(ctx, http.MethodPost, "/v1/quarantine:restore", r, &out)
	return out, err
}
