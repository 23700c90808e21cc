package apns

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	voIPSuffix  = ".voip"
	maxCollapse = 64
	// keptFor is how long APNs keeps a push that names no end.
	keptFor = 30 * 24 * time.Hour
)

// The push types that are played.
const (
	typeAlert      = "alert"
	typeBackground = "background"
	typeVoIP       = "voip"
)

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// request is a push on its way.
type request struct {
	token string
	app   App
	kind  string
	id    string
	// collapse is the apns-collapse-id, ttl the time to the apns-expiration.
	collapse string
	ttl      time.Duration
	payload  payload
}

// send is POST /3/device/{token}.
func (v *Vendor) send(w http.ResponseWriter, r *http.Request) {
	req := request{token: strings.ToLower(r.PathValue("token")), id: r.Header.Get("apns-id")}
	if req.id == "" {
		req.id = newUUID()
	}
	w.Header().Set("apns-id", req.id)
	if v.name == SandboxName {
		w.Header().Set("apns-unique-id", newUUID())
	}
	traffic.SetTargets(r, req.token)
	if f := v.accept(r, &req); f.Reason != "" {
		f.write(w)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// accept checks who, what and to whom, and delivers.
func (v *Vendor) accept(r *http.Request, req *request) refusal {
	if reason := path(r, req.token); reason != "" {
		return because(reason)
	}
	a, reason := v.authorize(r)
	if reason != "" {
		return because(reason)
	}
	for _, check := range []func(*http.Request) string{
		req.readHeaders,
		func(r *http.Request) string { return v.topic(r, a, req) },
		req.readBody,
	} {
		if reason := check(r); reason != "" {
			return because(reason)
		}
	}
	h, f := v.find(req)
	switch {
	case f.Reason != "":
		return f
	case !v.rates.Allow(v.name+req.token, req.app.PushesPerSecond, 1):
		return because("TooManyRequests")
	}
	h.Deliver(req.push())
	return refusal{}
}

func path(r *http.Request, token string) string {
	switch {
	case r.Method != http.MethodPost:
		return "MethodNotAllowed"
	case token == "":
		return "MissingDeviceToken"
	case strings.Contains(token, "/"):
		return "BadPath"
	}
	return ""
}

// readHeaders checks each header, and how they fit together.
func (q *request) readHeaders(r *http.Request) string {
	h := r.Header
	for _, name := range []string{"apns-id", "apns-topic", "apns-push-type", "apns-priority", "apns-expiration", "apns-collapse-id"} {
		if len(h.Values(name)) > 1 {
			return "DuplicateHeaders"
		}
	}
	q.kind, q.collapse = h.Get("apns-push-type"), h.Get("apns-collapse-id")
	if q.kind == "" {
		q.kind = typeAlert // required on watchOS only
	}
	expires, ok := ttl(h.Get("apns-expiration"), time.Now())
	q.ttl = expires
	switch {
	case !uuid.MatchString(q.id):
		return "BadMessageId"
	case q.kind != typeAlert && q.kind != typeBackground && q.kind != typeVoIP:
		return "InvalidPushType"
	case !priorityFits(h.Get("apns-priority"), q.kind):
		return "BadPriority"
	case !ok:
		return "BadExpirationDate"
	case len(q.collapse) > maxCollapse:
		return "BadCollapseId"
	}
	return ""
}

// priorityFits: a background push is never immediate, which is the default.
func priorityFits(priority, kind string) bool {
	if kind == typeBackground {
		return priority == "5" || priority == "1"
	}
	return slices.Contains([]string{"", "10", "5", "1"}, priority)
}

// ttl is the time until a moment in seconds since 1970; 0 is now or never.
func ttl(text string, now time.Time) (time.Duration, bool) {
	if text == "" {
		return keptFor, true
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return 0, false
	}
	return min(max(time.Unix(seconds, 0).Sub(now), 0), keptFor), true
}

// topic finds the app that the push is for. A credential is good for all apps of its team, a certificate for its own.
func (v *Vendor) topic(r *http.Request, owner App, req *request) string {
	name := r.Header.Get("apns-topic")
	if name == "" {
		return "MissingTopic" // also with a certificate: ours are for two topics
	}
	bundleID, voIP := strings.CutSuffix(name, voIPSuffix)
	a, known := v.Get(bundleID)
	switch {
	case voIP != (req.kind == typeVoIP):
		return "InvalidPushType"
	case owner.Auth == authCertificate && bundleID != owner.BundleID:
		return "TopicDisallowed"
	case !known:
		return "BadTopic"
	case owner.Auth != authCertificate && a.TeamID != owner.TeamID:
		return "TopicDisallowed"
	}
	req.app = a
	return ""
}

func (q *request) readBody(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "InternalServerError"
	}
	limit := maxBody
	if q.kind == typeVoIP {
		limit = maxVoIPBody
	}
	switch {
	case len(body) == 0:
		return "PayloadEmpty"
	case len(body) > limit:
		return "PayloadTooLarge"
	}
	var ok bool
	if q.payload, ok = parse(body); !ok {
		return "PayloadEmpty"
	}
	if !q.payload.fits(q.kind) {
		return "InvalidPushType"
	}
	return ""
}

// find returns the phone that the token names, in this environment.
func (v *Vendor) find(req *request) (*phone.Handset, refusal) {
	if !deviceToken.MatchString(req.token) {
		return nil, because("BadDeviceToken")
	}
	h, ok := v.phones.Lookup(v.name, req.token)
	if !ok {
		if died, was := v.phones.Died(v.name, req.token); was {
			f := because("Unregistered")
			f.Timestamp = died.UnixMilli()
			return nil, f
		}
		return nil, because("BadDeviceToken")
	}
	if h.App() != req.app.BundleID || (h.Phone().VoIPToken == req.token) != (req.kind == typeVoIP) {
		return nil, because("DeviceTokenNotForTopic")
	}
	return h, refusal{}
}

// newUUID is in capitals, as Apple's are.
func newUUID() string {
	h := strings.ToUpper(apps.RandomHex(16))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
