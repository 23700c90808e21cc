package pushtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/strict"
)

const (
	// maxRequest is above the largest test, in bytes.
	maxRequest = 128 << 10
	// patience bounds how long an answer waits for the store, and retryAfter is when to ask again after that.
	patience   = 5 * time.Second
	retryAfter = 2
)

// Handler serves POST report.PushTestPath for callers that were let in. The service is nil until the store is open.
func Handler(service func() *Service, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req report.PushTest
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil || strict.Unmarshal(body, &req) != nil {
			answer(w, log, refuse(http.StatusUnprocessableEntity, report.RefusedInvalid, "the body must be a PushTest as JSON of at most 128 KiB"))
			return
		}
		s := service()
		if s == nil {
			answer(w, log, unavailable())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		state, err := s.Ask(ctx, req)
		if err == nil {
			write(w, log, http.StatusOK, state)
			return
		}
		refusal, isRefusal := errors.AsType[*RefusalError](err)
		if !isRefusal {
			log.Warn("a push test is not known", "uid", req.UID, "error", err)
			refusal = unavailable()
		}
		answer(w, log, refusal)
	})
}

func unavailable() *RefusalError {
	r := refuse(http.StatusServiceUnavailable, report.RefusedUnavailable, "the store is in trouble; send the same request again")
	r.RetryAfterSeconds = retryAfter
	return r
}

func answer(w http.ResponseWriter, log *slog.Logger, r *RefusalError) {
	if r.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(r.RetryAfterSeconds))
	}
	write(w, log, r.Status, r.PushTestRefusal)
}

func write(w http.ResponseWriter, log *slog.Logger, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Debug("answering a push test", "error", err)
	}
}
