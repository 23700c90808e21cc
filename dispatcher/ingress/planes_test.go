package ingress_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/receipt"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// described is an OpenAPI document as far as requests can be made from it.
type described struct {
	Paths      map[string]map[string]describedOperation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type describedOperation struct {
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Security    []map[string][]string `json:"security"`
	Parameters  []struct {
		Name        string `json:"name"`
		In          string `json:"in"`
		Description string `json:"description"`
		Required    bool   `json:"required"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type schema struct {
	Ref         string            `json:"$ref"`
	Type        json.RawMessage   `json:"type"`
	Description string            `json:"description"`
	Enum        []any             `json:"enum"`
	Minimum     float64           `json:"minimum"`
	MinLength   int               `json:"minLength"`
	MinItems    int               `json:"minItems"`
	Format      string            `json:"format"`
	Required    []string          `json:"required"`
	Properties  map[string]schema `json:"properties"`
	Items       *schema           `json:"items"`
	OneOf       []schema          `json:"oneOf"`
}

func describe(t *testing.T, s *httptest.Server) *described {
	t.Helper()
	doc := &described{}
	if err := json.Unmarshal(get(t, s.Client(), s.URL+"/openapi.json"), doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// sample is a value that the schema allows, with what it requires and nothing else.
func (d *described) sample(s schema) any {
	switch {
	case s.Ref != "":
		return d.sample(d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]])
	case len(s.OneOf) > 0:
		return d.sample(s.OneOf[0])
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch kind := string(s.Type); {
	case strings.Contains(kind, "object"):
		out := map[string]any{}
		for _, name := range s.Required {
			out[name] = d.sample(s.Properties[name])
		}
		return out
	case strings.Contains(kind, "array"):
		out := make([]any, s.MinItems)
		for i := range out {
			out[i] = d.sample(*s.Items)
		}
		return out
	case strings.Contains(kind, "string") && s.Format == "date-time":
		return time.Now().UTC().Format(time.RFC3339)
	case strings.Contains(kind, "string"):
		return strings.Repeat("x", max(1, s.MinLength))
	case strings.Contains(kind, "boolean"):
		return true
	}
	return s.Minimum
}

// requests are one good request for every operation, with the ids of the victim in its path.
func (d *described) requests(t *testing.T, ids map[string]string) map[string]request {
	t.Helper()
	out := map[string]request{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for method, op := range d.Paths[path] {
			r := request{method: strings.ToUpper(method), path: path, header: map[string]string{}}
			for _, p := range op.Parameters {
				if p.In != "path" {
					continue
				}
				id, known := ids[p.Name]
				if !known {
					id = "x"
				}
				r.path = strings.Replace(r.path, "{"+p.Name+"}", id, 1)
			}
			for _, media := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
				body, err := json.Marshal(d.sample(op.RequestBody.Content[media].Schema))
				if err != nil {
					t.Fatal(err)
				}
				r.body, r.header["Content-Type"] = string(body), media
			}
			out[r.method+" "+path] = r
		}
	}
	return out
}

// own are the operations that need no credential in a header: the session is refused at its first frame and a callback
// by its path, see their own tests.
func own(operation string) bool {
	return operation == "GET "+wire.SessionPath || operation == "POST "+receipt.Path
}

// TestPlanesAdmitNobodyElse tries every operation of both documents with every credential that is not its own. It
// covers an operation from the moment at which it is in a document.
func TestPlanesAdmitNobodyElse(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	victim, _ := bed.Phone(t, "FCM", "victim")
	other, _ := bed.Phone(t, "Xiaomi", "other")
	if got := send(t, bed.Server, request{
		method: "POST", path: "/v1/messages", body: `{"clientID":"c","from":"other","to":["victim"],"body":"x","push":{"title":"t"}}`,
		header: bearer(planetest.ServerKey),
	}); got.status != http.StatusAccepted {
		t.Fatal(got.body)
	}
	ids := map[string]string{"pushID": victim.PushID, "userID": "victim"}
	strangers := strangers(t, bed, other)
	before := bed.Dump(t)
	for name, plane := range map[string]struct {
		server *httptest.Server
		extra  map[string]map[string]string
	}{
		"server": {bed.Server, map[string]map[string]string{
			"a user's token": bearer(bed.UserToken(t, "victim")), "the device's secret": {wire.SecretHeader: victim.DeviceSecret},
			"a registration key": bearer(planetest.RegistrationKey),
		}},
		"device": {bed.Device, map[string]map[string]string{
			"a server key": bearer(planetest.ServerKey), "a user's token alone": bearer(bed.UserToken(t, "victim")),
			"a server key and another's secret": {"Authorization": "Bearer " + planetest.ServerKey, wire.SecretHeader: other.DeviceSecret},
			"a user's token and another's secret": {
				"Authorization": "Bearer " + bed.UserToken(t, "victim"), wire.SecretHeader: other.DeviceSecret,
			},
		}},
	} {
		requests := describe(t, plane.server).requests(t, ids)
		if len(requests) < 6 {
			t.Fatalf("the %s document has %d operations", name, len(requests))
		}
		credentials := maps.Clone(strangers)
		maps.Copy(credentials, plane.extra)
		for operation, r := range requests {
			if own(operation) {
				continue
			}
			for who, header := range credentials {
				tried := r
				tried.header = maps.Clone(r.header)
				maps.Copy(tried.header, header)
				got := send(t, plane.server, tried)
				if !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, got.status) {
					t.Errorf("%s of the %s plane with %s: %d %s", operation, name, who, got.status, got.body)
				}
			}
		}
	}
	if after := bed.Dump(t); after != before {
		t.Errorf("a request without its credential had an effect: %s", firstDifference(before, after))
	}
}

// strangers are credentials that open nothing here, by their names.
func strangers(t *testing.T, bed *planetest.Bed, other binding.Credentials) map[string]map[string]string {
	t.Helper()
	claims := func(change func(jwt.MapClaims)) map[string]string {
		c := jwt.MapClaims{
			"sub": "victim", "iss": planetest.Issuer, "aud": planetest.Audience, "exp": time.Now().Add(time.Hour).Unix(),
		}
		change(c)
		return bearer(bed.Sign(t, c))
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{
		"sub": "victim", "iss": planetest.Issuer, "aud": planetest.Audience, "exp": time.Now().Add(time.Hour).Unix(),
	})
	nothing, err := unsigned.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]map[string]string{
		"nothing":                        {},
		"an empty key":                   bearer(""),
		"another app's server key":       bearer("server-key-of-another-app"),
		"another app's registration key": bearer("registration-key-of-another-app"),
		"a key as basic":                 {"Authorization": "Basic " + planetest.ServerKey},
		"a token of another issuer":      claims(func(c jwt.MapClaims) { c["iss"] = "https://other.example" }),
		"a token for another audience":   claims(func(c jwt.MapClaims) { c["aud"] = "another app" }),
		"a token of yesterday":           claims(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }),
		"a token that nobody signed":     bearer(nothing),
		"another device's secret":        {wire.SecretHeader: other.DeviceSecret},
		"another device's secret with a foreign token": {
			wire.SecretHeader: other.DeviceSecret, "Authorization": claims(func(c jwt.MapClaims) { c["iss"] = "https://other.example" })["Authorization"],
		},
	}
}

// TestSamplesAreGood keeps the test above honest: with the right credentials the same requests are not refused.
func TestSamplesAreGood(t *testing.T) {
	t.Parallel()
	for name := range map[string]bool{"server": true, "device": true} {
		bed := planetest.New(t)
		server := map[string]*httptest.Server{"server": bed.Server, "device": bed.Device}[name]
		var operations []string
		for operation := range describe(t, server).requests(t, nil) {
			operations = append(operations, operation)
		}
		for i, operation := range operations {
			if own(operation) {
				continue
			}
			user := fmt.Sprint("user-", name, i)
			c, _ := bed.Phone(t, "FCM", user)
			r := describe(t, server).requests(t, map[string]string{"pushID": c.PushID, "userID": user})[operation]
			r.header[wire.SecretHeader] = c.DeviceSecret
			r.header["Authorization"] = "Bearer " + map[string]string{"server": planetest.ServerKey, "device": bed.UserToken(t, user)}[name]
			if operation == "POST /v1/devices" {
				r.header["Authorization"] = "Bearer " + planetest.RegistrationKey
			}
			if got := send(t, server, r); got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
				t.Errorf("%s of the %s plane is refused with its own credential: %d %s", operation, name, got.status, got.body)
			}
		}
	}
}

func firstDifference(before, after string) string {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range min(len(old), len(now)) {
		if old[i] != now[i] {
			return old[i] + " became " + now[i]
		}
	}
	return fmt.Sprintf("%d rows became %d", len(old), len(now))
}
