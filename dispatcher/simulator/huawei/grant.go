package huawei

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
)

const (
	tokenLife = time.Hour
	// maxGrants is how many tokens an app gets in a window.
	maxGrants   = 1000
	grantWindow = 5 * time.Minute
)

// window counts the tokens of an app.
type window struct {
	since time.Time
	n     int
}

// The numbers of the token endpoint's refusals.
const (
	invalidRequest = 1101
	malformedID    = 20002
	missingField   = 20001
	wrongSecret    = 20003
	wrongGrant     = 20004
)

// grant is POST /oauth2/v3/token: the app's id and secret for an access token.
func (v *Vendor) grant(w http.ResponseWriter, r *http.Request) {
	id, secret := r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	a, known := v.Get(id)
	switch {
	case r.PostFormValue("grant_type") != "client_credentials":
		refuse(w, wrongGrant, "unsupported grant_type")
	case id == "" || secret == "":
		refuse(w, missingField, "missing required parameter")
	case !digits(id):
		refuse(w, malformedID, "invalid client_id format")
	case !known || a.AppSecret == "" || subtle.ConstantTimeCompare([]byte(a.AppSecret), []byte(secret)) == 0:
		refuse(w, wrongSecret, "client_id or client_secret is wrong")
	case !v.mayMint(id):
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	default:
		pushkit.WriteJSON(w, http.StatusOK, map[string]any{
			"access_token": v.grants.Issue(id, secret, tokenLife), "expires_in": int(tokenLife.Seconds()), "token_type": "Bearer",
		})
	}
}

// mayMint counts one more token of the app.
func (v *Vendor) mayMint(app string) bool {
	now := time.Now()
	return v.minted.Change(app, func(old window) window {
		if now.Sub(old.since) >= grantWindow {
			return window{now, 1}
		}
		return window{old.since, old.n + 1}
	}).n <= maxGrants
}

func refuse(w http.ResponseWriter, sub int, words string) {
	pushkit.WriteJSON(w, http.StatusBadRequest, map[string]any{"error": invalidRequest, "sub_error": sub, "error_description": words})
}

// authorize finds the app of the path, for which the access token has to be.
func (v *Vendor) authorize(r *http.Request) (App, *pushkit.Answer) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return App{}, pushkit.Refuse(pushkit.Unauthorized, "")
	}
	id, secret, ok := v.grants.App(bearer)
	if !ok {
		return App{}, pushkit.Refuse(pushkit.TokenExpired, "")
	}
	a, known := v.Get(r.PathValue("app"))
	switch {
	case !known || a.AppID != id:
		return App{}, pushkit.Refuse(pushkit.Unauthorized, "The token is not the app's.")
	case a.AppSecret != secret:
		return App{}, pushkit.Refuse(pushkit.TokenExpired, "")
	}
	return a, nil
}
