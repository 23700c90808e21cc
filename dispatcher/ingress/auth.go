package ingress

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// bearerOf is the token of an Authorization header; empty when it has none.
func bearerOf(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// needsKey admits requests that bear one of the keys in force. It compares
// with all of them, so that time tells nothing.
func needsKey(name string, keys func() []config.Secret) func(huma.Context) *failure {
	return func(ctx huma.Context) *failure {
		given := bearerOf(ctx.Header("Authorization"))
		ok := false
		for _, k := range keys() {
			if k.Equal(given) {
				ok = true
			}
		}
		if given == "" || !ok {
			return fail(http.StatusUnauthorized, wire.CodeUnauthenticated, "give a "+name+" of the app as Authorization: Bearer")
		}
		return nil
	}
}
