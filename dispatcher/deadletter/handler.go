package deadletter

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/strict"
)

// maxRequest is above the largest restore, in bytes.
const maxRequest = 4 << 10

// Handler serves POST report.RestorePath for callers that were let in. The service is nil until the store is open.
func Handler(service func() *Service, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req report.Restore
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil || strict.Unmarshal(body, &req) != nil {
			http.Error(w, "the body must be a restore as JSON: channel, since in RFC 3339, and retry", http.StatusUnprocessableEntity)
			return
		}
		s := service()
		if s == nil {
			unavailable(w)
			return
		}
		done, err := s.Restore(r.Context(), req)
		if e, ok := errors.AsType[*message.FieldError](err); ok {
			http.Error(w, e.Error(), http.StatusUnprocessableEntity)
			return
		}
		if err != nil {
			log.Warn("a quarantine is not restored", "channel", req.Channel, "error", err)
			unavailable(w)
			return
		}
		log.Info("quarantine restored", "channel", req.Channel, "since", req.Since, "tokens", done.Tokens, "requeued", done.Requeued, "more", done.More)
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(done); err != nil {
			log.Debug("answering a restore", "error", err)
		}
	})
}

func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "2")
	http.Error(w, "the store is in trouble; send the same request again", http.StatusServiceUnavailable)
}
