package ingress

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/revise"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/usertoken"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// The waits that Retry-After asks for.
const (
	retryBulk    = time.Second
	retryStore   = 2 * time.Second
	retryKeys    = 5 * time.Second
	retryBacklog = 10 * time.Second
)

// failure is a problem with its headers, as the library wants errors to be.
type failure struct {
	wire.Problem
	retryAfter time.Duration
}

func fail(status int, code wire.Code, detail string) *failure {
	return &failure{Problem: wire.Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}}
}

func (f *failure) later(d time.Duration) *failure {
	f.retryAfter = d
	return f
}

// Error implements error.
func (f *failure) Error() string { return string(f.Code) + ": " + f.Detail }

// GetStatus implements huma.StatusError.
func (f *failure) GetStatus() int { return f.Status }

// GetHeaders implements huma.HeadersError.
func (f *failure) GetHeaders() http.Header {
	h := http.Header{}
	switch {
	case f.retryAfter > 0:
		h.Set("Retry-After", strconv.Itoa(int(f.retryAfter.Seconds())))
	case f.Status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// write answers in a middleware, where the library does not.
func (f *failure) write(ctx huma.Context, api huma.API) {
	for name, values := range f.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", wire.ProblemType)
	body, _ := toProblem(ctx, "", f)
	ctx.SetStatus(f.Status)
	_ = api.Marshal(ctx.BodyWriter(), "application/json", body) // The caller has hung up.
}

// writeTo answers beside the library.
func (f *failure) writeTo(w http.ResponseWriter) {
	for name, values := range f.GetHeaders() {
		w.Header().Set(name, values[0])
	}
	f.Write(w)
}

// toProblem gives every error the one shape, without the values that the
// library would quote: they may be secrets.
func toProblem(ctx huma.Context, _ string, v any) (any, error) {
	var p wire.Problem
	switch e := v.(type) {
	case *failure:
		p = e.Problem
	case *huma.ErrorModel:
		p = problemOf(e)
	default:
		return v, nil
	}
	p.RequestID = requestID(ctx.Context())
	return &p, nil
}

// problemOf translates what the library found in a request.
func problemOf(e *huma.ErrorModel) wire.Problem {
	p := wire.Problem{Title: e.Title, Status: e.Status, Code: wire.CodeInvalidRequest, Detail: "fields of the request break their rules, see errors"}
	switch e.Status {
	case http.StatusUnsupportedMediaType:
		p.Code, p.Detail = wire.CodeUnsupportedMediaType, "send the body as application/json"
	case http.StatusBadRequest:
		p.Detail = "the body is missing or not of its media type"
	case http.StatusInternalServerError:
		p.Code, p.Detail = wire.CodeInternal, "the dispatcher failed; its log has the request id"
		return p
	}
	for _, d := range e.Errors {
		if d != nil {
			p.Errors = append(p.Errors, wire.FieldError{Field: d.Location, Message: d.Message})
		}
	}
	return p
}

// failureOf translates what the other rooms return.
func (p *plane) failureOf(ctx context.Context, err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*message.FieldError](err); ok && !errors.Is(err, usertoken.ErrInvalid) {
		f := fail(http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "fields of the request break their rules, see errors")
		f.Errors = []wire.FieldError{{Field: "body." + e.Field, Message: e.Problem}}
		return f
	}
	if f := cmp.Or(unchanged(err), ofCall(err), ofMany(err)); f != nil {
		return f
	}
	switch {
	case errors.Is(err, usertoken.ErrInvalid), errors.Is(err, binding.ErrSecret):
		return fail(http.StatusUnauthorized, wire.CodeUnauthenticated, err.Error())
	case errors.Is(err, usertoken.ErrOff):
		return fail(http.StatusForbidden, wire.CodeUserTokensOff, err.Error())
	case errors.Is(err, usertoken.ErrNoKeys):
		return fail(http.StatusServiceUnavailable, wire.CodeKeysUnavailable, err.Error()).later(retryKeys)
	case errors.Is(err, store.ErrNotFound):
		return fail(http.StatusNotFound, wire.CodeNotFound, "the app has nothing of this id; it may have been deleted, or be of another app")
	case errors.Is(err, store.ErrConflict):
		return fail(http.StatusConflict, wire.CodeIDConflict, "clientID was used for a message with other content; give every message its own")
	case errors.Is(err, store.ErrBacklogFull):
		return fail(http.StatusTooManyRequests, wire.CodeBacklogFull, "too many pushes of this app are pending").later(retryBacklog)
	}
	p.log.ErrorContext(ctx, "request failed", "requestId", requestID(ctx), "error", err)
	return fail(http.StatusServiceUnavailable, wire.CodeStoreUnavailable, "the store is in trouble; send the same request again").later(retryStore)
}

// unchanged translates why a message stays as it is; nil means that the error is about something else.
func unchanged(err error) *failure {
	switch {
	case errors.Is(err, revise.ErrNotSender):
		return fail(http.StatusForbidden, wire.CodeNotSender, "somebody else sent this message; only its sender may recall or edit it")
	case errors.Is(err, revise.ErrKind):
		return fail(http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "only messages of the kinds Chat, Command and Room can be recalled or edited")
	case errors.Is(err, store.ErrRecalled):
		return fail(http.StatusConflict, wire.CodeRecalled, "the message was recalled before; there is nothing left to recall or edit")
	}
	return nil
}

// ofMany translates the errors of groups and broadcasts; nil for others.
func ofMany(err error) *failure {
	e, limited := errors.AsType[*store.LimitedError](err)
	switch {
	case limited:
		return fail(http.StatusTooManyRequests, wire.CodeRateLimited, "too many broadcasts of this app; at most one a second and 100 in 24 hours").
			later(e.Wait.Truncate(time.Second) + time.Second)
	case errors.Is(err, store.ErrGroupFull):
		return fail(http.StatusConflict, wire.CodeGroupFull, "the group would have more than 100000 members; remove some first")
	case errors.Is(err, store.ErrEnded):
		return fail(http.StatusConflict, wire.CodeEnded, "it has ended already")
	}
	return nil
}

// locate puts a path in front of the fields.
func (f *failure) locate(prefix string) *failure {
	for i := range f.Errors {
		f.Errors[i].Field = prefix + strings.TrimPrefix(f.Errors[i].Field, "body")
	}
	return f
}
