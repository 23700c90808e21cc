package fcm

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// send is POST /v1/projects/{id}/messages:send.
func (v *Vendor) send(w http.ResponseWriter, r *http.Request) {
	project, ok := strings.CutSuffix(r.PathValue("call"), "/messages:send")
	if !ok || strings.Contains(project, "/") {
		notFound().write(w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		serverError(0).write(w)
		return
	}
	name, f := v.accept(r, project, body)
	if f != nil {
		f.write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"name": name})
}

// accept checks in the order in which Google's servers do: who, where, how much, what, to whom.
func (v *Vendor) accept(r *http.Request, project string, body []byte) (string, *failure) {
	if f := v.authorize(r, project); f != nil {
		return "", f
	}
	p, ok := v.console.project(project)
	if !ok {
		f := notFound()
		return "", &f
	}
	if wait := p.take(time.Now()); wait > 0 {
		f := quotaExceeded(project, wait)
		return "", &f
	}
	req, target, f := read(r, body)
	if f != nil {
		return "", f
	}
	id := messageID()
	if req.ValidateOnly {
		id = "fake_message_id"
	}
	name := "projects/" + project + "/messages/" + id
	if req.Message.Topic != "" || req.Message.Condition != "" {
		return name, nil // nobody has subscribed
	}
	handset, f := v.find(project, target, req.Message.FID != "")
	if f != nil {
		return "", f
	}
	if !req.ValidateOnly {
		handset.Deliver(req.Message.push(id))
	}
	return name, nil
}

// read returns a message that nothing is wrong with, and its target.
func read(r *http.Request, body []byte) (request, string, *failure) {
	req, f := parse(body)
	if f != nil {
		return request{}, "", f
	}
	target, f := req.Message.target()
	if f != nil {
		return request{}, "", f
	}
	traffic.SetTargets(r, target)
	return req, target, req.Message.check()
}

func (v *Vendor) authorize(r *http.Request, project string) *failure {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		f := unauthenticated()
		return &f
	}
	owner, ok := v.console.bearer(bearer, time.Now())
	if !ok {
		f := unauthenticated()
		return &f
	}
	if _, exists := v.console.project(project); exists && owner != project {
		f := permissionDenied(project)
		return &f
	}
	return nil
}

// find returns the phone that the token names.
func (v *Vendor) find(project, target string, byID bool) (*phone.Handset, *failure) {
	handset, ok := v.phones.Lookup(Name, target)
	id, _, full := cutToken(target)
	var f failure
	switch {
	case ok && full == byID, !ok && !byID && !v.tokens.MatchString(target), byID && id == "":
		f = malformedToken() // an id in the place of a token, or the other way round
	case !ok:
		f = unregistered()
	case handset.App() != project:
		f = senderMismatch()
	default:
		return handset, nil
	}
	return nil, &f
}

func cutToken(token string) (id, rest string, ok bool) { return strings.Cut(token, ":") }

// messageID looks like FCM's: a time and something random.
func messageID() string {
	return "0:" + strconv.FormatInt(time.Now().UnixMicro(), 10) + "%" + randomHex(8)
}
