package oppo

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
)

const (
	tokenLife = 24 * time.Hour
	// clockSkew is how far a timestamp may be off.
	clockSkew = 10 * time.Minute
)

// App is an app in OPPO's console.
type App struct {
	AppKey       string `json:"appKey"`
	MasterSecret string `json:"masterSecret"`
	// Categories are the approved categories of communication and service. Those of content and marketing need no approval.
	Categories []string `json:"categories,omitempty"`
	// Banners says that the strongest notify_level, 16, was granted.
	Banners bool `json:"banners,omitempty"`
	// Templates are the private templates.
	Templates []Template `json:"templates,omitempty"`
	// DayQuota is how many pushes of content and marketing are taken in a day, PhoneQuota how many of them reach a phone; 0
	// for no limit.
	DayQuota   int `json:"dayQuota,omitempty"`
	PhoneQuota int `json:"phoneQuota,omitempty"`
	// TargetsPerSecond is how many phones are pushed to, 0 for no limit.
	TargetsPerSecond int `json:"targetsPerSecond,omitempty"`
}

// Template is a private template with the names of its parameters.
type Template struct {
	ID      string   `json:"id"`
	Title   []string `json:"title,omitempty"`
	Content []string `json:"content,omitempty"`
}

func newConsole() *apps.Console[App] {
	return apps.NewConsole(apps.Kind[App]{
		Vendor: Name,
		ID:     func(a App) string { return a.AppKey },
		Secret: func(a *App) *string { return &a.MasterSecret },
		Check: func(a App) error {
			if a.DayQuota < 0 || a.PhoneQuota < 0 || a.TargetsPerSecond < 0 {
				return adminapi.Invalid("dayQuota, phoneQuota and targetsPerSecond: must not be negative")
			}
			for _, category := range a.Categories {
				if !service(category) {
					return adminapi.Invalid("categories: %q is none of communication and service, such as IM", category)
				}
			}
			return nil
		},
	})
}

// auth is /server/v1/auth.
func (v *Vendor) auth(r *http.Request) answer {
	appKey, timestamp, sign := r.PostFormValue("app_key"), r.PostFormValue("timestamp"), r.PostFormValue("sign")
	app, known := v.Get(appKey)
	switch {
	case appKey == "":
		return refuse(missingAppKey, "")
	case !known:
		return refuse(invalidAppKey, "")
	case timestamp == "":
		return refuse(missingTimestamp, "")
	case !recent(timestamp):
		return refuse(invalidTimestamp, "")
	case sign == "":
		return refuse(missingSign, "")
	case app.MasterSecret == "" || subtle.ConstantTimeCompare([]byte(sign), []byte(signature(app, timestamp))) != 1:
		return refuse(invalidSign, "")
	}
	return succeed(map[string]any{
		"auth_token": v.grants.Issue(appKey, app.MasterSecret, tokenLife), "create_time": time.Now().UnixMilli(),
	})
}

func recent(timestamp string) bool {
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && time.Since(time.UnixMilli(ms)).Abs() <= clockSkew
}

// signature is what the app should have signed.
func signature(a App, timestamp string) string {
	sum := sha256.Sum256([]byte(a.AppKey + timestamp + a.MasterSecret))
	return hex.EncodeToString(sum[:])
}

// authorized calls do with the app whose token the form has. A token ends with the secret that it was made with.
func (v *Vendor) authorized(do func(*http.Request, App) answer) func(*http.Request) answer {
	return func(r *http.Request) answer {
		token := r.PostFormValue("auth_token")
		if token == "" {
			return refuse(missingAuthToken, "")
		}
		appKey, secret, ok := v.grants.App(token)
		app, known := v.Get(appKey)
		if !ok || !known || app.MasterSecret != secret {
			return refuse(invalidAuthToken, "")
		}
		return do(r, app)
	}
}
