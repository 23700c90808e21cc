package ingress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/wire"
)

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// withRequestID keeps a caller's request id if it is harmless, or makes one, and echoes it.
func withRequestID(next http.Handler) http.Handler {
	harmless := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(wire.RequestIDHeader)
		if !harmless.MatchString(id) {
			id = uuid.NewString()
		}
		w.Header().Set(wire.RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// recovered turns a panic into an answer and a line in the log.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(fault)
			}
			log.Error("request panicked", "requestId", w.Header().Get(wire.RequestIDHeader), "fault", fault, "stack", string(debug.Stack()))
			fail(http.StatusInternalServerError, wire.CodeInternal, "the dispatcher failed; its log has the request id").Write(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// parameter is one in the path of a route.
var parameter = regexp.MustCompile(`\{(\w+)\}`)

// readable refuses ids and queries with what none has: control characters and what is no UTF-8. Not every store takes them.
func readable(path string) func(huma.Context) *failure {
	names := parameter.FindAllStringSubmatch(path, -1)
	return func(ctx huma.Context) *failure {
		for _, name := range names {
			if !plain(ctx.Param(name[1])) {
				return unreadableField("path." + name[1])
			}
		}
		u := ctx.URL()
		if query, err := url.QueryUnescape(u.RawQuery); err != nil || !plain(query) {
			return unreadableField("query")
		}
		return nil
	}
}

func unreadableField(name string) *failure {
	f := fail(http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "fields of the request break their rules, see errors")
	f.Errors = []wire.FieldError{{Field: name, Message: "must be valid UTF-8 without control characters"}}
	return f
}

func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// encoded refuses compressed bodies: what they become has no bound that can be seen before.
func encoded(ctx huma.Context) *failure {
	if e := ctx.Header("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return fail(http.StatusUnsupportedMediaType, wire.CodeUnsupportedMediaType, "send the body as it is, without Content-Encoding")
	}
	return nil
}

// guarded runs the guard of a route.
func (p *plane) guarded(guard func(huma.Context) *failure) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if guard != nil {
			if f := guard(ctx); f != nil {
				f.write(ctx, p.api)
				return
			}
		}
		next(ctx)
	}
}

// limitBody reads the body, because the library calls an unreadable body a fault of ours.
func (p *plane) limitBody(limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		body, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), limit+1))
		switch {
		case err != nil:
			unreadable(err).write(ctx, p.api)
		case int64(len(body)) > limit:
			fail(http.StatusRequestEntityTooLarge, wire.CodeTooLarge, fmt.Sprintf("the body has more than %d bytes; split it", limit)).write(ctx, p.api)
		default:
			next(bodyContext{humaContext: ctx, body: bytes.NewReader(body)})
		}
	}
}

func unreadable(err error) *failure {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fail(http.StatusRequestTimeout, wire.CodeTimeout, "the body did not arrive in time")
	}
	return fail(http.StatusBadRequest, wire.CodeInvalidRequest, "the body could not be read")
}

// humaContext lets bodyContext embed an interface that has a method of its own name.
type humaContext huma.Context

// bodyContext is a request whose body was read.
type bodyContext struct {
	humaContext
	body io.Reader
}

// BodyReader implements huma.Context.
func (b bodyContext) BodyReader() io.Reader { return b.body }

// Unwrap lets adapters find their own context.
func (b bodyContext) Unwrap() huma.Context { return b.humaContext }
