package managertest

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// Vendor answers probes of FCM and Xiaomi over TLS, for each namespace as its test commands.
type Vendor struct {
	server *httptest.Server

	mu     sync.Mutex
	states map[string]VendorState
	probes map[string]int
}

// VendorState is how the vendors treat a namespace. The zero value accepts everything.
type VendorState struct {
	// Down answers with an error of the vendor's own.
	Down bool
	// Throttled asks for patience.
	Throttled bool
	// Refused lists the AppSecrets that Xiaomi refuses; FCM refuses everything when it holds "*".
	Refused []string
}

// NewVendor starts both vendors; the caller closes them.
func NewVendor() *Vendor {
	v := &Vendor{states: map[string]VendorState{}, probes: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{namespace}/fcm/token", v.token)
	mux.HandleFunc("POST /{namespace}/fcm/v1/projects/{project}/messages:send", v.send)
	mux.HandleFunc("GET /{namespace}/xiaomi/v1/trace/quota/get", v.quota)
	v.server = httptest.NewTLSServer(mux)
	return v
}

// Close stops both vendors.
func (v *Vendor) Close() { v.server.Close() }

// Host is where they are, for --allowed-endpoints.
func (v *Vendor) Host() string { return strings.TrimPrefix(v.server.URL, "https://") }

// Endpoint is where a channel of the namespace finds the vendor; its CA is in ConfigMap vendor-ca.
func (v *Vendor) Endpoint(namespace string, vendor pushv1.Vendor) *pushv1.ChannelEndpoint {
	base := v.server.URL + "/" + namespace + "/" + strings.ToLower(string(vendor))
	endpoint := &pushv1.ChannelEndpoint{URL: pushv1.HTTPSURL(base), CABundleRef: &pushv1.ConfigMapKeyReference{Name: "vendor-ca"}}
	if vendor == pushv1.VendorFCM {
		endpoint.AuthURL = pushv1.HTTPSURL(base + "/token")
	}
	return endpoint
}

// CA is the certificate to trust, as PEM.
func (v *Vendor) CA() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.server.Certificate().Raw}))
}

// Set commands the vendors for a namespace.
func (v *Vendor) Set(namespace string, state VendorState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.states[namespace] = state
}

// Probes is the number of probes of a namespace's channels.
func (v *Vendor) Probes(namespace string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.probes[namespace]
}

func (v *Vendor) visit(r *http.Request) VendorState {
	v.mu.Lock()
	defer v.mu.Unlock()
	namespace := r.PathValue("namespace")
	v.probes[namespace]++
	return v.states[namespace]
}

func (v *Vendor) token(w http.ResponseWriter, r *http.Request) {
	state := v.visit(r)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case state.Down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case slices.Contains(state.Refused, "*"):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
	default:
		_, _ = fmt.Fprint(w, `{"access_token":"token-0123456789","expires_in":3599,"token_type":"Bearer"}`)
	}
}

// send answers the dry run of a probe: the phone does not exist.
func (*Vendor) send(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprint(w, `{"error":{"code":400,"message":"The registration token is not a valid FCM registration token","status":"INVALID_ARGUMENT"}}`)
}

func (v *Vendor) quota(w http.ResponseWriter, r *http.Request) {
	state := v.visit(r)
	secret := strings.TrimPrefix(r.Header.Get("Authorization"), "key=")
	switch {
	case state.Down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case state.Throttled:
		w.WriteHeader(http.StatusTooManyRequests)
	case slices.Contains(state.Refused, secret):
		_, _ = fmt.Fprint(w, `{"result":"error","code":21301,"reason":"Authentication failed","description":"auth failed"}`)
	default:
		_, _ = fmt.Fprint(w, `{"result":"ok","code":0,"data":{"total":"100000"}}`)
	}
}
