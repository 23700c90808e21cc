package vivo

import (
	"crypto/md5" //nolint:gosec // vivo's signature is MD5
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	tokenLife = 24 * time.Hour
	// clockSkew is how far a timestamp may be off.
	clockSkew = 10 * time.Minute
)

// exchange is the body of /message/auth.
type exchange struct {
	AppID     int64  `json:"appId"`
	AppKey    string `json:"appKey"`
	Timestamp int64  `json:"timestamp"`
	Sign      string `json:"sign"`
}

// auth is POST /message/auth.
func (v *Vendor) auth(w http.ResponseWriter, r *http.Request) {
	var e exchange
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		refuse(malformed).write(w)
		return
	}
	id := App{AppID: e.AppID}.id()
	app, known := v.Get(id)
	code := e.check(app, known, time.Now())
	if code == 0 && !v.rates.Allow("auth "+id, authRate, 1) {
		code = 10072 // the document has no code for it
	}
	if code != 0 {
		refuse(code).write(w)
		return
	}
	a := succeed()
	a.AuthToken = v.grants.Issue(id, app.AppSecret, tokenLife)
	a.write(w)
}

// check is the code of what is wrong, 0 for nothing.
func (e exchange) check(app App, known bool, now time.Time) int {
	signed := time.UnixMilli(e.Timestamp)
	switch {
	case e.AppID == 0:
		return 10200
	case e.AppKey == "":
		return 10201
	case !known:
		return 10205
	case e.AppKey != app.AppKey:
		return 10202
	case e.Timestamp == 0:
		return 10203
	case signed.Before(now.Add(-clockSkew)) || signed.After(now.Add(clockSkew)):
		return 10207
	case e.Sign == "":
		return 10204
	case app.AppSecret == "" || subtle.ConstantTimeCompare([]byte(e.Sign), []byte(e.sign(app.AppSecret))) != 1:
		return 10206
	}
	return 0
}

// sign is what the app should have signed.
func (e exchange) sign(secret string) string {
	text := strconv.FormatInt(e.AppID, 10) + e.AppKey + strconv.FormatInt(e.Timestamp, 10) + secret
	sum := md5.Sum([]byte(text)) //nolint:gosec // vivo's signature is MD5
	return hex.EncodeToString(sum[:])
}

// authorized calls do with the app whose token the request has. A token ends with the secret that it was made with.
func (v *Vendor) authorized(do func(*http.Request, App, []byte) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, ok := v.grants.App(r.Header.Get("authToken"))
		app, known := v.Get(id)
		body, err := io.ReadAll(r.Body)
		if !ok || !known || app.AppSecret != secret {
			refuse(10000).write(w)
			return
		}
		var about struct {
			AppID *int64 `json:"appId"`
		}
		switch {
		case err != nil || json.Unmarshal(body, &about) != nil:
			refuse(malformed).write(w)
		case about.AppID == nil || *about.AppID != app.AppID:
			refuse(10094).write(w)
		default:
			do(r, app, body).write(w)
		}
	})
}
