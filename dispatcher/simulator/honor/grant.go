package honor

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const tokenLife = time.Hour

// grant is POST /auth/token: the id and the secret of a client for an access token.
func (v *Vendor) grant(w http.ResponseWriter, r *http.Request) {
	if got := r.PostFormValue("grant_type"); got != "client_credentials" {
		refuseGrant(w, http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type")
		return
	}
	id, secret := r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	a, ok := v.Find(func(a App) bool { return a.clientID() == id })
	switch {
	case !ok:
		refuseGrant(w, http.StatusUnauthorized, "invalid_client", "Invalid client credentials")
	case a.ClientSecret == "" || subtle.ConstantTimeCompare([]byte(a.ClientSecret), []byte(secret)) != 1:
		refuseGrant(w, http.StatusUnauthorized, "unauthorized_client", "Invalid client secret")
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": v.grants.Issue(a.AppID, a.ClientSecret, tokenLife),
			"expires_in":   int(tokenLife.Seconds()), "token_type": "Bearer",
		})
	}
}

func refuseGrant(w http.ResponseWriter, status int, code, words string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": words})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // into memory
}

// authorized finds the app that the path names, if the access token is its.
func (v *Vendor) authorized(r *http.Request) (App, *answer) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	id, secret, ok := v.grants.App(token)
	a, known := v.Get(id)
	if !ok || !known || a.ClientSecret != secret {
		return App{}, new(refuse(codeAuth, "auth not passed"))
	}
	named := r.PathValue("app")
	if _, known := v.Get(named); !known {
		return App{}, new(refuse(codeAppID, "appId is not exist"))
	}
	if named != a.AppID {
		return App{}, new(refuse(codeAuth, "the access token is of another app"))
	}
	return a, nil
}
