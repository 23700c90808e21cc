package meizu

import (
	"crypto/md5" //nolint:gosec // Meizu's signature is MD5.
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// signature is MD5 over the sorted NAME=VALUE of a form, without sign, and the secret behind them.
func signature(form url.Values, secret string) string {
	var pairs []string
	for name, values := range form {
		if name != "sign" {
			pairs = append(pairs, name+"="+strings.Join(values, ","))
		}
	}
	slices.Sort(pairs)
	sum := md5.Sum([]byte(strings.Join(pairs, "") + secret)) //nolint:gosec // Meizu's signature is MD5.
	return hex.EncodeToString(sum[:])
}

// signed calls do with the app that the form names, if the signature is its.
func (v *Vendor) signed(do func(*http.Request, App) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			refuse(codeParameter, "the form is malformed").write(w)
			return
		}
		a, known := v.Get(r.Form.Get("appId"))
		want := signature(r.Form, a.AppSecret)
		switch {
		case r.Form.Get("appId") == "":
			refuse(codeEmpty, "appId must not be empty").write(w)
		case !known:
			refuse(codeAppID, "appId is not legal").write(w)
		case a.AppSecret == "" || subtle.ConstantTimeCompare([]byte(want), []byte(r.Form.Get("sign"))) != 1:
			refuse(codeSign, "sign is wrong").write(w)
		case !v.rates.Allow(a.AppID, a.RequestsPerSecond, 1):
			refuse(codeTooFast, "the app's rate is over its limit").write(w)
		default:
			do(r, a).write(w)
		}
	})
}
