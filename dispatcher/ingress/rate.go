package ingress

import (
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// rateClass is a kind of requests of the server plane that share a rate.
type rateClass string

// The classes. A route without one is a query if it reads, and a change otherwise.
const (
	rateMessages      rateClass = "messages"
	rateGroupMessages rateClass = "group messages"
	rateCalls         rateClass = "calls"
	rateBroadcasts    rateClass = "broadcasts"
	rateQueries       rateClass = "queries"
	rateChanges       rateClass = "changes"
	rateBulk          rateClass = "requests for bindings in bulk"
)

func (c rateClass) perSecond(l config.Rates) float64 {
	switch c {
	case rateMessages:
		return l.Messages
	case rateGroupMessages:
		return l.GroupMessages
	case rateCalls:
		return l.Calls
	case rateBroadcasts:
		return l.Broadcasts
	case rateChanges:
		return l.Changes
	case rateBulk:
		return l.Bulk
	case rateQueries:
	}
	return l.Queries
}

// classOf is the class of a route.
func classOf(r route) rateClass {
	switch {
	case r.rate != "":
		return r.rate
	case r.method == http.MethodGet:
		return rateQueries
	}
	return rateChanges
}

// rates admits as much as the limits in force allow.
type rates struct {
	live    *config.Live
	limiter *limiter
}

func newRates(live *config.Live) rates { return rates{live: live, limiter: newLimiter()} }

func (r rates) limits() config.Rates {
	doc, _ := r.live.Current()
	return doc.Rates.OrDefault()
}

// class admits n requests of a class.
func (r rates) class(c rateClass, n int) *failure {
	return r.admit(string(c), "too many "+string(c), c.perSecond(r.limits()), n)
}

// admit takes n tokens of a key.
func (r rates) admit(key, what string, perSecond float64, n int) *failure {
	wait, ok := r.limiter.take(key, perSecond, n, time.Now())
	if ok {
		return nil
	}
	whole := time.Duration(math.Ceil(wait.Seconds())) * time.Second
	return fail(http.StatusTooManyRequests, wire.CodeRateLimited, what+"; wait as long as Retry-After says").later(whole)
}

// source admits one request of a source address; kind keeps the kinds of requests apart.
func (r rates) source(ctx huma.Context, kind string, perSecond float64) *failure {
	return r.admit(kind+sourceOf(ctx.RemoteAddr()), "too many "+kind+"from this address", perSecond, 1)
}

// logins bounds the sessions that a source address opens, and answers who asks for something else than a WebSocket.
func (r rates) logins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		f := r.admit("logins "+sourceOf(req.RemoteAddr), "too many logins from this address", r.limits().LoginsPerSource, 1)
		if f == nil && !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") {
			f = fail(http.StatusUpgradeRequired, wire.CodeInvalidRequest, "a session is a WebSocket: ask for it with Connection: Upgrade and Upgrade: websocket")
			w.Header().Set("Upgrade", "websocket")
		}
		if f != nil {
			f.writeTo(w)
			return
		}
		next.ServeHTTP(w, req)
	})
}
