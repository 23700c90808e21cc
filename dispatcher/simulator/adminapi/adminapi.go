// Package adminapi is the JSON over HTTP of the simulator's own API: of its
// phones and of its vendors' consoles. It imports nothing of the project.
package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	maxBody = 1 << 20
	maxWait = time.Minute
)

// Error is an answer that tells the caller what is wrong and what to do.
type Error struct {
	Status  int    `json:"-"`
	Message string `json:"error"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Invalid is the answer to a request with a wrong field.
func Invalid(format string, args ...any) error {
	return &Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// NotFound is the answer to a request about something that is not there.
func NotFound(format string, args ...any) error {
	return &Error{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// Conflict is the answer to a request that does not fit the present state.
func Conflict(format string, args ...any) error {
	return &Error{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// Handle serves what call returns as JSON, or its error. Without a value the answer is 204.
func Handle(call func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v, err := call(r)
		status := http.StatusOK
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok {
				e = &Error{http.StatusInternalServerError, err.Error()}
			}
			v, status = e, e.Status
		}
		if v == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(v) // the caller has gone
	})
}

// Read decodes the body into v. An empty body leaves v as it is.
func Read(r *http.Request, v any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return Invalid("body: %v", err)
	}
	return nil
}

// Poll are the query parameters of a list that can be waited on.
type Poll struct {
	// After is the number of the last entry that the caller has.
	After int64
	// Wait is how long to wait for an entry after that.
	Wait time.Duration
}

// ReadPoll reads the query parameters after and wait.
func ReadPoll(r *http.Request) (Poll, error) {
	var p Poll
	var err error
	if text := r.URL.Query().Get("after"); text != "" {
		if p.After, err = strconv.ParseInt(text, 10, 64); err != nil || p.After < 0 {
			return p, Invalid("after: is %q, must be the seq of the last entry you have", text)
		}
	}
	if text := r.URL.Query().Get("wait"); text != "" {
		if p.Wait, err = time.ParseDuration(text); err != nil || p.Wait < 0 || p.Wait > maxWait {
			return p, Invalid("wait: is %q, must be a duration of at most %s such as 5s", text, maxWait)
		}
	}
	return p, nil
}
