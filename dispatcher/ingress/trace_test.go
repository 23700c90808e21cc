package ingress_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Who has a server key may decide that a message is traced. Phones, and callers without a key, decide nothing; and nobody's
// tracestate or baggage goes anywhere.
func TestWhoDecidesWhatIsTraced(t *testing.T) {
	t.Parallel()
	bed, c := planetest.New(t), tracetest.New(t)
	bed.Configure(t, func(d *config.Document) { d.Tracing = config.Tracing{Endpoint: c.URL} })
	eventually(t, "tracing is on", func() bool {
		_, request := bed.Tracer.Begin(t.Context(), "")
		return request != nil
	})
	from := func(token, trace string) map[string]string {
		header := bearer(token)
		header["Traceparent"] = "00-" + trace + "-b7ad6b7169203331-01"
		header["Tracestate"], header["Baggage"] = "vendor=state-of-a-stranger", "user=baggage-of-a-stranger"
		return header
	}
	var seen strings.Builder
	c.OnBody = func(body []byte) { seen.Write(body) }
	const server, stranger, phone = "0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c", "2af7651916cd43dd8448eb211c80319c"
	sent := send(t, bed.Server, request{method: "POST", path: "/v1/messages", body: message, header: from(planetest.ServerKey, server)})
	refused := send(t, bed.Server, request{method: "POST", path: "/v1/messages", body: message, header: from("no-key-of-the-bed", stranger)})
	registered := send(t, bed.Device, request{
		method: "POST", path: "/v1/devices", body: `{"vendor":"FCM","token":"t"}`, header: from(planetest.RegistrationKey, phone),
	})
	if sent.status != http.StatusAccepted || refused.status != http.StatusUnauthorized || registered.status != http.StatusCreated {
		t.Fatalf("got %d, %d and %d", sent.status, refused.status, registered.status)
	}
	bed.Tracer.Close(t.Context())

	var answer wire.Sent
	if err := json.Unmarshal([]byte(sent.body), &answer); err != nil {
		t.Fatal(err)
	}
	accepted, requested := c.Trace(strings.ReplaceAll(answer.MessageID, "-", "")), c.Trace(server)
	if len(c.Spans()) != 2 || len(accepted) != 1 || len(requested) != 1 {
		t.Fatalf("the spans are %+v, want the message and the request of who has the key", c.Spans())
	}
	if r := requested[0]; r.Name != "POST /v1/messages" || !slices.Equal(r.Links, []string{accepted[0].ID()}) ||
		r.Attributes[string(tracing.Status)] != "202" || r.Attributes[string(tracing.Plane)] != "server" {
		t.Errorf("the request is %+v", r)
	}
	if strings.Contains(seen.String(), "stranger") {
		t.Error("what the caller added went to the collector")
	}
}

// A share of the phones' requests is traced, too, without their ids: the path is the operation's.
func TestRequestsOfPhonesAreTraced(t *testing.T) {
	t.Parallel()
	bed, c := planetest.New(t), tracetest.New(t)
	credentials, _ := bed.Phone(t, "FCM", "bob")
	bed.Configure(t, func(d *config.Document) { d.Tracing = config.Tracing{Endpoint: c.URL, SamplingPercent: 100} })
	eventually(t, "tracing is on", func() bool {
		_, request := bed.Tracer.Begin(t.Context(), "")
		return request != nil
	})
	got := send(t, bed.Device, request{
		method: "PUT", path: "/v1/devices/" + credentials.PushID + "/token", body: `{"token":"another"}`, header: map[string]string{wire.SecretHeader: credentials.DeviceSecret},
	})
	bed.Tracer.Close(t.Context())
	spans := c.Spans()
	if got.status >= 300 || len(spans) != 1 || spans[0].Name != "PUT /v1/devices/{pushID}/token" || spans[0].Attributes[string(tracing.Plane)] != "device" {
		t.Errorf("the answer is %d %s, the spans are %+v", got.status, got.body, spans)
	}
}
