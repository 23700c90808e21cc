package xiaomi

import (
	"net/http"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
)

// RegisterAdmin adds the console's calls to mux.
func (v *Vendor) RegisterAdmin(mux *http.ServeMux, _ string) {
	mux.Handle("GET /admin/xiaomi/apps", adminapi.Handle(func(*http.Request) (any, error) {
		return v.console.list(), nil
	}))
	mux.Handle("POST /admin/xiaomi/apps", adminapi.Handle(func(r *http.Request) (any, error) {
		var a App
		if err := adminapi.Read(r, &a); err != nil {
			return nil, err
		}
		return v.AddApp(a)
	}))
	mux.Handle("DELETE /admin/xiaomi/apps/{id}", adminapi.Handle(func(r *http.Request) (any, error) {
		if !v.console.drop(r.PathValue("id")) {
			return nil, missing(r.PathValue("id"))
		}
		return nil, nil
	}))
}

// AddApp makes an app, or replaces the one with this package name, and returns
// it with its secret, which is made if none is given.
func (v *Vendor) AddApp(a App) (App, error) {
	if a.PackageName == "" || strings.Contains(a.PackageName, ",") {
		return App{}, adminapi.Invalid("packageName: must be set and without comma")
	}
	if a.DayQuota < 0 || a.RequestsPerSecond < 0 {
		return App{}, adminapi.Invalid("dayQuota and requestsPerSecond: must not be negative")
	}
	if a.AppSecret == "" {
		a.AppSecret = newSecret()
	}
	if other, ok := v.console.bySecret(a.AppSecret); ok && other.PackageName != a.PackageName {
		return App{}, adminapi.Conflict("appSecret: belongs to another app; give another one or none")
	}
	v.console.put(a)
	return a, nil
}

// Revoke takes the app's secret away; rotate gives it a new one.
func (v *Vendor) Revoke(packageName string) error {
	a, ok := v.console.app(packageName)
	if !ok {
		return missing(packageName)
	}
	revoked := a.App
	revoked.AppSecret = ""
	v.console.put(revoked)
	return nil
}

// Rotate replaces the app's secret by the one in the request, or by a new one.
func (v *Vendor) Rotate(r *http.Request, packageName string) (any, error) {
	var given struct {
		AppSecret string `json:"appSecret"`
	}
	if err := adminapi.Read(r, &given); err != nil {
		return nil, err
	}
	a, ok := v.console.app(packageName)
	if !ok {
		return nil, missing(packageName)
	}
	rotated := a.App
	rotated.AppSecret = given.AppSecret
	return v.AddApp(rotated)
}

func missing(packageName string) error {
	return adminapi.NotFound("Xiaomi has no package %q", packageName)
}

func newSecret() string { return randomHex(16) }
