package interop

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/errorutils"
	"firebase.google.com/go/v4/messaging"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	provided "github.com/offlinepush/operator/dispatcher/provider/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	project  = "chat-4711"
	tokenURI = "https://oauth2.googleapis.com/token"
	scope    = "https://www.googleapis.com/auth/firebase.messaging"
)

// newProject makes a project with a service account, whose key file is returned.
func newProject(t *testing.T, s *simulator.Server, id string) []byte {
	t.Helper()
	must(t, s.Client().CreateProject(t.Context(), fcm.Project{ProjectID: id}))
	account, err := s.Client().CreateServiceAccount(t.Context(), fcm.NewAccount{ProjectID: id, TokenURI: tokenURI})
	must(t, err)
	key, err := json.Marshal(account)
	must(t, err)
	return key
}

// firebaseClient is Firebase's own, over another dialer. Only its HTTP client is given, with Google's own token source.
func firebaseClient(t *testing.T, base *http.Client, key []byte) *messaging.Client {
	t.Helper()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, base)
	account, err := google.JWTConfigFromJSON(key, scope)
	must(t, err)
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: project}, option.WithHTTPClient(account.Client(ctx)))
	must(t, err)
	c, err := app.Messaging(ctx)
	must(t, err)
	return c
}

func hello(token string) *messaging.Message {
	return &messaging.Message{Token: token, Notification: &messaging.Notification{Title: "Anna", Body: "Lunch?"}, Data: map[string]string{"payload": "p"}}
}

func TestFirebase(t *testing.T) {
	t.Parallel()
	s := simulated(t)
	c := firebaseClient(t, client(t, s), newProject(t, s, project))
	p := installed(t, s, fcm.Name, project)
	id, err := c.Send(t.Context(), hello(p.Token))
	must(t, err)
	a := arrival(t, s, p.ID, 1)
	if a.Title != "Anna" || a.Content.Content != "Lunch?" || a.Payload != "p" || id != "projects/"+project+"/messages/"+a.MessageID {
		t.Errorf("%s is shown as %+v", id, a)
	}
	dry, err := c.SendDryRun(t.Context(), hello(p.Token))
	if err != nil || !strings.HasPrefix(dry, "projects/"+project+"/messages/") {
		t.Errorf("dry run: %q, %v", dry, err)
	}
	// Firebase's own fan-out: as many requests as messages, one of them to a phone that is gone.
	gone := installed(t, s, fcm.Name, project)
	must(t, s.Client().Uninstall(t.Context(), gone.ID))
	batch, err := c.SendEach(t.Context(), []*messaging.Message{hello(p.Token), hello(gone.Token)})
	must(t, err)
	if batch.SuccessCount != 1 || batch.FailureCount != 1 || !messaging.IsUnregistered(batch.Responses[1].Error) {
		t.Errorf("batch: %+v, %v", batch, batch.Responses[1].Error)
	}
	arrival(t, s, p.ID, 2)
	requests, err := s.Client().Requests(t.Context(), fcm.Name, 0, 0)
	must(t, err)
	if len(requests) != 5 || requests[0].Host != "oauth2.googleapis.com" || requests[1].Host != "fcm.googleapis.com" || requests[1].Protocol != "HTTP/2.0" {
		t.Errorf("%d requests: %+v", len(requests), requests)
	}
}

