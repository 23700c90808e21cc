package webpush

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A trouble is what a push service can have against a push.
type trouble int

const (
	unknownPath trouble = iota
	gone
	badToken
	otherKey
	noTTL
	badHeader
	badEncryption
	tooLarge
	tooMany
)

// retryAfter is what a service asks for that is called too often.
const retryAfter = 10 * time.Second

// reply is an answer of a push service.
type reply struct {
	status int
	header map[string]string
	// json or text is the body.
	json any
	text string
}

func (a reply) write(w http.ResponseWriter) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.json == nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.text)) // into memory
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.json) // into memory
}

// service is one browser maker's push service.
type service struct {
	name string
	// host is where it sends its browsers, below all hosts of it.
	host, below string
	// paths come before the id of a subscription, the first in new ones; query is the parameter that the id is in, where it
	// is not in the path.
	paths []string
	query string
	// hint is its header with the id of a message, beside Location.
	hint   string
	refuse func(t trouble, words string) reply
}

func services() []service {
	return []service{
		{name: "google", host: "fcm.googleapis.com", paths: []string{"/fcm/send/", "/wp/"}, refuse: google},
		{name: "mozilla", host: "updates.push.services.mozilla.com", paths: []string{"/wpush/v2/", "/wpush/v1/"}, refuse: mozilla},
		{name: "apple", host: "web.push.apple.com", paths: []string{"/"}, hint: "Apns-Id", refuse: apple},
		{
			name: "windows", host: "wns2-db5p.notify.windows.com", below: ".notify.windows.com", paths: []string{"/w/"}, query: "token",
			hint: "X-WNS-Msg-Id", refuse: windows,
		},
	}
}

func (s service) takes(host string) bool {
	return host == s.host || s.below != "" && strings.HasSuffix(host, s.below)
}

// endpoint is the address of a subscription.
func (s service) endpoint(id string) string {
	if s.query != "" {
		return "https://" + s.host + s.paths[0] + "?" + url.Values{s.query: {id}}.Encode()
	}
	return "https://" + s.host + s.paths[0] + id
}

// id is the subscription that an address is of, empty if it is of none.
func (s service) id(path string, query url.Values) string {
	for _, p := range s.paths {
		id, ok := strings.CutPrefix(path, p)
		if ok && s.query != "" {
			return query.Get(s.query)
		}
		if ok {
			return id
		}
	}
	return ""
}

func serviceAt(host string) (service, bool) {
	all := services()
	i := slices.IndexFunc(all, func(s service) bool { return s.takes(host) })
	if i < 0 {
		return service{}, false
	}
	return all[i], true
}

// google answers in text.
func google(t trouble, words string) reply {
	plain := func(status int, text string) reply { return reply{status: status, text: text + "\n"} }
	switch t {
	case unknownPath:
		return plain(http.StatusNotFound, "A valid push subscription endpoint should be specified in the URL.")
	case gone:
		return plain(http.StatusGone, "push subscription has unsubscribed or expired.")
	case badToken:
		return plain(http.StatusForbidden, words)
	case otherKey:
		return plain(http.StatusForbidden, "the VAPID credentials in the authorization header do not correspond to the "+
			"credentials used to create the subscriptions.")
	case noTTL, badHeader, badEncryption:
		return plain(http.StatusBadRequest, words)
	case tooLarge:
		return plain(http.StatusRequestEntityTooLarge, "the request body exceeds 4096 bytes.")
	case tooMany:
	}
	return reply{status: http.StatusTooManyRequests, header: wait(), text: "quota exceeded\n"}
}

// mozilla answers with an errno.
func mozilla(t trouble, words string) reply {
	numbered := func(status, errno int, text string) reply {
		return reply{status: status, json: map[string]any{
			"code": status, "errno": errno, "error": http.StatusText(status), "message": text,
			"more_info": "http://autopush.readthedocs.io/en/latest/http.html#error-codes",
		}}
	}
	switch t {
	case unknownPath:
		return numbered(http.StatusNotFound, 102, "Invalid token")
	case gone:
		return numbered(http.StatusGone, 106, "No such subscription")
	case badToken:
		return numbered(http.StatusUnauthorized, 109, words)
	case otherKey:
		return numbered(http.StatusUnauthorized, 109, "VAPID public key mismatch")
	case noTTL:
		return numbered(http.StatusBadRequest, 111, "Missing TTL value")
	case badHeader, badEncryption:
		return numbered(http.StatusBadRequest, 110, words)
	case tooLarge:
		return numbered(http.StatusRequestEntityTooLarge, 104, "Data payload too large")
	case tooMany:
	}
	a := numbered(http.StatusTooManyRequests, 201, "Use exponential back-off for retries")
	a.header = wait()
	return a
}

// apple answers with a reason.
func apple(t trouble, _ string) reply {
	because := func(status int, reason string) reply {
		return reply{status: status, json: map[string]string{"reason": reason}}
	}
	switch t {
	case unknownPath:
		return because(http.StatusNotFound, "BadPath")
	case gone:
		return because(http.StatusGone, "Unregistered")
	case badToken:
		return because(http.StatusForbidden, "BadJwtToken")
	case otherKey:
		return because(http.StatusBadRequest, "VapidPkHashMismatch")
	case noTTL, badHeader, badEncryption:
		return because(http.StatusBadRequest, "BadRequest")
	case tooLarge:
		return because(http.StatusRequestEntityTooLarge, "PayloadTooLarge")
	case tooMany:
	}
	a := because(http.StatusTooManyRequests, "TooManyRequests")
	a.header = wait()
	return a
}

// windows answers with headers, and with 406 when it is called too often.
func windows(t trouble, words string) reply {
	described := func(status int, text string) reply {
		return reply{status: status, header: map[string]string{"X-WNS-Status": "dropped", "X-WNS-Error-Description": text}}
	}
	switch t {
	case unknownPath:
		return described(http.StatusNotFound, "The channel URI is not valid.")
	case gone:
		return described(http.StatusGone, "The channel expired.")
	case badToken:
		return described(http.StatusUnauthorized, words)
	case otherKey:
		return described(http.StatusForbidden, "The cloud service is not authorized to send a notification to this URI.")
	case noTTL, badHeader, badEncryption:
		return described(http.StatusBadRequest, words)
	case tooLarge:
		return described(http.StatusRequestEntityTooLarge, "The payload exceeds the limit.")
	case tooMany:
	}
	h := wait()
	h["X-WNS-Status"] = "appthrottled"
	return reply{status: http.StatusNotAcceptable, header: h}
}

func wait() map[string]string {
	return map[string]string{"Retry-After": strconv.Itoa(int(retryAfter.Seconds()))}
}
