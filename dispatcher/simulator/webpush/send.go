package webpush

import (
	"cmp"
	"encoding/json"
	"errors"
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
	// maxBody is what all services take.
	maxBody = 4096
	maxTTL  = 28 * 24 * time.Hour
)

// topics are what a Topic header may be.
var topics = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// push is a request for a browser.
type push struct {
	ttl   time.Duration
	topic string
	body  []byte
}

// serve answers a push to a host of the service: who, to whom, what.
func (v *Vendor) serve(s service, host, path string, r *http.Request) reply {
	id := s.id(path, r.URL.Query())
	if r.Method != http.MethodPost || len(id) < idChars {
		return s.refuse(unknownPath, "")
	}
	token := names(s, id).Token
	traffic.SetTargets(r, token)
	key, err := authorize(r, "https://"+host, time.Now())
	if err != nil {
		return s.refuse(badToken, err.Error())
	}
	handset, ok := v.phones.Lookup(Name, token)
	switch {
	case !ok:
		return s.refuse(gone, "")
	case markOf(id) != fingerprint(key):
		return s.refuse(otherKey, "")
	}
	app, _ := v.console.Get(handset.App())
	if app.PrivateKey == "" {
		return s.refuse(badToken, errToken.Error())
	}
	if !v.rates.Allow(app.ID, app.RequestsPerSecond, 1) {
		return s.refuse(tooMany, "")
	}
	p, why, err := readPush(r)
	if err != nil {
		return s.refuse(why, err.Error())
	}
	return deliver(s, handset, derived(id), p)
}

// readPush checks the headers and the size.
func readPush(r *http.Request) (push, trouble, error) {
	h := r.Header
	seconds, err := strconv.ParseUint(h.Get("TTL"), 10, 31)
	if err != nil {
		return push{}, noTTL, errors.New("header TTL: must be a number of seconds")
	}
	p := push{ttl: min(time.Duration(seconds)*time.Second, maxTTL), topic: h.Get("Topic")}
	if len(h.Values("Urgency")) > 0 && !slices.Contains([]string{"very-low", "low", "normal", "high"}, h.Get("Urgency")) {
		return push{}, badHeader, errors.New("header Urgency: must be very-low, low, normal or high")
	}
	if len(h.Values("Topic")) > 0 && !topics.MatchString(p.topic) {
		return push{}, badHeader, errors.New("header Topic: must be at most 32 characters of base64url")
	}
	why, err := p.read(r)
	return p, why, err
}

// read checks the body by its size and by the header of the encryption, which is all that a service sees of it.
func (p *push) read(r *http.Request) (why trouble, err error) {
	if p.body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1)); err != nil {
		return badEncryption, err
	}
	switch {
	case len(p.body) == 0:
	case len(p.body) > maxBody:
		return tooLarge, errors.New("the body is larger than 4096 bytes")
	case r.Header.Get("Content-Encoding") != "aes128gcm":
		return badEncryption, errors.New("header Content-Encoding: must be aes128gcm")
	case len(p.body) < headerBytes || p.body[saltBytes+4] != pointBytes:
		return badEncryption, errors.New("the header of the encrypted content is not that of RFC 8291")
	}
	return 0, nil
}

// deliver hands the message to the browser. One that cannot be decrypted ends there, and the service never learns of it.
func deliver(s service, h *phone.Handset, b *Browser, p push) reply {
	id := apps.RandomHex(idBytes)
	if plain, err := b.Decrypt(p.body); err == nil || len(p.body) == 0 {
		shown := show(plain)
		shown.MessageID = id
		h.Deliver(phone.Push{Content: shown, CollapseKey: p.topic, TTL: p.ttl})
	}
	header := map[string]string{
		"Location": "https://" + s.host + "/m/" + id, "TTL": strconv.Itoa(int(p.ttl.Seconds())),
	}
	if s.hint != "" {
		header[s.hint] = id
	}
	return reply{status: http.StatusCreated, header: header}
}

// notification is what the page's service worker expects.
type notification struct {
	Title string                     `json:"title"`
	Body  string                     `json:"body"`
	Image string                     `json:"image"`
	Tag   string                     `json:"tag"`
	Data  map[string]json.RawMessage `json:"data"`
}

// show is the page's service worker: it shows what is no JSON as text.
func show(plain []byte) phone.Content {
	c := phone.Content{Kind: phone.Notification, MessageContent: string(plain)}
	var n notification
	if json.Unmarshal(plain, &n) != nil {
		c.Content = string(plain)
		return c
	}
	c.Title, c.Content, c.Image, c.ReplaceID = n.Title, n.Body, n.Image, n.Tag
	c.Data = make(map[string]string, len(n.Data))
	for name, value := range n.Data {
		c.Data[name] = text(value)
	}
	c.Payload, c.Click = c.Data["payload"], c.Data["clickURL"]
	_ = json.Unmarshal(n.Data["badge"], &c.Badge) // no number leaves the badge as it is
	return c
}

// text is a string's value, or other JSON as it is.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) reply {
	a := coded(f.Code)
	if f.Throttle || f.Quota {
		a = mozilla(tooMany, "")
	}
	if f.Status != 0 && f.Code == "" {
		a = reply{status: f.Status}
	} else if f.Status != 0 {
		a.status = f.Status
	}
	if f.RetryAfterSeconds > 0 {
		a.header = map[string]string{"Retry-After": strconv.Itoa(f.RetryAfterSeconds)}
	}
	return a
}

// coded is an answer with Mozilla's errno or Apple's reason.
func coded(code string) reply {
	statuses := map[string]int{
		"VapidPkHashMismatch": http.StatusBadRequest, "BadJwtToken": http.StatusForbidden, "Unregistered": http.StatusGone,
		"errno 101": http.StatusBadRequest, "errno 102": http.StatusNotFound, "errno 103": http.StatusGone,
		"errno 104": http.StatusRequestEntityTooLarge, "errno 105": http.StatusGone, "errno 106": http.StatusGone,
		"errno 109": http.StatusUnauthorized, "errno 110": http.StatusBadRequest, "errno 111": http.StatusBadRequest,
		"errno 201": http.StatusServiceUnavailable, "errno 202": http.StatusServiceUnavailable,
	}
	a := reply{status: cmp.Or(statuses[code], http.StatusInternalServerError)}
	if number, ok := strings.CutPrefix(code, "errno "); ok {
		errno, _ := strconv.Atoi(number) // 0 is none of Mozilla's
		a.json = map[string]any{"code": a.status, "errno": errno, "message": "Simulated failure"}
	} else if code != "" {
		a.json = map[string]string{"reason": code}
	}
	return a
}