// TestFirebaseErrors has what the library's users ask their errors.
func TestFirebaseErrors(t *testing.T) {
	t.Parallel()
	s := simulated(t)
	key := newProject(t, s, project)
	c := firebaseClient(t, client(t, s), key)
	p := installed(t, s, fcm.Name, project)
	foreignKey := newProject(t, s, "other-1")
	foreign := installed(t, s, fcm.Name, "other-1")
	gone := installed(t, s, fcm.Name, project)
	must(t, s.Client().Uninstall(t.Context(), gone.ID))
	tooLong := hello(p.Token)
	tooLong.Data["payload"] = strings.Repeat("x", 4097)
	for name, tt := range map[string]struct {
		send  func() error
		fault traffic.Fault
		is    func(error) bool
	}{
		"unregistered":     {sendOf(t, c, hello(gone.Token)), traffic.Fault{}, messaging.IsUnregistered},
		"malformed token":  {sendOf(t, c, hello("no-token")), traffic.Fault{}, messaging.IsInvalidArgument},
		"too long":         {sendOf(t, c, tooLong), traffic.Fault{}, messaging.IsInvalidArgument},
		"foreign token":    {sendOf(t, c, hello(foreign.Token)), traffic.Fault{}, messaging.IsSenderIDMismatch},
		"foreign key":      {sendOf(t, firebaseClient(t, client(t, s), foreignKey), hello(p.Token)), traffic.Fault{}, errorutils.IsPermissionDenied},
		"quota":            {sendOf(t, c, hello(p.Token)), traffic.Fault{Throttle: true, Count: 1}, messaging.IsQuotaExceeded},
		"internal":         {sendOf(t, c, hello(p.Token)), traffic.Fault{Status: 500, Count: 1}, messaging.IsInternal},
		"third party auth": {sendOf(t, c, hello(p.Token)), traffic.Fault{Code: "THIRD_PARTY_AUTH_ERROR", Count: 1}, messaging.IsThirdPartyAuthError},
	} {
		if tt.fault != (traffic.Fault{}) {
			tt.fault.Path = "messages:send"
			must(t, s.Client().SetFault(t.Context(), fcm.Name, tt.fault))
		}
		if err := tt.send(); !tt.is(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// A library that waits as it is told: once unavailable, then taken.
	must(t, s.Client().SetFault(t.Context(), fcm.Name, traffic.Fault{Status: 503, RetryAfterSeconds: 1, Count: 1}))
	must(t, sendOf(t, c, hello(p.Token))())
	must(t, s.Client().ExpireTokens(t.Context(), fcm.Name))
	if err := sendOf(t, c, hello(p.Token))(); !errorutils.IsUnauthenticated(err) {
		t.Errorf("an access token that ended early: got %v", err)
	}
	// The library would repeat what its token source refuses, so Google's is asked itself.
	must(t, s.Client().Revoke(t.Context(), fcm.Name, emailOf(t, key)))
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client(t, s))
	account, err := google.JWTConfigFromJSON(key, scope)
	must(t, err)
	_, err = account.TokenSource(ctx).Token()
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || !strings.Contains(string(e.Body), "invalid_grant") {
		t.Errorf("a revoked key: got %v", err)
	}
}

func sendOf(t *testing.T, c *messaging.Client, m *messaging.Message) func() error {
	t.Helper()
	return func() error {
		_, err := c.Send(t.Context(), m)
		return err
	}
}

func emailOf(t *testing.T, key []byte) string {
	t.Helper()
	var account fcm.ServiceAccount
	must(t, json.Unmarshal(key, &account))
	return account.ClientEmail
}

// TestFirebaseOnTheWire has our provider and Firebase's client send the same notification, and compares what they send.
func TestFirebaseOnTheWire(t *testing.T) {
	t.Parallel()
	s := simulated(t)
	key := newProject(t, s, project)
	w := tap(t, s, "fcm.googleapis.com", "oauth2.googleapis.com")
	p := installed(t, s, fcm.Name, project)
	n := notification()
	setting := config.FCMSetting{Priority: "High", ChannelID: "im", Sound: "ring"}
	n.Setting.FCM = &setting
	ours := fcmOurs(t, w, key, n, p.Token)
	theirs := fcmTheirs(t, w, key, &messaging.Message{
		Token:        p.Token,
		Notification: &messaging.Notification{Title: n.Title, Body: n.Content, ImageURL: n.Image},
		Data:         map[string]string{provider.PayloadKey: n.Payload, provider.EnvelopeKey: provider.Envelope(n, "u")},
		Android: &messaging.AndroidConfig{
			Priority: "high", TTL: &n.TTL,
			Notification: &messaging.AndroidNotification{ChannelID: setting.ChannelID, Sound: setting.Sound, Tag: n.ReplaceID, ImageURL: n.Image},
		},
	})
	compareFCM(t, theirs, ours)
	n.Setting.FCM = &config.FCMSetting{MessageType: "Data"}
	n.Urgent, n.TTL = false, 90*time.Second
	ours = fcmOurs(t, w, key, n, p.Token)
	theirs = fcmTheirs(t, w, key, &messaging.Message{
		Token: p.Token,
		Data: map[string]string{
			"title": n.Title, "body": n.Content, "image": n.Image, provider.PayloadKey: n.Payload, provider.EnvelopeKey: provider.Envelope(n, "u"),
		},
		Android: &messaging.AndroidConfig{Priority: "normal", TTL: &n.TTL},
	})
	compareFCM(t, theirs, ours)
	for seq := int64(1); seq < 4; seq += 2 {
		first, second := arrival(t, s, p.ID, seq).Content, arrival(t, s, p.ID, seq+1).Content
		first.MessageID, second.MessageID = "", ""
		if diff := cmp.Diff(second, first); diff != "" {
			t.Errorf("the phone shows (-Firebase +ours):\n%s", diff)
		}
	}
}

func fcmOurs(t *testing.T, w *wire, key []byte, n provider.Notification, token string) sent {
	t.Helper()
	e := w.endpoint(fcm.Name)
	e.AuthURL = e.URL + "/token"
	p, err := provided.New(config.Channel{
		Name: "fcm", Vendor: "FCM", Endpoint: e,
		FCM: &config.FCMChannel{ProjectID: project, ServiceAccount: config.NewSecret(string(key))},
	}, deps())
	must(t, err)
	t.Cleanup(p.Close)
	if got := p.Send(t.Context(), n, []provider.Target{{Token: token, UserHash: "u"}})[0]; got.Class != message.Accepted {
		t.Fatalf("our provider: %+v", got)
	}
	return w.last(t)
}

func fcmTheirs(t *testing.T, w *wire, key []byte, m *messaging.Message) sent {
	t.Helper()
	_, err := firebaseClient(t, w.client(t), key).Send(t.Context(), m)
	must(t, err)
	return w.last(t)
}

// compareFCM compares the calls, without how the JSON is written.
func compareFCM(t *testing.T, theirs, ours sent) {
	t.Helper()
	ours.Path = strings.TrimPrefix(ours.Path, "/"+fcm.Name)
	if diff := cmp.Diff(fcmCall(t, theirs), fcmCall(t, ours)); diff != "" {
		t.Errorf("call (-Firebase +ours):\n%s", diff)
	}
}

// fcmCall is what Google's servers read of a request.
func fcmCall(t *testing.T, s sent) map[string]any {
	t.Helper()
	media, _, err := mime.ParseMediaType(s.Header.Get("Content-Type"))
	must(t, err)
	scheme, _, _ := strings.Cut(s.Header.Get("Authorization"), " ")
	return map[string]any{
		"method": s.Method, "path": s.Path, "type": media, "authorization": scheme, "message": normal(s.json(t)),
	}
}

// normal drops what means nothing: false switches, and the case of an enum's value.
func normal(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	kept := map[string]any{}
	for name, value := range object {
		if name == "priority" {
			value = strings.ToUpper(value.(string))
		}
		if value != false {
			kept[name] = normal(value)
		}
	}
	return kept
}
